"""What do several documents say together? United leaf by leaf within a layer, laid over one another between layers."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from controller.errors import MOST, ManifestError, Problem, suggest
from controller.manifest import phrases
from controller.model.document import Node, plain


def unite(nodes: Iterable[Node]) -> Node:
    """The union of partial documents; two that give one leaf different values are a conflict. At least one node."""
    node, problems = united(nodes)
    if problems:
        raise ManifestError(problems)
    return node


def overlay(base: Node, patch: Node) -> Node:
    """`patch` laid over `base` as JSON Merge Patch (RFC 7396); deleting what is not there is an error."""
    node, problems = overlaid(base, patch)
    if problems:
        raise ManifestError(problems)
    return node


def united(nodes: Iterable[Node]) -> tuple[Node, list[Problem]]:
    """As `unite`, with the conflicts beside what could be united."""
    problems: list[Problem] = []
    # The order of files never matters: where several say the same, the first place is remembered.
    return _united(sorted(nodes, key=lambda node: node.place), (), problems), problems


def overlaid(
    base: Node, patch: Node, is_value: Callable[[tuple[str, ...]], bool] = lambda path: False
) -> tuple[Node, list[Problem]]:
    """As `overlay`, with what could not be deleted beside the rest. At some paths `null` may be a value like others."""
    problems: list[Problem] = []
    return _overlaid(base, patch, _Step((), None, is_value), problems), problems


def dotted(path: Iterable[str]) -> str:
    """A path of keys as messages show it."""
    return ".".join(phrases.shown(key) for key in path)


def _united(nodes: list[Node], path: tuple[str, ...], problems: list[Problem]) -> Node:
    first, *others = nodes
    if not others:
        return first
    if not all(node.is_map for node in nodes):
        conflicts = (_conflict(first, other, path) for other in others if not _is_same(first, other))
        problems.extend(islice(conflicts, max(0, MOST - len(problems))))
        return first
    children: dict[str, list[Node]] = {}
    for node in nodes:
        for key, child in node.entries.items():
            children.setdefault(key, []).append(child)
    entries = {key: _united(found, (*path, key), problems) for key, found in children.items()}
    return Node(entries, first.place, first.key)


def _is_same(one: Node, other: Node) -> bool:
    """Whether two values are the same to the letter: 1 is neither 1.0 nor true."""
    return json.dumps(plain(one), sort_keys=True) == json.dumps(plain(other), sort_keys=True)


def _conflict(first: Node, other: Node, path: tuple[str, ...]) -> Problem:
    here, there = _said(other), _said(first)
    what = f"`{dotted(path)}` is {here} here, but {there} in {first.place}"
    if here == there:
        what = f"`{dotted(path)}` is another {here.removeprefix('a ')} here than in {first.place}"
    return Problem(other.place, what, "keep one of the two")


def _said(node: Node) -> str:
    return "`null`" if node.value is None else phrases.kind(node)


@dataclass(frozen=True, slots=True)
class _Step:
    """Where in the document: the path, and the uppermost key that the base lacks, with those that it has there."""

    path: tuple[str, ...]
    lacking: tuple[str, Collection[str]] | None
    is_value: Callable[[tuple[str, ...]], bool]

    def into(self, key: str, known: Collection[str]) -> _Step:
        lacking = self.lacking or (None if key in known else (key, known))
        return _Step((*self.path, key), lacking, self.is_value)


def _overlaid(base: Node | None, patch: Node, step: _Step, problems: list[Problem]) -> Node:
    if not patch.is_map:
        return patch
    entries = dict(base.entries) if base is not None else {}
    for key, value in patch.entries.items():
        below = step.into(key, entries.keys())
        if value.value is not None or below.is_value(below.path):
            entries[key] = _overlaid(entries.get(key), value, below, problems)
        elif key in entries:
            del entries[key]
        elif len(problems) < MOST:
            problems.append(_nothing_to_delete(value, below))
    if base is not None and base.is_map:
        return Node(entries, base.place, base.key)
    return Node(entries, patch.place, patch.key)


def _nothing_to_delete(node: Node, step: _Step) -> Problem:
    lacking, known = step.lacking or (step.path[-1], ())
    what = f"`null` deletes `{dotted(step.path)}`, which the layer below does not have"
    return Problem(node.key or node.place, what, suggest(lacking, known, "remove the line"))
