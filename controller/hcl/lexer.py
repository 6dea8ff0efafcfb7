"""Which names, signs and strings does a text in native syntax hold? Strings may hold expressions that hold strings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.hcl.tokens import CLOSED, CLOSING, DEEPEST, HclError, Kind, Token


class Lexer:
    """Reads a text token by token. Brackets are in order, or an HclError says which one is not."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = len("\N{BYTE ORDER MARK}") if text.startswith("\N{BYTE ORDER MARK}") else 0
        self._open: list[tuple[str, int]] = []  # brackets with their offsets

    def code(self) -> Iterator[Token]:
        """The tokens of a file."""
        while (token := self._next()).kind is not Kind.END:
            yield token

    def template(self) -> Iterator[Token]:
        """The sequences of a text that is a template as a whole, as strings in JSON syntax are."""
        while self._at < len(self._text):
            self._at = _end(_TEXT, self._text, self._at)
            if self._at < len(self._text):
                yield self._sequence()

    def _next(self) -> Token:
        while (found := _WORD.match(self._text, self._at)) and found.lastgroup == "comment":
            self._at = self._end_of_comment(found)
        if found is None:
            return self._end_of_text()
        kind = _KINDS[found.lastgroup or ""]
        self._at, end = found.start(kind), found.end()
        if kind is Kind.STRING:
            return self._string()
        if kind is Kind.HEREDOC:
            return self._heredoc(found)
        token = Token(kind, found[kind], self._at)
        if token.text in CLOSING:
            self._enter(token.text, token.offset)
        elif token.text in CLOSED:
            self._leave(token.text, token.offset)
        self._at = end
        return token

    def _end_of_comment(self, found: re.Match[str]) -> int:
        if found["comment"] != "/*":
            return found.end()
        end = self._text.find("*/", found.end())
        if end < 0:
            raise HclError(self._text, found.start("comment"), "this comment is not closed")
        return end + 2

    def _end_of_text(self) -> Token:
        if self._open:
            bracket, offset = self._open[-1]
            raise HclError(self._text, offset, f"this `{bracket}` is not closed")
        return Token(Kind.END, "", self._at)

    def _enter(self, bracket: str, offset: int) -> None:
        if len(self._open) == DEEPEST:
            raise HclError(self._text, offset, "brackets are nested too deeply")
        self._open.append((bracket, offset))

    def _leave(self, bracket: str, offset: int) -> None:
        if not self._open or CLOSING[self._open[-1][0]] != bracket:
            raise HclError(self._text, offset, f"this `{bracket}` closes nothing")
        self._open.pop()

    def _string(self) -> Token:
        text, start = self._text, self._at
        self._at += 1
        inner: list[Token] = []
        while True:
            self._at = _end(_QUOTED, text, self._at)
            if text.startswith('"', self._at):
                self._at += 1
                return Token(Kind.STRING, text[start : self._at], start, tuple(inner))
            if not text.startswith(("${", "%{"), self._at):
                raise HclError(self._text, start, "this string is not closed")
            inner.append(self._sequence())

    def _heredoc(self, opening: re.Match[str]) -> Token:
        text, start = self._text, self._at
        self._at = opening.end()
        inner: list[Token] = []
        while not self._is_marker(opening["marker"]):
            self._at = _end(_TEXT_OF_LINE, text, self._at)
            while text.startswith(("${", "%{"), self._at):
                inner.append(self._sequence())
                self._at = _end(_TEXT_OF_LINE, text, self._at)
            if self._at == len(text):
                raise HclError(self._text, start, f"the text that `<<{opening['marker']}` begins is not closed")
            self._at += 1
        self._at = _end(_TO_END_OF_LINE, text, self._at)
        return Token(Kind.HEREDOC, text[start : self._at], start, tuple(inner))

    def _is_marker(self, marker: str) -> bool:
        line = _TO_END_OF_LINE.match(self._text, self._at)
        return line is not None and line[0].strip(_BLANKS) == marker

    def _sequence(self) -> Token:
        """From `${` or `%{` to the bracket that closes it."""
        start = self._at
        self._at += 2
        self._enter(self._text[start : self._at], start)
        depth = len(self._open)
        inner: list[Token] = []
        while True:
            token = self._next()
            if len(self._open) < depth:
                return Token(Kind.SEQUENCE, self._text[start : start + 2], start, tuple(inner))
            inner.append(token)


# The repeats are possessive: none of them gives back what it took, so none takes more than one pass over the text.
_WORD = re.compile(
    r"""[ \t\r]*+(?:
      (?P<name>(?:[A-Za-z_]|[^\x00-\x7f])(?:[\w-]|[^\x00-\x7f])*+)
    | (?P<newline>\n)
    | (?P<string>")
    | (?P<comment>\#[^\n]*+|//[^\n]*+|/\*)
    | (?P<number>\d[\w.]*+)
    | (?P<heredoc><<-?(?P<marker>(?:[A-Za-z_]|[^\x00-\x7f])(?:[\w-]|[^\x00-\x7f])*+)\r?\n)
    | (?P<sign>==|!=|<=|>=|=>|&&|\|\||::|\.\.\.|.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_KINDS = {str(kind): kind for kind in Kind}
_QUOTED = re.compile(r'(?:[^"\\$%\r\n]++|\\[^\r\n]|\$\$\{|%%\{|[$%](?!\{))*+')
_TEXT = re.compile(r"(?:[^$%]++|\$\$\{|%%\{|[$%](?!\{))*+")
_TEXT_OF_LINE = re.compile(r"(?:[^$%\n]++|\$\$\{|%%\{|[$%](?!\{))*+")
_TO_END_OF_LINE = re.compile(r"[^\n]*+")
# White space around the marker that ends a heredoc, as the engine knows it.
_BLANKS = (
    " \t\r\v\f\x85\N{NO-BREAK SPACE}\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where a pattern that always matches, be it nothing, stops matching."""
    found = pattern.match(text, start)
    return found.end() if found else start
