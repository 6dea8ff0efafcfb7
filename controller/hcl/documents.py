"""What does a file in JSON syntax say, and which texts stand in it where? Unlike plain JSON it may have a key twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.hcl.tokens import DEEPEST, HclError
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class Text:
    """A string of a file. `keys` lead to it from the top; of a key, those up to the map that it stands in."""

    text: str
    keys: tuple[str, ...]
    offset: int
    is_key: bool


def document(text: str) -> Json:
    """The content of a file; of a key that stands twice a list of all that it has, as the engine takes blocks."""
    try:
        return json.loads(text, object_pairs_hook=_map)
    except json.JSONDecodeError as e:
        raise HclError(text, e.pos, "this is not JSON") from e
    except (ValueError, RecursionError) as e:  # a number of too many digits; too many brackets
        raise HclError(text, 0, "this is not JSON") from e


def blocks(document: Json, key: str) -> Iterator[Mapping[str, Json]]:
    """The objects at a key, which may be one or a list of them."""
    found = document.get(key) if isinstance(document, Mapping) else None
    yield from (item for item in (found if isinstance(found, list) else [found]) if isinstance(item, Mapping))


def texts(text: str) -> Iterator[Text]:
    """Every string and every key of a file, in order."""
    document(text)  # from here on it is known to be JSON
    keys: list[str | None] = []  # for each open bracket: the key that is being read, None in a list
    is_key = False
    for found in _WORD.finditer(text):
        sign = found[0][0]
        if sign in "{[":
            if len(keys) == DEEPEST:
                raise HclError(text, found.start(), "brackets are nested too deeply")
            keys.append("" if sign == "{" else None)
        elif sign in "}]":
            keys.pop()
        elif sign == '"':
            value = json.loads(found[0])
            above = keys[:-1] if is_key else keys
            yield Text(value, tuple(key for key in above if key is not None), found.start(), is_key)
            if is_key:
                keys[-1] = value
        if sign in "{,":
            is_key = bool(keys) and keys[-1] is not None
        elif sign in ":[":
            is_key = False


_WORD = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},:]', re.DOTALL)


def _map(entries: Sequence[tuple[str, Json]]) -> Json:
    found: dict[str, list[Json]] = {}
    for key, value in entries:
        found.setdefault(key, []).append(value)
    return {key: values[0] if len(values) == 1 else _joined(values) for key, values in found.items()}


def _joined(values: Sequence[Json]) -> list[Json]:
    return [item for value in values for item in (value if isinstance(value, list) else [value])]
