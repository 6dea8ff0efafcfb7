"""Which strings does a file in the engine's language hold, and what stands before each of them?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_COMMENT = re.compile(r"(?:#|//)[^\n]*|/\*.*?\*/", re.DOTALL)
_HEREDOC = re.compile(r"<<-?([A-Za-z_][A-Za-z0-9_-]*)\r?\n")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN = re.compile(r"[^\"\\$%\n]+")
_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Literal:
    """A quoted string as written, `${…}` in it kept; `before`: name and sign in front of it, `source` and `=`."""

    text: str
    before: tuple[str, str]
    offset: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that no file of the language can have."""

    what: str
    offset: int


def literals(text: str) -> Iterator[Literal | Fault]:
    """Every quoted string of a file, those inside other strings too; stops at the first fault."""
    return _Scanner(text, _Part("code", 0)).run()


def inside(template: str) -> Iterator[Literal | Fault]:
    """The quoted strings in the `${…}` of a string, as files in JSON syntax hold them."""
    return _Scanner(template, _Part("text", 0, len(template))).run()


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, from 1."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1


@dataclass(slots=True)
class _Part:
    """What the scanner is in: code, a quoted string, or a text that ends at a known offset."""

    kind: str  # code | quoted | text
    start: int
    end: int = 0
    brackets: list[tuple[str, int]] = field(default_factory=list)
    name: str = ""
    sign: str = ""


class _Scanner:
    def __init__(self, text: str, outermost: _Part) -> None:
        self._text = text
        self._at = 0
        self._parts = [outermost]

    def run(self) -> Iterator[Literal | Fault]:
        while self._at < len(self._text) or self._parts[-1].kind == "text":
            part = self._parts[-1]
            if part.kind == "text" and self._at >= part.end:
                self._parts.pop()
                if not self._parts:
                    return
                continue
            found = self._code(part) if part.kind == "code" else self._string(part)
            if found is not None:
                yield found
            if isinstance(found, Fault):
                return
        yield from self._unclosed()

    def _unclosed(self) -> Iterator[Fault]:
        part = self._parts[-1]
        if part.kind == "quoted":
            yield Fault("this string is not closed", part.start - 1)
        elif part.brackets:
            yield Fault(f"this `{part.brackets[-1][0]}` is not closed", part.brackets[-1][1])
        elif len(self._parts) > 1:
            yield Fault("this `${` is not closed", part.start - 2)

    def _code(self, part: _Part) -> Fault | None:
        character = self._text[self._at]
        if comment := _COMMENT.match(self._text, self._at):
            self._at = comment.end()
        elif heredoc := _HEREDOC.match(self._text, self._at):
            return self._heredoc(heredoc)
        elif name := _NAME.match(self._text, self._at):
            part.name, part.sign, self._at = name[0], "", name.end()
        elif character == '"':
            self._at += 1
            self._parts.append(_Part("quoted", self._at))
        elif character == "}" and not part.brackets and len(self._parts) > 1:
            self._at += 1
            self._parts.pop()
        else:
            part.sign += character.strip()
            self._at += 1
            return _bracket(character, self._at - 1, part.brackets)
        return None

    def _heredoc(self, opening: re.Match[str]) -> Fault | None:
        last = re.compile(rf"^[ \t]*{re.escape(opening[1])}[ \t]*\r?$", re.MULTILINE)
        closing = last.search(self._text, opening.end())
        if closing is None:
            return Fault(f"the text that `<<{opening[1]}` begins is not closed", opening.start())
        self._at = opening.end()
        self._parts.append(_Part("text", self._at, closing.end()))
        return None

    def _string(self, part: _Part) -> Literal | Fault | None:
        text, at = self._text, self._at
        if plain := _PLAIN.match(text, at, part.end or len(text)):
            self._at = plain.end()
        elif text.startswith(("$${", "%%{"), at):
            self._at += 3
        elif text.startswith(("${", "%{"), at):
            self._at += 2
            self._parts.append(_Part("code", self._at))
        elif part.kind == "text":
            self._at += 1
        elif text[at] == '"':
            return self._closed(part)
        elif text[at] == "\n":
            return Fault("this string is not closed", part.start - 1)
        else:
            self._at += 2 if text[at] == "\\" else 1
        return None

    def _closed(self, part: _Part) -> Literal:
        """The string ends here; what stood before it does not stand before the next one."""
        self._parts.pop()
        around = self._parts[-1]
        before, around.name, around.sign = (around.name, around.sign), "", ""
        self._at += 1
        return Literal(self._text[part.start : self._at - 1], before, part.start - 1)


def _bracket(character: str, position: int, open_: list[tuple[str, int]]) -> Fault | None:
    """Keep account of brackets; a fault where one closes what was not opened."""
    if character in _CLOSING.values():
        open_.append((character, position))
    elif character in _CLOSING:
        if not open_ or open_[-1][0] != _CLOSING[character]:
            return Fault(f"this `{character}` closes nothing", position)
        open_.pop()
    return None
