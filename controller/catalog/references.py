"""Do the documents of the platform agree? What they say of one another: ids that exist, rules that do not clash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from controller.errors import Place, Problem, suggest
from controller.model.catalog import Breakage, Catalog, Module, ModuleRule, Runner, RunnerRule


@dataclass(slots=True)
class Known:
    """What exists, also where it is broken; None: that cannot be known, for a document cannot be read at all."""

    environment_types: set[str] | None = field(default_factory=set)
    resource_types: set[str] | None = field(default_factory=set)
    providers: set[tuple[str, str]] | None = field(default_factory=set)


def breakages(catalog: Catalog, known: Known) -> Iterator[Breakage]:
    for module in catalog.modules.values():
        for problem in _module_problems(module, known):
            yield Breakage(problem, frozenset({module.resource_type}))
    yield from _clashing_rules(catalog.modules.values())
    for runner in catalog.runners.values():
        for rule in runner.rules:
            for problem in _environment_type(rule, known):
                yield Breakage(problem, None)
    yield from _clashing_runner_rules(catalog.runners.values())


def _module_problems(module: Module, known: Known) -> Iterator[Problem]:
    yield from _resource_type(module.resource_type, module.place, known)
    for requirement in (*module.dependencies.values(), *module.coprovisioned):
        yield from _resource_type(requirement.type, requirement.place, known)
    for local, (type_, id_) in module.provider_mapping.items():
        if known.providers is not None and (type_, id_) not in known.providers:
            names = [".".join(name) for name in known.providers]
            remedy = suggest(f"{type_}.{id_}", names, "declare it below `providers/`")
            what = f"module `{module.id}` maps `{local}` to provider `{type_}.{id_}`, which does not exist"
            yield Problem(module.place, what, remedy)
    for rule in module.rules:
        yield from _environment_type(rule, known)


def _resource_type(type_: str, where: Place, known: Known) -> Iterator[Problem]:
    if known.resource_types is not None and type_ not in known.resource_types:
        remedy = suggest(type_, known.resource_types, "declare it below `resource-types/`")
        yield Problem(where, f"resource type `{type_}` is unknown", remedy)


def _environment_type(rule: ModuleRule | RunnerRule, known: Known) -> Iterator[Problem]:
    type_, types = rule.env_type_id, known.environment_types
    if type_ is not None and types is not None and type_ not in types:
        listed = "".join(f"`{name}`, " for name in sorted(types))
        remedy = suggest(type_, types, f"use {listed}or declare it in `environment-types.yaml`")
        yield Problem(rule.place, f"environment type `{type_}` is unknown", remedy)


def _clashing_rules(modules: Iterable[Module]) -> Iterator[Breakage]:
    seen: dict[tuple[str | None, ...], ModuleRule] = {}
    for rule in sorted((rule for module in modules for rule in module.rules), key=lambda rule: rule.place):
        criteria = (rule.resource_type, rule.resource_class, rule.resource_id)
        first = seen.setdefault((*criteria, rule.project_id, rule.env_type_id, rule.env_id), rule)
        if first is not rule:
            what = f"this rule selects what the rule of module `{first.module_id}` at {first.place} selects"
            problem = Problem(rule.place, what, "remove one of them, or let it say more")
            yield Breakage(problem, frozenset({rule.resource_type}))


def _clashing_runner_rules(runners: Iterable[Runner]) -> Iterator[Breakage]:
    seen: dict[tuple[str | None, str | None], RunnerRule] = {}
    for rule in sorted((rule for runner in runners for rule in runner.rules), key=lambda rule: rule.place):
        first = seen.setdefault((rule.project_id, rule.env_type_id), rule)
        if first is not rule:
            what = f"this rule selects what the rule of runner `{first.runner_id}` at {first.place} selects"
            yield Breakage(Problem(rule.place, what, "remove one of them, or let it say more"), None)
