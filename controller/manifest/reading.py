"""What does a YAML file say, and where? Its documents as nodes, each with the place of its key and of its value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from controller.errors import MOST, ManifestError, Place, Problem, suggest
from controller.manifest import scalars, syntax
from controller.manifest.phrases import shown
from controller.model.document import Node, Scalar

DEEPEST = 100
ALIAS_LIMIT = 100_000  # values that aliases may add to a file, a long text counted as several
_TEXT_OF_A_VALUE = 50  # characters

# libyaml gives the same events and marks as the parser in Python, ten times as fast.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(path: str, content: bytes) -> tuple[Node, ...]:
    """All documents of a file, those that are empty left out; every problem is raised together."""
    text = syntax.decoded(path, content)
    if isinstance(text, Problem):
        raise ManifestError([text])
    return _Reader(path, text, _PARSER).documents()


def read_one(path: str, content: bytes) -> Node:
    """The only document of a file; a file that says nothing is an empty map."""
    found = read(path, content)
    if len(found) > 1:
        raise ManifestError([Problem(found[1].place, "a second document begins here", "give it a file of its own")])
    return found[0] if found else Node({}, Place(path))


def read_said(path: str, content: bytes) -> Node:
    """The same, where to say nothing is a mistake: what was to write the file has failed, and nobody wants that."""
    if not read(path, content):
        raise ManifestError([Problem(path, "is empty", "write `workloads: {}` to deploy nothing at all")])
    return read_one(path, content)


@dataclass(slots=True)
class _Anchor:
    """A named node, with how much it stands for and how deep it goes. Without a node while it is being read."""

    node: Node | None
    size: int = 0
    depth: int = 0


class _Reader:
    """One pass over the events of one file."""

    def __init__(self, path: str, text: str, parser: type) -> None:
        self.path = path
        self.events = _events(path, text, parser)
        self.problems: list[Problem] = []
        self.anchors: dict[str, _Anchor] = {}
        self.size = 0  # values read so far, those that aliases stand for included
        self.added = 0  # values that aliases stand for
        self.deepest = 0

    def documents(self) -> tuple[Node, ...]:
        try:
            found = tuple(self._documents())
        except ManifestError as error:
            raise ManifestError([*self.problems, *error.problems]) from error
        if self.problems:
            raise ManifestError(self.problems)
        return found

    def _documents(self) -> Iterator[Node]:
        for event in self.events:
            if not isinstance(event, DocumentStartEvent):
                continue
            self.anchors = {}
            first = next(self.events)
            node = self._node(first, 1, None)
            is_empty = isinstance(first, ScalarEvent) and first.implicit[0] and first.value == ""
            if not is_empty:
                yield node

    def _node(self, event: Event, depth: int, key: Place | None) -> Node:
        self.size += 1
        if depth > self.deepest:
            self._descend(event, depth)
        if isinstance(event, AliasEvent):
            return self._alias(event, str(event.anchor), depth, key)
        anchor = getattr(event, "anchor", None)
        return self._value(event, depth, key) if anchor is None else self._anchored(event, anchor, depth, key)

    def _anchored(self, event: Event, name: str, depth: int, key: Place | None) -> Node:
        anchor = self.anchors[name] = _Anchor(None)
        size, deepest, self.deepest = self.size, self.deepest, depth
        node = self._value(event, depth, key)
        anchor.node, anchor.size, anchor.depth = node, self.size - size + 1, self.deepest - depth
        self.deepest = max(self.deepest, deepest)
        return node

    def _alias(self, event: Event, name: str, depth: int, key: Place | None) -> Node:
        place = self._place(event)
        if name not in self.anchors:
            remedy = suggest(name, self.anchors, f"name something `&{shown(name)}` before")
            self._refuse(place, f"nothing is named `&{shown(name)}` before this line", remedy)
            return Node(None, place, key)
        anchor = self.anchors[name]
        if anchor.node is None:
            self._refuse(place, f"`*{shown(name)}` stands inside of what it names", "remove it")
            return Node(None, place, key)
        self.size += anchor.size - 1
        self.added += anchor.size
        if depth + anchor.depth > self.deepest:
            self._descend(event, depth + anchor.depth)
        if self.added > ALIAS_LIMIT:
            what = f"aliases make the file grow by more than {ALIAS_LIMIT:,} values, or as much text"
            raise ManifestError([Problem(place, what, "write fewer aliases")])
        return Node(anchor.node.value, anchor.node.place, key)

    def _value(self, event: Event, depth: int, key: Place | None) -> Node:
        place = self._place(event)
        if isinstance(event, ScalarEvent):
            return Node(self._scalar(event, place), place, key)
        tag = getattr(event, "tag", None)
        is_map = isinstance(event, MappingStartEvent)
        error = scalars.wrong_tag(tag, is_map=is_map) if tag is not None else None
        if error is not None:
            self._refuse(place, error.what, error.remedy)
        if is_map:
            return Node(self._map(depth), place, key)
        return Node(self._list(depth), place, key)

    def _list(self, depth: int) -> tuple[Node, ...]:
        items = []
        for event in self.events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self._node(event, depth + 1, None))
        return tuple(items)

    def _map(self, depth: int) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        merged: tuple[Node, ...] = ()
        for event in self.events:
            if isinstance(event, MappingEndEvent):
                break
            place = self._place(event)
            if isinstance(event, ScalarEvent) and event.value == "<<" and event.implicit[0]:
                told = len(self.problems)
                node = self._node(next(self.events), depth + 1, place)
                merged = self._merged(node, place, merged, is_read=told == len(self.problems))
                continue
            key = self._key(event, depth, place)
            value = self._node(next(self.events), depth + 1, place)
            if key in entries:
                first = entries[key].key or place
                what = f"the key `{shown(key)}` was already given at line {first.line}, column {first.column}"
                self._refuse(place, what, "keep one of the two")
            elif key is not None:
                entries[key] = value
        for source in merged:
            entries = {**source.entries, **entries}
        return entries

    def _merged(self, node: Node, place: Place, before: tuple[Node, ...], *, is_read: bool) -> tuple[Node, ...]:
        """The maps that `<<` names; the first ones win."""
        sources = node.items if node.is_list else (node,)
        if before:
            self._refuse(place, "the key `<<` was already given", "write one `<<` with a list")
        # Of an alias that leads nowhere that is said already.
        if is_read and not all(source.is_map for source in sources):
            self._refuse(place, "`<<` takes a map or a list of maps", 'write `"<<"` if a key is meant')
        return sources

    def _key(self, event: Event, depth: int, place: Place) -> str | None:
        before = len(self.problems)
        if isinstance(event, ScalarEvent):
            value: object = self._scalar(event, place)
        else:
            value = self._node(event, depth + 1, place).value
        if isinstance(value, str):
            return value
        if len(self.problems) == before:
            name = f"the key `{shown(event.value)}`" if isinstance(event, ScalarEvent) and event.value else "a key"
            self._refuse(place, f"{name} is {_KINDS.get(type(value), 'a map')}, not a text", "write it in quotes")
        return None

    def _scalar(self, event: ScalarEvent, place: Place) -> Scalar:
        self.size += len(event.value) // _TEXT_OF_A_VALUE
        try:
            if event.tag is not None:
                return scalars.tagged(event.value, event.tag)
            return scalars.plain(event.value) if event.implicit[0] else scalars.string(event.value)
        except scalars.UnreadableError as error:
            self._refuse(place, error.what, error.remedy)
            return None

    def _refuse(self, place: Place, what: str, remedy: str) -> None:
        self.problems.append(Problem(place, what, remedy))
        if len(self.problems) >= MOST:
            raise ManifestError([])

    def _descend(self, event: Event, depth: int) -> None:
        self.deepest = depth
        if depth > DEEPEST:
            what = f"values are nested more than {DEEPEST} deep"
            raise ManifestError([Problem(self._place(event), what, "make it flatter")])

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        return Place(self.path, mark.line + 1, mark.column + 1) if mark else Place(self.path)


_KINDS = {bool: "a boolean", int: "a number", float: "a number", type(None): "empty", tuple: "a list"}


def _events(path: str, text: str, parser: type) -> Iterator[Event]:
    try:
        yield from yaml.parse(text, Loader=parser)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: chr() of the parser in Python
        raise ManifestError([syntax.problem(path, text, error)]) from error
