"""Is what was deployed still as it was? `lockstep drift` looks, and changes nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from cli import client, output, progress
from cli.exits import Exit
from controller.model.deployment import Status


@click.command(name="drift")
@click.argument("project")
@click.argument("environment")
@click.option("--fail", is_flag=True, help="End with 4 where something has drifted.")
@click.option("--no-wait", is_flag=True, help="Return as soon as it is queued.")
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="Stop waiting after so long; it goes on.")
@output.format_option("table", "json", "yaml")
def command(project: str, environment: str, *, fail: bool, no_wait: bool, timeout: int | None, form: str) -> int:
    """Plan once more what an ENVIRONMENT has, and print what differs from it: addresses, never a value."""
    with client.connect() as server:
        row = server.post("environments", project, environment, "drift", body={})
        if no_wait:
            click.echo(row["id"])
            return Exit.DONE
        server.patience = client.WAITING
        row = progress.wait(server, row["id"], timedelta(seconds=timeout) if timeout else None)
        code = progress.ended(row)
        if row["status"] != Status.PLANNED:
            return code
        changes = server.get("deployments", row["id"], "plan")["summary"]["changes"]
    changes = [change for change in changes if change["action"] in _DRIFT]
    _tell(f"{project}/{environment}", row["id"], changes, form)
    return Exit.FAILED if fail and changes else Exit.DONE


_DRIFT = ("create", "update", "replace", "delete")  # what would have to be done to put it right


def _tell(slug: str, id: str, changes: list[dict[str, Any]], form: str) -> None:
    if form != "table":
        output.show({"deployment": id, "drifted": bool(changes), "changes": changes}, form)
    elif changes:
        output.table(
            changes,
            {
                "ADDRESS": lambda change: change["address"],
                "TO PUT IT RIGHT": lambda change: change["action"],
                "DIFFERS IN": lambda change: ", ".join(change.get("attributes") or ()),
            },
        )
    else:
        click.echo(f"{slug} is as it was deployed", err=True)
