"""How are two values compared whose references may have got other names? As JSON, with words in place of the names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controller.model.document import Json
from controller.model.graph import Coordinate, Output, Outputs, Part, Template, Value, Variable


def comparable(value: Value, word: Callable[[Coordinate], str], name: str | None = None) -> Json:
    """The value as JSON; `word` stands for a node that it refers to, a mark for the text `name`."""
    if isinstance(value, Template):
        return {"$": [_part(part, word) for part in value.parts]}
    if isinstance(value, Mapping):
        return {key: comparable(entry, word, name) for key, entry in value.items()}
    if isinstance(value, list):
        return [comparable(item, word, name) for item in value]
    return ["$"] if name is not None and value == name else value


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
