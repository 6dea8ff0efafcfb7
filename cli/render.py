"""What would the engine be given for an environment? `lockstep render` writes it."""

from __future__ import annotations

from pathlib import Path

import click

from cli import checkout, files
from cli.exits import Exit, Stop
from controller.model.bundle import Bundle
from controller.model.deployment import EngineKind
from controller.tofu import bind

_MAIN = "main.tf.json"


@click.command(name="render")
@click.argument("project")
@click.argument("environment")
@checkout.options
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write it to this folder, with the modules' files."
)
@checkout.engine_option
def command(project: str, environment: str, repo: Path, ref: str | None, out: Path | None, engine: str) -> None:
    """Print the OpenTofu JSON of an ENVIRONMENT, with a local backend in place of its own."""
    kind = EngineKind(engine)
    resolved = checkout.resolve(checkout.load(repo, ref), project, environment, kind)
    checkout.tell_warnings(resolved)
    checkout.tell_unpinned(resolved)
    bundle = bind.bind(resolved.desired.document, bind.offline(kind), modules=resolved.module_files)
    if out is None:
        click.echo(bundle.files[_MAIN].decode(), nl=False)
    else:
        _write(bundle, out)
        click.echo(f"{len(bundle.files)} files are in {out}", err=True)


def _write(bundle: Bundle, out: Path) -> None:
    """Only into a new or empty folder: what an earlier run left there would be read by the engine too."""
    if out.exists() and any(out.iterdir()):
        raise Stop(Exit.CONFLICT, f"{out}: is not empty; give a new folder, or empty this one")
    for path, content in bundle.files.items():
        files.write(out / path, content)
