"""Which module makes a resource, and which runner serves an environment? The rules say; the most specific one wins."""

from __future__ import annotations

from collections.abc import Callable

from controller.errors import Place
from controller.model.bundle import Context
from controller.model.catalog import Catalog, Module, ModuleRule, Runner, RunnerRule

# What serves a repository that describes no runner at all.
LOCAL = Runner(
    id="local",
    description="The built-in runner: engine and state on the controller's own machine.",
    configuration={"type": "local", "env": {}},
    state_storage={"type": "local"},
    rules=(RunnerRule("local", None, None, Place("built-in")),),
    place=Place("built-in"),
)


def modules_for(catalog: Catalog, context: Context) -> Callable[[str, str, str], Module | None]:
    """A function from type, class and id to the module: the class exactly, a rule for the id before one for all."""
    chosen = effective(catalog, context)

    def module_for(type_: str, class_: str, id_: str) -> Module | None:
        rule = chosen.get((type_, class_, id_)) or chosen.get((type_, class_, None))
        return None if rule is None else catalog.modules[rule.module_id]

    return module_for


def effective(catalog: Catalog, context: Context) -> dict[tuple[str, str, str | None], ModuleRule]:
    """The most specific rule that holds in the environment, by type, class and id (None: any id)."""
    chosen: dict[tuple[str, str, str | None], ModuleRule] = {}
    for _, module in sorted(catalog.modules.items()):
        for rule in module.rules:
            key = (rule.resource_type, rule.resource_class, rule.resource_id)
            if rule.holds(context) and (key not in chosen or _score(rule) > _score(chosen[key])):
                chosen[key] = rule
    return chosen


def runner_for(catalog: Catalog, project_id: str, env_type_id: str) -> Runner | None:
    """The runner of an environment: rules for the project go before those for its type, these before those for all."""
    if not catalog.runners:
        return LOCAL
    holding = [
        (_runner_score(rule), runner)
        for _, runner in sorted(catalog.runners.items())
        for rule in runner.rules
        if rule.project_id in (None, project_id) and rule.env_type_id in (None, env_type_id)
    ]
    return max(holding, key=lambda scored: scored[0])[1] if holding else None


def _score(rule: ModuleRule) -> int:
    return 4 * (rule.env_id is not None) + 2 * (rule.project_id is not None) + (rule.env_type_id is not None)


def _runner_score(rule: RunnerRule) -> int:
    return 2 * (rule.project_id is not None) + (rule.env_type_id is not None)
