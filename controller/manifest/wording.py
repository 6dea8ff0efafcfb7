"""How is a document that breaks its schema explained? Pydantic's errors as problems, in plain words and with places."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from controller.errors import MOST, Problem, near, suggest
from controller.manifest import spots
from controller.manifest.phrases import kind, listed, shown
from controller.manifest.spots import Spot
from controller.model.document import Node, find

OURS = "lockstep"  # type of the errors that bear `what` and `remedy`
NO_VALUE = "no_value"  # type of the error of a key that may be left out, but not left empty

_WANTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "`true` or `false`",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "none_required": "left out",
}
_REMEDIES = {
    "a text": "write it in quotes",
    "a list": "write `- ` before each item",
    "a map": "write `key: value` lines below it",
}
_UNQUOTED = {"a whole number": "[0-9]+", "`true` or `false`": "true|false"}


def problems(model: type[BaseModel], node: Node, errors: Sequence[ErrorDetails]) -> list[Problem]:
    """Every error of a validation of `node` against `model`, explained."""
    found = [(error, spots.spot(model, node, error)) for error in errors[:MOST]]
    unknown = {spot.path: _unknown_key(spot) for error, spot in found if error["type"] == "extra_forbidden"}
    groups: dict[tuple[tuple[str | int, ...], bool], list[tuple[ErrorDetails, Spot]]] = {}
    for error, spot in found:
        if error["type"] == "missing" and _is_misspelt(spot, unknown):
            continue
        groups.setdefault((spot.path, spot.is_key), []).append((error, spot))
    deep = {path[:end] for path, _ in groups for end in range(len(path))}
    return [
        problem
        for (path, _), group in groups.items()
        # Of a choice between shapes the one that went deeper is the one that was meant.
        if not (len(group) > 1 and path in deep)
        for problem in _explained(node, group, unknown)
    ]


def _explained(
    document: Node, group: list[tuple[ErrorDetails, Spot]], unknown: Mapping[Any, Problem]
) -> Iterator[Problem]:
    error, spot = group[0]
    if len(group) > 1 and all(_wanted(each) for each, _ in group):
        yield _wrong_kind(spot, list(dict.fromkeys(_wanted(each) for each, _ in group)))
        return
    # A value of the right kind that is out of bounds is not told of the other kinds.
    for error, spot in [each for each in group if not _wanted(each[0])] or group:
        if error["type"] == "extra_forbidden":
            yield unknown[spot.path]
        elif error["type"] == "missing":
            yield _missing(document, spot)
        else:
            yield _one(error, spot)


def _one(error: ErrorDetails, spot: Spot) -> Problem:
    kind_ = error["type"]
    if kind_ == OURS:
        return Problem(spot.named_place, error["ctx"]["what"], error["ctx"]["remedy"])
    if kind_ == NO_VALUE:
        return Problem(spot.place, f"{spot.name} has no value", "give it one, or remove it")
    if kind_ in {"enum", "literal_error"} and spot.node is not None and isinstance(spot.node.value, str):
        choices = _choices(error)
        what = f"`{shown(spot.node.value)}` is not a value of {spot.name}"
        return Problem(spot.place, what, suggest(spot.node.value, choices, f"use {listed(choices)}"))
    if _wanted(error):
        return _wrong_kind(spot, [_wanted(error)])
    if kind_ == "union_tag_not_found":
        return _no_tag(error, spot)
    if kind_ == "union_tag_invalid":
        return _wrong_tag(error, spot)
    if kind_ in {"value_error", "assertion_error"}:
        what, _, remedy = str(error["ctx"]["error"]).partition("; ")
        return Problem(spot.place, what, remedy or "mend it")
    what, remedy = _out_of_bounds(error, spot)
    return Problem(spot.place, what, remedy)


def misspelt(node: Node, known: Sequence[str]) -> Iterator[Problem]:
    """Keys that are probably known ones misspelt, in a map that may hold others too."""
    for key, entry in node.entries.items():
        meant = near(key, [name for name in known if name not in node.entries]) if key not in known else None
        if meant is not None:
            yield Problem(entry.key or entry.place, f"unknown key `{shown(key)}`", f"did you mean `{meant}`?")


def _unknown_key(spot: Spot) -> Problem:
    key = str(spot.path[-1])
    otherwise = f"known here: {listed(sorted(spot.known), 'and')}" if spot.known else "remove it"
    return Problem(spot.place, f"unknown key `{shown(key)}`", suggest(key, spot.known, otherwise))


def _missing(document: Node, spot: Spot) -> Problem:
    """A key that is not there; unless it stands there misspelt, or a name beside was meant that has it."""
    key = str(spot.path[-1])
    others = {name: entry for name, entry in spot.parent.entries.items() if name not in spot.known}
    for problem in misspelt(Node(others, spot.place), [key]):
        return problem
    what = f"the key `{key}` is missing{_inside(spot)}"
    *above, name = spot.path[:-1] or ("",)
    around = find(document, above)
    complete = [other for other, entry in around.entries.items() if key in entry.entries] if around is not None else []
    meant = near(name, complete) if isinstance(name, str) else None
    return Problem(spot.place, what, f"add it, or did you mean `{meant}`?" if meant else "add it")


def _no_tag(error: ErrorDetails, spot: Spot) -> Problem:
    """The key is missing that says which shape is meant."""
    key = error["ctx"]["discriminator"].strip("'")
    for problem in misspelt(spot.node or spot.parent, [key]):
        return problem
    return Problem(spot.named_place, f"the key `{key}` is missing in {spot.name}", "add it")


def _is_misspelt(spot: Spot, unknown: Mapping[tuple[str | int, ...], Problem]) -> bool:
    """Whether a missing key stands there misspelt, which is said already."""
    missing = str(spot.path[-1])
    beside = [str(path[-1]) for path in unknown if path[:-1] == spot.path[:-1]]
    return any(near(key, spot.known) == missing for key in beside)


def _wanted(error: ErrorDetails) -> str:
    if error["type"] in {"enum", "literal_error"}:
        return listed(_choices(error))
    return _WANTED.get(error["type"], "")


def _wrong_kind(spot: Spot, wanted: list[str]) -> Problem:
    words = " or ".join(wanted)
    if spot.node is None or spot.node.value is None:
        return Problem(spot.place, f"{spot.name} has no value", f"give it {words}, or remove it")
    what = f"{spot.name} must be {words}, not {kind(spot.node)}"
    if isinstance(spot.node.value, str) and re.fullmatch(_UNQUOTED.get(words, "(?!)"), spot.node.value):
        return Problem(spot.place, what, "remove the quotes")
    is_scalar = not (spot.node.is_map or spot.node.is_list)
    if len(wanted) == 1 and words in _REMEDIES and (is_scalar or words != "a text"):
        return Problem(spot.place, what, _REMEDIES[words])
    return Problem(spot.place, what, f"write {words}")


def _wrong_tag(error: ErrorDetails, spot: Spot) -> Problem:
    """The key that says which shape is meant has a value that names none."""
    key = error["ctx"]["discriminator"].strip("'")
    tag, tags = str(error["ctx"]["tag"]), re.findall(r"'([^']*)'", error["ctx"]["expected_tags"])
    node = spot.node.entries.get(key) if spot.node is not None else None
    place = node.place if node is not None else spot.place
    return Problem(place, f"`{shown(tag)}` is not a value of `{key}`", suggest(tag, tags, f"use {listed(tags)}"))


def _out_of_bounds(error: ErrorDetails, spot: Spot) -> tuple[str, str]:
    kind_, bounds = error["type"], error.get("ctx", {})
    value = spot.node.value if spot.node is not None else None
    size = len(value) if isinstance(value, (str, tuple, Mapping)) else 0
    empty = f"{spot.name} is empty"
    match kind_:
        case "string_too_short":
            least = bounds["min_length"]
            return (empty, "give it a text") if not size else (f"{spot.name} is too short", f"use at least {least}")
        case "string_too_long":
            return f"{spot.name} has {size} characters", f"use at most {bounds['max_length']}"
        case "too_short":
            return empty if not size else f"{spot.name} has {size} entries", f"give at least {bounds['min_length']}"
        case "too_long":
            return f"{spot.name} has {size} entries", f"keep at most {bounds['max_length']}"
        case "greater_than_equal":
            return f"{spot.name} is {shown(value)}", f"use a number of at least {bounds['ge']}"
        case "less_than_equal":
            return f"{spot.name} is {shown(value)}", f"use a number of at most {bounds['le']}"
        case "string_pattern_mismatch":
            text = spot.path[-1] if spot.is_key else value
            return (
                f"`{shown(text)}` does not fit {'here' if spot.is_key else spot.name}",
                f"write it as the pattern `{bounds['pattern']}` says",
            )
    message = error["msg"]
    return f"{spot.name}: {message[:1].lower()}{message[1:]}", "mend it"


def _choices(error: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", error.get("ctx", {}).get("expected", ""))


def _inside(spot: Spot) -> str:
    """In which map a key is missing, where it has a name."""
    keys = [step for step in spot.path[:-1] if isinstance(step, str)]
    return f" in `{shown(keys[-1])}`" if keys else ""
