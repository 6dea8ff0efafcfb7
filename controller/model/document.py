"""What does a document say, and where? JSON-like values that remember their file, line and column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from controller.errors import Place

Scalar: TypeAlias = bool | int | float | str | None
Json: TypeAlias = Any  # a JSON value: scalars, lists, dicts with string keys
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place. `key` is the place of the key that names it, in a map."""

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    place: Place
    key: Place | None = None

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, Mapping)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def entries(self) -> Mapping[str, Node]:
        """The entries of a map; none where this is not a map."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a list; none where this is not a list."""
        return self.value if isinstance(self.value, tuple) else ()


def plain(node: Node) -> Json:
    """The value without its places: dicts, lists and scalars."""
    if isinstance(node.value, Mapping):
        return {key: plain(entry) for key, entry in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(item) for item in node.value]
    return node.value


def placed(value: Json, place: Place) -> Node:
    """A value that has only one place: all of its parts are said to stand there."""
    if isinstance(value, Mapping):
        return Node({key: placed(entry, place) for key, entry in value.items()}, place, place)
    if isinstance(value, (list, tuple)):
        return Node(tuple(placed(item, place) for item in value), place, place)
    return Node(value, place, place)


def find(node: Node, path: Sequence[str | int]) -> Node | None:
    """The part at `path` (keys and indexes), or None."""
    for step in path:
        if isinstance(step, str) and step in node.entries:
            node = node.entries[step]
        elif isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            return None
    return node


def place_of(node: Node, path: Sequence[str | int]) -> Place:
    """The place of the part at `path`, or of the nearest part above it that exists."""
    for end in range(len(path), -1, -1):
        found = find(node, path[:end])
        if found is not None:
            return found.place
    return node.place


def leaves(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every leaf (scalar, list as a whole, empty map) with its path, in order of the document."""
    if isinstance(node.value, Mapping) and node.value:
        for key, entry in node.value.items():
            yield from leaves(entry, (*path, key))
    else:
        yield path, node
