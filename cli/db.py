"""How is the database kept? `serve` brings it up to date by itself; this does only that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click

from cli import output
from controller import backup as backups
from controller import clock, wiring
from controller import settings as chosen
from controller.deployments import recovery
from controller.errors import ConflictError
from controller.history import prune as pruning
from controller.history import store
from controller.history.store import Store
from controller.settings import Settings

_CONFIG = click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="The settings file.")


@click.group(name="db")
def command() -> None:
    """Keep the database."""


@command.command(name="upgrade")
@_CONFIG
def upgrade(config: Path | None) -> None:
    """Bring the tables to this release's form, or say that they have it."""
    with _opened(chosen.load(config)) as opened:
        if store.is_current(opened):
            click.echo("the database is up to date", err=True)
            return
        store.upgrade(opened)
        click.echo("the database was upgraded", err=True)


@command.command(name="backup")
@_CONFIG
@click.argument("folder", type=click.Path(path_type=Path))
def backup(config: Path | None, folder: Path) -> None:
    """Copy database and states to FOLDER, which is made; the controller may be at work meanwhile.

    To bring it back, copy what is in FOLDER into an empty data directory, and the keys beside it.
    """
    settings = chosen.load(config)
    with _opened(settings) as opened:
        _require_current(opened)
        if not opened.is_sqlite:
            click.echo(
                "the database is PostgreSQL: copy it first, with `pg_dump`; only the rest is copied here", err=True
            )
        done = backups.make(settings.data_dir.resolve(), opened, folder.absolute())
    what = "database and states" if done.database else "states"
    click.echo(f"{folder}: {what} of {done.states} environment{'' if done.states == 1 else 's'}", err=True)
    if done.keys:
        click.echo(f"not in it, to be kept apart: {', '.join(done.keys)}", err=True)


@command.command(name="prune")
@_CONFIG
@click.option("--dry-run", is_flag=True, help="Only say how much there is to remove.")
@output.format_option("table", "json", "yaml")
def prune(config: Path | None, dry_run: bool, form: str) -> None:
    """Remove logs, outputs and plans that are older than `retention` in the settings says.

    The controller does the same by itself, now and then; it may be at work meanwhile.
    """
    settings = chosen.load(config)
    retention = wiring.retention(settings)
    with _opened(settings) as opened:
        _require_current(opened)
        count = pruning.prunable if dry_run else pruning.prune
        found = count(opened, retention, clock.now())
    done = "to be removed" if dry_run else "removed"
    kept = {"logs": retention.logs, "outputs": retention.outputs, "plans": retention.plans}
    rows = [{"what": name, "kept_days": _days(age), "deployments": getattr(found, name)} for name, age in kept.items()]
    if form != "table":
        output.show({"dry_run": dry_run, "items": rows}, form)
        return
    output.table(
        rows,
        {
            "WHAT": lambda row: row["what"],
            "KEPT": lambda row: "for ever" if row["kept_days"] is None else f"{row['kept_days']:g} days",
            f"{done.upper()}, DEPLOYMENTS": lambda row: str(row["deployments"]),
        },
    )


def _days(age: timedelta | None) -> float | None:
    """Whole ones as such; retention may be shorter than a day."""
    days = None if age is None else age / timedelta(days=1)
    return int(days) if days is not None and days == int(days) else days


@command.command(name="unsaved-state")
@_CONFIG
@click.argument("deployment")
@click.option("--forget", is_flag=True, help="Never put it back: what the state storage has is right.")
def unsaved_state(config: Path | None, deployment: str, forget: bool) -> None:
    """Print the state that a DEPLOYMENT could not save, secrets and all; with --forget drop it.

    The controller puts it back by itself before the next plan, unless somebody else has written the state since.
    """
    settings = chosen.load(config)
    with _opened(settings) as opened:
        _require_current(opened)
        if forget:
            recovery.forget(opened, deployment, clock.now())
            click.echo(f"the state that deployment {deployment} could not save is not put back any more", err=True)
        else:
            sealer = wiring.sealer(settings, settings.data_dir.resolve(), os.environ)
            click.echo(recovery.content(opened, sealer, deployment), nl=False)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    opened = store.open_store(settings.database)
    try:
        yield opened
    finally:
        store.close(opened)


def _require_current(opened: Store) -> None:
    if not store.is_current(opened):
        raise ConflictError("the database has not this release's form; run `lockstep db upgrade` first")
