"""How is a repository looked at now instead of at the next poll? `lockstep refresh`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="refresh")
@click.argument("repository")
def command(repository: str) -> None:
    """Fetch a REPOSITORY now, without waiting for the next poll."""
    with client.connect() as server:
        server.post("repositories", repository, "refresh")
    click.echo(f"repository `{repository}` is fetched now", err=True)
