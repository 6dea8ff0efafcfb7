from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import AfterValidator, Field

from controller.manifest import phrases, schema
from controller.manifest.environment_schema import EnvironmentFile, ProjectFile
from controller.manifest.layout import LayoutFile
from controller.manifest.manifest_schema import ManifestFile
from controller.manifest.schema import Written
from controller.manifest.score_schema import ScoreFile
from tests.manifest_factories import cases, complaints, node


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Wheel(Written):
    size: int
    spokes: int = 0


class Cart(Written):
    kind: Literal["cart"]
    load: int = 0


class Bike(Written):
    kind: Literal["bike"]


def _odd(number: int) -> int:
    if number % 2 == 0:
        raise ValueError(f"{number} is even; make it odd")
    return number


class Thing(Written):
    colour: Colour = Colour.RED
    name: schema.WorkloadName = "thing"
    class_: str | None = Field(default=None, alias="class")
    wheels: dict[schema.WorkloadName, Wheel] = Field(default={}, max_length=2)
    tags: tuple[str, ...] = ()
    count: Annotated[int, Field(ge=1, le=5)] = 1
    limit: int | Literal["unlimited"] = 0
    odd: Annotated[int, AfterValidator(_odd)] = 1
    flag: bool = False
    label: schema.Text = "x"
    given: Annotated[str | None, schema.GIVEN] = None
    vehicle: Annotated[Cart | Bike, Field(discriminator="kind")] | None = None
    free: Any = None


def refused(text: str) -> list[str]:
    return complaints(lambda: schema.validate(Thing, node(text)))


def test_a_valid_document_becomes_its_model() -> None:
    found = schema.validate(
        Thing, node("{colour: blue, tags: [a], wheels: {ab: {size: 1}}, class: x, free: {a: null}}")
    )
    assert found == Thing.model_construct(
        **{
            **Thing().__dict__,
            "colour": Colour.BLUE,
            "tags": ("a",),
            "class_": "x",
            "free": {"a": None},
            "wheels": {"ab": Wheel(size=1)},
        }
    )


def test_a_part_of_a_document_can_be_validated_with_its_own_places() -> None:
    inner = node("things:\n  one:\n    colur: red\n")
    assert complaints(lambda: schema.validate(Thing, inner, ("things", "one"))) == [
        "f.yaml:3:5: unknown key `colur`; did you mean `colour`?"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    cases(
        {
            "enum": ("colour: green", "1:9: `green` is not a value of `colour`; use `red` or `blue`"),
            "near-enum": ("colour: bleu", "1:9: `bleu` is not a value of `colour`; did you mean `blue`?"),
            "number-for-enum": (
                "colour: 5",
                "1:9: `colour` must be `red` or `blue`, not the number `5`; write `red` or `blue`",
            ),
            "alias-of-a-field": ("clas: x", "1:1: unknown key `clas`; did you mean `class`?"),
            "name-of-an-aliased-field": ("class_: x", "1:1: unknown key `class_`; did you mean `class`?"),
            "number": ("class: 5", "1:8: `class` must be a text, not the number `5`; write it in quotes"),
            "yes": (
                "class: yes\nflag: yes",
                "2:7: `flag` must be `true` or `false`, not the text `yes`; write `true` or `false`",
            ),
            "quoted-boolean": (
                "flag: 'true'",
                "1:7: `flag` must be `true` or `false`, not the text `true`; remove the quotes",
            ),
            "quoted-number": (
                "count: '3'",
                "1:8: `count` must be a whole number, not the text `3`; remove the quotes",
            ),
            "too-small": ("count: 0", "1:8: `count` is 0; use a number of at least 1"),
            "too-large": ("count: 9", "1:8: `count` is 9; use a number of at most 5"),
            "null": ("count:", "1:7: `count` has no value; give it a whole number, or remove it"),
            "not-even-null": ("given:", "1:7: `given` has no value; give it one, or remove it"),
            "empty": ("label: ''", "1:8: `label` is empty; give it a text"),
            "no-list": ("tags: a", "1:7: `tags` must be a list, not the text `a`; write `- ` before each item"),
            "item": ("tags: [a, {b: c}]", "1:11: item 2 of `tags` must be a text, not a map; write a text"),
            "choice-of-kinds": (
                "limit: x",
                "1:8: `limit` must be a whole number or `unlimited`, not the text `x`; "
                "write a whole number or `unlimited`",
            ),
            "value-error": ("odd: 2", "1:6: 2 is even; make it odd"),
            "missing": ("wheels:\n  ab:\n    spokes: 1", "2:3: the key `size` is missing in `ab`; add it"),
            "far": ("wheels: {ab: {size: 1, a: 2}}", "1:24: unknown key `a`; known here: `size` and `spokes`"),
            "missing-misspelt": ("wheels: {ab: {sise: 1}}", "1:15: unknown key `sise`; did you mean `size`?"),
            "spelling-of-a-key": (
                "wheels: {A: {size: 1}}",
                "1:10: `A` is not a valid workload name; "
                "use 2 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit",
            ),
            "too-many": (
                "wheels: {a1: {size: 1}, a2: {size: 1}, a3: {size: 1}}",
                "1:9: `wheels` has 3 entries; keep at most 2",
            ),
            "tag": ("vehicle: {kind: byke}", "1:17: `byke` is not a value of `kind`; did you mean `bike`?"),
            "no-tag": ("vehicle: {}", "1:1: the key `kind` is missing in `vehicle`; add it"),
            "below-a-tag": ("vehicle: {kind: cart, laod: 1}", "1:23: unknown key `laod`; did you mean `load`?"),
            "list": ("[]", "1:1: the document must be a map, not a list; write `key: value` lines below it"),
        }
    ),
)
def test_what_breaks_the_schema_is_said_in_plain_words(text: str, message: str) -> None:
    assert refused(text) == [f"f.yaml:{message}"]


def test_all_problems_are_reported_at_once() -> None:
    assert refused("colr: red\nwheels: {ab: {}}\ntags: [1, x, 2]\n") == [
        "f.yaml:1:1: unknown key `colr`; did you mean `colour`?",
        "f.yaml:2:10: the key `size` is missing in `ab`; add it",
        "f.yaml:3:8: item 1 of `tags` must be a text, not the number `1`; write it in quotes",
        "f.yaml:3:14: item 3 of `tags` must be a text, not the number `2`; write it in quotes",
    ]


@pytest.mark.parametrize(
    ("spelling", "good", "bad"),
    cases(
        {
            "slug": (
                schema.PROJECT,
                ["ab", "a-b", "a1", "a" * 100],
                ["a", "a--b", "a-", "1a", "aB", "ab\n", "a" * 101],
            ),
            "label": (schema.WORKLOAD, ["ab", "1a", "a--b", "a" * 63], ["a", "-ab", "ab-", "Ab", "a.b", "a" * 64]),
            "type": (schema.RESOURCE_TYPE, ["ab", "Type-Three", "1x"], ["a", "a_b", "-a"]),
            "id": (schema.RESOURCE_ID, ["a", "a.b", "a--b.c"], ["a..b", "-a", "a_b", "A.b", "a" * 64, ""]),
            "alias": (schema.ALIAS, ["a", "A_b-c"], ["a.b", "", "é"]),
        }
    ),
)
def test_a_name_is_spelled_as_the_rules_say(spelling: schema.Spelling, good: list[str], bad: list[str]) -> None:
    assert [text for text in good + bad if spelling.accepts(text)] == good


def test_no_name_makes_its_rule_slow() -> None:
    for spelling in (schema.PROJECT, schema.WORKLOAD, schema.RESOURCE_ID, schema.RESOURCE_TYPE, schema.ALIAS):
        assert not spelling.accepts("a" * 100_000 + "!")
        assert not spelling.accepts("a-" * 50_000 + "!")


def test_the_json_schema_names_pattern_and_length() -> None:
    assert Wheel.model_json_schema()["additionalProperties"] is False
    assert Thing.model_json_schema()["properties"]["name"]["pattern"] == "^(?:[a-z0-9][a-z0-9-]{0,61}[a-z0-9])$"


@pytest.mark.parametrize("model", [ManifestFile, EnvironmentFile, ProjectFile, LayoutFile, ScoreFile])
def test_every_kind_of_document_has_a_json_schema_that_is_one(model: type[Written]) -> None:
    described = model.model_json_schema()
    jsonschema.Draft202012Validator.check_schema(described)
    assert described["additionalProperties"] is False


def test_values_in_messages_are_short_and_harmless() -> None:
    assert phrases.shown("a\x1b[2J\nb" + "c" * 100) == "a\\x1b[2J\\nb" + "c" * 46 + "..."
