"""Is an `output_schema` a schema that can be asked what it declares?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from controller.errors import Place, Problem, near, suggest
from controller.model.document import Node

_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
_KEYWORDS = frozenset(
    {"$anchor", "$comment", "$dynamicRef", "$id", "$schema", "contains", "contentEncoding", "contentMediaType", "else"}
    | {"additionalItems", "dependentRequired", "dependentSchemas", "if", "maxContains", "minContains", "then"}
    | {"unevaluatedItems", "unevaluatedProperties"}
    | {"$defs", "$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "definitions", "deprecated"}
    | {"description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems"}
    | {"maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf"}
    | {"not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties", "propertyNames", "readOnly"}
    | {"required", "sensitive", "title", "type", "uniqueItems", "writeOnly"}
)
_MAPS_OF_SCHEMAS = ("$defs", "definitions", "patternProperties", "properties")
_LISTS_OF_SCHEMAS = ("allOf", "anyOf", "oneOf")
_SCHEMAS = ("additionalProperties", "items")
_LONGEST_PATTERN = 500  # characters: none that a person writes is longer


def problems(schema: Node) -> Iterator[Problem]:
    """What is wrong with a schema, below and including `schema`."""
    if isinstance(schema.value, bool):
        return
    if not schema.is_map:
        yield Problem(schema.place, "a schema is a map", "write `type: string`, or whatever the output is")
        return
    for keyword, node in schema.entries.items():
        meant = near(keyword, _KEYWORDS) if keyword not in _KEYWORDS else None
        if meant is not None:
            yield Problem(node.key or node.place, f"`{keyword}` is no keyword of a schema", f"did you mean `{meant}`?")
        elif keyword == "type":
            yield from _type(node)
        elif keyword in _MAPS_OF_SCHEMAS:
            yield from _map(keyword, node)
        elif keyword in _LISTS_OF_SCHEMAS:
            yield from _list(keyword, node)
        elif keyword in _SCHEMAS:
            yield from problems(node)


def _type(node: Node) -> Iterator[Problem]:
    for name in node.items or (node,):
        if name.value not in _TYPES:
            remedy = suggest(str(name.value), _TYPES, f"use one of {', '.join(f'`{type_}`' for type_ in _TYPES)}")
            yield Problem(name.place, f"`{name.value}` is no type of a schema", remedy)


def _map(keyword: str, node: Node) -> Iterator[Problem]:
    if not node.is_map:
        yield Problem(node.place, f"`{keyword}` is a map of schemas", "write `NAME:` and a schema below it")
    for name, below in node.entries.items():
        if keyword == "patternProperties":
            yield from _pattern(name, below.key or below.place)
        yield from problems(below)


def _list(keyword: str, node: Node) -> Iterator[Problem]:
    if not node.is_list:
        yield Problem(node.place, f"`{keyword}` is a list of schemas", "write `- ` before each of them")
    for item in node.items:
        yield from problems(item)


def _pattern(text: str, where: Place) -> Iterator[Problem]:
    if len(text) > _LONGEST_PATTERN:
        yield Problem(where, f"a regular expression has {len(text)} characters", f"use at most {_LONGEST_PATTERN}")
    elif is_slow(text):
        what = f"the regular expression `{text}` could take very long to match"
        yield Problem(where, what, "use at most two of `*`, `+`, `?` and `{…}`, and two groups, none of them repeated")
    elif signs := _doubtful(text):
        what = f"the regular expression `{text}` has `{signs}` in brackets, which not everybody reads in one way"
        yield Problem(where, what, "write a `\\` before each of these signs")
    elif not _is_pattern(text):
        yield Problem(where, f"`{text}` is no regular expression", "mend it")


def is_slow(pattern: str) -> bool:
    """Whether a regular expression repeats so much that some text would keep it busy: judged by how it is written."""
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", pattern.replace("(?", "("))
    repeats, groups = len(re.findall(r"[*+?{]", bare)), bare.count("(")
    return repeats > 2 or groups > 2 or re.search(r"\)[*+?{]", bare) is not None


# A set of characters, and what in one may be meant for a set within it, or for what two sets have in common.
_SET = re.compile(r"\\.|\[\^?(\]?(?:\\.|[^\]\\])*)\]", re.DOTALL)
_DOUBTFUL = re.compile(r"\\.|(^\[|--|&&|~~|\|\|)", re.DOTALL)


def _doubtful(pattern: str) -> str:
    """Signs in a set of characters that some take for themselves, and others for an operator."""
    sets = (found[1] or "" for found in _SET.finditer(pattern))
    return next((found[1] for inside in sets for found in _DOUBTFUL.finditer(inside) if found[1]), "")


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except (re.error, OverflowError):  # the latter of a number of repetitions
        return False
    return True
