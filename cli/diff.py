"""What does an environment want otherwise at one ref than at another? `lockstep diff` says it with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cli import checkout, output
from controller import comparison, pipeline
from controller.comparison import Comparison, Wish
from controller.errors import ManifestError
from controller.pipeline import Repository


@click.command(name="diff")
@click.argument("project")
@click.argument("environment")
@checkout.repo_option
@click.option("--base", default="HEAD", help="The branch, tag or commit that is compared with, `HEAD` by default.")
@click.option("--head", help="The branch, tag or commit that is looked at, the files in the folder by default.")
@output.format_option("text", "json", "mermaid")
def command(project: str, environment: str, repo: Path, base: str, head: str | None, form: str) -> None:
    """Print what an ENVIRONMENT wants at HEAD that it does not want at BASE, each change with its reason."""
    old, new = checkout.load(repo, base), checkout.load(repo, head)
    slug, where = f"{project}/{environment}", (f"at `{base}`", f"at `{head}`" if head else "in the folder")
    if slug not in {*pipeline.environments(old), *pipeline.environments(new)}:
        checkout.resolve(new, project, environment)  # says what is declared instead
    sides = [_wish(repository, project, environment, at) for repository, at in zip((old, new), where, strict=True)]
    found = comparison.compare(*sides)
    if form == "json":
        output.show(_document(slug, base, head, sides, found), "json")
        return
    for note in (*_notes(slug, sides, where), *found.ambiguities):
        click.echo(f"note: {note}", err=True)
    if found.is_empty:
        click.echo(f"nothing changes: {slug} is wanted {where[1]} as it is {where[0]}", err=True)
    elif form == "mermaid":
        click.echo(found.mermaid, nl=False)
    else:
        click.echo("\n".join(found.sentences))


def _wish(repository: Repository, project: str, environment: str, at: str) -> Wish | None:
    """What is wanted there; None where it is not declared."""
    if f"{project}/{environment}" not in pipeline.environments(repository):
        return None
    try:
        resolved = checkout.resolve(repository, project, environment)
    except ManifestError:
        click.echo(f"{project}/{environment} cannot be read {at}:", err=True)
        raise
    return Wish(resolved.graph, resolved.desired.document)


def _notes(slug: str, sides: list[Wish | None], where: tuple[str, str]) -> Iterator[str]:
    if sides[0] is None:
        yield f"{slug} is not declared {where[0]}: all of it is new"
    if sides[1] is None:
        yield f"{slug} is not declared {where[1]}: it would be marked for removal"


def _document(slug: str, base: str, head: str | None, sides: list[Wish | None], found: Comparison) -> dict[str, object]:
    changes = [
        {
            "resource": str(change.coordinate),
            "kind": str(change.kind),
            "previous": str(change.previous) if change.previous else None,
            "reason": change.sentence,
        }
        for change in found.changes
    ]
    return {
        "environment": slug,
        "base": {"ref": base, "declared": sides[0] is not None},
        "head": {"ref": head, "declared": sides[1] is not None},
        "changes": changes,
        "versions": list(found.versions),
        "ambiguities": list(found.ambiguities),
    }
