"""Which placeholders may stand where, and do they name something that exists? Asked of a text as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.errors import Place, Problem, quoted, suggest
from controller.graph.outputs import undeclared
from controller.graph.placeholders import (
    RESOURCE_KEYS,
    ContextKey,
    MalformedError,
    OfResource,
    OfSelf,
    OfShared,
    Placeholder,
    RunnerVariable,
    Selection,
    TextPart,
    parse,
)
from controller.model.catalog import ResourceType
from controller.model.document import Node
from controller.model.graph import WORKLOAD


class Spot(StrEnum):
    """A kind of place where texts with placeholders stand, as a message calls it."""

    INPUTS = "`module_inputs`"
    DEPENDENCY = "params of a dependency"
    COPROVISIONED = "params of a co-provisioned resource"
    RESOURCE = "params of a workload's resource"
    SHARED = "params of a shared resource"
    OUTPUTS = "outputs of a workload"
    PROVIDER = "the configuration of a provider"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the texts of one spot can name. `aliases` and `shared`: alias -> resource type; None: any alias.

    Where not everything could be read as a whole, there may be more aliases and types than are known here.
    """

    spot: Spot
    whose: str  # "workload `api`", "module `postgres`"
    noun: str  # what `whose` calls those with an alias: "resource", "dependency"
    aliases: Mapping[str, str] | None
    shared: Mapping[str, str] = field(default_factory=dict)
    self_type: str | None = None
    self_outputs: frozenset[str] = frozenset()  # names of outputs, where `self` is a workload
    is_whole: bool = True


def problems(node: Node, scope: Scope, types: Mapping[str, ResourceType]) -> Iterator[Problem]:
    """Everything that is wrong with the placeholders in the strings of `node`."""
    for text in strings(node):
        try:
            parts = parse(str(text.value))
        except MalformedError as error:
            yield from (Problem(text.place, mistake.what, mistake.remedy) for mistake in error.mistakes)
            parts = error.parts
        for part in parts:
            if not isinstance(part, str):
                yield from _placeholder_problems(part, parts, text.place, scope, types)


def strings(node: Node) -> Iterator[Node]:
    """Every string value at any depth that may hold a placeholder, in order of the document."""
    if isinstance(node.value, str):
        if "$" in node.value:
            yield node
    elif isinstance(node.value, Mapping):
        for entry in node.value.values():
            yield from strings(entry)
    elif isinstance(node.value, tuple):
        for item in node.value:
            yield from strings(item)


def aliases(node: Node) -> Iterator[str]:
    """Every alias that a placeholder `${resources.…}` in the strings of `node` names."""
    for text in strings(node):
        try:
            parts = parse(str(text.value))
        except MalformedError as error:
            parts = error.parts
        yield from (part.alias for part in parts if isinstance(part, OfResource))


def kind(placeholder: Placeholder) -> str:
    """What a message calls this kind of placeholder."""
    if isinstance(placeholder, ContextKey):
        return f"context.{placeholder.key}" if placeholder.key in RESOURCE_KEYS else "context"
    return _KINDS[type(placeholder)]


_KINDS: Mapping[type, str] = {
    RunnerVariable: "var",
    OfResource: "resources",
    OfShared: "shared",
    OfSelf: "self",
    Selection: "select",
}
_RES = tuple(f"context.{key}" for key in sorted(RESOURCE_KEYS))
_PARAMS = frozenset({"context", *_RES, "resources", "self", "select"})
_ALLOWED: Mapping[Spot, frozenset[str]] = {
    Spot.INPUTS: _PARAMS,
    Spot.DEPENDENCY: _PARAMS,
    Spot.COPROVISIONED: _PARAMS,
    Spot.RESOURCE: _PARAMS | {"shared"},
    Spot.SHARED: _PARAMS,
    Spot.OUTPUTS: frozenset({"context", "resources", "shared"}),
    Spot.PROVIDER: frozenset({"context", "var", "resources"}),
}
_ELSEWHERE: Mapping[str, str] = {
    "var": "only the configuration of a provider may use `var`; give the module a provider or read its own vault",
    "shared": "only a workload's resources and outputs may use `shared`",
    "self": "only `module_inputs` and `params` may use `self`",
    "select": "only `module_inputs` and `params` may use `select`",
    **dict.fromkeys(_RES, "only `module_inputs` and `params` may use `res_type`, `res_class` and `res_id`"),
}
# Where the context node is the receiving node, or one that waits for it, its outputs come too late.
_SELF_WAITS: Mapping[Spot, str] = {
    Spot.INPUTS: "the module would wait for its own output",
    Spot.SHARED: "the resource would wait for its own output",
    Spot.DEPENDENCY: "the dependency would wait for the module, which waits for it",
}


def _placeholder_problems(
    part: Placeholder, parts: tuple[TextPart, ...], place: Place, scope: Scope, types: Mapping[str, ResourceType]
) -> Iterator[Problem]:
    name = kind(part)
    if name not in _ALLOWED[scope.spot]:
        yield Problem(place, f"`{part.text}` may not stand in {scope.spot}", _ELSEWHERE[name])
        return
    match part:
        case OfResource() if scope.aliases is not None and part.alias not in scope.aliases:
            if scope.is_whole:
                yield _no_alias(part, place, scope, scope.aliases)
        case OfResource() if scope.aliases is not None:
            yield from _of_type(part.text, scope.aliases[part.alias], part.path, place, types)
        case OfShared() if part.alias not in scope.shared:
            if scope.is_whole:
                remedy = suggest(part.alias, scope.shared, "declare it under `shared` of the manifest")
                yield Problem(place, f"`{part.text}`: there is no shared resource `{part.alias}`", remedy)
        case OfShared():
            yield from _of_type(part.text, scope.shared[part.alias], part.path, place, types)
        case OfSelf():
            yield from _of_self(part, place, scope, types)
        case Selection():
            yield from _of_selection(part, parts, place, types, is_whole=scope.is_whole)


def _no_alias(part: OfResource, place: Place, scope: Scope, aliases: Mapping[str, str]) -> Problem:
    if part.alias in scope.shared:
        remedy = f"it is a shared resource: write `${{shared.{part.alias}.outputs.{'.'.join(part.path)}}}`"
    else:
        known = quoted(sorted(aliases))
        remedy = suggest(part.alias, aliases, f"it has {known}" if known else "it has none")
    return Problem(place, f"`{part.text}`: {scope.whose} has no {scope.noun} `{part.alias}`", remedy)


def _of_type(
    text: str, type_: str, path: tuple[str, ...], place: Place, types: Mapping[str, ResourceType]
) -> Iterator[Problem]:
    if type_ not in types:
        return  # said where the resource is asked for
    wrong = undeclared(types[type_].output_schema, path)
    if wrong is None:
        return
    owner = (
        f"output `{'.'.join(wrong.above)}` of resource type `{type_}`" if wrong.above else f"resource type `{type_}`"
    )
    known = quoted(wrong.known)
    otherwise = f"it has {known}" if known else "it has none" if not wrong.above else "it has no keys"
    what = f"`{text}`: {owner} has no {'key' if wrong.above else 'output'} `{wrong.key}`"
    yield Problem(place, what, suggest(wrong.key, wrong.known, otherwise))


def _of_self(part: OfSelf, place: Place, scope: Scope, types: Mapping[str, ResourceType]) -> Iterator[Problem]:
    if scope.spot in _SELF_WAITS:
        yield Problem(place, f"`{part.text}`: {_SELF_WAITS[scope.spot]}", "take the value from where it comes from")
    elif scope.self_type is not None:
        yield from _of_type(part.text, scope.self_type, part.path, place, types)
    elif part.path[0] not in scope.self_outputs and scope.is_whole:
        remedy = suggest(part.path[0], scope.self_outputs, "`self` is the workload here; name one of its `outputs`")
        yield Problem(place, f"`{part.text}`: {scope.whose} has no output `{part.path[0]}`", remedy)


def _of_selection(
    part: Selection, parts: tuple[TextPart, ...], place: Place, types: Mapping[str, ResourceType], *, is_whole: bool
) -> Iterator[Problem]:
    if len(parts) > 1:
        yield Problem(place, f"`{part.text}` yields a list", "let it be the whole value, with no text around it")
    for hop in part.hops:
        if hop.type not in types and hop.type != WORKLOAD and is_whole:
            remedy = suggest(hop.type, types, "declare it below `resource-types/`")
            yield Problem(place, f"`{part.text}`: resource type `{hop.type}` is unknown", remedy)
    if part.hops[-1].type == WORKLOAD:
        remedy = "end on a resource type; what a workload outputs leaves the environment only"
        yield Problem(place, f"`{part.text}`: nothing can use the outputs of a workload", remedy)
    yield from _of_type(part.text, part.hops[-1].type, part.path, place, types)
