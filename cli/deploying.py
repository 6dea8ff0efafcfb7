"""How does a manifest that is at hand become a deployment? Shown, asked, sent, and seen through to its end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import files, opened, output, scope, source
from cli.client import Client
from cli.exits import Exit, Stop
from cli.opened import Keys, Wishes
from cli.source import Source
from controller.manifest import difference

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for on the command line."""

    project: str
    environment: str
    dry_run: bool
    plan_only: bool
    print_manifest: str | None
    result: str | None
    no_prompt: bool
    form: str
    hold_until: str | None
    wishes: Wishes

    @property
    def slug(self) -> str:
        return f"{self.project}/{self.environment}"

    def check(self) -> None:
        """Refuse options that do not fit together."""
        if self.dry_run and self.plan_only:
            raise Stop(Exit.USAGE, "--dry-run and --plan-only exclude each other; give one of them")
        if self.wishes.no_wait and self.result:
            raise Stop(Exit.USAGE, "--result needs the end of the deployment; leave out --no-wait")
        if self.result and self.result != "-":
            files.require_writable(Path(self.result))


def options(command: F) -> F:
    """The options of a command that deploys a manifest."""
    for option in (
        output.format_option("json", "yaml"),
        opened.logs_level,
        opened.waiting,
        scope.holding,
        click.option("--no-prompt", is_flag=True, help="Do not ask before deploying."),
        click.option(
            "--result", metavar="FILE|-", help="Write the outputs to this file, for its owner only, or to stdout."
        ),
        click.option("--print-manifest", metavar="FILE|-", help="Write the manifest that would be deployed, and end."),
        click.option("--plan-only", is_flag=True, help="Plan it, and stop there."),
        click.option("--dry-run", is_flag=True, help="Say what it would be; nothing is stored, no engine runs."),
    ):
        command = option(command)
    return command


def asked(project: str, environment: str, given: dict[str, Any]) -> Asked:
    """Of the options of `options`."""
    own = ("dry_run", "plan_only", "print_manifest", "result", "no_prompt", "form")
    held = scope.until(given.pop("lasts"), given.pop("until"), datetime.now(UTC))
    wishes = Wishes(**{name: value for name, value in given.items() if name not in own})
    found = Asked(project, environment, hold_until=held, wishes=wishes, **{name: given[name] for name in own})
    found.check()
    return found


def deploy(server: Client, asked: Asked, found: Source) -> int:
    """Deploy what was found, as asked for; the exit code."""
    if asked.print_manifest is not None:
        source.write(found.manifest, asked.print_manifest)
        return Exit.DONE
    keys = asked.wishes.keys()
    if not (asked.dry_run or asked.plan_only):
        _ask(server, asked, found, keys)
    made = _send(server, asked, found, keys, is_dry=asked.dry_run)
    if made["dry_run"] is not None:
        tell_changes(made["dry_run"])
        output.show(made["dry_run"], asked.form)
        return Exit.DONE
    kept = None if asked.plan_only else asked.result
    return opened.see(server, made["deployment"], keys, asked.wishes, result=kept, form=asked.form)


def tell_changes(found: dict[str, Any]) -> None:
    """What a deployment would change in the graph, and what to heed."""
    for warning in found["warnings"]:
        output.say(f"warning: {warning}")
    for sentence in found["changes"]:
        output.say(sentence)
    if not found["changes"]:
        what = "the same resources with other values" if found["is_new"] else "exactly what is applied"
        click.echo(f"no resource is added, removed or changed: it is {what}", err=True)


def confirm(question: str, what: str) -> None:
    """Ask on a terminal; elsewhere the command itself is the answer."""
    if not click.confirm(question, default=True, err=True):
        raise Stop(Exit.INTERRUPTED, f"nothing was {what}")


def is_asked(asked_not_to: bool) -> bool:
    """Whether there is somebody who can be asked."""
    return not asked_not_to and sys.stdin.isatty() and sys.stderr.isatty()


def _send(server: Client, asked: Asked, found: Source, keys: Keys, *, is_dry: bool) -> dict[str, Any]:
    body = {
        **found.body,
        "dry_run": is_dry,
        "plan_only": asked.plan_only and not is_dry,
        "log_recipient": keys.log_recipient,
        "log_level": asked.wishes.log_level,
        "outputs_recipient": keys.outputs.recipient,
        "expect_last": asked.wishes.expect_last or (None if is_dry or asked.plan_only else found.last),
        "hold_until": asked.hold_until,
        "reason": asked.wishes.reason,
    }
    made: dict[str, Any] = server.post("environments", asked.project, asked.environment, "deployments", body=body)
    return made


def _ask(server: Client, asked: Asked, found: Source, keys: Keys) -> None:
    """On a terminal, say what would change in the manifest and in the graph, and ask."""
    if not is_asked(asked.no_prompt):
        return
    preview = _send(server, asked, found, keys, is_dry=True)["dry_run"]
    before = source.live(server, asked.project, asked.environment, otherwise={})
    lines = difference.lines(before, preview["manifest"])
    for line in lines or ["the manifest is the one that is deployed: this deploys it again"]:
        output.say(line)
    tell_changes(preview)
    confirm(f"Deploy this to {asked.slug}?", "deployed")
