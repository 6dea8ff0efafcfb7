"""How does an environment come into being that Git does not declare? `lockstep create environment`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from cli import client, opened, scope, source
from cli.exits import Exit
from cli.opened import Wishes


@click.group(name="create")
def command() -> None:
    """Create what is not declared in Git."""


@command.command(name="environment")
@click.argument("project")
@click.argument("environment")
@click.option("--type", "type_", required=True, help="Its environment type.")
@click.option(
    "--from", "origin", metavar="SOURCE", help="Deploy this at once: a file, environment://NAME, deployment://ID."
)
@click.option("--ttl", callback=scope.span, metavar="DURATION", help="Destroy it by itself after so long: 72h, 7d.")
@opened.logs_level
@opened.waiting
def environment_(
    project: str, environment: str, type_: str, origin: str | None, ttl: timedelta | None, **wishes: Any
) -> int:
    """Make an ENVIRONMENT of a PROJECT, with the project's defaults; `lockstep deploy` and `delete` work on it."""
    asked, slug = Wishes(**wishes), f"{project}/{environment}"
    keys = asked.keys()
    with client.connect() as server:
        found = None if origin is None else source.read(origin, lambda: server, project, environment)
        body = {
            "project": project,
            "name": environment,
            "type": type_,
            "expires_in_seconds": int(ttl.total_seconds()) if ttl else None,
            "reason": asked.reason,
        }
        made = server.post("environments", body=body)
        ends = f"; it is destroyed by itself {made['expires_at']}" if made["expires_at"] else ""
        click.echo(f"{slug} ({type_}) is made{ends}", err=True)
        if found is None:
            return Exit.DONE
        sent = found.body | {
            "log_recipient": keys.log_recipient,
            "log_level": asked.log_level,
            "outputs_recipient": keys.outputs.recipient,
            "reason": asked.reason,
        }
        row = server.post("environments", project, environment, "deployments", body=sent)["deployment"]
        return opened.see(server, row, keys, asked)
