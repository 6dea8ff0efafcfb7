"""How is a manifest deployed by hand? `lockstep deploy`, with two keys that only who started it has."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import Any

import click

from cli import client, deploying, source
from cli.client import Client
from cli.source import Changes

_CHANGES = ("merge", "drop_workload", "drop_shared", "texts", "documents")


@click.command(name="deploy")
@click.argument("project")
@click.argument("environment")
@click.argument("manifest", metavar="SOURCE")
@source.changing
@deploying.options
def command(project: str, environment: str, manifest: str, **given: Any) -> int:
    """Deploy the manifest SOURCE to an ENVIRONMENT, and hold it there until `lockstep resume`.

    SOURCE is a file, `-` for standard input, environment://NAME (what that environment of the project has),
    deployment://ID, or deployment://HEAD (once more what was deployed here last).
    """
    changes = Changes(**{name: given.pop(name) for name in _CHANGES})
    asked = deploying.asked(project, environment, given)
    with ExitStack() as stack:

        @cache
        def server() -> Client:
            return stack.enter_context(client.connect())

        found = source.read(manifest, server, project, environment)
        found = source.changed(found, changes, server, project, environment)
        return deploying.deploy(server(), asked, found)
