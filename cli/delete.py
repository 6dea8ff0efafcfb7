"""How does an environment come to an end? `lockstep delete environment`."""

from __future__ import annotations

import sys
from typing import Any

import click

from cli import client, opened
from cli.exits import Exit, Stop
from cli.opened import Wishes


@click.group(name="delete")
def command() -> None:
    """Delete what is there."""


@command.command(name="environment")
@click.argument("project")
@click.argument("environment")
@click.option("--no-prompt", is_flag=True, help="Do not ask before destroying.")
@opened.waiting
def environment_(project: str, environment: str, no_prompt: bool, **wishes: Any) -> int:
    """Destroy all that an ENVIRONMENT has, then forget it; where Git declares it still, it is held.

    This works from what was kept of it: its folder, its modules and Git may be gone.
    """
    asked, slug = Wishes(**wishes), f"{project}/{environment}"
    keys = asked.keys()
    body = {"log_recipient": keys.log_recipient, "expect_last": asked.expect_last, "reason": asked.reason}
    with client.connect() as server:
        server.get("environments", project, environment)  # that there is one is said before anybody types its name
        if not no_prompt:
            _ask(slug)
        row = server.post("environments", project, environment, "destroy", body=body)["deployment"]
        if row is None:
            click.echo(f"{slug} had nothing that could be destroyed; it is deleted", err=True)
            return Exit.DONE
        return opened.see(server, row, keys, asked)


def _ask(slug: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Stop(Exit.USAGE, f"{slug}: this destroys all that it has; say --no-prompt where nobody can be asked")
    typed = click.prompt(f"This destroys all that {slug} has. Type its name to go on", default="", err=True)
    if typed != slug:
        raise Stop(Exit.INTERRUPTED, "nothing was destroyed")
