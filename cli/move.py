"""How does an environment go on under another name? `lockstep move`."""

from __future__ import annotations

import click

from cli import client


@click.command(name="move")
@click.argument("project")
@click.argument("environment")
@click.argument("to", metavar="NAME")
@click.option("--decline", is_flag=True, help="They are two: make the new one, and treat the old one as gone.")
@click.option("--reason", default="", help="Why, for the audit trail.")
def command(project: str, environment: str, to: str, decline: bool, reason: str) -> None:
    """Say that an ENVIRONMENT whose directory was renamed is what Git calls NAME now, or PROJECT/NAME.

    Its identity, its state, its history and its holds stay with it; nothing is made anew. Until somebody says so, one
    that has the same files under another name waits.
    """
    body = {"to": to, "decline": decline, "reason": reason}
    with client.connect() as server:
        made = server.post("environments", project, environment, "move", body=body)
    slug = f"{made['project']}/{made['name']}"
    said = (
        f"{slug} is another one than {project}/{environment}" if decline else f"{project}/{environment} is {slug} now"
    )
    click.echo(said, err=True)
