"""How does an environment go to another runner or state storage? `lockstep rebind`."""

from __future__ import annotations

import sys
from typing import Any

import click

from cli import client, opened
from cli.exits import Exit, Stop
from cli.opened import Wishes


@click.command(name="rebind")
@click.argument("project")
@click.argument("environment")
@click.option("--no-prompt", is_flag=True, help="Do not ask before moving.")
@opened.waiting
def command(project: str, environment: str, no_prompt: bool, **wishes: Any) -> int:
    """Move an ENVIRONMENT to the runner and the state storage that Git wants for it now.

    It is planned before, where it is, and after, where it goes; both plans have to be empty. The state is copied, and
    the old one stays as it is. Only then the environment is bound to the new place.
    """
    asked, slug = Wishes(**wishes), f"{project}/{environment}"
    keys = asked.keys()
    body = {"log_recipient": keys.log_recipient, "expect_last": asked.expect_last, "reason": asked.reason}
    with client.connect() as server:
        binding = server.get("environments", project, environment, "binding")
        changes = binding["changes"]
        if changes and not no_prompt:
            _ask(slug, changes)
        row = server.post("environments", project, environment, "rebind", body=body)
        return opened.see(server, row, keys, asked)


def _ask(slug: str, changes: list[str]) -> None:
    what = "; ".join(changes)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Stop(Exit.USAGE, f"{slug}: this moves its {what}; say --no-prompt where nobody can be asked")
    typed = click.prompt(f"This moves {slug}: {what}. Type its name to go on", default="", err=True)
    if typed != slug:
        raise Stop(Exit.INTERRUPTED, "nothing was moved")
