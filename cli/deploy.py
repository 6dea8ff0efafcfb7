"""How is a manifest deployed by hand? `lockstep deploy`, with two keys that only who started it has."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import click

from cli import client, opened, output, source
from cli.client import Client
from cli.exits import Exit, Stop
from cli.opened import Keys, Wishes
from cli.source import Source
from controller.secrets import age


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    project: str
    environment: str
    dry_run: bool
    plan_only: bool
    result: str | None
    no_prompt: bool
    form: str
    wishes: Wishes


@click.command(name="deploy")
@click.argument("project")
@click.argument("environment")
@click.argument("manifest", metavar="SOURCE")
@click.option("--dry-run", is_flag=True, help="Say what it would be; nothing is stored, no engine runs.")
@click.option("--plan-only", is_flag=True, help="Plan it, and stop there.")
@click.option("--result", metavar="FILE|-", help="Write the outputs to this file, for its owner only, or to stdout.")
@click.option("--no-prompt", is_flag=True, help="Do not ask before deploying.")
@opened.waiting
@output.format_option("json", "yaml")
def command(
    manifest: str,
    *,
    project: str,
    environment: str,
    dry_run: bool,
    plan_only: bool,
    result: str | None,
    no_prompt: bool,
    form: str,
    **wishes: Any,
) -> int:
    """Deploy the manifest SOURCE, a file or `-`, to an ENVIRONMENT, and hold it there until `lockstep resume`."""
    asked = Asked(project, environment, dry_run, plan_only, result, no_prompt, form, Wishes(**wishes))
    _check(asked)
    document = source.read(manifest)
    keys = asked.wishes.keys()
    with client.connect() as server:
        if not (dry_run or plan_only):
            _ask(server, asked, document)
        made = server.post("environments", project, environment, "deployments", body=_body(asked, keys, document))
        if made["dry_run"] is not None:
            _tell_dry_run(made["dry_run"], form)
            return Exit.DONE
        kept = None if plan_only else result
        return opened.see(server, made["deployment"], keys, asked.wishes, result=kept, form=form)


def _check(asked: Asked) -> None:
    if asked.dry_run and asked.plan_only:
        raise Stop(Exit.USAGE, "--dry-run and --plan-only exclude each other; give one of them")
    if asked.wishes.no_wait and asked.result:
        raise Stop(Exit.USAGE, "--result needs the end of the deployment; leave out --no-wait")


def _body(asked: Asked, keys: Keys, document: Source) -> dict[str, Any]:
    return {
        "source": {"name": document.name, "text": document.text},
        "dry_run": asked.dry_run,
        "plan_only": asked.plan_only,
        "log_recipient": keys.log_recipient,
        "outputs_recipient": keys.outputs.recipient,
        "expect_last": asked.wishes.expect_last,
        "reason": asked.wishes.reason,
    }


def _ask(server: Client, asked: Asked, document: Source) -> None:
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
