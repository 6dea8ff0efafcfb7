"""How does what is held follow Git again? `lockstep resume`."""

from __future__ import annotations

import click

from cli import client
from cli.scope import scope


@click.command(name="resume")
@click.argument("project", required=False)
@click.argument("environment", required=False)
@click.option("--all", "is_all", is_flag=True, help="End the suspension of everything; what holds less stays.")
@click.option("--reason", default="", help="Why, for the audit trail.")
def command(project: str | None, environment: str | None, is_all: bool, reason: str) -> None:
    """End all holds of an ENVIRONMENT, or the suspension of a whole PROJECT: it follows Git again."""
    found = scope(project, environment, is_all=is_all)
    with client.connect() as server:
        server.post(*found.path, "resume", body={"reason": reason})
    verb = "follow" if is_all else "follows"
    click.echo(f"{'all environments' if is_all else found.shown} {verb} Git again", err=True)
