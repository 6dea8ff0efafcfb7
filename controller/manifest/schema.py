"""Is a document what it should be? Pydantic models against nodes, every problem with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from controller.errors import ManifestError
from controller.manifest import phrases, wording
from controller.model.document import Json, Node, Path, find, plain

M = TypeVar("M", bound=BaseModel)


class Written(BaseModel):
    """A document as written: closed, strict, frozen. Models of documents derive from it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def validate(model: type[M], node: Node, path: Path = ()) -> M:
    """The part of a node at `path` as a model; raises every problem, each with the place of its key or value."""
    part = find(node, path) if path else node
    if part is None:
        raise KeyError(path)
    try:
        # As JSON, because there pydantic is strict and still makes enums of texts and tuples of lists.
        return model.model_validate_json(json.dumps(plain(part), ensure_ascii=False))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise ManifestError(wording.problems(model, part, found)) from error


def refused(what: str, remedy: str) -> PydanticCustomError:
    """What a validator of a model raises: the two halves of a message; the place is found by `validate`."""
    return PydanticCustomError(wording.OURS, "{what}; {remedy}", {"what": what, "remedy": remedy})


class Given:
    """An annotation for keys that may be left out, but not be null."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._given, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        shapes = [shape for shape in handler(schema)["anyOf"] if shape != {"type": "null"}]
        return shapes[0] if len(shapes) == 1 else {"anyOf": shapes}

    def _given(self, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError(wording.NO_VALUE, "has no value")
        return value


GIVEN = Given()


@dataclass(frozen=True, slots=True, eq=False)  # by identity, for annotations must be hashable
class Checked:
    """An annotation: a check of a value, and what JSON Schema can say of it to editors."""

    check: Callable[[Any], Any]
    told: Mapping[str, Json]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), **self.told}


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a text may be spelled: an annotation for `str`, and the sentence for whoever spelled it otherwise."""

    name: str  # "environment id": an indefinite article fits before "valid"
    pattern: str  # matched against the whole text, in ASCII
    rule: str  # "use lower-case letters"
    longest: int | None = None

    def accepts(self, text: str) -> bool:
        fits = self.longest is None or len(text) <= self.longest
        return fits and re.fullmatch(self.pattern, text, re.ASCII) is not None

    def complaint(self, text: str) -> str:
        return f"`{phrases.shown(text)}` is not a valid {self.name}"

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {
            **handler(schema),
            "pattern": f"^(?:{self.pattern})$",
            **({"maxLength": self.longest} if self.longest is not None else {}),
        }

    def _checked(self, text: str) -> str:
        if not self.accepts(text):
            raise refused(self.complaint(text), self.rule)
        return text


# The patterns of reference/orchestrator.md §1.1, written so that no text makes them slow.
SLUG = r"[a-z](?:-?[a-z0-9])+"
_SLUG_RULE = "use 2 to {} lower-case letters, digits and single `-`, beginning with a letter"
_LABEL_RULE = "use 2 to 63 {}letters, digits and `-`, beginning and ending with a letter or digit"
_DOTTED = r"[a-z0-9]+(?:-+[a-z0-9]+)*"


def slug(name: str, longest: int = 100) -> Spelling:
    """The spelling of ids of projects, environments, environment types, resource types and modules."""
    return Spelling(name, SLUG, _SLUG_RULE.format(longest), longest)


PROJECT = slug("project id")
ENVIRONMENT = slug("environment id")
ENVIRONMENT_TYPE = slug("environment type")
ORGANIZATION = slug("organization id", 50)
LABEL = r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]"
TYPE = r"[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
# All but control characters and what separates words, lines and paragraphs; none that changes the direction of text.
_PRINTED = r"[^\x00-\x20\x7f-\xa0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
DISPLAY_NAME = Spelling(
    "display name",
    rf"{_PRINTED}(?: ?{_PRINTED})+",
    "use 2 to 60 printable characters, with single spaces inside",
    60,
)
WORKLOAD = Spelling("workload name", LABEL, _LABEL_RULE.format("lower-case "))
SHARED = Spelling("name of a shared resource", LABEL, _LABEL_RULE.format("lower-case "))
ALIAS = Spelling("resource alias", r"[A-Za-z0-9_-]+", "use letters, digits, `_` and `-`")
RESOURCE_TYPE = Spelling("resource type", TYPE, _LABEL_RULE.format(""))
RESOURCE_CLASS = Spelling("resource class", TYPE, _LABEL_RULE.format(""))
RESOURCE_ID = Spelling(
    "resource id",
    rf"{_DOTTED}(?:\.{_DOTTED})*",
    "use up to 63 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part",
    63,
)

WorkloadName = Annotated[str, WORKLOAD]
SharedName = Annotated[str, SHARED]
Alias = Annotated[str, ALIAS]
ResourceTypeName = Annotated[str, RESOURCE_TYPE]
ResourceClass = Annotated[str, RESOURCE_CLASS]
ResourceId = Annotated[str, RESOURCE_ID]
EnvironmentId = Annotated[str, ENVIRONMENT]
EnvironmentTypeId = Annotated[str, ENVIRONMENT_TYPE]
Text = Annotated[str, Field(min_length=1)]
