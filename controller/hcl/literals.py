"""Which strings does an expression hold, and what is its value, if it holds nothing but literals?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.hcl.lexer import Lexer
from controller.hcl.tokens import Expression, HclError, Kind, Token, Tokens
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quoted string as written, `${…}` in it kept. `before`: the two words in front of it, like `file` and `(`."""

    text: str
    before: tuple[str, str]
    offset: int


def strings(tokens: Iterable[Token]) -> Iterator[Quoted]:
    """Every quoted string of an expression, those inside another one before it."""
    before = ("", "")
    for token in tokens:
        yield from strings(token.inner)
        if token.kind is Kind.STRING:
            yield Quoted(token.text[1:-1], before, token.offset)
        if token.kind is not Kind.NEWLINE:
            before = (before[1], token.text)


def in_template(text: str) -> Iterator[Quoted]:
    """The quoted strings in the `${…}` of a text, up to where it is no template of the language."""
    try:
        yield from strings(Lexer(text).template())
    except HclError:
        return


def literal(expression: Expression) -> Json:
    """What an expression of literals yields; None stands for any part that is more than that."""
    return _value(Tokens(expression))


def plain(string: Token) -> str | None:
    """The text of a quoted string; None where it holds expressions, or an escape that stands for no character."""
    if string.inner:
        return None
    try:
        text = _ESCAPE.sub(_unescaped, string.text[1:-1])
        text.encode()
    except (ValueError, OverflowError):
        return None
    return text


_ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))|\$\$\{|%%\{')
_NAMED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1]:
        return _NAMED[escape[1]]
    digits = escape[2] or escape[3]
    return chr(int(digits, 16)) if digits else escape[0][1:]


def _value(tokens: Tokens) -> Json:
    tokens.skip()
    if tokens.next.text == "{":
        value: Json = _map(tokens)
    elif tokens.next.text == "[":
        value = _list(tokens)
    else:
        value = plain(tokens.take()) if tokens.next.kind is Kind.STRING else None
    return None if _rest(tokens) else value


def _map(tokens: Tokens) -> Json:
    tokens.take()
    found: dict[str, Json] = {}
    while not _is_closed(tokens, "}"):
        key = tokens.take()
        name = plain(key) if key.kind is Kind.STRING else key.text
        if tokens.next.text not in ("=", ":"):
            _rest(tokens)
        else:
            tokens.take()
            value = _value(tokens)
            if name is not None:
                found[name] = value
    return found


def _list(tokens: Tokens) -> Json:
    tokens.take()
    found: list[Json] = []
    while not _is_closed(tokens, "]"):
        found.append(_value(tokens))
    return found


def _is_closed(tokens: Tokens, bracket: str) -> bool:
    """Whether no further item comes; past the bracket then."""
    tokens.skip(",")
    if tokens.next.text != bracket and tokens.next.kind is not Kind.END:
        return False
    tokens.take()
    return True


def _rest(tokens: Tokens) -> bool:
    """Pass over what is left of an item; whether there was anything."""
    depth, passed = 0, False
    while tokens.next.kind is not Kind.END:
        if depth == 0 and (tokens.next.kind is Kind.NEWLINE or tokens.next.text in (",", "}", "]", ")")):
            break
        depth += tokens.take().opens
        passed = True
    return passed
