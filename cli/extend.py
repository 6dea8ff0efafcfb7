"""How does an environment that ends by itself get more time? `lockstep extend`."""

from __future__ import annotations

from datetime import timedelta

import click

from cli import client, scope
from cli.exits import Exit, Stop


@click.command(name="extend")
@click.argument("project")
@click.argument("environment")
@click.option("--ttl", callback=scope.span, metavar="DURATION", help="From now on so long: 72h, 7d.")
@click.option("--forever", is_flag=True, help="It does not end by itself any more.")
@click.option("--reason", default="", help="Why, for the audit trail.")
def command(project: str, environment: str, ttl: timedelta | None, forever: bool, reason: str) -> None:
    """Say anew when an ENVIRONMENT that somebody made is destroyed by itself."""
    if (ttl is None) != forever:
        raise Stop(Exit.USAGE, "give --ttl DURATION, or --forever")
    body = {"expires_in_seconds": int(ttl.total_seconds()) if ttl else None, "reason": reason}
    with client.connect() as server:
        made = server.post("environments", project, environment, "extend", body=body)
    ends = f"is destroyed by itself {made['expires_at']}" if made["expires_at"] else "does not end by itself"
    click.echo(f"{project}/{environment} {ends}", err=True)
