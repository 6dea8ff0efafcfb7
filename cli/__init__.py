"""The command line: which words are there, and what code does the program end with?"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Mapping
from typing import Any

import click

import controller
from cli import exits
from controller.errors import suggest

# Word -> module whose `command` it is. A module is imported when its word is used: the offline ones start fast.
COMMANDS: Mapping[str, str] = {
    "adopt": "cli.adopt",
    "approve": "cli.approve",
    "cancel": "cli.cancel",
    "create": "cli.create",
    "db": "cli.db",
    "delete": "cli.delete",
    "demo": "cli.demo",
    "deploy": "cli.deploy",
    "diff": "cli.diff",
    "discard": "cli.discard",
    "doctor": "cli.doctor",
    "drift": "cli.drift",
    "extend": "cli.extend",
    "get": "cli.get",
    "graph": "cli.graph",
    "init": "cli.init",
    "key": "cli.key",
    "logs": "cli.logs",
    "manifest": "cli.manifest",
    "move": "cli.move",
    "outputs": "cli.outputs",
    "plan": "cli.plan",
    "rebind": "cli.rebind",
    "refresh": "cli.refresh",
    "reload": "cli.reload",
    "render": "cli.render",
    "resume": "cli.resume",
    "retry": "cli.retry",
    "rollback": "cli.rollback",
    "schema": "cli.schema",
    "score": "cli.score",
    "serve": "cli.serve",
    "suspend": "cli.suspend",
    "token": "cli.token",
    "validate": "cli.validate",
    "why": "cli.why",
}

# Words that messages and pages name already, and that this release does not have.
LATER = frozenset({"allow", "providers"})


YOUNG = 200_000  # new values before Python looks for circles among them; it would after some hundreds


class Words(click.Group):
    """A group whose commands are imported by need, and which suggests the near one for a word it does not know."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in LATER:
            raise click.UsageError(f"`{args[0]}` is not in this release yet; `lockstep --help` lists what is", ctx)
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            remedy = suggest(args[0], COMMANDS, "`lockstep --help` lists the commands")
            raise click.UsageError(f"there is no command `{args[0]}`; {remedy}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *given: Any, **options: Any) -> click.Context:
        with exits.unread():
            return super().make_context(*given, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with exits.unread():
            return super().invoke(ctx)


@click.group(cls=Words, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(controller.__version__, prog_name="lockstep", message="%(prog)s %(version)s")
def lockstep() -> None:
    """Keep environments in step with Git."""


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises."""
    # A graph of thousands of nodes is many small values and few circles: to look for those more seldom halves the time.
    gc.set_threshold(YOUNG)
    with exits.Guard() as guard:
        code = lockstep.main(args=argv, prog_name="lockstep", standalone_mode=False)
        guard.code = code if isinstance(code, int) else exits.Exit.DONE
    return int(guard.code)
