"""How is a deployment stopped? `lockstep cancel`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="cancel")
@click.argument("deployment")
def command(deployment: str) -> None:
    """Cancel a DEPLOYMENT: one that waits ends, one at work is interrupted as the engine allows."""
    with client.connect() as server:
        row = server.post("deployments", deployment, "cancel")
    click.echo(f"deployment {row['id']} of {row['project']}/{row['environment']} is being cancelled", err=True)
