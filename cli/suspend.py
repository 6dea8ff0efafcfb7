"""How is Git kept from an environment for a while? `lockstep suspend`."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from cli import client
from cli.exits import Exit, Stop
from cli.scope import moment, scope, span


@click.command(name="suspend")
@click.argument("project", required=False)
@click.argument("environment", required=False)
@click.option("--all", "is_all", is_flag=True, help="All environments of all projects.")
@click.option("--for", "lasts", callback=span, metavar="DURATION", help="For so long: 30m, 2h, 7d.")
@click.option("--until", callback=moment, metavar="TIME", help="Until then: 2026-12-01T08:00.")
@click.option("--reason", default="", help="Why, for those who wonder.")
def command(
    project: str | None,
    environment: str | None,
    is_all: bool,
    lasts: timedelta | None,
    until: datetime | None,
    reason: str,
) -> None:
    """Let nothing from Git begin in an ENVIRONMENT, in a whole PROJECT, or anywhere, until it is resumed.

    Commits go on being decided and shown as held. A running apply ends as it would; a person may deploy by hand.
    """
    found = scope(project, environment, is_all=is_all)
    if lasts is not None and until is not None:
        raise Stop(Exit.USAGE, "--for and --until exclude each other; give one of them")
    body = {
        "reason": reason,
        "for_seconds": int(lasts.total_seconds()) if lasts else None,
        "until": until.isoformat() if until else None,
    }
    with client.connect() as server:
        hold = server.post(*found.path, "suspend", body=body)
    end = f"until {hold['until']}" if hold["until"] else "until somebody resumes it"
    click.echo(f"{found.shown} is suspended {end}", err=True)
