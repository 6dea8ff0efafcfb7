"""What did a document with mistakes probably mean? So that one mistake does not hide the next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from pydantic import BaseModel

from controller.errors import MOST, Place, Problem, near
from controller.manifest import spots
from controller.model.document import Node

_TURNS = 5  # each takes out what the one before has made wrong
_MOST_KEYS = 100  # that are looked at in one map; who misspells more of them means something else

Check = Callable[[Node], Sequence[Problem]]
Shapes = tuple[Any, ...]


def mended(model: type[BaseModel], node: Node, check: Check) -> Node | None:
    """The document with misspelt keys put right, and without what `check` refuses then; None where nothing is left."""
    rest = renamed(model, node)
    for _ in range(_TURNS):
        problems = check(rest)
        if not problems:
            return rest
        left = _pruned(rest, {problem.where for problem in problems})
        if left is rest or len(problems) >= MOST:
            return None
        rest = left
    return None


def renamed(model: type[BaseModel], node: Node) -> Node:
    """The document with each misspelt key as the model has it, where that is not given as well."""
    return _renamed((model,), node)


def _renamed(shapes: Shapes, node: Node) -> Node:
    if all(shape is Any for shape in shapes):
        return node
    if node.is_list and any(item.is_map or item.is_list for item in node.items):
        inner = _inner(shapes, 0)
        return Node(tuple(_renamed(inner, item) for item in node.items), node.place, node.key)
    if not node.is_map:
        return node
    meant = _meant(spots.fields(spots.alternatives(shapes)), node.entries.keys())
    entries = {
        meant.get(key, key): _renamed(_inner(shapes, meant.get(key, key)), entry)
        if entry.is_map or entry.is_list
        else entry
        for key, entry in node.entries.items()
    }
    return Node(entries, node.place, node.key)


def _meant(known: Collection[str], given: Collection[str]) -> dict[str, str]:
    """Known keys by how they are misspelt."""
    found: dict[str, str] = {}
    free = [name for name in known if name not in given]
    unknown = [key for key in given if key not in known] if free else []
    for key in unknown[:_MOST_KEYS]:
        name = near(key, free)
        if name is not None:
            free.remove(name)
            found[key] = name
    return found


def _inner(shapes: Shapes, step: str | int) -> Shapes:
    return tuple(spots.inner(shape, step) for shape in spots.alternatives(shapes))


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
