"""How does an environment go back to what it was? `lockstep rollback`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from cli import client, deploying, opened, output, scope
from cli.exits import Exit, Stop
from cli.opened import Wishes


@click.command(name="rollback")
@click.argument("project")
@click.argument("environment")
@click.argument("deployment")
@click.option("--dry-run", is_flag=True, help="Say what it would be; nothing is stored, no engine runs.")
@click.option("--plan-only", is_flag=True, help="Plan it, and stop there.")
@scope.holding
@opened.logs_level
@opened.waiting
@output.format_option("json", "yaml")
def command(
    project: str,
    environment: str,
    deployment: str,
    *,
    dry_run: bool,
    plan_only: bool,
    lasts: timedelta | None,
    until: datetime | None,
    form: str,
    **wishes: Any,
) -> int:
    """Deploy to an ENVIRONMENT what a DEPLOYMENT wanted that succeeded there, and hold it there.

    Its modules and versions are those of then, the runner's credentials those of today. `lockstep resume` lets the
    environment follow Git again.
    """
    if dry_run and plan_only:
        raise Stop(Exit.USAGE, "--dry-run and --plan-only exclude each other; give one of them")
    asked = Wishes(**wishes)
    keys = asked.keys()
    body = {
        "deployment": deployment,
        "dry_run": dry_run,
        "plan_only": plan_only,
        "log_recipient": keys.log_recipient,
        "log_level": asked.log_level,
        "outputs_recipient": keys.outputs.recipient,
        "expect_last": asked.expect_last,
        "hold_until": scope.until(lasts, until, datetime.now(UTC)),
        "reason": asked.reason,
    }
    with client.connect() as server:
        made = server.post("environments", project, environment, "rollback", body=body)
        if made["dry_run"] is None:
            return opened.see(server, made["deployment"], keys, asked)
        deploying.tell_changes(made["dry_run"])
        output.show(made["dry_run"], form)
        return Exit.DONE
