"""With which private key are logs and outputs read? Given as text, as a file, or by the configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli import connection
from cli.exits import Exit, Stop
from controller.secrets.secret import Secret

F = TypeVar("F", bound=Callable[..., Any])

_KEY = click.option("--key", help="The private key, `AGE-SECRET-KEY-1…`, as `deploy` printed it.")
_FILE = click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the private key: of age, or an OpenSSH one.",
)


def options(command: F) -> F:
    """`--key` and `--key-file`."""
    return _KEY(_FILE(command))


def find(key: str | None, file: Path | None, command: str) -> Secret:
    """The key that was given; `command` is what the user typed, for the remedy."""
    if key is not None and file is not None:
        raise Stop(Exit.USAGE, "--key and --key-file were both given; give one of them")
    if key is not None:
        return Secret(key)
    chosen = file or connection.find().key_file
    if chosen is None:
        raise Stop(
            Exit.USAGE, f"no key was given; give `{command} --key KEY`, or --key-file FILE with a recipient's key"
        )
    return Secret(chosen.read_text(encoding="utf-8"))
