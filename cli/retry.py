"""How is something tried once more that did not succeed? `lockstep retry`."""

from __future__ import annotations

import click

from cli import client, progress
from cli.exits import Exit


@click.command(name="retry")
@click.argument("deployment")
@click.option("--no-wait", is_flag=True, help="Return as soon as it is queued.")
@click.option("--reason", default="", help="Why, for those who read the history.")
def command(deployment: str, no_wait: bool, reason: str) -> int:
    """Try a DEPLOYMENT once more that failed, or was rejected, discarded or cancelled, if it is wanted still."""
    with client.connect() as server:
        row = server.post("deployments", deployment, "retry", body={"reason": reason})
        click.echo(
            f"deployment {row['id']} of {row['project']}/{row['environment']} is {progress.words(row)}", err=True
        )
        if no_wait:
            click.echo(row["id"])
            return Exit.DONE
        server.patience = client.WAITING
        return progress.ended(progress.wait(server, row["id"]))
