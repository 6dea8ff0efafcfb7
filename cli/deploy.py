"""How is a manifest deployed by hand? `lockstep deploy`, with two keys that only who started it has."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cli import client, decrypt, files, output, progress, source
from cli.client import Client
from cli.exits import Exit, Stop
from cli.source import Source
from controller.secrets import age
from controller.secrets.age import Identity


@dataclass(frozen=True, slots=True)
class Keys:
    """The private halves never leave this process, but for the log's, which is printed."""

    log: Identity | None  # None: no log is kept
    outputs: Identity


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for on the command line."""

    project: str
    environment: str
    dry_run: bool
    plan_only: bool
    result: str | None
    show_logs: bool
    no_wait: bool
    no_prompt: bool
    expect_last: str | None
    reason: str
    timeout: timedelta | None
    form: str


@click.command(name="deploy")
@click.argument("project")
@click.argument("environment")
@click.argument("manifest", metavar="SOURCE")
@click.option("--dry-run", is_flag=True, help="Say what it would be; nothing is stored, no engine runs.")
@click.option("--plan-only", is_flag=True, help="Plan it, and stop there.")
@click.option("--result", metavar="FILE|-", help="Write the outputs to this file, for its owner only, or to stdout.")
@click.option("--show-logs", is_flag=True, help="Print the log at the end.")
@click.option("--skip-logs", is_flag=True, help="Make no key for the log: only recipients of the controller read it.")
@click.option("--no-wait", is_flag=True, help="Return as soon as it is queued.")
@click.option("--no-prompt", is_flag=True, help="Do not ask before deploying.")
@click.option("--expect-last", metavar="ID", help="Refuse unless this is the environment's newest deployment.")
@click.option("--reason", default="", help="Why, for those who read the history.")
@click.option("--timeout", type=click.IntRange(1), metavar="SECONDS", help="Stop waiting after so long; it goes on.")
@output.format_option("json", "yaml")
def command(manifest: str, skip_logs: bool, timeout: int | None, **wishes: Any) -> int:
    """Deploy the manifest SOURCE, a file or `-`, to an ENVIRONMENT, and hold it there until `lockstep resume`."""
    asked = Wishes(timeout=timedelta(seconds=timeout) if timeout else None, **wishes)
    _check(asked, skip_logs)
    document = source.read(manifest)
    keys = Keys(None if skip_logs else age.generate(), age.generate())
    with client.connect() as server:
        if not (asked.dry_run or asked.plan_only):
            _ask(server, asked, document)
        made = server.post(
            "environments", asked.project, asked.environment, "deployments", body=_body(asked, keys, document)
        )
        if made["dry_run"] is not None:
            _tell_dry_run(made["dry_run"], asked.form)
            return Exit.DONE
        _tell_opened(made["deployment"], keys)
        if asked.no_wait:
            click.echo(made["deployment"]["id"])
            return Exit.DONE
        server.patience = client.WAITING
        return _see_through(server, made["deployment"]["id"], asked, keys)


def _check(asked: Wishes, skip_logs: bool) -> None:
    pairs = (
        (asked.dry_run and asked.plan_only, "--dry-run and --plan-only exclude each other; give one of them"),
        (asked.show_logs and skip_logs, "--show-logs and --skip-logs exclude each other; give one of them"),
        (asked.no_wait and bool(asked.result), "--result needs the end of the deployment; leave out --no-wait"),
        (asked.no_wait and asked.show_logs, "--show-logs needs the end of the deployment; leave out --no-wait"),
    )
    for is_wrong, message in pairs:
        if is_wrong:
            raise Stop(Exit.USAGE, message)


def _body(asked: Wishes, keys: Keys, document: Source) -> dict[str, Any]:
    return {
        "source": {"name": document.name, "text": document.text},
        "dry_run": asked.dry_run,
        "plan_only": asked.plan_only,
        "log_recipient": keys.log.recipient if keys.log else None,
        "outputs_recipient": keys.outputs.recipient,
        "expect_last": asked.expect_last,
        "reason": asked.reason,
    }


def _ask(server: Client, asked: Wishes, document: Source) -> None:
    """On a terminal, say what would change and ask; elsewhere the command itself is the answer."""
    if asked.no_prompt or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    preview = _body(asked, Keys(None, age.generate()), document) | {"dry_run": True}
    found = server.post("environments", asked.project, asked.environment, "deployments", body=preview)["dry_run"]
    _tell_changes(found)
    if not click.confirm(f"Deploy this to {asked.project}/{asked.environment}?", default=True, err=True):
        raise Stop(Exit.INTERRUPTED, "nothing was deployed")


def _tell_dry_run(found: dict[str, Any], form: str) -> None:
    _tell_changes(found)
    output.show(found, form)


def _tell_changes(found: dict[str, Any]) -> None:
    for warning in found["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    for sentence in found["changes"]:
        click.echo(sentence, err=True)
    if not found["changes"]:
        what = "the same resources with other values" if found["is_new"] else "exactly what is applied"
        click.echo(f"no resource is added, removed or changed: it is {what}", err=True)


def _tell_opened(row: dict[str, Any], keys: Keys) -> None:
    click.echo(f"deployment {row['id']} of {row['project']}/{row['environment']} is {progress.words(row)}", err=True)
    for warning in row["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    if keys.log is not None:
        click.echo("its log is encrypted; read it with this key, which is not shown again:", err=True)
        click.echo(f"  lockstep logs {row['id']} --key {keys.log.secret.reveal()}", err=True)


def _see_through(server: Client, id: str, asked: Wishes, keys: Keys) -> int:
    row = progress.wait(server, id, asked.timeout)
    if asked.show_logs and keys.log is not None:
        for text in decrypt.read_log(server, id, keys.log.secret, follow=True):
            click.echo(text, nl=False, err=True)
    code = progress.ended(row)
    if code == Exit.DONE and asked.result is not None and not asked.plan_only:
        text = output.text(json.loads(decrypt.read_outputs(server, id, keys.outputs.secret)), asked.form)
        _write_result(asked.result, text)
    return code


def _write_result(to: str, text: str) -> None:
    if to == "-":
        click.echo(text, nl=False)
        return
    files.write_private(Path(to), text.encode())
    click.echo(f"the outputs are in {to}", err=True)
