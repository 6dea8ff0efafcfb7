"""What is a word of the language, and where does it stand?"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, TypeAlias

DEEPEST = 100  # brackets within brackets, those of expressions in strings among them
CLOSING = {"{": "}", "[": "]", "(": ")", "${": "}", "%{": "}"}
CLOSED = frozenset(CLOSING.values())


class Kind(StrEnum):
    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    HEREDOC = "heredoc"
    SEQUENCE = "sequence"  # `${…}` or `%{…}` in one of the two
    NEWLINE = "newline"
    SIGN = "sign"
    END = "end"


class Token(NamedTuple):
    """A word of the language as written. `inner`: the sequences of a string, the tokens of a sequence."""

    kind: Kind
    text: str
    offset: int
    inner: tuple[Token, ...] = ()

    @property
    def opens(self) -> int:
        """What it adds to the number of open brackets."""
        return 0 if self.kind is not Kind.SIGN else (self.text in CLOSING) - (self.text in CLOSED)


Expression: TypeAlias = tuple[Token, ...]
_LAST = Token(Kind.END, "", 0)


class Lines:
    """Where the lines of a text begin."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class Tokens:
    """Tokens not yet read, with a look at the next of them; behind the last one it is an END."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._rest = iter(tokens)
        self.next = next(self._rest, _LAST)

    def take(self) -> Token:
        token, self.next = self.next, next(self._rest, _LAST)
        return token

    def skip(self, *signs: str) -> None:
        while self.next.kind is Kind.NEWLINE or (self.next.kind is Kind.SIGN and self.next.text in signs):
            self.take()


class HclError(Exception):
    """The text is not of this syntax; line and column count from 1."""

    def __init__(self, text: str, offset: int, what: str) -> None:
        self.line, self.column = Lines(text).place(offset)
        self.what = what
        super().__init__(f"{self.line}:{self.column}: {what}")
