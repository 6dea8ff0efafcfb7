"""What does one manifest say otherwise than another? Leaf by leaf, for whoever is to confirm it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from controller.manifest.phrases import shown
from controller.model.document import Json

_LONGEST = 80  # characters of a value


def lines(before: Json, after: Json) -> list[str]:
    """`+ path: value`, `- path: value` and `~ path: value → value`, by path; none where both say the same."""
    old, new = dict(_leaves(before, ())), dict(_leaves(after, ()))
    told = []
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            told.append(f"+ {_path(path)}: {_value(new[path])}")
        elif path not in new:
            told.append(f"- {_path(path)}: {_value(old[path])}")
        elif old[path] != new[path] or type(old[path]) is not type(new[path]):
            told.append(f"~ {_path(path)}: {_value(old[path])} → {_value(new[path])}")
    return told


def _leaves(value: Json, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Json]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif path and not (value == {} and len(path) == 1):
        yield path, value


def _path(path: tuple[str, ...]) -> str:
    return ".".join(json.dumps(step, ensure_ascii=False) if "." in step else shown(step) for step in path)


def _value(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
