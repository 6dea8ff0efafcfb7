"""How does an editor learn what a file may say? `lockstep schema` prints the JSON Schema of a kind of file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click
from pydantic import BaseModel

from cli import meanings, output
from controller.catalog import documents
from controller.errors import suggest
from controller.manifest import environment_schema, json_schema, layout, manifest_schema, score_schema
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: which files are of it, and the model that validates each of their documents."""

    files: str
    model: type[BaseModel]


_PROJECT = "projects/P"
_FILES = {
    "environment-types": "platform/environment-types.yaml",
    "module": "platform/modules/ID.yaml, platform/modules/ID/module.yaml",
    "provider": "platform/providers/*.yaml",
    "resource-type": "platform/resource-types/*.yaml",
    "runner": "platform/runners/*.yaml",
}
KINDS: Mapping[str, Kind] = {
    **{name: Kind(_FILES[name], model) for name, model in documents.KINDS.items()},
    "environment": Kind(f"{_PROJECT}/E/environment.yaml", environment_schema.EnvironmentFile),
    "lockstep": Kind(layout.FILE, layout.LayoutFile),
    "manifest": Kind(f"{_PROJECT}/*.manifest.yaml, {_PROJECT}/E/*.manifest.yaml", manifest_schema.ManifestFile),
    "project": Kind(f"{_PROJECT}/project.yaml", environment_schema.ProjectFile),
    "score": Kind(f"{_PROJECT}/*.score.yaml, {_PROJECT}/E/*.score.yaml", score_schema.ScoreFile),
    "score-overrides": Kind(f"{_PROJECT}/E/*.score-overrides.yaml", score_schema.ScoreFile),
}


@click.command(name="schema")
@click.argument("kind", required=False)
def command(kind: str | None) -> None:
    """Print the JSON Schema of a KIND of file, for editors to check and complete it; without one, list the kinds."""
    if kind is None:
        rows = [{"kind": name, "files": KINDS[name].files} for name in sorted(KINDS)]
        output.table(rows, {"KIND": lambda row: row["kind"], "FILES": lambda row: row["files"]})
        return
    if kind not in KINDS:
        remedy = suggest(kind, KINDS, "`lockstep schema` lists the kinds")
        raise click.UsageError(f"there is no kind of file `{kind}`; {remedy}")
    output.show(schema(kind), "json")


def schema(kind: str) -> Json:
    """What a document of this kind may say, as JSON Schema."""
    found = json_schema.of(KINDS[kind].model, KINDS[kind].files, meanings.SENTENCES)
    if kind == "manifest":
        return json_schema.with_deletions(found)
    return json_schema.as_patch(found) if kind == "score-overrides" else found
