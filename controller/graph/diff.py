"""What is new in a graph? Nodes added, removed, moved, or changed, each with its reason in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.errors import quoted
from controller.graph.comparable import comparable
from controller.graph.moves import Moves, moves
from controller.model.graph import WORKLOAD, Coordinate, Graph, GraphNode, Value

__all__ = ["Change", "ChangeKind", "Moves", "diff", "moves"]


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    MODULE_CHANGED = "module_changed"
    PARAMS_CHANGED = "params_changed"


@dataclass(frozen=True, slots=True)
class Change:
    kind: ChangeKind
    coordinate: Coordinate
    sentence: str
    previous: Coordinate | None = None  # of what was moved


def diff(before: Graph | None, after: Graph) -> tuple[Change, ...]:
    """Every change, in order of coordinate; none for graphs that ask for the same things."""
    earlier = before or Graph()
    renamed = moves(earlier, after)
    former = {**renamed.moved, **renamed.workloads}
    names = {old: new for new, old in former.items()}
    found: list[Change] = []
    for coordinate, node in after.nodes.items():
        old = earlier.nodes.get(former.get(coordinate, coordinate))
        if old is None:
            found.append(Change(ChangeKind.ADDED, coordinate, _added(node)))
            continue
        if coordinate in former:
            found.append(_moved(coordinate, former[coordinate]))
        found += _changes(_View(earlier, names), old, _View(after, {}), node)
    for coordinate, node in earlier.nodes.items():
        if coordinate not in after.nodes and coordinate not in names:
            found.append(Change(ChangeKind.REMOVED, coordinate, _removed(node)))
    return tuple(sorted(found, key=lambda change: (change.coordinate, list(ChangeKind).index(change.kind))))


@dataclass(frozen=True, slots=True)
class _View:
    """A graph, with the names that nodes have by now."""

    graph: Graph
    names: Mapping[Coordinate, Coordinate]

    def now(self, coordinate: Coordinate) -> Coordinate:
        return self.names.get(coordinate, coordinate)

    def text(self, value: Value) -> str:
        """A value as text, in which the same value is always the same text."""
        return json.dumps(comparable(value, self._word), sort_keys=True)

    def provider(self, node: GraphNode, local: str) -> str:
        key = node.providers[local]
        block = self.graph.providers.get(key)
        configured = [block.source, block.version_constraint, self.text(block.configuration)] if block else []
        return json.dumps([key.type, key.id, configured])

    def _word(self, node: Coordinate) -> str:
        return str(self.now(node))


def _changes(before: _View, old: GraphNode, after: _View, new: GraphNode) -> Iterator[Change]:
    if old.module != new.module:
        sentence = f"module `{new.module}` takes the place of `{old.module}`"
        yield Change(ChangeKind.MODULE_CHANGED, new.coordinate, sentence)
    else:
        reasons = list(_module_reasons(before, old, after, new))
        if reasons:
            yield Change(ChangeKind.MODULE_CHANGED, new.coordinate, f"module `{new.module}`: {', '.join(reasons)}")
    reasons = list(_params_reasons(before, old, after, new))
    if reasons:
        yield Change(ChangeKind.PARAMS_CHANGED, new.coordinate, ", ".join(reasons))


def _module_reasons(before: _View, old: GraphNode, after: _View, new: GraphNode) -> Iterator[str]:
    if _has_other_code(old, new):
        yield "its code changed"
    inputs = _different(before, old.inputs, after, new.inputs)
    if inputs:
        yield f"{_named('input', inputs)} changed"
    locals_ = sorted(old.providers.keys() | new.providers.keys())
    providers = [local for local in locals_ if _provider(before, old, local) != _provider(after, new, local)]
    if providers:
        yield f"{_named('provider', providers)} changed"
    if old.ordering != new.ordering:
        yield f"its ordering is `{new.ordering}` now"


def _params_reasons(before: _View, old: GraphNode, after: _View, new: GraphNode) -> Iterator[str]:
    params = _different(before, old.params, after, new.params)
    if params:
        yield f"{_named('param', params)} changed"
    outputs = _different(before, old.outputs, after, new.outputs)
    if outputs:
        yield f"{_named('output', outputs)} changed"
    was, is_ = {before.now(target) for target in old.targets}, new.targets
    if is_ - was:
        yield f"depends on {quoted(sorted(is_ - was))} now"
    if was - is_:
        yield f"depends on {quoted(sorted(was - is_))} no longer"
    aliases = {alias: before.now(target) for alias, target in old.edges.items()}
    if is_ == was and aliases != dict(new.edges):
        yield "its resources have other aliases"


def _different(before: _View, old: Mapping[str, Value], after: _View, new: Mapping[str, Value]) -> list[str]:
    """Names under which the two say different things."""
    return [
        name
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or before.text(old[name]) != after.text(new[name])
    ]


def _provider(view: _View, node: GraphNode, local: str) -> str | None:
    return view.provider(node, local) if local in node.providers else None


def _has_other_code(old: GraphNode, new: GraphNode) -> bool:
    if old.source is None or new.source is None:
        return old.source is not new.source
    # A tag or branch is a commit only where pins have been applied.
    versions = {source.version for source in (old.source, new.source) if source.version is not None}
    return old.source.content != new.source.content or len(versions) > 1


def _added(node: GraphNode) -> str:
    return "workload added" if node.module is None else f"made by module `{node.module}`, as {node.origin}"


def _removed(node: GraphNode) -> str:
    return (
        "workload removed" if node.module is None else f"nothing asks for it any more; module `{node.module}` made it"
    )


def _moved(new: Coordinate, old: Coordinate) -> Change:
    if new.type == WORKLOAD:
        return Change(ChangeKind.MOVED, new, f"workload `{old.id}` is called `{new.id}` now", old)
    return Change(ChangeKind.MOVED, new, f"`{old}` is called `{new}` now; what is there is kept", old)


def _named(noun: str, names: list[str]) -> str:
    return f"{noun}{'s' if len(names) > 1 else ''} {quoted(names)}"
