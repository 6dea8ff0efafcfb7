"""Do the documents of the platform agree? What they say of one another: ids that exist, rules that do not clash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from controller.errors import MOST, Place, Problem, suggest
from controller.model.catalog import Breakage, Catalog, Module, ModuleRule, Runner, RunnerRule
from controller.model.document import Node, place_of
from controller.model.graph import WORKLOAD

NO_TYPE = (f"`{WORKLOAD}` is no resource type", "it names the workloads themselves, which no module makes")


@dataclass(slots=True)
class Known:
    """What exists, also where it is broken; None: that cannot be known, for a document cannot be read at all."""

    environment_types: set[str] | None = field(default_factory=set)
    resource_types: set[str] | None = field(default_factory=set)
    providers: set[tuple[str, str]] | None = field(default_factory=set)

    def meant(self, type_: str) -> frozenset[str] | None:
        """The resource type of a document; None where it is unknown: it may stand for any of them, misspelt."""
        known = self.resource_types
        return None if known is not None and type_ not in known else frozenset({type_})


def breakages(catalog: Catalog, known: Known, documents: Mapping[Place, Node]) -> Iterator[Breakage]:
    """What does not fit together; `documents` by the place where each begins."""
    for module in catalog.modules.values():
        document = documents[module.place]
        for problem in _resource_type(module.resource_type, place_of(document, ("resource_type",)), known):
            yield Breakage(problem, known.meant(module.resource_type))
        for problem in islice(_module_problems(module, document, known), MOST):
            yield Breakage(problem, frozenset({module.resource_type}))
    yield from _clashing_rules(catalog.modules.values())
    for runner in catalog.runners.values():
        for problem in islice(_environment_types(runner.rules, documents[runner.place], known), MOST):
            yield Breakage(problem, None)
    yield from _clashing_runner_rules(catalog.runners.values())


def _module_problems(module: Module, document: Node, known: Known) -> Iterator[Problem]:
    for alias, requirement in module.dependencies.items():
        yield from _resource_type(requirement.type, place_of(document, ("dependencies", alias, "type")), known)
    for index, requirement in enumerate(module.coprovisioned):
        yield from _resource_type(requirement.type, place_of(document, ("coprovisioned", index, "type")), known)
    for local, (type_, id_) in module.provider_mapping.items():
        if known.providers is not None and (type_, id_) not in known.providers:
            names = [".".join(name) for name in known.providers]
            remedy = suggest(f"{type_}.{id_}", names, "declare it below `providers/`")
            what = f"module `{module.id}` maps `{local}` to provider `{type_}.{id_}`, which does not exist"
            yield Problem(place_of(document, ("provider_mapping", local)), what, remedy)
    yield from _environment_types(module.rules, document, known)


def _resource_type(type_: str, where: Place, known: Known) -> Iterator[Problem]:
    if type_ == WORKLOAD:
        yield Problem(where, *NO_TYPE)
    elif known.resource_types is not None and type_ not in known.resource_types:
        remedy = suggest(type_, known.resource_types, "declare it below `resource-types/`")
        yield Problem(where, f"resource type `{type_}` is unknown", remedy)


def _environment_types(rules: Sequence[ModuleRule | RunnerRule], document: Node, known: Known) -> Iterator[Problem]:
    types = known.environment_types
    for index, rule in enumerate(rules):
        if types is not None and rule.env_type_id is not None and rule.env_type_id not in types:
            listed = "".join(f"`{name}`, " for name in sorted(types))
            remedy = suggest(rule.env_type_id, types, f"use {listed}or declare it in `environment-types.yaml`")
            place = place_of(document, ("rules", index, "env_type_id"))
            yield Problem(place, f"environment type `{rule.env_type_id}` is unknown", remedy)


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
