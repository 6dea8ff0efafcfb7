"""What are environment types, resource types and providers? From what is written to what it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice

from controller.catalog import bodies, outputs
from controller.catalog.documents import EnvironmentTypeFile, ProviderFile, ResourceTypeFile
from controller.errors import MOST, ManifestError, Problem
from controller.manifest import schema
from controller.model.catalog import EnvironmentType, Provider, ResourceType
from controller.model.document import Node, place_of, plain
from controller.model.graph import WORKLOAD

LARGEST_CONFIGURATION = 5 * 1024


def environment_type(node: Node) -> EnvironmentType:
    written = schema.validate(EnvironmentTypeFile, node)
    return EnvironmentType(written.id, written.display_name or written.id, written.production, node.place)


def resource_type(node: Node) -> ResourceType:
    written = schema.validate(ResourceTypeFile, node)
    found = list(_resource_type_problems(node, written))
    if found:
        raise ManifestError(found)
    return ResourceType(
        written.id, written.description, written.output_schema, written.is_developer_accessible, node.place
    )


def provider(node: Node) -> Provider:
    written = schema.validate(ProviderFile, node)
    found = list(_provider_problems(node))
    if found:
        raise ManifestError(found)
    return Provider(
        type=written.provider_type,
        id=written.id,
        description=written.description,
        source=written.source,
        version_constraint=written.version_constraint,
        configuration=node.entries.get("configuration"),
        place=node.place,
    )


def _resource_type_problems(node: Node, written: ResourceTypeFile) -> Iterator[Problem]:
    if written.id == WORKLOAD:
        remedy = "it names the workloads themselves; choose another id"
        yield Problem(place_of(node, ("id",)), f"the resource type `{WORKLOAD}` is reserved", remedy)
    if written.output_schema is not None:
        yield from islice(outputs.problems(node.entries["output_schema"]), MOST)


def _provider_problems(node: Node) -> Iterator[Problem]:
    configuration = node.entries.get("configuration")
    if configuration is None:
        return
    size = len(json.dumps(plain(configuration), separators=(",", ":"), ensure_ascii=False).encode())
    if size > LARGEST_CONFIGURATION:
        what = f"the configuration has {size} bytes as JSON"
        yield Problem(configuration.place, what, f"keep it below {LARGEST_CONFIGURATION}")
    yield from islice(bodies.problems(configuration), MOST)
