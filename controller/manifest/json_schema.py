"""What does JSON Schema say of a document? Made of the model that validates it, for editors to check and complete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from controller.model.document import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Sentences = Mapping[str, Mapping[str, str]]  # by name of the model, then by key

_NULL = {"type": "null"}


def of(model: type[BaseModel], title: str, sentences: Sentences) -> Json:
    """The schema of a kind of document, complete in itself; `sentences` say what each key means."""

    class Generator(_Generator):
        meanings: ClassVar = sentences

    made = model.model_json_schema(by_alias=True, schema_generator=Generator)
    return {"$schema": DIALECT, "title": title, **{key: part for key, part in made.items() if key != "title"}}


def with_deletions(schema: Json) -> Json:
    """The same where each entry of a map may be null, too: in an environment's file that deletes what lies below it."""
    changed = _each(schema, with_deletions)
    if isinstance(changed, dict) and isinstance(changed.get("additionalProperties"), dict):
        changed["additionalProperties"] = _or_null(changed["additionalProperties"])
    return changed


def as_patch(schema: Json) -> Json:
    """The same for a document that is a patch (RFC 7396): nothing has to be there, and everything may be null."""
    changed = _each(schema, as_patch)
    if not isinstance(changed, dict):
        return changed
    for key in ("required", "minProperties", "default"):
        changed.pop(key, None)
    for key in ("oneOf", "anyOf"):  # which keys belong together is judged when the patch is laid over
        if any(shape == {} for shape in changed.get(key, ())):
            del changed[key]
    if isinstance(changed.get("properties"), dict):
        changed["properties"] = {key: _or_null(part) for key, part in changed["properties"].items()}
    if isinstance(changed.get("additionalProperties"), dict):
        changed["additionalProperties"] = _or_null(changed["additionalProperties"])
    return changed


class _Generator(GenerateJsonSchema):
    meanings: ClassVar[Sentences] = {}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A rule about the names in a map is told as one: a pattern alone would leave out how long they may be."""
        made: JsonSchemaValue = {"type": "object"}
        names = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        rule = {key: part for key, part in names.items() if key not in {"type", "title"}}
        if rule:
            made["propertyNames"] = rule
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        if values:
            made["additionalProperties"] = values
        self.update_with_validations(made, schema, self.ValidationsMapping.object)
        return made

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made.pop("title", None)
        line = [self.meanings.get(each.__name__, {}) for each in schema["cls"].__mro__]
        for key, part in made.get("properties", {}).items():
            meant = next((sentences[key] for sentences in line if key in sentences), None)
            if meant is not None:
                part["description"] = meant
            if part.get("default", ...) is None:
                del part["default"]
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: a title says nothing that the key does not."""
        return False


def _each(schema: Json, change: Any) -> Json:
    if isinstance(schema, list):
        return [change(part) for part in schema]
    return {key: change(part) for key, part in schema.items()} if isinstance(schema, dict) else schema


def _or_null(schema: Json) -> Json:
    if schema.get("type") == "null" or _NULL in schema.get("anyOf", ()):
        return schema
    told = {key: schema[key] for key in ("description",) if key in schema}
    return {**told, "anyOf": [{key: part for key, part in schema.items() if key not in told}, _NULL]}
