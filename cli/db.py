"""How is the database kept? `serve` brings it up to date by itself; this does only that."""

from __future__ import annotations

from pathlib import Path

import click

from controller import settings as chosen
from controller.history import store


@click.group(name="db")
def command() -> None:
    """Keep the database."""


@command.command(name="upgrade")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="The settings file.")
def upgrade(config: Path | None) -> None:
    """Bring the tables to this release's form, or say that they have it."""
    settings = chosen.load(config)
    opened = store.open_store(settings.database)
    try:
        if store.is_current(opened):
            click.echo("the database is up to date", err=True)
            return
        store.upgrade(opened)
        click.echo("the database was upgraded", err=True)
    finally:
        store.close(opened)
