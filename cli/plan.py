"""What would merging a ref change? `lockstep plan --ref`, for a person or for the bot of a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import client, files, output, progress
from cli.client import Client
from cli.exits import Exit
from controller.model.deployment import Status


@click.command(name="plan")
@click.option("--ref", required=True, help="A branch, a tag, refs/pull/7/head, or a commit.")
@click.option("--repository", help="The repository that it is in; needed where several are watched.")
@click.option(
    "--comment", type=click.Path(dir_okay=False, path_type=Path), help="Write the text for a comment to this file."
)
def command(ref: str, repository: str | None, comment: Path | None) -> int:
    """Plan every environment that merging a ref would change; print the comment for its request."""
    with client.connect() as server:
        planned = server.post("plans", body={"ref": ref, "repository": repository})
        click.echo(f"{planned['ref']} is {progress.short(planned['commit'])}", err=True)
        server.patience = client.WAITING
        for row in planned["deployments"]:
            _watch(server, row)
        found = server.get("plans", planned["id"])
    if comment is None:
        output.say(found["comment"], err=False, nl=not found["comment"].endswith("\n"))
    else:
        files.write(comment, found["comment"].encode())
        click.echo(f"the comment is in {comment}", err=True)
    return _code(found)


def _watch(server: Client, row: dict[str, Any]) -> None:
    click.echo(f"planning {row['project']}/{row['environment']}", err=True)
    progress.ended(progress.wait(server, row["id"]))


def _code(found: dict[str, Any]) -> int:
    """The worst of what was found decides."""
    for slug, problems in sorted(found["problems"].items()):
        click.echo(f"{slug} cannot be planned:", err=True)
        for problem in problems:
            output.say(f"  {problem}")
    if found["problems"]:
        return Exit.INVALID
    if found["conflicts"]:
        click.echo(
            f"the ref does not merge, because of {', '.join(found['conflicts'])}; merge the branch into it", err=True
        )
        return Exit.CONFLICT
    statuses = {row["status"] for row in found["deployments"]}
    if statuses - {Status.PLANNED, Status.SUPERSEDED}:
        return Exit.FAILED
    return Exit.CONFLICT if Status.SUPERSEDED in statuses else Exit.DONE
