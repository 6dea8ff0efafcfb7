"""Is a commit right for every environment? `lockstep validate` says nothing, or all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from cli import checkout, output
from cli.exits import Exit
from controller import pipeline
from controller.catalog import doubts
from controller.errors import ManifestError, Place, Problem
from controller.manifest import layout
from controller.model.deployment import EngineKind
from controller.model.manifest import EnvironmentConfig
from controller.model.tree import Tree


@click.command(name="validate")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@checkout.options
@click.option("--strict", is_flag=True, help="Warnings are errors, such as what Git does not pin.")
@output.format_option("text", "json")
def command(path: Path | None, repo: Path, ref: str | None, strict: bool, form: str) -> int:
    """Check the repository at PATH: silent when all is well, else every problem with its place."""
    problems, warnings = examined(checkout.tree(path or repo, ref))
    if form == "json":
        output.show({"problems": [*map(_document, problems)], "warnings": [*warnings]}, form)
    else:
        for line in (*map(str, problems), *(warnings if strict else ())):
            output.say(line)
    return Exit.INVALID if problems or (strict and warnings) else Exit.DONE


def examined(tree: Tree) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """All problems of a commit, in order of place, and all warnings."""
    where, found = layout.attempt(tree)
    problems: set[Problem] = set(found)
    warnings: set[str] = set()
    if where is not None:
        repository = pipeline.read(tree, where=where)
        problems.update(checkout.problems(repository))
        warnings.update(map(str, doubts.doubts(repository.catalog.catalog, _declared(repository))))
        configs: dict[str, EnvironmentConfig] = {}
        for slug in pipeline.environments(repository):
            project, _, environment = slug.partition("/")
            examined = pipeline.examine(repository, project, environment, EngineKind.OPENTOFU)
            problems.update(examined.problems)
            warnings.update(f"{slug}: {text}" for text in examined.warnings)
            configs[slug] = examined.config
        problems.update(_same_uuids(configs))
    return ManifestError(problems).problems, tuple(sorted(warnings))


def _document(problem: Problem) -> dict[str, object]:
    """A problem for machines; `path` is null where it stands in no file."""
    where = problem.where if isinstance(problem.where, Place) else None
    place = {key: getattr(where, key, None) for key in ("path", "line", "column")}
    return {**place, "what": problem.what, "remedy": problem.remedy, "text": str(problem)}


def _same_uuids(configs: Mapping[str, EnvironmentConfig]) -> Iterator[Problem]:
    """Environments with the identity of another."""
    owners: dict[str, str] = {}
    for slug, config in sorted(configs.items()):
        if config.uuid is not None and owners.setdefault(config.uuid, slug) != slug:
            owner = owners[config.uuid]
            what = f"uuid {config.uuid} is that of {owner} too, at {configs[owner].place_of('uuid')}"
            yield Problem(config.place_of("uuid"), what, "each environment needs its own")


def _declared(repository: pipeline.Repository) -> dict[str, list[str]]:
    """The environments that each project declares."""
    return {project.id: [files.name for files in project.environments] for project in repository.found.projects}
