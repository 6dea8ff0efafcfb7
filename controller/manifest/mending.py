"""What did a document with mistakes probably mean? So that one mistake does not hide the next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pydantic import BaseModel

from controller.errors import Place, Problem, near
from controller.manifest import spots
from controller.model.document import Node

_TURNS = 20  # each takes out what the one before has made wrong

Check = Callable[[Node], Sequence[Problem]]


def mended(model: type[BaseModel], node: Node, check: Check) -> Node | None:
    """The document with misspelt keys put right, and without what `check` refuses then; None where nothing is left."""
    rest: Node | None = renamed(model, node)
    for _ in range(_TURNS):
        problems = check(rest) if rest is not None else ()
        if rest is None or not problems:
            return rest
        left = _pruned(rest, {problem.where for problem in problems})
        rest = left if left is not rest else None
    return None


def renamed(model: type[BaseModel], node: Node) -> Node:
    """The document with each misspelt key as the model has it, where that is not given as well."""
    return _renamed((model,), node)


def _renamed(shapes: tuple[Any, ...], node: Node) -> Node:
    shapes = spots.alternatives(shapes)
    if node.is_list:
        return Node(tuple(_renamed(_inner(shapes, 0), item) for item in node.items), node.place, node.key)
    if not node.is_map:
        return node
    known = spots.fields(shapes)
    entries: dict[str, Node] = {}
    for key, entry in node.entries.items():
        free = [name for name in known if name not in node.entries and name not in entries]
        name = key if key in known else near(key, free) or key
        entries[name] = _renamed(_inner(shapes, name), entry)
    return Node(entries, node.place, node.key)


def _inner(shapes: tuple[Any, ...], step: str | int) -> tuple[Any, ...]:
    return tuple(spots.inner(shape, step) for shape in shapes)


def _pruned(node: Node, places: Collection[Place | str]) -> Node:
    """The innermost parts taken out: a map stands where its first key does. The same node where there are none."""
    if node.is_map:
        kept = {key: _kept(entry, places) for key, entry in node.entries.items()}
        if all(kept[key] is entry for key, entry in node.entries.items()):
            return node
        return Node({key: entry for key, entry in kept.items() if entry is not None}, node.place, node.key)
    if node.is_list:
        items = [_kept(item, places) for item in node.items]
        if all(item is old for item, old in zip(items, node.items, strict=True)):
            return node
        return Node(tuple(item for item in items if item is not None), node.place, node.key)
    return node


def _kept(node: Node, places: Collection[Place | str]) -> Node | None:
    rest = _pruned(node, places)
    if rest is not node:
        return rest
    return None if node.place in places or node.key in places else node
