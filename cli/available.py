"""What can a manifest of an environment ask for? By the controller's newest commit, or by the files of a checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cli import checkout, client, output
from cli.output import Cell
from controller import configs, pipeline
from controller.catalog import available
from controller.catalog.available import AvailableType
from controller.errors import ManifestError, NotFoundError, suggest
from controller.model.bundle import Context


@click.command(name="available-resource-types")
@click.argument("project")
@click.argument("environment")
@click.argument("type", required=False)
@click.option("--all", "is_all", is_flag=True, help="Also types that are not meant for developers.")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Ask the files of this folder instead of the controller.",
)
@click.option("--ref", help="The same, at this branch, tag or commit.")
@output.format_option("table", "json", "yaml")
def command(
    project: str, environment: str, type: str | None, is_all: bool, repo: Path | None, ref: str | None, form: str
) -> None:
    """List what a manifest of an ENVIRONMENT can ask for, or what there is of one TYPE."""
    if repo is None and ref is None:
        page = _of_controller(project, environment, is_all)
    else:
        page = _of_checkout(checkout.load(repo or Path(), ref), project, environment, is_all)
    if type is not None:
        page = {**page, "items": [_one(page["items"], type, f"{project}/{environment}")]}
    if form != "table":
        output.show(page, form)
        return
    rows = [{**option, **row} for row in page["items"] for option in row["options"]]
    columns: dict[str, Cell] = {
        "TYPE": lambda row: row["id"],
        "CLASS": lambda row: row["resource_class"],
        "ID": lambda row: row["resource_id"] or "(any)",
        "PARAMS": lambda row: ", ".join(_param(name, param) for name, param in row["module_params"].items()),
        "MODULE": lambda row: row["module_id"],
        "DESCRIPTION": lambda row: row["description"],
    }
    output.table(rows, columns)


def _of_controller(project: str, environment: str, is_all: bool) -> dict[str, Any]:
    path = ("environments", project, environment, "available-resource-types")
    with client.connect() as server:
        return dict(server.get(*path, include_inaccessible="true" if is_all else None))


def _of_checkout(repository: pipeline.Repository, project: str, environment: str, is_all: bool) -> dict[str, Any]:
    """The same, of files; what is broken in the platform would be missing, so it is said instead."""
    config = configs.config_of(repository, project, environment)
    problems = checkout.problems(repository)
    if problems:
        raise ManifestError(problems)
    context = Context(project, environment, config.type)
    offered = available.available(repository.catalog.catalog, context, include_inaccessible=is_all)
    return {"items": [_shown(row) for row in offered], "next": None}


def _shown(row: AvailableType) -> dict[str, Any]:
    """As the controller shows it."""
    options = [
        {
            "resource_class": option.resource_class,
            "resource_id": option.resource_id,
            "rule": option.rule,
            "module_id": option.module_id,
            "module_params": {
                name: {"type": param.type, "is_optional": param.is_optional, "description": param.description}
                for name, param in option.module_params.items()
            },
        }
        for option in row.options
    ]
    return {
        "id": row.id,
        "description": row.description,
        "output_schema": row.output_schema,
        "is_developer_accessible": row.is_developer_accessible,
        "options": options,
    }


def _one(items: list[dict[str, Any]], type_: str, slug: str) -> dict[str, Any]:
    offered = {item["id"]: item for item in items}
    if type_ not in offered:
        remedy = suggest(type_, offered, "give `--all` for those that are not meant for developers")
        raise NotFoundError(f"environment `{slug}` is offered no resource type `{type_}`; {remedy}")
    return offered[type_]


def _param(name: str, param: Mapping[str, Any]) -> str:
    return f"{name}: {param['type']}{' (optional)' if param['is_optional'] else ''}"
