"""Where does a key to read logs with come from? `lockstep key generate` makes one."""

from __future__ import annotations

from pathlib import Path

import click

from cli import files
from cli.exits import Exit, Stop


@click.group(name="key")
def command() -> None:
    """Make keys that logs and outputs are encrypted to."""


@command.command()
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this new file, for its owner only."
)
def generate(out: Path | None) -> None:
    """Print a new age identity: its public half goes into `recipients`, the private one stays with you."""
    from controller.secrets import age

    identity = age.generate()
    text = f"# public key: {identity.recipient}\n{identity.secret.reveal()}\n"
    if out is None:
        click.echo(text, nl=False)
        return
    if out.exists():
        raise Stop(Exit.CONFLICT, f"{out}: exists already; choose another name, a key is never overwritten")
    files.write_private(out, text.encode())
    click.echo(f"public key: {identity.recipient}")
