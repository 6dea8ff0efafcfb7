"""Which blocks and attributes does a file in native syntax hold?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.hcl.lexer import Lexer
from controller.hcl.literals import plain
from controller.hcl.tokens import Expression, HclError, Kind, Token, Tokens


@dataclass(frozen=True, slots=True)
class Block:
    type: str
    labels: tuple[str, ...]
    body: Body
    offset: int


@dataclass(frozen=True, slots=True)
class Body:
    attributes: Mapping[str, Expression] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()

    def of(self, type_: str) -> Iterator[Block]:
        return (block for block in self.blocks if block.type == type_)


def parse(text: str) -> Body:
    """The blocks and attributes of a file; an HclError where it is none of the language."""
    return _Parser(text).body()


class _Parser:
    """Brackets are in order: the lexer sees to that."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = Tokens(Lexer(text).code())

    def body(self) -> Body:
        """Up to the bracket that closes the block, or to the end of the file."""
        attributes: dict[str, Expression] = {}
        blocks: list[Block] = []
        while True:
            self._tokens.skip()
            name = self._tokens.take()
            if name.kind is Kind.END or name.text == "}":
                return Body(attributes, tuple(blocks))
            if name.kind is not Kind.NAME:
                raise self._error(f"`{name.text[:40]}` is not a name", name)
            if self._tokens.next.text != "=":
                blocks.append(self._block(name))
            elif name.text in attributes:
                raise self._error(f"`{name.text[:40]}` is set twice", name)
            else:
                attributes[name.text] = self._expression()

    def _block(self, name: Token) -> Block:
        labels = []
        while self._tokens.next.kind in (Kind.STRING, Kind.NAME):
            label = self._tokens.take()
            labels.append(label.text if label.kind is Kind.NAME else plain(label) or "")
        if self._tokens.next.text != "{":
            raise self._error(f"`{name.text[:40]}` is followed by neither `=` nor a block", self._tokens.next)
        self._tokens.take()
        return Block(name.text, tuple(labels), self.body(), name.offset)

    def _expression(self) -> Expression:
        """What follows the `=`: up to the end of the line, brackets closed, or to the bracket that closes the body."""
        self._tokens.take()
        taken: list[Token] = []
        depth = 0
        while self._tokens.next.kind is not Kind.END:
            if depth == 0 and (self._tokens.next.kind is Kind.NEWLINE or self._tokens.next.text == "}"):
                break
            token = self._tokens.take()
            taken.append(token)
            depth += token.opens
        return tuple(taken)

    def _error(self, what: str, token: Token) -> HclError:
        offset = len(self._text) if token.kind is Kind.END else token.offset
        return HclError(self._text, offset, what)
