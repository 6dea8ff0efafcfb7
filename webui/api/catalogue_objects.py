"""What does the API give out of the catalogue? What may be asked for, what makes it, and what is live of it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from webui.api.objects import Shown


class Resource(Shown):
    """A resource that is live in an environment (`type.class#id`), with the metadata that its module returned."""

    resource: str = Field(validation_alias="coordinate")
    module: str | None
    deployment: str
    metadata: Any


class Resources(Shown):
    items: list[Resource]
    next: str | None = None


class ModuleParam(Shown):
    type: str
    is_optional: bool
    description: str


class ResourceOption(Shown):
    """A class, and an id where only that one is offered; the rule, by its place, and the module that makes it."""

    resource_class: str
    resource_id: str | None
    rule: str
    module_id: str
    module_params: dict[str, ModuleParam]


class AvailableResourceType(Shown):
    id: str
    description: str
    output_schema: Any
    is_developer_accessible: bool
    options: list[ResourceOption]


class AvailableResourceTypes(Shown):
    items: list[AvailableResourceType]
    next: str | None = None


class CatalogueItems(Shown):
    """Documents of the platform folder at the decided tip, each with the repository that it is from."""

    items: list[dict[str, Any]]
    next: str | None = None
