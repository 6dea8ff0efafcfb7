"""Why is my commit not deployed? `lockstep why` says it in one paragraph."""

from __future__ import annotations

import click

from cli import client, output


@click.command(name="why")
@click.argument("project")
@click.argument("environment")
@click.argument("commit", required=False)
@output.format_option("text", "json", "yaml")
def command(project: str, environment: str, commit: str | None, form: str) -> None:
    """Say why a COMMIT is not deployed in an ENVIRONMENT, or that it is, and which command would change that.

    Without COMMIT: the newest of the branch. The beginning of its id is enough.
    """
    with client.connect() as server:
        found = server.get("environments", project, environment, "why", commit=commit)
    if form != "text":
        output.show(found, form)
        return
    output.say(found["text"], err=False)
    if found["command"]:
        output.say(f"  {found['command']}", err=False)
