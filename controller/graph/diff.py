"""What is new in a graph? Nodes added, removed, moved, or changed, each with its reason in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from controller.errors import quoted
from controller.graph.comparable import comparable, differences
from controller.graph.moves import Moves, moves
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.document import Json
from controller.model.graph import (
    WORKLOAD,
    Coordinate,
    Graph,
    GraphNode,
    ProviderBlock,
    ProviderKey,
    Value,
)

__all__ = ["Change", "ChangeKind", "Difference", "Moves", "diff", "difference", "moves", "sentence"]

_LISTED = 8  # names in a sentence
_NO_BLOCK = ProviderBlock("", None, {})


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


@dataclass(frozen=True, slots=True)
class Difference:
    """Changes in order of coordinate. `ambiguities`: sentences of what may be a move, and why none is made."""

    changes: tuple[Change, ...] = ()
    ambiguities: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes


def difference(before: Graph | None, after: Graph) -> Difference:
    """All that is new in `after`; nothing for graphs that ask for the same things."""
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
    ordered = sorted(found, key=lambda change: (change.coordinate, list(ChangeKind).index(change.kind)))
    return Difference(tuple(ordered), renamed.ambiguities)


def diff(before: Graph | None, after: Graph) -> tuple[Change, ...]:
    """The changes alone."""
    return difference(before, after).changes


def sentence(change: Change) -> str:
    """A change as one sentence: of which resource, what kind, and why."""
    return f"`{change.coordinate}` {change.kind.replace('_', ' ')}: {change.sentence}"


@dataclass(frozen=True, slots=True)
class _View:
    """A graph, with the names that nodes have by now."""

    graph: Graph
    names: Mapping[Coordinate, Coordinate]

    def now(self, coordinate: Coordinate) -> Coordinate:
        return self.names.get(coordinate, coordinate)

    def map(self, values: Mapping[str, Value]) -> Mapping[str, Json]:
        """Values as JSON, in which the same value is always the same."""
        return {name: comparable(value, self._word) for name, value in values.items()}

    def block(self, node: GraphNode, local: str) -> tuple[ProviderKey, ProviderBlock]:
        key = node.providers[local]
        return key, self.graph.providers.get(key, _NO_BLOCK)

    def _word(self, node: Coordinate) -> str:
        return str(self.now(node))


def _changes(before: _View, old: GraphNode, after: _View, new: GraphNode) -> Iterator[Change]:
    if old.module != new.module:
        said = f"module {_versioned(new)} takes the place of {_versioned(old)}"
        yield Change(ChangeKind.MODULE_CHANGED, new.coordinate, said)
    else:
        reasons = list(_module_reasons(before, old, after, new))
        if reasons:
            yield Change(ChangeKind.MODULE_CHANGED, new.coordinate, f"module `{new.module}`: {', '.join(reasons)}")
    reasons = list(_params_reasons(before, old, after, new))
    if reasons:
        yield Change(ChangeKind.PARAMS_CHANGED, new.coordinate, ", ".join(reasons))


def _module_reasons(before: _View, old: GraphNode, after: _View, new: GraphNode) -> Iterator[str]:
    yield from _code_reasons(old.source, new.source)
    yield from _told("input", differences(before.map(old.inputs), after.map(new.inputs)))
    for local in sorted(old.providers.keys() | new.providers.keys()):
        yield from _provider_reasons(before, old, after, new, local)
    if old.ordering != new.ordering:
        yield f"its ordering is `{new.ordering}` now"


def _code_reasons(old: ModuleSource | None, new: ModuleSource | None) -> Iterator[str]:
    if old is None or new is None:
        return
    if (old.kind, old.address) != (new.kind, new.address):
        yield f"its source is {_source(new)} now, was {_source(old)}"
    elif old.version != new.version:
        # A tag or branch is a commit only where pins have been applied.
        if old.kind is not SourceKind.GIT:
            yield f"its version is `{new.version or 'any'}` now, was `{old.version or 'any'}`"
        elif old.version and new.version and new.ref:
            yield new.ref.moved(old.version, new.version)
    elif (old.content, old.includes) != (new.content, new.includes):
        yield "its code changed"


def _source(source: ModuleSource) -> str:
    if source.kind is SourceKind.INLINE:
        return "inline code"
    version = f"@{source.version}" if source.kind is SourceKind.REGISTRY and source.version else ""
    return f"`{source.address}{version}`"


def _versioned(node: GraphNode) -> str:
    """A module with the version of its code, where that has one."""
    version = node.source.version if node.source else None
    return f"`{node.module}@{version}`" if version else f"`{node.module}`"


def _provider_reasons(before: _View, old: GraphNode, after: _View, new: GraphNode, local: str) -> Iterator[str]:
    if local not in old.providers or local not in new.providers:
        yield f"provider `{local}` is {'gone' if local in old.providers else 'new'}"
        return
    (was, former), (is_, block) = before.block(old, local), after.block(new, local)
    if (was.type, was.id) != (is_.type, is_.id):
        yield f"provider `{local}` is `{is_.type}.{is_.id}` now, was `{was.type}.{was.id}`"
        return
    if former.source != block.source:
        yield f"source of provider `{local}` is `{block.source}` now, was `{former.source}`"
    if former.version_constraint != block.version_constraint:
        wanted, had = (one.version_constraint or "any" for one in (block, former))
        yield f"version of provider `{local}` is `{wanted}` now, was `{had}`"
    configured = differences(before.map(former.configuration), after.map(block.configuration))
    yield from _told(f"provider `{local}`: argument", configured)


def _params_reasons(before: _View, old: GraphNode, after: _View, new: GraphNode) -> Iterator[str]:
    yield from _told("param", differences(before.map(old.params), after.map(new.params)))
    yield from _told("output", differences(before.map(old.outputs), after.map(new.outputs)))
    was, is_ = {before.now(target) for target in old.targets}, new.targets
    if is_ - was:
        yield f"depends on {_listed(sorted(map(str, is_ - was)))} now"
    if was - is_:
        yield f"depends on {_listed(sorted(map(str, was - is_)))} no longer"
    aliases = {alias: before.now(target) for alias, target in old.edges.items()}
    if is_ == was and aliases != dict(new.edges):
        yield "its resources have other aliases"


def _told(noun: str, found: Iterable[tuple[str, str]]) -> Iterator[str]:
    """What happened to which names, a phrase for each kind of happening."""
    names: dict[str, list[str]] = {"changed": [], "new": [], "gone": []}
    for name, verb in found:
        names[verb].append(name)
    for verb, several in names.items():
        is_one = len(several) == 1
        be = "" if verb == "changed" else "is " if is_one else "are "
        if several:
            yield f"{noun}{'' if is_one else 's'} {_listed(several)} {be}{verb}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return f"{quoted(names[:_LISTED])} and {more} more" if more > 0 else quoted(names)


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
