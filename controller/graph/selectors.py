"""Which nodes does `${select…}` mean? Walks dependencies and consumers, one edge a hop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from controller.graph.allowed import strings
from controller.graph.draft import Draft
from controller.graph.growth import Grown
from controller.graph.placeholders import Hop, MalformedError, OfResource, OfSelf, OfShared, parse
from controller.model.document import Node
from controller.model.graph import Coordinate


class Neighbours:
    """Who depends on whom: by edges, and by placeholders in params and workload outputs (not in module inputs)."""

    def __init__(self, grown: Grown) -> None:
        self._along: dict[str, dict[Coordinate, set[Coordinate]]] = {"dependencies": {}, "consumers": {}}
        for coordinate, draft in grown.drafts.items():
            for target in {*draft.edges.values(), *draft.anonymous, *_referred(draft, grown)}:
                self._along["dependencies"].setdefault(coordinate, set()).add(target)
                self._along["consumers"].setdefault(target, set()).add(coordinate)

    def select(self, start: Coordinate, hops: Iterable[Hop]) -> tuple[Coordinate, ...]:
        """Every node that the hops lead to, sorted."""
        here = {start}
        for hop in hops:
            along = self._along[hop.direction]
            here = {node for origin in here for node in along.get(origin, ()) if _matches(node, hop, origin)}
        return tuple(sorted(here))


def _matches(node: Coordinate, hop: Hop, origin: Coordinate) -> bool:
    return (
        node.type == hop.type
        and (hop.class_ is None or node.class_ == hop.class_.replace("@", origin.class_))
        and (hop.id is None or node.id == hop.id.replace("@", origin.id))
    )


def _referred(draft: Draft, grown: Grown) -> Iterator[Coordinate]:
    """The nodes that placeholders in params and outputs name directly."""
    if draft.given:
        definer = grown.drafts.get(draft.given[0].definer or draft.coordinate, draft)
        yield from _named(draft.given[0].params, definer, grown.shared)
    for output in draft.outputs.values():
        yield from _named(output, draft, grown.shared)


def _named(node: Node, definer: Draft, shared: Mapping[str, Coordinate]) -> Iterator[Coordinate]:
    for text in strings(node):
        try:
            parts = parse(str(text.value))
        except MalformedError:
            continue  # said elsewhere
        for part in parts:
            match part:
                case OfResource() if part.alias in definer.edges:
                    yield definer.edges[part.alias]
                case OfShared() if part.alias in shared:
                    yield shared[part.alias]
                case OfSelf() if definer.module is not None:
                    yield definer.coordinate
