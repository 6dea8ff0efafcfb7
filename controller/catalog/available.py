"""What can be asked for in an environment? Resource types with the classes and ids that a module is there for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.catalog.rules import effective
from controller.model.bundle import Context
from controller.model.catalog import Catalog, ModuleParam
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class Option:
    """A class, and an id where only that one is offered, with the module that makes it and the params it takes.

    `rule` is the place of the rule that says so.
    """

    resource_class: str
    resource_id: str | None
    rule: str
    module_id: str
    module_params: Mapping[str, ModuleParam]


@dataclass(frozen=True, slots=True)
class AvailableType:
    id: str
    description: str
    output_schema: Json
    is_developer_accessible: bool
    options: tuple[Option, ...]


def available(
    catalog: Catalog, context: Context, *, type_id: str | None = None, include_inaccessible: bool = False
) -> list[AvailableType]:
    """Every type that some rule of the environment offers, sorted; those not meant for developers only when asked."""
    options: dict[str, list[Option]] = {}
    for (type_, class_, id_), rule in effective(catalog, context).items():
        module = catalog.modules[rule.module_id]
        options.setdefault(type_, []).append(Option(class_, id_, str(rule.place), module.id, module.params))
    return [
        AvailableType(
            id=known.id,
            description=known.description,
            output_schema=known.output_schema,
            is_developer_accessible=known.is_developer_accessible,
            options=tuple(
                sorted(options[known.id], key=lambda option: (option.resource_class, option.resource_id or ""))
            ),
        )
        for _, known in sorted(catalog.resource_types.items())
        if known.id in options
        and type_id in (None, known.id)
        and (include_inaccessible or known.is_developer_accessible)
    ]
