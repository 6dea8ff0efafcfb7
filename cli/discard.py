"""How does a plan that waits end without being applied? `lockstep discard`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="discard")
@click.argument("deployment")
def command(deployment: str) -> None:
    """Discard the plan of a DEPLOYMENT that waits: nothing is applied."""
    with client.connect() as server:
        row = server.post("deployments", deployment, "discard")
    click.echo(
        f"deployment {row['id']} of {row['project']}/{row['environment']} is discarded; nothing was applied", err=True
    )
