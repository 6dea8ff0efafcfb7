"""How does an environment come to an end? `lockstep delete environment`."""

from __future__ import annotations

import sys
from typing import Any

import click

from cli import client, opened, output
from cli.client import Client
from cli.exits import Exit, Stop
from cli.opened import Wishes


@click.group(name="delete")
def command() -> None:
    """Delete what is there."""


@command.command(name="environment")
@click.argument("project")
@click.argument("environment")
@click.option("--no-prompt", is_flag=True, help="Do not ask before destroying.")
@click.option("--force", is_flag=True, help="Forget it without destroying anything; what stays behind is said.")
@click.option(
    "--with-current-providers",
    "current_providers",
    is_flag=True,
    help="Use the provider blocks of today's catalogue, where those of then have no access any more.",
)
@opened.logs_level
@opened.waiting
def environment_(
    project: str, environment: str, no_prompt: bool, force: bool, current_providers: bool, **wishes: Any
) -> int:
    """Destroy all that an ENVIRONMENT has, then forget it; where Git declares it still, it is held.

    This works from what was kept of it: its folder, its modules and Git may be gone.
    """
    asked, slug = Wishes(**wishes), f"{project}/{environment}"
    keys = asked.keys()
    body = {
        "log_recipient": keys.log_recipient,
        "log_level": asked.log_level,
        "expect_last": asked.expect_last,
        "current_providers": current_providers,
        "reason": asked.reason,
    }
    if force and current_providers:
        raise Stop(Exit.USAGE, "--force destroys nothing, and needs no providers; leave one of the two out")
    with client.connect() as server:
        if force:
            return _forget(server, project, environment, no_prompt, asked.reason)
        server.get("environments", project, environment)  # that there is one is said before anybody types its name
        if not no_prompt:
            _ask(slug, f"This destroys all that {slug} has", "destroyed")
        row = server.post("environments", project, environment, "destroy", body=body)["deployment"]
        if row is None:
            click.echo(f"{slug} had nothing that could be destroyed; it is deleted", err=True)
            return Exit.DONE
        return opened.see(server, row, keys, asked)


def _forget(server: Client, project: str, environment: str, no_prompt: bool, reason: str) -> int:
    slug = f"{project}/{environment}"
    if not no_prompt:
        _tell(server.get("environments", project, environment, "left-behind"), slug)
        _ask(slug, f"This forgets {slug} and destroys nothing", "forgotten")
    left = server.post("environments", project, environment, "forget", body={"reason": reason})
    if no_prompt:
        _tell(left, slug)
    click.echo(f"{slug} is forgotten", err=True)
    return Exit.DONE


def _tell(left: dict[str, Any], slug: str) -> None:
    """Exactly what stays behind, as far as anybody here can know."""
    if not left["resources"] and not left["addresses"]:
        click.echo(f"nothing of {slug} stays behind, as far as is known; {left['state']}", err=True)
        return
    click.echo(f"what stays behind of {slug}, and nobody looks after any more:", err=True)
    for line in left["addresses"] or left["resources"]:
        output.say(f"  {line}")
    if left["addresses"] is None:
        click.echo("the state cannot be looked into from here: these are the resources that were wanted", err=True)
    click.echo(left["state"], err=True)


def _ask(slug: str, what: str, done: str) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Stop(Exit.USAGE, f"{slug}: {what[:1].lower()}{what[1:]}; say --no-prompt where nobody can be asked")
    typed = click.prompt(f"{what}. Type its name to go on", default="", err=True)
    if typed != slug:
        raise Stop(Exit.INTERRUPTED, f"nothing was {done}")
