"""Are all texts of the catalogue's modules and providers right, used or not? What can be said without a manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from controller.errors import MOST, Problem
from controller.graph import allowed
from controller.graph.allowed import Scope, Spot
from controller.model.catalog import Breakage, Catalog, Module, Provider


def check(catalog: Catalog) -> tuple[Breakage, ...]:
    """What is wrong, and environments using which resource types it stops."""
    types: dict[Problem, set[str]] = {}
    for module in catalog.modules.values():
        for problem in islice(module_problems(module, catalog), MOST):
            types.setdefault(problem, set()).add(module.resource_type)
    unused = set(catalog.providers) - {key for module in catalog.modules.values() for key in _providers_of(module)}
    for key in unused:
        for problem in islice(_unused_provider_problems(catalog.providers[key], catalog), MOST):
            types.setdefault(problem, set()).add(".".join(key))
    order = {problem: str(problem) for problem in types}
    return tuple(Breakage(problem, frozenset(types[problem])) for problem in sorted(types, key=order.__getitem__))


def module_problems(module: Module, catalog: Catalog) -> Iterator[Problem]:
    """What is wrong with the texts of a module, and of the providers as it uses them."""
    types = catalog.resource_types
    for value in module.inputs.values():
        yield from allowed.problems(value, _scope(module, Spot.INPUTS), types)
    for requirement in module.dependencies.values():
        if requirement.params is not None:
            yield from allowed.problems(requirement.params, _scope(module, Spot.DEPENDENCY), types)
    for requirement in module.coprovisioned:
        if requirement.params is not None:
            yield from allowed.problems(requirement.params, _scope(module, Spot.COPROVISIONED), types)
    for key in _providers_of(module):
        provider = catalog.providers.get(key)
        if provider is not None and provider.configuration is not None:
            yield from allowed.problems(provider.configuration, _provider_scope(provider, module), types)


def _unused_provider_problems(provider: Provider, catalog: Catalog) -> Iterator[Problem]:
    """Of a provider that no module uses: all but the aliases, which only a module gives meaning."""
    if provider.configuration is None:
        return
    scope = Scope(Spot.PROVIDER, "", "dependency", None)
    yield from allowed.problems(provider.configuration, scope, catalog.resource_types)


def _scope(module: Module, spot: Spot) -> Scope:
    return Scope(spot, f"module `{module.id}`", "dependency", _aliases(module), self_type=module.resource_type)


def _provider_scope(provider: Provider, module: Module) -> Scope:
    whose = f"module `{module.id}`, which uses provider `{provider.type}.{provider.id}`,"
    return Scope(Spot.PROVIDER, whose, "dependency", _aliases(module))


def _aliases(module: Module) -> Mapping[str, str]:
    return {alias: requirement.type for alias, requirement in module.dependencies.items()}


def _providers_of(module: Module) -> list[tuple[str, str]]:
    return sorted(set(module.provider_mapping.values()))
