"""What may a manifest say? Its model, its limits, and the values that stand for it afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from controller.errors import MOST, ManifestError, Problem, near
from controller.manifest import schema
from controller.manifest.phrases import shown
from controller.manifest.schema import Written
from controller.model.document import Json, Node
from controller.model.manifest import DEFAULT_CLASS, Manifest, Resource, Workload

MOST_ENTRIES = 100  # workloads, shared resources, resources and outputs of a workload
MOST_PARAMS = 20

_RESERVED = "workload"


def _type(text: str) -> str:
    if text == _RESERVED:
        raise schema.refused(f"the resource type `{_RESERVED}` is reserved", "use another type")
    return text


class ResourcePart(Written):
    """A resource, or what one of several files says of it."""

    type: Annotated[schema.ResourceTypeName, schema.Checked(_type, {"not": {"const": _RESERVED}})] | None = None
    class_: schema.ResourceClass | None = Field(default=None, alias="class")
    id: schema.ResourceId | None = None
    params: Annotated[dict[str, Any], Field(max_length=MOST_PARAMS)] | None = None


_Outputs = Annotated[dict[schema.Text, str], Field(max_length=MOST_ENTRIES)]


_BOTH: Json = {key: {"type": "object"} for key in ("variables", "outputs")}


class WorkloadPart(Written):
    """A workload, or what one of several files says of it. `variables` is the old name of `outputs`."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": [*_BOTH], "properties": _BOTH}})

    resources: Annotated[dict[schema.Alias, ResourcePart], Field(max_length=MOST_ENTRIES)] | None = None
    outputs: _Outputs | None = None
    variables: Annotated[_Outputs | None, Field(deprecated=True)] = None


class ManifestFile(Written):
    """A manifest, or one file of several that make one."""

    workloads: Annotated[dict[schema.WorkloadName, WorkloadPart], Field(max_length=MOST_ENTRIES)] | None = None
    shared: Annotated[dict[schema.SharedName, ResourcePart], Field(max_length=MOST_ENTRIES)] | None = None


def misnamed(document: Node) -> list[Problem]:
    """Resources without a type that were probably meant to be those of a name beside them."""
    return [problem for problem in _untyped(document) if "did you mean" in problem.remedy]


def problems_of(document: Node, *, is_whole: bool) -> list[Problem]:
    """What is wrong with a manifest; of a part of one, without what another part may still add."""
    try:
        schema.validate(ManifestFile, document)
        problems = []
    except ManifestError as error:
        problems = list(error.problems)
    problems.extend(islice(_doubled(document), MOST))
    return [*problems, *islice(_untyped(document), MOST)] if is_whole else problems


def without_old_names(document: Node) -> tuple[Node, tuple[str, ...]]:
    """The document with `variables` of workloads called `outputs`, and a warning for each; not where both are given."""
    warnings = []
    workloads = dict(_entries(document, "workloads"))
    for name, workload in workloads.items():
        old = workload.entries.get("variables")
        if old is None or "outputs" in workload.entries:
            continue
        warnings.append(str(Problem(old.key or old.place, "`variables` is the old name of `outputs`", "rename it")))
        entries = {"outputs" if key == "variables" else key: value for key, value in workload.entries.items()}
        workloads[name] = _with(workload, entries)
    if not warnings:
        return document, ()
    return _with(document, {**document.entries, "workloads": _with(document.entries["workloads"], workloads)}), tuple(
        warnings
    )


def value_of(document: Node) -> Manifest:
    """A valid document as a manifest; keys without a value are as if they were not there."""
    document, _ = without_old_names(document)
    document = _without_nulls(document)
    workloads = {name: _workload(node) for name, node in _entries(document, "workloads").items()}
    return Manifest(workloads, _resources(_entries(document, "shared")), document)


def _doubled(document: Node) -> Iterator[Problem]:
    for workload in _entries(document, "workloads").values():
        if {"variables", "outputs"} <= workload.entries.keys():
            place = workload.entries["variables"].key or workload.place
            what = "`variables` and `outputs` are both given, and mean the same"
            yield Problem(place, what, "move everything to `outputs`")


def _untyped(document: Node) -> Iterator[Problem]:
    """Resources without a type; of a workload that has no other, its name may be what is misspelt."""
    yield from _untyped_of(_entries(document, "shared"))
    workloads = _entries(document, "workloads")
    for name, workload in workloads.items():
        resources = _entries(workload, "resources")
        is_bare = bool(resources) and not any(_has_type(node) for node in resources.values())
        # Of more than there may be, not every pair is looked at.
        is_looked_at = is_bare and len(workloads) <= MOST_ENTRIES
        typed = [other for other, node in workloads.items() if _is_typed(node, resources)] if is_looked_at else []
        meant = near(name, typed)
        if meant is not None:
            what = f"no resource of workload `{shown(name)}` has a `type`"
            yield Problem(workload.key or workload.place, what, f"add them, or did you mean `{meant}`?")
        else:
            yield from _untyped_of(resources)


def _untyped_of(resources: Mapping[str, Node]) -> Iterator[Problem]:
    typed = {name for name, node in resources.items() if _has_type(node)}
    for name, node in resources.items():
        unknown = node.entries.keys() - {"type", "class", "id", "params"}
        # One that stands there misspelt is said already.
        if not node.is_map or name in typed or any(near(key, ["type"]) for key in unknown):
            continue
        meant = near(name, typed) if len(resources) <= MOST_ENTRIES else None
        remedy = f"add it, or did you mean `{meant}`?" if meant else "add it"
        yield Problem(node.key or node.place, f"the key `type` is missing in `{shown(name)}`", remedy)


def _is_typed(workload: Node, aliases: Collection[str]) -> bool:
    """Whether a workload has all these resources, each with a type."""
    resources = _entries(workload, "resources")
    return all(alias in resources and _has_type(resources[alias]) for alias in aliases)


def _has_type(resource: Node) -> bool:
    given = resource.entries.get("type")
    return given is not None and given.value is not None


def _without_nulls(document: Node) -> Node:
    """Nulls outside of params and outputs taken out."""
    top = {}
    for key, group in document.entries.items():
        if group.value is None:
            continue
        top[key] = _with(group, {name: _entry_without_nulls(entry) for name, entry in group.entries.items()})
    return _with(document, top)


def _entry_without_nulls(entry: Node) -> Node:
    """Of a workload or of a resource; the resources of a workload are one level further down."""
    entries = {key: value for key, value in entry.entries.items() if value.value is not None}
    if "resources" in entries:
        resources = entries["resources"]
        inner = {alias: _entry_without_nulls(resource) for alias, resource in resources.entries.items()}
        entries["resources"] = _with(resources, inner)
    return _with(entry, entries)


def _workload(node: Node) -> Workload:
    return Workload(_resources(_entries(node, "resources")), _entries(node, "outputs"), node.key or node.place)


def _resources(nodes: Mapping[str, Node]) -> dict[str, Resource]:
    return {alias: _resource(node) for alias, node in nodes.items()}


def _resource(node: Node) -> Resource:
    given = node.entries
    params = given.get("params")
    return Resource(
        type=str(given["type"].value),
        class_=str(given["class"].value) if "class" in given else DEFAULT_CLASS,
        id=str(given["id"].value) if "id" in given else None,
        params=params if params is not None and params.value else None,
        place=node.key or node.place,
    )


def _entries(node: Node, key: str) -> Mapping[str, Node]:
    found = node.entries.get(key)
    return found.entries if found is not None else {}


def _with(node: Node, entries: Mapping[str, Node]) -> Node:
    return Node(entries, node.place, node.key)
