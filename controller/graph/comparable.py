"""How are two values compared whose references may have got other names? As JSON, with words in place of the names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from controller.model.document import Json
from controller.model.graph import Coordinate, Output, Outputs, Part, Template, Value, Variable

_MARK = (
    "$"  # the only key of what stands for something else than itself; a key of the user's that begins so gets one more
)


def comparable(value: Value, word: Callable[[Coordinate], str], name: str | None = None) -> Json:
    """The value as JSON; `word` stands for a node that it refers to, a mark for the text `name`."""
    if isinstance(value, Template):
        return {_MARK: [_part(part, word) for part in value.parts]}
    if isinstance(value, Mapping):
        return {_key(key): comparable(entry, word, name) for key, entry in value.items()}
    if isinstance(value, list):
        return [comparable(item, word, name) for item in value]
    return {_MARK: "name"} if name is not None and value == name else value


def differences(old: Mapping[str, Json], new: Mapping[str, Json], path: str = "") -> Iterator[tuple[str, str]]:
    """Paths at which two comparable maps differ, sorted, each with `new`, `gone` or `changed`."""
    for key in sorted(old.keys() | new.keys()):
        here = _joined(path, key)
        if key not in old:
            yield here, "new"
        elif key not in new:
            yield here, "gone"
        else:
            yield from _between(old[key], new[key], here)


def _between(old: Json, new: Json, path: str) -> Iterator[tuple[str, str]]:
    if _is_map(old) and _is_map(new) and old and new:
        yield from differences(old, new, path)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _between(before, after, f"{path}[{index}]")
    elif json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True):  # as text: 1 is neither 1.0 nor true
        yield path, "changed"


def _is_map(value: Json) -> bool:
    return isinstance(value, dict) and _MARK not in value


def _joined(path: str, key: str) -> str:
    plain = key[1:] if key.startswith(_MARK) else key
    if plain.replace("-", "").replace("_", "").isalnum():
        return f"{path}.{plain}" if path else plain
    quoted = json.dumps(plain, ensure_ascii=not plain.isprintable())
    return f"{path}[{quoted}]".replace("`", "\\u0060")  # a path stands in backticks


def _key(key: str) -> str:
    return _MARK + key if key.startswith(_MARK) else key


def _part(part: Part, word: Callable[[Coordinate], str]) -> Json:
    match part:
        case Output(node, path):
            return ["output", word(node), *path]
        case Outputs(nodes, path):
            return ["outputs", sorted(map(word, nodes)), *path]
        case Variable(variable):
            return ["var", variable]
        case _:
            return part
