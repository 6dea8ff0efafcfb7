"""Why does no module match? Says what the rules do know."""

from __future__ import annotations

from controller.errors import quoted, suggest
from controller.model.bundle import Context
from controller.model.catalog import Catalog, ModuleRule, ResourceType
from controller.model.graph import WORKLOAD, Coordinate


def unknown_type(type_: str, catalog: Catalog) -> tuple[str, str]:
    """What to say, and to do, about a resource type that is not declared."""
    if type_ == WORKLOAD:
        return (
            f"`{WORKLOAD}` is no resource type",
            f"it names the workloads themselves; declare them under `{WORKLOAD}s`",
        )
    remedy = suggest(type_, catalog.resource_types, "declare it below `resource-types/`")
    return f"resource type `{type_}` is unknown", remedy


def inaccessible(type_: ResourceType, catalog: Catalog) -> tuple[str, str]:
    """What to say, and to do, about a type that the platform keeps to itself."""
    askers = [
        module
        for module in catalog.modules.values()
        for requirement in (*module.dependencies.values(), *module.coprovisioned)
        if requirement.type == type_.id
    ]
    offered = (
        known.id for known in catalog.resource_types.values() if known.is_developer_accessible and known.id != type_.id
    )
    by = quoted(sorted({module.resource_type for module in askers} & set(offered)))
    remedy = f"it comes with {by}" if by else "ask for another type"
    return f"resource type `{type_.id}` is not for manifests: it is not accessible to developers", (
        f"{remedy}, or set `is_developer_accessible: true` at {type_.place}"
    )


def no_module(coordinate: Coordinate, catalog: Catalog, context: Context) -> tuple[str, str]:
    """What to say, and to do, about a resource of a known type that no rule gives a module."""
    where = f"environment `{context.project_id}/{context.env_id}` of type `{context.env_type_id}`"
    what = f"no module matches resource type `{coordinate.type}`, class `{coordinate.class_}`"
    modules = [module for module in catalog.modules.values() if module.resource_type == coordinate.type]
    named = quoted(sorted(module.id for module in modules))
    if not modules:
        return what, f"no module makes a `{coordinate.type}`; add one below `modules/`"
    rules = [rule for module in modules for rule in module.rules]
    if not rules:
        return what, f"a module without rules is never chosen; give {named} a rule"
    effective = [rule for rule in rules if rule.holds(context)]
    if not effective:
        return f"{what} in {where}", f"no rule for `{coordinate.type}` holds there; add one to {named}"
    return f"{what} in {where}", _nearest(coordinate, effective)


def _nearest(coordinate: Coordinate, rules: list[ModuleRule]) -> str:
    ids = sorted({rule.resource_id for rule in rules if rule.resource_class == coordinate.class_ and rule.resource_id})
    if ids:
        return f"the rules for this class name only the ids {quoted(ids)}; use one of them or add a rule without id"
    classes = sorted({rule.resource_class for rule in rules})
    return suggest(coordinate.class_, classes, f"there are rules for the classes {quoted(classes)}")
