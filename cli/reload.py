"""How are connections added, changed or removed without a restart? `lockstep reload`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="reload")
@click.option("--reason", default="", help="Why, for the audit trail.")
def command(reason: str) -> None:
    """Let the controller read its settings file anew.

    Connections that were added, changed or removed there take effect; other settings do at the next start. Where
    anything in the file is wrong, nothing changes.
    """
    with client.connect() as server:
        done = server.post("settings:reload", body={"reason": reason})
    for word in ("added", "changed", "removed"):
        for id in done[word]:
            click.echo(f"{word}: {id}")
    if not any(done[word] for word in ("added", "changed", "removed")):
        click.echo("connections are as they were", err=True)
    for name in done["waiting"]:
        click.echo(f"takes effect at the next start: {name}", err=True)
