"""What does a text with `${…}` in it say? The grammar of placeholders; names are looked up elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias, TypeVar, cast

from controller.errors import LockstepError, quoted, suggest
from controller.model import reserved

T = TypeVar("T")

CONTEXT_KEYS = ("env_id", "env_type_id", "org_id", "project_id", "res_class", "res_id", "res_type")
RESOURCE_KEYS = frozenset({"res_class", "res_id", "res_type"})
DIRECTIONS = ("consumers", "dependencies")


@dataclass(frozen=True, slots=True)
class ContextKey:
    """`${context.KEY}`."""

    text: str
    key: str


@dataclass(frozen=True, slots=True)
class RunnerVariable:
    """`${var.NAME}`."""

    text: str
    name: str


@dataclass(frozen=True, slots=True)
class OfResource:
    """`${resources.ALIAS.outputs.K…}`."""

    text: str
    alias: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfShared:
    """`${shared.ALIAS.outputs.K…}`."""

    text: str
    alias: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OfSelf:
    """`${self.outputs.K…}`."""

    text: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a selector: `dependencies('TYPE.CLASS#ID')`; class and id None where left out, `@` in them kept."""

    direction: str
    type: str
    class_: str | None
    id: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """`${select.HOP('FILTER')….outputs.K…}`."""

    text: str
    hops: tuple[Hop, ...]
    path: tuple[str, ...]


Placeholder: TypeAlias = ContextKey | RunnerVariable | OfResource | OfShared | OfSelf | Selection
TextPart: TypeAlias = str | Placeholder


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a text, and what to do; says at which character if that is not plain to see."""

    what: str
    remedy: str


class MalformedError(LockstepError):
    """A text has placeholders that cannot be read; bears every mistake in it, and the parts that are right."""

    def __init__(self, mistakes: tuple[Mistake, ...], parts: tuple[TextPart, ...]) -> None:
        self.mistakes = mistakes
        self.parts = parts
        super().__init__("\n".join(f"{mistake.what}; {mistake.remedy}" for mistake in mistakes))


def parse(text: str) -> tuple[TextPart, ...]:
    r"""Split a text into literal text and placeholders, in order; `$${` and `$\{` become a literal `${`."""
    if "$" not in text:
        return (text,)
    pieces = list(_pieces(text))
    mistakes = tuple(piece for piece in pieces if isinstance(piece, Mistake))
    parts = tuple(joined(piece for piece in pieces if not isinstance(piece, Mistake)))
    if mistakes:
        raise MalformedError(mistakes, parts)
    return parts


def joined(parts: Iterable[T]) -> Iterator[T]:
    """The same parts, literal text that stands side by side in one piece."""
    for is_text, run in groupby(parts, key=lambda part: isinstance(part, str)):
        if is_text:
            yield cast(T, "".join(map(str, run)))
        else:
            yield from run


def escape(text: str) -> str:
    """The text that says `text` literally, whatever stands in it."""
    return re.sub(r"\$(\\*)\{", r"$\\\1{", text)


# `$\{` is a literal `${`; each further backslash stands for itself, so that every text can be written.
_TOKEN = re.compile(r"\$(?P<slashes>\\+)\{|\$\$\{|\$\{")
_INSIDE = re.compile(r"[^{}]*")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_OUTPUT = re.compile(r"[A-Za-z_]")
_HOP = re.compile(r"\.(?P<direction>[A-Za-z0-9_-]+)\('(?P<filter>[^']*)'\)")
_FILTER = re.compile(r"(?P<type>[A-Za-z0-9-]+)(?:\.(?P<class>[A-Za-z0-9@-]+))?(?:#(?P<id>[A-Za-z0-9_@.-]+))?")
_LITERAL = "write `$${` for a literal `${`"


def _pieces(text: str) -> Iterator[TextPart | Mistake]:
    position, last = 0, text.rfind("}")
    while token := _TOKEN.search(text, position):
        if token.start() > position:
            yield text[position : token.start()]
        position = token.end()
        if token["slashes"]:
            yield "$" + token["slashes"][1:] + "{"
        elif token[0] == "$${":
            yield "${"
        else:
            end = _end(text, token.end())
            yield _placeholder(text, token.start(), end, is_closed=last >= token.end())
            position = end if end is not None else token.end()
    if position < len(text):
        yield text[position:]


def _end(text: str, start: int) -> int | None:
    """Where the placeholder whose inside begins at `start` ends; None where it is never closed."""
    inside = _INSIDE.match(text, start)
    close = inside.end() if inside else start
    return close + 1 if text.startswith("}", close) else None


def _placeholder(text: str, start: int, end: int | None, *, is_closed: bool) -> Placeholder | Mistake:
    if end is None and is_closed:
        return Mistake(f"`${{` at character {start + 1} has another `{{` before its `}}`", _LITERAL)
    if end is None:
        return Mistake(f"`${{` at character {start + 1} is not closed", f"close it with `}}`, or {_LITERAL}")
    whole = text[start:end]
    read = _read(whole)
    if isinstance(read, Mistake) and len(whole) < len(text):
        return Mistake(f"{read.what} (at character {start + 1})", read.remedy)
    return read


def _read(whole: str) -> Placeholder | Mistake:
    inside = whole[2:-1]
    if not inside:
        return Mistake("placeholder `${}` is empty", f"say what it yields, or {_LITERAL}")
    if any(character.isspace() for character in inside):
        return Mistake(f"placeholder `{whole}` has blanks in it", f"leave them out, or {_LITERAL}")
    root, _, rest = inside.partition(".")
    read = _ROOTS.get(root)
    if read is None:
        known = quoted(sorted(_ROOTS))
        return Mistake(
            f"placeholder `{whole}` begins with `{root}`, which is none of {known}", suggest(root, _ROOTS, _LITERAL)
        )
    return read(whole, rest)


def _context(whole: str, rest: str) -> Placeholder | Mistake:
    if rest in CONTEXT_KEYS:
        return ContextKey(whole, rest)
    known = quoted(CONTEXT_KEYS)
    return Mistake(f"`{rest}` in `{whole}` is not a key of `context`", suggest(rest, CONTEXT_KEYS, f"it has {known}"))


def _variable(whole: str, rest: str) -> Placeholder | Mistake:
    if rest in reserved.VARIABLES:
        return Mistake(f"the engine keeps the name `{rest}` for itself", "give the runner's variable another name")
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", rest):
        return RunnerVariable(whole, rest)
    return Mistake(
        f"`{rest}` in `{whole}` is not a name of a variable",
        "write `${var.NAME}`; a name begins with a letter or `_` and has letters, digits, `_` and `-`",
    )


def _of_resource(whole: str, rest: str) -> Placeholder | Mistake:
    found = _alias_and_path(whole, "resources", rest)
    return found if isinstance(found, Mistake) else OfResource(whole, *found)


def _of_shared(whole: str, rest: str) -> Placeholder | Mistake:
    found = _alias_and_path(whole, "shared", rest)
    return found if isinstance(found, Mistake) else OfShared(whole, *found)


def _of_self(whole: str, rest: str) -> Placeholder | Mistake:
    path = _path(whole, "self", "." + rest)
    return path if isinstance(path, Mistake) else OfSelf(whole, path)


def _alias_and_path(whole: str, root: str, rest: str) -> tuple[str, tuple[str, ...]] | Mistake:
    alias = _NAME.match(rest)
    if alias is None:
        return Mistake(f"placeholder `{whole}` names no alias", f"write `${{{root}.ALIAS.outputs.KEY}}`")
    path = _path(whole, f"{root}.{alias[0]}", rest[alias.end() :])
    return path if isinstance(path, Mistake) else (alias[0], path)


def _path(whole: str, head: str, rest: str) -> tuple[str, ...] | Mistake:
    """The keys of `.outputs.K(.K)*`."""
    remedy = f"write `${{{head}.outputs.KEY}}`"
    if not rest.startswith(".outputs."):
        return Mistake(f"placeholder `{whole}` lacks `.outputs.` after `{head}`", remedy)
    keys = rest.removeprefix(".outputs.").split(".")
    wrong = next((key for key in keys if not _NAME.fullmatch(key)), None)
    if wrong == "":
        return Mistake(f"placeholder `{whole}` lacks a key after a dot", remedy)
    if wrong is not None:
        return Mistake(
            f"key `{wrong}` in `{whole}` has other characters than letters, digits, `_` and `-`",
            f"{remedy}; there are no functions, operators or indexes",
        )
    # What a workload outputs, which is what `self` may be, has any name.
    if head != "self" and not _OUTPUT.match(keys[0]):
        return Mistake(f"`{keys[0]}` in `{whole}` cannot be the name of an output", "it begins with a letter or `_`")
    return tuple(keys)


def _selection(whole: str, rest: str) -> Placeholder | Mistake:
    rest = "." + rest
    hops: list[Hop] = []
    position = 0
    while found := _HOP.match(rest, position):
        hop = _hop(whole, found["direction"], found["filter"])
        if isinstance(hop, Mistake):
            return hop
        hops.append(hop)
        position = found.end()
    if not hops:
        return Mistake(
            f"placeholder `{whole}` selects nothing",
            "write `${select.dependencies('TYPE').outputs.KEY}` or `${select.consumers('TYPE').outputs.KEY}`",
        )
    path = _path(whole, "select" + rest[:position], rest[position:])
    return path if isinstance(path, Mistake) else Selection(whole, tuple(hops), path)


def _hop(whole: str, direction: str, filter_: str) -> Hop | Mistake:
    if direction not in DIRECTIONS:
        otherwise = "a selector goes along `dependencies` or `consumers`"
        return Mistake(f"`{direction}` in `{whole}` is no way to go", suggest(direction, DIRECTIONS, otherwise))
    read = _FILTER.fullmatch(filter_)
    if read is None:
        return Mistake(
            f"filter `{filter_}` in `{whole}` cannot be read", "write `TYPE`, `TYPE.CLASS` or `TYPE.CLASS#ID`"
        )
    return Hop(direction, read["type"], read["class"], read["id"])


_ROOTS = {
    "context": _context,
    "resources": _of_resource,
    "select": _selection,
    "self": _of_self,
    "shared": _of_shared,
    "var": _variable,
}
