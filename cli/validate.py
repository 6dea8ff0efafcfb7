"""Is a commit right for every environment? `lockstep validate` says nothing, or all that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cli import checkout
from cli.exits import Exit
from controller import pipeline
from controller.errors import ManifestError, Problem


@click.command(name="validate")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path())
@click.option("--ref", help="Read this branch, tag or commit instead of the files in the folder.")
@click.option("--strict", is_flag=True, help="Warnings are errors, such as what Git does not pin.")
def command(path: Path, ref: str | None, strict: bool) -> int:
    """Check the repository at PATH: silent when all is well, else every problem with its place."""
    repository = checkout.load(path, ref)
    problems: set[Problem] = set(checkout.problems(repository))
    warnings: set[str] = set()
    for project, environment in _environments(repository):
        try:
            resolved = checkout.resolve(repository, project, environment)
        except ManifestError as e:
            problems.update(e.problems)
        else:
            warnings.update(f"{project}/{environment}: {text}" for text in (*resolved.warnings, *resolved.unpinned))
    return _told(problems, warnings if strict else set())


def _environments(repository: pipeline.Repository) -> Iterator[tuple[str, str]]:
    for slug in pipeline.environments(repository):
        project, _, environment = slug.partition("/")
        yield project, environment


def _told(problems: set[Problem], warnings: set[str]) -> int:
    for line in [*(str(problem) for problem in ManifestError(problems).problems), *sorted(warnings)]:
        click.echo(line, err=True)
    return Exit.INVALID if problems or warnings else Exit.DONE
