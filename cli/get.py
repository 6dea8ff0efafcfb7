"""What is there, and what happened? `lockstep get` prints it, for people as a table, for machines as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from cli import available, client, output, progress
from cli.client import Client
from cli.exits import Exit, Stop
from cli.output import Cell
from controller.model import access
from controller.model.deployment import Origin, Status, VerdictKind

_FORMATS = ("table", "json", "yaml")
_NAMED = 8  # verdicts on a commit; of more it is said how many there are
_REPOSITORY = click.option("--repository", help="Only of this repository.")


@click.group(name="get")
def command() -> None:
    """Print what is there and what happened."""


command.add_command(available.command)


@command.command()
@output.format_option(*_FORMATS)
def projects(form: str) -> None:
    """List the projects."""
    _list(("projects",), {"PROJECT": lambda row: row["id"]}, form)


@command.command()
@click.argument("project", required=False)
@output.format_option(*_FORMATS)
def environments(project: str | None, form: str) -> None:
    """List the environments, of all projects or of one PROJECT."""
    columns: dict[str, Cell] = {
        "ENVIRONMENT": lambda row: f"{row['project']}/{row['name']}",
        "TYPE": lambda row: row["type"],
        "ORIGIN": lambda row: row["origin"],
        "STATUS": lambda row: row["status"],
        "LIVE COMMIT": lambda row: progress.short(row["live_commit"]),
        "IN STEP": _in_step,
        "HELD": lambda row: ", ".join(f"{hold['kind']} by {hold['who']}" for hold in row["holds"]),
        "PROBLEMS": lambda row: len(row["problems"]) or None,
        "DRIFTED": lambda row: True if row["drifted"] else None,
        "ENDS": lambda row: row["expires_at"],
    }
    _list(("environments",), columns, form, project=project)


@command.command()
@click.argument("project")
@click.argument("environment")
@output.format_option("yaml", "json")
def environment(project: str, environment: str, form: str) -> None:
    """Print one ENVIRONMENT: how it stands, what holds it, what is live."""
    with client.connect() as server:
        output.show(server.get("environments", project, environment), form)


@command.command()
@output.format_option(*_FORMATS)
def holds(form: str) -> None:
    """List what does not follow Git: who holds it, why, and until when."""
    columns: dict[str, Cell] = {
        "HELD": lambda row: "everything" if row["scope"] == "*" else row["scope"],
        "HOW": lambda row: row["kind"],
        "BY": lambda row: row["who"],
        "SINCE": lambda row: row["since"],
        "UNTIL": lambda row: row["until"],
        "WHY": lambda row: row["why"],
    }
    _list(("holds",), columns, form)


@command.command()
@click.argument("project", required=False)
@click.argument("environment", required=False)
@_REPOSITORY
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only those in this status.")
@click.option("--commit", help="Only those of this commit.")
@click.option("--before", help="Only those older than this deployment: the `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many, 50 by default.")
@output.format_option(*_FORMATS)
def deployments(project: str | None, environment: str | None, form: str, **filters: Any) -> None:
    """List deployments, newest first, of all environments, of a PROJECT, or of one ENVIRONMENT."""
    columns: dict[str, Cell] = {
        "DEPLOYMENT": lambda row: row["id"],
        "ENVIRONMENT": lambda row: f"{row['project']}/{row['environment']}",
        "MODE": lambda row: row["mode"],
        "STATUS": lambda row: row["status"] + (" (no changes)" if row["no_changes"] else ""),
        "COMMIT": lambda row: progress.short(row["commit"]),
        "SUBJECT": lambda row: (row["commit_subject"] or "")[:60],
        "BY": lambda row: row["created_by"],
        "OPENED": lambda row: row["created_at"],
    }
    _list(("deployments",), columns, form, project=project, environment=environment, **filters)


@command.command()
@click.argument("id")
@output.format_option("yaml", "json")
def deployment(id: str, form: str) -> None:
    """Print one deployment, and how far its apply came if that did not do everything."""
    with client.connect() as server:
        row = server.get("deployments", id)
        output.show(row | {"progress": _progress(server, row)}, form)


@command.command()
@click.argument("words", nargs=-1, required=True, metavar="ID | PROJECT ENVIRONMENT")
@output.format_option("yaml", "json")
def manifest(words: tuple[str, ...], form: str) -> None:
    """Print the manifest of a deployment, or that of the last one of an environment."""
    if len(words) > 2:
        raise Stop(Exit.USAGE, "too many words; give the ID of a deployment, or PROJECT ENVIRONMENT")
    path = ("deployments", words[0], "manifest") if len(words) == 1 else ("environments", *words, "manifest")
    with client.connect() as server:
        output.show(server.get(*path)["manifest"], form)


@command.command()
@click.argument("project")
@click.argument("environment")
@output.format_option(*_FORMATS)
def resources(project: str, environment: str, form: str) -> None:
    """List the resources of an ENVIRONMENT with the metadata that their modules returned."""
    columns: dict[str, Cell] = {
        "RESOURCE": lambda row: row["resource"],
        "MODULE": lambda row: row["module"] or "(workload)",
        "METADATA": lambda row: _pairs(row["metadata"]),
    }
    _list(("environments", project, environment, "resources"), columns, form)


@command.command()
@_REPOSITORY
@output.format_option(*_FORMATS)
def modules(repository: str | None, form: str) -> None:
    """List the modules of the platform."""
    columns: dict[str, Cell] = {
        "MODULE": lambda row: row["id"],
        "RESOURCE TYPE": lambda row: row["resource_type"],
        "COMMIT": _commit,
        "DESCRIPTION": lambda row: row["description"],
        "REPOSITORY": lambda row: row["repository"],
    }
    _list(("modules",), columns, form, repository=repository)


@command.command(name="resource-types")
@_REPOSITORY
@output.format_option(*_FORMATS)
def resource_types(repository: str | None, form: str) -> None:
    """List the resource types of the platform."""
    columns: dict[str, Cell] = {
        "TYPE": lambda row: row["id"],
        "DESCRIPTION": lambda row: row["description"],
        "REPOSITORY": lambda row: row["repository"],
    }
    _list(("resource-types",), columns, form, repository=repository)


@command.command()
@_REPOSITORY
@output.format_option(*_FORMATS)
def providers(repository: str | None, form: str) -> None:
    """List the providers of the platform."""
    columns: dict[str, Cell] = {
        "PROVIDER": lambda row: f"{row['provider_type']}.{row['id']}",
        "SOURCE": lambda row: row["source"],
        "VERSION": lambda row: row["version_constraint"],
        "REPOSITORY": lambda row: row["repository"],
    }
    _list(("providers",), columns, form, repository=repository)


@command.command()
@_REPOSITORY
@output.format_option(*_FORMATS)
def runners(repository: str | None, form: str) -> None:
    """List the runners of the platform, without the values of their variables."""
    columns: dict[str, Cell] = {
        "RUNNER": lambda row: row["id"],
        "TYPE": lambda row: row["type"],
        "VARIABLES": lambda row: ", ".join(row["variables"]),
        "DESCRIPTION": lambda row: row["description"],
        "REPOSITORY": lambda row: row["repository"],
    }
    _list(("runners",), columns, form, repository=repository)


@command.command()
@output.format_option(*_FORMATS)
def repositories(form: str) -> None:
    """List repositories: where each was last seen, how far it is decided, and why it cannot be read."""
    columns: dict[str, Cell] = {
        "REPOSITORY": lambda row: row["id"],
        "BRANCH": lambda row: row["branch"],
        "HEAD": lambda row: progress.short(row["head"]),
        "DECIDED": lambda row: progress.short(row["decided_tip"]),
        "POLLED": lambda row: row["polled_at"],
        "PROBLEMS": lambda row: len(row["problems"]) or None,
        "ERROR": lambda row: row["error"],
    }
    for row in _list(("repositories",), columns, form):
        for problem in row["problems"]:
            click.echo(f"{row['id']} at {progress.short(row['decided_tip'])}: {problem}", err=True)


@command.command()
@_REPOSITORY
@click.option("--before", help="Only those older than this commit: the `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many, 50 by default.")
@output.format_option(*_FORMATS)
def commits(form: str, **filters: Any) -> None:
    """List commits, newest first, and what became of each."""
    columns: dict[str, Cell] = {
        "COMMIT": lambda row: progress.short(row["id"]),
        "AUTHOR": lambda row: row["author_name"],
        "SUBJECT": lambda row: row["message"].strip().partition("\n")[0][:60],
        "VERDICTS": _verdicts,
    }
    _list(("commits",), columns, form, **filters)


@command.command()
@click.argument("id", metavar="COMMIT")
@output.format_option(*_FORMATS)
def commit(id: str, form: str) -> None:
    """Print what a COMMIT means for every environment."""
    columns: dict[str, Cell] = {
        "ENVIRONMENT": lambda row: f"{row['project']}/{row['environment']}",
        "VERDICT": lambda row: row["kind"],
        "DEPLOYMENT": lambda row: row["deployment"],
        "WHY": lambda row: row["reason"] or "; ".join(row["problems"]) or progress.short(row["other_commit"]),
    }
    with client.connect() as server:
        found = server.get("commits", id)
    if form == "table":
        output.table(found["verdicts"], columns)
    else:
        output.show(found, form)


@command.command()
@click.option("--subject", help="Only on this: PROJECT/ENVIRONMENT, the id of a deployment, the name of a token.")
@click.option("--actor", help="Only by this one.")
@click.option("--action", help="Only this: deploy, rollback, destroy, approve, discard, cancel, resume…")
@click.option("--before", help="Only what came before this line: the `next` of the page before.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many, 50 by default.")
@output.format_option(*_FORMATS)
def audit(form: str, **filters: Any) -> None:
    """List who changed what, newest first, from where, and what it was before and is after."""
    columns: dict[str, Cell] = {
        "AT": lambda row: row["at"],
        "WHO": lambda row: row["actor"],
        "WHAT": lambda row: row["action"],
        "ON": lambda row: row["subject"],
        "CHANGED": lambda row: access.change(row["before"], row["after"]),
        "FROM": lambda row: row["origin"],
        "WHY": lambda row: row["reason"],
    }
    _list(("audit",), columns, form, **filters)


@command.command()
@_REPOSITORY
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many, 50 by default.")
@output.format_option(*_FORMATS)
def deliveries(form: str, **filters: Any) -> None:
    """List what forges delivered to our webhooks, newest first, and what it came to."""
    columns: dict[str, Cell] = {
        "AT": lambda row: row["received_at"],
        "REPOSITORY": lambda row: row["repository"],
        "EVENT": lambda row: row["event"],
        "ACCEPTED": lambda row: row["is_accepted"],
        "TIMES": lambda row: row["times"],
        "SAID": lambda row: row["said"],
        "FROM": lambda row: row["origin"],
    }
    _list(("webhook-deliveries",), columns, form, **filters)


def _list(
    path: tuple[str, ...], columns: Mapping[str, Cell], form: str, **query: object
) -> Sequence[Mapping[str, Any]]:
    """Print what there is; gives the rows of a table, of which there may be more to say."""
    with client.connect() as server:
        page = server.get(*path, **query)
    if form != "table":
        output.show(page, form)
        return ()
    output.table(page["items"], columns)
    if page["next"] is not None:
        click.echo(f"there is more; give --before {page['next']} for the next page", err=True)
    rows: Sequence[Mapping[str, Any]] = page["items"]
    return rows


def _in_step(row: Mapping[str, Any]) -> bool | None:
    """None where Git wants nothing of it."""
    return None if row["origin"] != Origin.GIT else row["applied"] is not None and row["applied"] == row["desired"]


def _progress(server: Client, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Null where no apply was begun, or all of it is done."""
    if row["status"] == Status.SUCCEEDED:
        return None
    found = server.get("deployments", row["id"], "progress")
    return {key: found[key] for key in ("done", "total", "nodes", "addresses")} if found["is_begun"] else None


def _pairs(metadata: Any) -> str:
    if not isinstance(metadata, dict):
        return "" if metadata is None else str(metadata)
    return ", ".join(f"{key}={value}" for key, value in metadata.items())


def _verdicts(row: Mapping[str, Any]) -> str:
    """Of a few environments each, of many how many."""
    many = {kind: count for kind, count in row["counts"].items() if kind != VerdictKind.UNCHANGED}
    if sum(many.values()) > _NAMED:
        return ", ".join(f"{count} {kind}" for kind, count in many.items())
    told = [f"{one['project']}/{one['environment']} {one['kind']}" for one in row["verdicts"]]
    return ", ".join(told) or ("changes nothing" if row["counts"] else "")


def _commit(module: Mapping[str, Any]) -> str:
    """What a module's tag or branch is; of other sources nothing has to be asked."""
    pin = module.get("pin")
    if pin is None:
        return ""
    found = pin["commit"][:10] if pin["commit"] else "?"
    return f"{pin['ref']} = {found}" + (f" ({pin['error']})" if pin["error"] else "")
