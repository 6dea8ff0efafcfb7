"""How is text written so that the engine reads it back unchanged?

In the engine's JSON syntax every string is a template, and so is every key of an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from controller.tofu.names import is_identifier

_OPENING = re.compile(r"[$%]\{")
_MARK = "\N{BYTE ORDER MARK}"
# Before `${` a dollar would turn it into an escape. Behind a carriage return without a line feed the engine reads no
# more expressions, and escapes in another way. A byte order mark at the beginning it drops. So each of them is written
# as an expression itself.
_BEFORE_AN_EXPRESSION = re.compile(rf"\A{_MARK}|\$*\r(?!\n)|\$+\Z")
_BEHIND_AN_EXPRESSION = re.compile(rf"\A{_MARK}|\$*\r(?!\n)")


def literal(text: str) -> str:
    """The template that yields `text`."""
    if _OPENING.search(text) is None and not text.startswith(_MARK):
        return text
    return _beside_an_expression(text, _BEHIND_AN_EXPRESSION)


def template(parts: Iterable[str | tuple[str]]) -> str:
    """The template that joins literal texts and expressions; an expression is a tuple of one."""
    pieces = []
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += part
        else:
            pieces += [_beside_an_expression(text, _BEFORE_AN_EXPRESSION), "${", part[0], "}"]
            text = ""
    return "".join((*pieces, _beside_an_expression(text, _BEHIND_AN_EXPRESSION) if pieces else literal(text)))


def traversal(root: str, path: Sequence[str]) -> str:
    """The expression for a value inside `root`; steps are letters, digits, `-` and `_`."""
    return root + "".join(f".{step}" if is_identifier(step) else f'["{step}"]' for step in path)


def _beside_an_expression(text: str, trouble: re.Pattern[str]) -> str:
    pieces, position = [], 0
    for found in trouble.finditer(text):
        quoted = found[0].replace("\r", "\\r").replace(_MARK, "\\ufeff")
        pieces += [_escaped(text[position : found.start()]), '${"', quoted, '"}']
        position = found.end()
    return "".join((*pieces, _escaped(text[position:])))


def _escaped(text: str) -> str:
    return _OPENING.sub(_doubled, text)


def _doubled(opening: re.Match[str]) -> str:
    return opening[0][0] + opening[0]
