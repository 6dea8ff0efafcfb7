"""How is a Score file deployed by hand? `lockstep score deploy`, over what the environment has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from cli import client, deploying, source
from cli.source import Source
from controller.errors import ManifestError, Place, Problem
from controller.git.worktree import FolderTree
from controller.manifest import layers
from controller.manifest.layers import Layer
from controller.model.document import Json, plain

_IMAGE = "--default-image"


@click.group(name="score")
def command() -> None:
    """Work with Score files."""


@command.command()
@click.argument("project")
@click.argument("environment")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option(_IMAGE, metavar="IMAGE", help="What stands for `image: .`.")
@source.setting
@deploying.options
def deploy(
    project: str,
    environment: str,
    files: tuple[Path, ...],
    default_image: str | None,
    texts: tuple[str, ...],
    documents: tuple[str, ...],
    **given: Any,
) -> int:
    """Deploy the workloads of Score FILES to an ENVIRONMENT, beside what it has, and hold it there.

    A workload that is there already is replaced as a whole; no other is touched. Files that a Score file mounts are
    read from its folder.
    """
    asked = deploying.asked(project, environment, given)
    document = converted(files, default_image)
    changes = source.Changes(merge=True, drop_workload=(), drop_shared=(), texts=texts, documents=documents)
    with client.connect() as server:
        found = source.changed(Source("score", document), changes, lambda: server, project, environment)
        return deploying.deploy(server, asked, found)


def converted(files: Sequence[Path], default_image: str | None) -> Json:
    """The workloads as a manifest; what is wrong with any of the files is raised together, warnings are told."""
    workloads: dict[str, Json] = {}
    problems: list[Problem] = []
    said: list[str] = []
    where: dict[str, Path] = {}
    for file in files:
        layer = _layer(file, default_image)
        problems += (_placed(problem, file) for problem in layer.problems)
        said += (f"{file.parent / warning}" if warning.startswith(file.name) else warning for warning in layer.warnings)
        for name, entry in plain(layer.document).get("workloads", {}).items():
            if name in where:
                what = f"workload `{name}` is in {where[name]} already"
                problems.append(Problem(str(file), what, "give one of the two another name"))
            where[name], workloads[name] = file, entry
    if problems:
        raise ManifestError(problems)
    for warning in said:
        click.echo(f"warning: {warning}", err=True)
    return {"workloads": workloads, "shared": {}}


def _layer(file: Path, default_image: str | None) -> Layer:
    """One file, read in its own folder: nothing outside is embedded."""
    if not file.is_file():
        raise ManifestError([Problem(str(file), "there is no such file", "check the path")])
    tree = FolderTree(file.parent)
    found = layers.read(tree, (), [file.name], {}, {}, is_lower=True, images_at=_IMAGE)
    if default_image is None or not found.open_images:
        return found
    images = dict.fromkeys(found.open_images, default_image)
    return layers.read(tree, (), [file.name], images, {}, is_lower=True, images_at=_IMAGE)


def _placed(problem: Problem, file: Path) -> Problem:
    """With the path as it was given, not as its own folder calls it."""
    if problem.remedy.endswith(_IMAGE):  # what says so is told of a file of settings, which is not here
        problem = replace(problem, remedy=f"give one with {_IMAGE}")
    where = problem.where
    if isinstance(where, Place):
        return replace(problem, where=replace(where, path=str(file.parent / where.path)))
    return replace(problem, where=str(file) if where == file.name else where)
