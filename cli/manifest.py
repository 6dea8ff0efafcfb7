"""What does an environment's manifest come to, and where does each part of it stand? `lockstep manifest`."""

from __future__ import annotations

from pathlib import Path

import click

from cli import checkout, output
from controller.model.document import leaves, plain


@click.command(name="manifest")
@click.argument("project")
@click.argument("environment")
@checkout.options
@click.option("--provenance", is_flag=True, help="Print the file, line and column of every leaf instead.")
@output.format_option("yaml", "json")
def command(project: str, environment: str, repo: Path, ref: str | None, provenance: bool, form: str) -> None:
    """Print the manifest of an ENVIRONMENT: both layers merged, Score files converted."""
    resolved = checkout.resolve(checkout.load(repo, ref), project, environment)
    checkout.tell_warnings(resolved)
    document = resolved.manifest.document
    if not provenance:
        output.show(plain(document), form)
        return
    for path, leaf in leaves(document):
        click.echo(f"{_path(path)}: {leaf.place}")


def _path(path: tuple[str | int, ...]) -> str:
    return ".".join(str(step) for step in path)
