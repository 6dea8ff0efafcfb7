"""What does an environment want otherwise at one ref than at another? `lockstep diff` says it with reasons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cli import checkout, output
from controller import comparison, configs, pipeline, reconcile
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
    checkout.tell_open_modules(*(side.document for side in sides if side is not None))
    found = comparison.compare(*sides)
    if form == "json":
        output.show(_document(slug, base, head, sides, found), "json")
        return
    for note in (*_notes(slug, old, new, where), *found.ambiguities):
        output.say(f"note: {note}")
    if found.is_empty:
        click.echo(f"nothing changes: {slug} is wanted {where[1]} as it is {where[0]}", err=True)
    elif form == "mermaid":
        click.echo(found.mermaid, nl=False)
    else:
        output.say("\n".join(found.sentences), err=False)


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


def _notes(slug: str, old: Repository, new: Repository, where: tuple[str, str]) -> Iterator[str]:
    """What becomes of one that only one side knows; its directory may have been renamed."""
    here, there = (pipeline.environments(side) for side in (old, new))
    renamed = reconcile.renamed(_contents(old), _contents(new), frozenset(there))
    before, after = renamed.get(slug), {was: is_ for is_, was in renamed.items()}.get(slug)
    if slug not in here and before is not None:
        yield f"{slug} is not declared {where[0]}, where {before} has the same files: it may be the same, renamed"
    elif slug not in here:
        yield f"{slug} is not declared {where[0]}: all of it is new"
    if slug not in there and after is not None:
        yield f"{slug} is not declared {where[1]}, where {after} has the same files: it may be the same, renamed"
    elif slug not in there:
        on_removal = configs.config_of(old, *slug.split("/")).on_removal
        yield f"{slug} is not declared {where[1]}: {on_removal.foretold}"


def _contents(repository: Repository) -> dict[str, str]:
    """P/E -> the content id of its directory."""
    return {
        files.slug: repository.tree.identity(files.folder)
        for project in repository.found.projects
        for files in project.environments
    }


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
