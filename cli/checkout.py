"""What do the offline commands work on? The files of a folder or of one of its refs, read as a repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import output
from controller import bases, pipeline
from controller.errors import ManifestError, Problem
from controller.git import worktree
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.model.tree import Tree
from controller.tofu import pinning

F = TypeVar("F", bound=Callable[..., Any])

_REPO = click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder of the repository, `.` by default.",
)
_REF = click.option("--ref", help="Read this branch, tag or commit instead of the files in the folder.")
_ENGINE = click.option(
    "--engine",
    type=click.Choice([kind.value for kind in EngineKind]),
    default=EngineKind.OPENTOFU.value,
    help="The engine that the result is for.",
)


def options(command: F) -> F:
    """`--repo` and `--ref`."""
    return _REPO(_REF(command))


def repo_option(command: F) -> F:
    """`--repo` alone."""
    return _REPO(command)


def engine_option(command: F) -> F:
    return _ENGINE(command)


def load(folder: Path, ref: str | None) -> pipeline.Repository:
    """Read the repository; what is broken in its platform files is kept in it, not raised."""
    return pipeline.read(tree(folder, ref))


def tree(folder: Path, ref: str | None) -> Tree:
    """The files of the folder, as they lie there or at a ref."""
    return worktree.snapshot_of_path(folder, ref)[1]


def problems(repository: pipeline.Repository) -> tuple[Problem, ...]:
    """What is wrong with the files that environments have in common, and with the layout."""
    platform = [breakage.problem for breakage in repository.catalog.problems]
    return (*platform, *(problem for found in repository.found.problems.values() for problem in found))


def resolve(
    repository: pipeline.Repository, project: str, environment: str, engine: EngineKind = EngineKind.OPENTOFU
) -> pipeline.Resolved:
    """Take one environment to its desired document; a promoted one takes its source's files of the same commit."""
    try:
        base = bases.base_of(repository, project, environment)
    except ManifestError as e:
        found = pipeline.examine(repository, project, environment, engine)
        raise ManifestError([*e.problems, *found.problems]) from e
    return pipeline.resolve(repository, project, environment, pins=Pins(), engine=engine, base=base)


def tell_warnings(resolved: pipeline.Resolved) -> None:
    for warning in resolved.warnings:
        output.say(f"warning: {warning}")


def tell_unpinned(resolved: pipeline.Resolved) -> None:
    """What the controller would take from its records, and nobody here knows."""
    for sentence in resolved.unpinned:
        output.say(f"warning: {sentence}")


def tell_open_modules(*documents: Mapping[str, Json]) -> None:
    """The same of modules alone, where versions of providers are no matter."""
    for sentence in dict.fromkeys(sentence for document in documents for sentence in pinning.open_modules(document)):
        output.say(f"warning: {sentence}")
