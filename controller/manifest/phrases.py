"""How do a value and a list of words look in a message? Short, on one line, and harmless to a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from controller.model.document import Node


def shown(value: object) -> str:
    """A value as a message may hold it: on one line, short, without what a terminal would obey."""
    text = json.dumps(value) if value is None or isinstance(value, bool) else str(value)
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return text if len(text) <= 60 else text[:57] + "..."


def kind(node: Node) -> str:
    """What a node is, in words."""
    value = node.value
    if isinstance(value, bool):
        return f"`{shown(value)}`"
    if isinstance(value, (int, float)):
        return f"the number `{shown(value)}`"
    if isinstance(value, str):
        return f"the text `{shown(value)}`" if value else "an empty text"
    if value is None:
        return "empty"
    return "a map" if isinstance(value, Mapping) else "a list"


def listed(words: Iterable[str], joint: str = "or") -> str:
    """Words in quotes as a sentence has them: `a`, `b` or `c`."""
    quoted = [f"`{word}`" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} {joint} {quoted[-1]}"
