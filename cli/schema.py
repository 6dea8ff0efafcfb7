"""How does an editor learn what a file may say? `lockstep schema` prints the JSON Schema of a kind of file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from pydantic import BaseModel

from cli import output
from controller.catalog import documents
from controller.manifest import environment_schema, layout, manifest_schema, score_schema

# Kind of file -> the model that validates it.
_KINDS: Mapping[str, type[BaseModel]] = {
    **documents.KINDS,
    "environment": environment_schema.EnvironmentFile,
    "lockstep": layout.LayoutFile,
    "manifest": manifest_schema.ManifestFile,
    "project": environment_schema.ProjectFile,
    "score": score_schema.ScoreFile,
}


@click.command(name="schema")
@click.argument("kind", type=click.Choice(sorted(_KINDS)))
def command(kind: str) -> None:
    """Print the JSON Schema of a KIND of file, for editors to check and complete it."""
    schema = _KINDS[kind].model_json_schema(by_alias=True)
    if kind == "manifest":
        schema = _with_deletions(schema)
    output.show({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, "json")


def _with_deletions(schema: Any) -> Any:
    """The same, but that any entry may be null: in an environment's own file that takes away what lies below it."""
    if isinstance(schema, list):
        return [_with_deletions(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    changed = {key: _with_deletions(part) for key, part in schema.items()}
    if isinstance(changed.get("patternProperties"), dict):
        changed["patternProperties"] = {key: _or_null(part) for key, part in changed["patternProperties"].items()}
    if isinstance(changed.get("additionalProperties"), dict):
        changed["additionalProperties"] = _or_null(changed["additionalProperties"])
    return changed


def _or_null(schema: Any) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}
