"""Does a resource type declare this output? Reads the `output_schema`, a JSON schema, along a path of keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.model.document import Json

_SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})
_KEYWORDS = frozenset({"properties", "patternProperties", "additionalProperties", "items"})
_BRANCHES = ("allOf", "anyOf", "oneOf")
_LONGEST_KEY = 200  # that is compared with a pattern, for the time that this takes
_DEEPEST_REFERENCE = 32  # a schema may refer to itself; no path of keys is that long


@dataclass(frozen=True, slots=True)
class Undeclared:
    """The first key of a path that the schema does not know, and those that it knows in its place."""

    key: str
    known: tuple[str, ...]
    above: tuple[str, ...]


def undeclared(schema: Json, path: Sequence[str]) -> Undeclared | None:
    """What of `path` the schema does not declare, or None where it may be asked for. No schema allows everything."""
    here = [schema]
    for index, key in enumerate(path):
        ways = [way for part in here for way in _expanded(schema, part)]
        if _is_open(ways):
            return None
        here = [below for way in ways for below in _below(way, key)]
        if not here:
            known = sorted({name for way in ways for name in _properties(way)})
            return Undeclared(key, tuple(known), tuple(path[:index]))
    return None


def _expanded(root: Json, schema: Json, depth: int = 0) -> Iterator[Json]:
    """The schema itself with all its branches, `$ref` followed."""
    if not isinstance(schema, Mapping) or depth > _DEEPEST_REFERENCE:
        yield schema
        return
    branches = [branch for name in _BRANCHES for branch in _list(schema.get(name))]
    if isinstance(schema.get("$ref"), str):
        branches.append(_referred(root, schema["$ref"]))
    for branch in branches:
        yield from _expanded(root, branch, depth + 1)
    if not branches or not _KEYWORDS.isdisjoint(schema):
        yield schema


def _referred(root: Json, reference: str) -> Json:
    if not reference.startswith("#"):
        return True  # elsewhere: cannot be known here
    here = root
    for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        name = step.replace("~1", "/").replace("~0", "~")
        here = here.get(name, True) if isinstance(here, Mapping) else True
    return here


def _is_open(ways: Sequence[Json]) -> bool:
    """Whether any key may follow: one says so, or none says anything about keys and not all rule them out."""
    if any(isinstance(way, Mapping) and way.get("additionalProperties") is True for way in ways):
        return True
    if any(isinstance(way, Mapping) and not _KEYWORDS.isdisjoint(way) for way in ways):
        return False
    return any(_may_have_keys(way) for way in ways)


def _may_have_keys(schema: Json) -> bool:
    if not isinstance(schema, Mapping):
        return schema is None or schema is True
    kinds = _list(schema.get("type"))
    return not kinds or any(kind not in _SCALARS for kind in kinds)


def _below(schema: Json, key: str) -> Iterator[Json]:
    if not isinstance(schema, Mapping):
        return
    properties = _properties(schema)
    if key in properties:
        yield properties[key]
        return
    for pattern, below in _mapping(schema.get("patternProperties")).items():
        if len(key) <= _LONGEST_KEY and re.search(pattern, key):
            yield below
            return
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield schema["additionalProperties"]
    if "items" in schema and key.isdigit():
        yield schema["items"]


def _properties(schema: Json) -> Mapping[str, Json]:
    return _mapping(schema.get("properties")) if isinstance(schema, Mapping) else {}


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> list[Json]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
