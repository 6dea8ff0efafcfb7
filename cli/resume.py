"""How does a held environment follow Git again? `lockstep resume`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="resume")
@click.argument("project")
@click.argument("environment")
def command(project: str, environment: str) -> None:
    """End the holds of an ENVIRONMENT: it follows Git again."""
    with client.connect() as server:
        server.post("environments", project, environment, "resume")
    click.echo(f"{project}/{environment} follows Git again", err=True)
