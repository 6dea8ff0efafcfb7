"""Which nodes have merely got another name? Only where nothing else can be meant, for what is moved keeps its state."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from controller.graph.comparable import comparable
from controller.model.graph import WORKLOAD, Coordinate, Graph, GraphNode


@dataclass(frozen=True, slots=True)
class Moves:
    """New coordinate -> former one. Workloads stand apart: nothing of the engine's is behind them."""

    moved: Mapping[Coordinate, Coordinate] = field(default_factory=dict)
    workloads: Mapping[Coordinate, Coordinate] = field(default_factory=dict)
    ambiguities: tuple[str, ...] = ()  # sentences: what could be a move, and why none is made


def moves(before: Graph, after: Graph) -> Moves:
    """Match nodes that are gone with nodes that are new.

    Two match if type and module are the same and they stand in the same role: whoever depended on the one depends on
    the other, by the same alias, or by any alias with the same params. What goes with nobody matches by params.
    """
    matching = _Matching(before, after)
    matching.run()
    found = dict(sorted(matching.former.items()))
    return Moves(
        moved={new: old for new, old in found.items() if new != old and new.type != WORKLOAD},
        workloads={new: old for new, old in found.items() if new != old and new.type == WORKLOAD},
        ambiguities=tuple(matching.ambiguities()),
    )


class _Matching:
    """Former coordinates by new ones, beginning with the nodes that are in both graphs under one name."""

    def __init__(self, before: Graph, after: Graph) -> None:
        self.former = {coordinate: coordinate for coordinate in after.nodes if coordinate in before.nodes}
        self._before = before.nodes
        self._after = after.nodes
        self._old_users = _users(before)
        self._new_users = _users(after)
        self._gone = {coordinate for coordinate in before.nodes if coordinate not in after.nodes}
        self._new = {coordinate for coordinate in after.nodes if coordinate not in before.nodes}

    def run(self) -> None:
        if not self._gone or not self._new:
            return
        self._match(self._workloads())
        done: set[Coordinate] = set()
        while True:
            waiting = [(new, self.former[new]) for new in sorted(set(self.former) - done)]
            done = set(self.former)
            self._match(pair for new, old in waiting for pair in self._by_alias(old, new))
            self._match(pair for new, old in waiting for pair in self._by_companion(old, new))
            self._match(self._by_params())
            if done == set(self.former):
                return

    def ambiguities(self) -> Iterator[str]:
        """What is gone and could be more than one of the new, or share one of them with others."""
        gone, new = _by_shape(self._before, self._gone), _by_shape(self._after, self._new)
        workloads = [(tuple(sorted(gone[shape])), tuple(sorted(new[shape]))) for shape in gone.keys() & new.keys()]
        for olds, news in (*self._alike(), *sorted(workloads)):
            verb = "may be" if len(news) == 1 else "may be among"
            yield (
                f"{_listed(olds)} {verb} the new {_listed(news)}; which is which cannot be told, so nothing is moved: "
                "rename one at a time to keep what is there"
            )

    def _match(self, pairs: Iterable[tuple[Coordinate, Coordinate]]) -> None:
        """Take over the pairs (old, new) of which neither half is in another pair."""
        found = {pair for pair in pairs if pair[0] in self._gone and pair[1] in self._new}
        olds, news = Counter(old for old, _ in found), Counter(new for _, new in found)
        for old, new in found:
            if olds[old] == news[new] == 1:
                self.former[new] = old
                self._gone.discard(old)
                self._new.discard(new)

    def _workloads(self) -> Iterator[tuple[Coordinate, Coordinate]]:
        """Workloads whose resources are the same but for the workload's name."""
        gone, new = _by_shape(self._before, self._gone), _by_shape(self._after, self._new)
        for shape in gone.keys() & new.keys():
            if len(gone[shape]) == len(new[shape]) == 1:
                yield gone[shape][0], new[shape][0]

    def _by_alias(self, old: Coordinate, new: Coordinate) -> Iterator[tuple[Coordinate, Coordinate]]:
        """What a matched pair depends on by one alias."""
        before, after = self._before[old].edges, self._after[new].edges
        for alias in before.keys() & after.keys():
            if self._is_alike(before[alias], after[alias]):
                yield before[alias], after[alias]

    def _by_companion(self, old: Coordinate, new: Coordinate) -> Iterator[tuple[Coordinate, Coordinate]]:
        """What depends on a matched pair without an alias: co-provisioned resources, one of a kind."""
        before = _by_kind(self._before, self._old_users.get(old, {}).get("", set()) & self._gone)
        after = _by_kind(self._after, self._new_users.get(new, {}).get("", set()) & self._new)
        for kind in before.keys() & after.keys():
            if len(before[kind]) == len(after[kind]) == 1:
                yield before[kind][0], after[kind][0]

    def _by_params(self) -> Iterator[tuple[Coordinate, Coordinate]]:
        """Of those with the same params in the same role, the ones that are alone with each other."""
        alike = self._alike()
        crowded = {node for olds, news in alike if len(olds) + len(news) > 2 for node in (*olds, *news)}
        for olds, news in alike:
            if not crowded & {*olds, *news}:
                yield olds[0], news[0]

    def _alike(self) -> list[tuple[tuple[Coordinate, ...], tuple[Coordinate, ...]]]:
        """What is gone beside what is new, by params and by whom it goes with (a matched node, or none at all)."""
        gone = _by_role(self._before, self._gone, self._old_users, {old: old for old in self.former.values()})
        new = _by_role(self._after, self._new, self._new_users, self.former)
        return sorted({(gone[role], new[role]) for role in gone.keys() & new.keys()})

    def _is_alike(self, old: Coordinate, new: Coordinate) -> bool:
        return (
            old in self._before
            and new in self._after
            and old.type == new.type
            and self._before[old].module == self._after[new].module
        )


Users = Mapping[Coordinate, Mapping[str, set[Coordinate]]]


def _users(graph: Graph) -> Users:
    """Who depends on a node, by alias; the empty alias for anonymous edges."""
    users: dict[Coordinate, dict[str, set[Coordinate]]] = {}
    for coordinate, node in graph.nodes.items():
        for alias, target in (*node.edges.items(), *(("", target) for target in node.anonymous)):
            users.setdefault(target, {}).setdefault(alias, set()).add(coordinate)
    return users


def _by_role(
    nodes: Mapping[Coordinate, GraphNode],
    some: Iterable[Coordinate],
    users: Users,
    former: Mapping[Coordinate, Coordinate],
) -> dict[tuple[str, Coordinate | None], tuple[Coordinate, ...]]:
    """Resources by their content and each matched node that they go with; None where they go with nobody."""
    found: dict[tuple[str, Coordinate | None], list[Coordinate]] = {}
    for node in sorted(some):
        if node.type == WORKLOAD:
            continue
        company = _company(nodes[node], users.get(node, {}))
        roles = {former[other] for other in company if other in former} if company else {None}
        for role in roles:
            found.setdefault((_content(nodes[node]), role), []).append(node)
    return {key: tuple(members) for key, members in found.items()}


def _company(node: GraphNode, users: Mapping[str, set[Coordinate]]) -> set[Coordinate]:
    """Who asked for a node, as far as edges tell: users by an alias, else what it was co-provisioned with."""
    named = {user for alias, by_alias in users.items() if alias for user in by_alias}
    return named or set(node.anonymous) or users.get("", set())


def _by_kind(
    nodes: Mapping[Coordinate, GraphNode], some: Iterable[Coordinate]
) -> dict[tuple[str, str | None], list[Coordinate]]:
    found: dict[tuple[str, str | None], list[Coordinate]] = {}
    for node in sorted(some):
        found.setdefault((node.type, nodes[node].module), []).append(node)
    return found


def _by_shape(nodes: Mapping[Coordinate, GraphNode], some: Iterable[Coordinate]) -> dict[str, list[Coordinate]]:
    """Workloads by what they ask for, as text, their own name left out."""
    found: dict[str, list[Coordinate]] = {}
    for workload in some:
        edges = nodes[workload].edges
        if workload.type == WORKLOAD and edges:
            shape = json.dumps([(alias, _content(nodes[edges[alias]], workload.id)) for alias in sorted(edges)])
            found.setdefault(shape, []).append(workload)
    return found


def _content(node: GraphNode, name: str | None = None) -> str:
    """Type, module and params as text; references by type and key only, for what they name may have moved too."""
    params = comparable(node.params, lambda target: target.type, name)
    return json.dumps([node.coordinate.type, node.module, params], sort_keys=True)


def _listed(coordinates: tuple[Coordinate, ...]) -> str:
    shown = [f"`{coordinate}`" for coordinate in coordinates[:5]]
    more = len(coordinates) - len(shown)
    return " and ".join([*shown, f"{more} more"] if more else shown)
