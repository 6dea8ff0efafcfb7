"""How does a plan that waits go on? `lockstep approve`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="approve")
@click.argument("deployment")
def command(deployment: str) -> None:
    """Approve the plan of a DEPLOYMENT that waits: exactly this plan is applied."""
    with client.connect() as server:
        row = server.post("deployments", deployment, "approve")
    click.echo(
        f"deployment {row['id']} of {row['project']}/{row['environment']} is approved; its plan is applied next",
        err=True,
    )
