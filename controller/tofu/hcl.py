"""Which blocks and attributes does a file in the engine's native syntax hold?

Reads the structure and literal values only: what an expression yields is the engine's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from controller.model.document import Json


class HclError(Exception):
    """The text is not of this syntax; line and column count from 1."""

    def __init__(self, line: int, column: int, what: str) -> None:
        super().__init__(f"{line}:{column}: {what}")
        self.line, self.column, self.what = line, column, what


class Token(NamedTuple):
    kind: str  # name string heredoc newline punctuation end
    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Block:
    type: str
    labels: tuple[str, ...]
    body: Body
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Body:
    attributes: Mapping[str, tuple[Token, ...]] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def of(self, type_: str) -> Iterator[Block]:
        return (block for block in self.blocks if block.type == type_)


def parse(text: str) -> Body:
    """The blocks and attributes of a file."""
    try:
        return _body(_Reader(list(_tokens(text.removeprefix("\N{BYTE ORDER MARK}")))), closing="")
    except RecursionError:
        raise HclError(1, 1, "brackets are nested too deeply") from None


def literal(expression: Sequence[Token]) -> Json:
    """What an expression of literals yields; None stands for any part that is more than that."""
    last = expression[-1] if expression else Token("end", "", 1, 1)
    return _value(_Reader([*expression, Token("end", "", last.line, last.column)]))


_SPACE = re.compile(r"(?:[ \t\r]+|#[^\n]*|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_WORD = re.compile(r"[\w.-]+")
_HEREDOC = re.compile(r"<<-?([\w-]+)[^\n]*\n(?:.*?\n)??[ \t]*\1(?=\s|\Z)", re.DOTALL)
_ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))|\$\$\{|%%\{')
_NAMED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_CLOSING = {"{": "}", "[": "]", "(": ")"}


def _tokens(text: str) -> Iterator[Token]:
    position, line, start = 0, 1, 0
    while position < len(text):
        found = _SPACE.match(text, position)
        if found:
            kind, end = "space", found.end()
        else:
            kind, end = _token(text, position, line, position - start + 1)
        if kind != "space":
            yield Token(kind, text[position:end], line, position - start + 1)
        passed = text.count("\n", position, end)
        if passed:
            line, start = line + passed, text.rindex("\n", position, end) + 1
        position = end
    yield Token("end", "", line, position - start + 1)


def _token(text: str, position: int, line: int, column: int) -> tuple[str, int]:
    character = text[position]
    if character == "\n":
        return "newline", position + 1
    if character == '"':
        end = _end_of_string(text, position)
        if end is None:
            raise HclError(line, column, "a string is not closed")
        return "string", end
    if text.startswith("<<", position):
        heredoc = _HEREDOC.match(text, position)
        if heredoc is None:
            raise HclError(line, column, "a heredoc is not closed")
        return "heredoc", heredoc.end()
    word = _WORD.match(text, position)
    if word:
        return "name", word.end()
    width = 2 if text[position : position + 2] in ("==", "!=", "<=", ">=", "=>", "&&", "||") else 1
    return "punctuation", position + width


def _end_of_string(text: str, position: int) -> int | None:
    """Past the closing quote; strings may hold expressions that hold strings."""
    position += 1
    while position < len(text):
        if text[position] == '"':
            return position + 1
        if text.startswith(("$${", "%%{"), position):
            position += 3
        elif text.startswith(("${", "%{"), position):
            after = _end_of_expression(text, position + 2)
            if after is None:
                return None
            position = after
        else:
            position += 2 if text[position] == "\\" else 1
    return None


def _end_of_expression(text: str, position: int) -> int | None:
    depth = 1
    while position < len(text):
        if text[position] == '"':
            after = _end_of_string(text, position)
            if after is None:
                return None
            position = after
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
        if depth == 0:
            return position
    return None


class _Reader:
    """The tokens not yet read."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._next]

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self._next += 1
        return token

    def skip(self, *texts: str) -> None:
        while self.token.kind == "newline" or (self.token.kind == "punctuation" and self.token.text in texts):
            self.take()

    def refuse(self, what: str) -> HclError:
        return HclError(self.token.line, self.token.column, what)


def _body(reader: _Reader, closing: str) -> Body:
    attributes: dict[str, tuple[Token, ...]] = {}
    blocks: list[Block] = []
    while True:
        reader.skip()
        if reader.token.kind == "end" or reader.token.text == "}":
            if reader.token.text != closing:
                raise reader.refuse("a block is not closed" if reader.token.kind == "end" else "`}` closes nothing")
            reader.take()
            return Body(attributes, tuple(blocks))
        name = reader.take()
        if name.kind != "name":
            raise HclError(name.line, name.column, f"`{name.text[:40]}` is not a name")
        if reader.token.text == "=":
            reader.take()
            attributes[name.text] = _expression(reader)
        else:
            blocks.append(_block(reader, name))


def _block(reader: _Reader, name: Token) -> Block:
    labels = []
    while reader.token.kind in ("string", "name"):
        token = reader.take()
        labels.append(_text(token.text) or "" if token.kind == "string" else token.text)
    if reader.token.text != "{":
        raise reader.refuse(f"`{name.text}` is followed by neither `=` nor a block")
    reader.take()
    return Block(name.text, tuple(labels), _body(reader, "}"), name.line, name.column)


def _expression(reader: _Reader) -> tuple[Token, ...]:
    """Tokens up to the end of the line that does not lie within brackets, or to a bracket that closes the body."""
    taken: list[Token] = []
    open_: list[str] = []
    while True:
        token = reader.token
        if token.kind == "end":
            if open_:
                raise reader.refuse(f"`{open_[-1]}` is missing")
            return tuple(taken)
        if not open_ and (token.kind == "newline" or token.text == "}"):
            return tuple(taken)
        if token.kind == "punctuation":
            if token.text in _CLOSING:
                open_.append(_CLOSING[token.text])
            elif token.text in _CLOSING.values() and (not open_ or open_.pop() != token.text):
                raise reader.refuse(f"`{token.text}` closes nothing")
        taken.append(reader.take())


def _value(reader: _Reader) -> Json:
    reader.skip()
    first = reader.token
    if first.text == "{":
        value: Json = _object(reader)
    elif first.text == "[":
        value = _list(reader)
    else:
        value = _text(reader.take().text) if first.kind == "string" else None
    return None if _rest(reader) else value


def _object(reader: _Reader) -> Json:
    reader.take()
    found: dict[str | None, Json] = {}
    while True:
        reader.skip(",")
        if reader.token.text == "}" or reader.token.kind == "end":
            reader.take()
            return found
        key = reader.take()
        if reader.token.text in ("=", ":"):
            reader.take()
            found[_text(key.text) if key.kind == "string" else key.text] = _value(reader)
        else:
            _rest(reader)


def _list(reader: _Reader) -> Json:
    reader.take()
    found: list[Json] = []
    while True:
        reader.skip(",")
        if reader.token.text == "]" or reader.token.kind == "end":
            reader.take()
            return found
        found.append(_value(reader))


def _rest(reader: _Reader) -> bool:
    """Pass over what is left of an item; whether there was anything."""
    depth, passed = 0, False
    while reader.token.kind != "end":
        token = reader.token
        if depth == 0 and (token.kind == "newline" or token.text in (",", "}", "]", ")")):
            return passed
        depth += (token.text in _CLOSING) - (token.text in _CLOSING.values())
        reader.take()
        passed = True
    return passed


def _text(string: str) -> str | None:
    """The text of a quoted string; None where it holds expressions."""
    inner = string[1:-1]
    if re.search(r"(?<!\$)\$\{|(?<!%)%\{", inner):
        return None
    return _ESCAPE.sub(_unescaped, inner)


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1]:
        return _NAMED[escape[1]]
    return chr(int(escape[2] or escape[3], 16)) if escape[2] or escape[3] else escape[0][1:]
