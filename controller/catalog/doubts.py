"""What in the platform's documents is allowed, and yet perhaps not meant? For whoever asks to be told strictly."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from controller.errors import Problem, suggest
from controller.model.catalog import Catalog, Module, ModuleRule, RunnerRule, SourceKind


def doubts(catalog: Catalog, environments: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    """Of each document what to look at again; `environments`: project -> those that it declares."""
    for module in catalog.modules.values():
        yield from _of_module(module)
        yield from _of_rules(module.rules, environments)
    for runner in catalog.runners.values():
        if not runner.rules:
            yield Problem(runner.place, f"runner `{runner.id}` has no rule, so it serves nothing", "give it one")
        yield from _of_rules(runner.rules, environments)


def _of_module(module: Module) -> Iterator[Problem]:
    if not module.rules:
        yield Problem(module.place, f"module `{module.id}` has no rule, so it is never chosen", "give it one")
    if module.source.kind is SourceKind.PATH:
        what = f"what lies in `{module.source.address}` on the runner belongs to no commit: nobody sees when it changes"
        yield Problem(module.place, what, "copy it into this repository, or name a Git source with a commit")


def _of_rules(
    rules: Iterable[ModuleRule | RunnerRule], environments: Mapping[str, Collection[str]]
) -> Iterator[Problem]:
    """Rules for what this repository does not declare: they may come before it, or it may be known elsewhere."""
    for rule in rules:
        project = rule.project_id
        if project is None:
            continue
        if project not in environments:
            remedy = suggest(project, environments, "mend the rule, or add the project")
            yield Problem(rule.place, f"the rule is for project `{project}`, which is not declared", remedy)
        elif isinstance(rule, ModuleRule) and rule.env_id is not None and rule.env_id not in environments[project]:
            remedy = suggest(rule.env_id, environments[project], "mend the rule, or add the environment")
            what = f"the rule is for environment `{project}/{rule.env_id}`, which is not declared"
            yield Problem(rule.place, what, remedy)
