"""How does an environment go back to what it was? `lockstep rollback`."""

from __future__ import annotations

from typing import Any

import click

from cli import client, opened
from cli.opened import Wishes


@click.command(name="rollback")
@click.argument("project")
@click.argument("environment")
@click.argument("deployment")
@opened.waiting
def command(project: str, environment: str, deployment: str, **wishes: Any) -> int:
    """Deploy to an ENVIRONMENT what a DEPLOYMENT wanted that succeeded there, and hold it there.

    Its modules and versions are those of then, the runner's credentials those of today. `lockstep resume` lets the
    environment follow Git again.
    """
    asked = Wishes(**wishes)
    keys = asked.keys()
    body = {
        "deployment": deployment,
        "log_recipient": keys.log_recipient,
        "outputs_recipient": keys.outputs.recipient,
        "expect_last": asked.expect_last,
        "reason": asked.reason,
    }
    with client.connect() as server:
        row = server.post("environments", project, environment, "rollback", body=body)
        return opened.see(server, row, keys, asked)
