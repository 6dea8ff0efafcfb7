"""What does a command concern: one environment, a whole project, or everything? And until when?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

from cli.exits import Exit, Stop
from controller import settings

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Scope:
    """`path`: where the server keeps what is done to it."""

    path: tuple[str, ...]
    shown: str


def scope(project: str | None, environment: str | None, *, is_all: bool) -> Scope:
    """Of the words of a command line: PROJECT, PROJECT ENVIRONMENT, or --all."""
    if is_all == (project is not None):
        raise Stop(Exit.USAGE, "give PROJECT, PROJECT ENVIRONMENT, or --all")
    if project is None:
        return Scope((), "everything")
    if environment is None:
        return Scope(("projects", project), f"project {project}")
    return Scope(("environments", project, environment), f"{project}/{environment}")


def span(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
    """The callback of an option: `90s`, `30m`, `2h`, `7d`."""
    if value is None:
        return None
    try:
        found = settings.duration(value)
    except ValueError as e:
        raise click.BadParameter(str(e)) from e
    if not found:
        raise click.BadParameter("that is no time at all; give a longer one")
    return found


def until(lasts: timedelta | None, moment: datetime | None, now: datetime) -> str | None:
    """Of `--for` and `--until`, as the server takes it."""
    if lasts is not None and moment is not None:
        raise Stop(Exit.USAGE, "--for and --until exclude each other; give one of them")
    found = now + lasts if lasts is not None else moment
    return found.isoformat() if found else None


def holding(command: F) -> F:
    """`--for` and `--until` of a command that holds an environment."""
    lasts = click.option("--for", "lasts", callback=span, metavar="DURATION", help="Hold it so long: 30m, 2h, 7d.")
    end = click.option("--until", callback=moment, metavar="TIME", help="Hold it until then: 2026-12-01T08:00.")
    return lasts(end(command))


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """The same: `2026-12-01T08:00`, by the clock of whoever says it, or with an offset of its own."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as e:
        raise click.BadParameter(f"`{value}` is no time; write it like 2026-12-01T08:00") from e
    return found.astimezone() if found.tzinfo is None else found
