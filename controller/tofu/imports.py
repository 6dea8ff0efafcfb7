"""How is something taken over that is there already, though no state knows it? Import blocks, ready to be copied.

The standard library is all that this module needs: the supervisor imports it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_OPENING = re.compile(r"[$%]\{")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}


def blocks(ids: Mapping[str, str]) -> str:
    """An `import` block in native syntax for each address and the id of what it takes over."""
    return "\n".join(f"import {{\n  to = {to}\n  id = {quoted(id)}\n}}\n" for to, id in sorted(ids.items()))


def quoted(text: str) -> str:
    """A string in native syntax that yields the text, as the engine writes it."""
    written = "".join(_ESCAPES.get(character) or _shown(character) for character in text)
    return f'"{_OPENING.sub(lambda opening: opening[0][0] + opening[0], written)}"'


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
