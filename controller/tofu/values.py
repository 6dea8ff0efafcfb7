"""How does a value with references stand in a document?

A template is an object whose only key is `$`, with the list of its parts: text, `{"output": NODE, "path": [...]}`,
`{"outputs": [NODE, ...], "path": [...]}`, `{"var": NAME}`. A key of the user's that begins with `$` gets one more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from controller.model.document import Json
from controller.model.graph import Coordinate, Output, Outputs, Part, Template, Value, Variable

TEMPLATE = "$"


def encode(value: Value) -> Json:
    """A value of the graph as JSON."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Template):
        return _template(value)
    if isinstance(value, (dict, Mapping)):
        return {_key(key): encode(entry) for key, entry in value.items()}
    return [encode(item) for item in value]


def decode(value: Json) -> Value:
    """The value of the graph that `encode` was given."""
    if isinstance(value, dict):
        if TEMPLATE in value:
            return Template(tuple(_decoded(part) for part in value[TEMPLATE]))
        return {plain_key(key): decode(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [decode(item) for item in value]
    return value


def encode_part(part: Part) -> Json:
    if isinstance(part, Output):
        return {"output": str(part.node), "path": list(part.path)}
    if isinstance(part, Outputs):
        return {"outputs": [str(node) for node in part.nodes], "path": list(part.path)}
    if isinstance(part, Variable):
        return {"var": part.name}
    return part


def decode_reference(part: Json) -> Output | Outputs:
    if "output" in part:
        return Output(Coordinate.parse(part["output"]), tuple(part["path"]))
    return Outputs(tuple(Coordinate.parse(node) for node in part["outputs"]), tuple(part["path"]))


def is_map(value: Json) -> bool:
    """Whether an encoded value is a map of the user's."""
    return isinstance(value, dict) and TEMPLATE not in value


def plain_key(key: str) -> str:
    """A key as the user wrote it."""
    return key[1:] if key.startswith(TEMPLATE) else key


def targets(value: Json) -> set[str]:
    """Coordinates of all nodes that an encoded value refers to."""
    found: set[str] = set()
    for part in references(value):
        if "output" in part:
            found.add(part["output"])
        else:
            found.update(part.get("outputs", ()))
    return found


def references(value: Json) -> list[Mapping[str, Json]]:
    """Every encoded reference, to nodes and to variables."""
    found: list[Mapping[str, Json]] = []
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += item
        elif isinstance(item, dict):
            if TEMPLATE in item:
                found += (part for part in item[TEMPLATE] if not isinstance(part, str))
            else:
                waiting += item.values()
    return found


def renamed(value: Json, name: Callable[[str], str]) -> Json:
    """The same encoded value, its references pointing to nodes by other names."""
    if isinstance(value, list):
        return [renamed(item, name) for item in value]
    if not isinstance(value, dict):
        return value
    if TEMPLATE in value:
        return {TEMPLATE: [part if isinstance(part, str) else _renamed(part, name) for part in value[TEMPLATE]]}
    return {key: renamed(entry, name) for key, entry in value.items()}


def _renamed(part: Mapping[str, Json], name: Callable[[str], str]) -> Json:
    if "output" in part:
        return {**part, "output": name(part["output"])}
    if "outputs" in part:
        return {**part, "outputs": sorted(map(name, part["outputs"]), key=Coordinate.parse)}
    return part


def _template(template: Template) -> Json:
    parts: list[Json] = []
    for part in template.parts:
        if isinstance(part, str):
            if parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part:
                parts.append(part)
        else:
            parts.append(encode_part(part))
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return {TEMPLATE: parts}


def _decoded(part: Json) -> Part:
    if isinstance(part, str):
        return part
    return Variable(part["var"]) if "var" in part else decode_reference(part)


def _key(key: str) -> str:
    return TEMPLATE + key if key.startswith(TEMPLATE) else key
