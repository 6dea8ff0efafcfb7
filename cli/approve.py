"""How does a plan that waits go on? `lockstep approve`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="approve")
@click.argument("deployment")
@click.option(
    "--import", "imports", is_flag=True, help="Plan again, to take over what an interrupted apply has made already."
)
def command(deployment: str, imports: bool) -> None:
    """Approve the plan of a DEPLOYMENT that waits: exactly this plan is applied.

    With --import no plan is approved: one is made anew with an import block for everything that has one on offer, and
    applied unless something else in it needs approval.
    """
    with client.connect() as server:
        row = server.post("deployments", deployment, "approve", body={"import": True} if imports else None)
    what = "is planned again, with imports" if imports else "is approved; its plan is applied next"
    click.echo(f"deployment {row['id']} of {row['project']}/{row['environment']} {what}", err=True)
