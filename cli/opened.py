"""How is a deployment that was opened told, and seen through to its end? Its keys are made and kept here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import client, decrypt, files, output, progress
from cli.client import Client
from cli.exits import Exit, Stop
from controller.secrets import age
from controller.secrets.age import Identity

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Keys:
    """The private halves never leave this process, but for the log's, which is printed."""

    log: Identity | None  # None: no log is kept
    outputs: Identity

    @property
    def log_recipient(self) -> str | None:
        return self.log.recipient if self.log else None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for with the options of `waiting`."""

    show_logs: bool
    skip_logs: bool
    no_wait: bool
    expect_last: str | None
    reason: str
    timeout: int | None  # seconds
    log_level: str = "info"

    def keys(self) -> Keys:
        """New ones; refused where the options do not fit together."""
        if self.show_logs and self.skip_logs:
            raise Stop(Exit.USAGE, "--show-logs and --skip-logs exclude each other; give one of them")
        if self.no_wait and self.show_logs:
            raise Stop(Exit.USAGE, "--show-logs needs the end of the deployment; leave out --no-wait")
        return Keys(None if self.skip_logs else age.generate(), age.generate())


def waiting(command: F) -> F:
    """The options of a command that opens a deployment and waits for its end."""
    for option in (
        click.option("--show-logs", is_flag=True, help="Print the log at the end."),
        click.option(
            "--skip-logs", is_flag=True, help="Make no key for the log: only recipients of the controller read it."
        ),
        click.option("--no-wait", is_flag=True, help="Return as soon as it is queued."),
        click.option("--expect-last", metavar="ID", help="Refuse unless this is the environment's newest deployment."),
        click.option("--reason", default="", help="Why, for those who read the history."),
        click.option(
            "--timeout", type=click.IntRange(1), metavar="SECONDS", help="Stop waiting after so long; it goes on."
        ),
    ):
        command = option(command)
    return command


logs_level = click.option(
    "--runner-logs-level",
    "log_level",
    type=click.Choice(["info", "debug"]),
    default="info",
    help="`debug`: the engine and its providers trace into the log.",
)


def see(
    server: Client, row: dict[str, Any], keys: Keys, wishes: Wishes, *, result: str | None = None, form: str = "yaml"
) -> int:
    """Tell of a deployment that was opened, and wait for its end unless nobody wants to; the exit code."""
    _tell(row, keys)
    if wishes.no_wait:
        click.echo(row["id"])
        return Exit.DONE
    server.patience = client.WAITING
    row = progress.wait(server, row["id"], timedelta(seconds=wishes.timeout) if wishes.timeout else None)
    if wishes.show_logs and keys.log is not None:
        for text in decrypt.read_log(server, row["id"], keys.log.secret, follow=True):
            output.say(text, nl=False)
    code = progress.ended(row)
    if code == Exit.DONE and result is not None:
        text = output.text(json.loads(decrypt.read_outputs(server, row["id"], keys.outputs.secret)), form)
        _write_result(result, text, row["id"], keys)
    return code


def _tell(row: dict[str, Any], keys: Keys) -> None:
    click.echo(f"deployment {row['id']} of {row['project']}/{row['environment']} is {progress.words(row)}", err=True)
    for warning in row["warnings"]:
        output.say(f"warning: {warning}")
    if keys.log is not None:
        click.echo("its log is encrypted; read it with this key, which is not shown again:", err=True)
        click.echo(f"  lockstep logs {row['id']} --key {keys.log.secret.reveal()}", err=True)


def _write_result(to: str, text: str, id: str, keys: Keys) -> None:
    if to == "-":
        click.echo(text, nl=False)
        return
    try:
        files.write_private(Path(to), text.encode())
    except OSError as e:
        again = f"lockstep outputs {id} --key {keys.outputs.secret.reveal()}"
        raise Stop(Exit.INVALID, f"{to}: {(e.strerror or '').lower()}; `{again}` prints the outputs") from e
    click.echo(f"the outputs are in {to}", err=True)
