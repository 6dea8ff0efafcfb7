"""Does a resource type declare this output?"""

from __future__ import annotations

import pytest

from controller.graph.outputs import Undeclared, undeclared

SCHEMA = {
    "type": "object",
    "required": ["host"],
    "properties": {
        "host": {"type": "string"},
        "labels": {"type": "object"},
        "users": {"type": "array", "items": {"properties": {"name": {"type": "string"}}}},
        "extra": {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        "typed": {"type": "object", "additionalProperties": {"properties": {"id": {}}}},
    },
    "patternProperties": {"^port_": {"type": "number"}},
}


@pytest.mark.parametrize(
    "path",
    ["host", "labels.any.thing", "users.0.name", "extra.b.c", "typed.x.id", "port_http"],
)
def test_a_declared_path_may_be_asked_for(path: str) -> None:
    assert undeclared(SCHEMA, path.split(".")) is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("hots", Undeclared("hots", ("extra", "host", "labels", "typed", "users"), ()), id="unknown"),
        pytest.param("host.x", Undeclared("x", (), ("host",)), id="below-a-string"),
        pytest.param("users.name", Undeclared("name", (), ("users",)), id="a-list-has-indexes-only"),
        pytest.param("users.0.nam", Undeclared("nam", ("name",), ("users", "0")), id="in-an-item"),
        pytest.param("typed.x.key", Undeclared("key", ("id",), ("typed", "x")), id="in-a-typed-map"),
    ],
)
def test_an_undeclared_path_is_told_with_what_is_known(path: str, found: Undeclared) -> None:
    assert undeclared(SCHEMA, path.split(".")) == found


@pytest.mark.parametrize(
    "schema",
    [None, True, {}, {"type": "object"}, {"properties": {"a": {}}, "additionalProperties": True}, {"$ref": "http://x"}],
)
def test_a_schema_that_says_nothing_about_keys_allows_any(schema: object) -> None:
    assert undeclared(schema, ["x", "y"]) is None


def test_a_key_of_any_length_is_compared_in_no_time() -> None:
    assert undeclared(SCHEMA, ["port_" + "x" * 1_000_000]) is not None


def test_no_properties_at_all_allow_no_key() -> None:
    assert undeclared({"properties": {}}, ["x"]) == Undeclared("x", (), ())


def test_branches_and_references_add_what_they_declare() -> None:
    schema = {
        "allOf": [{"required": ["a"]}, {"$ref": "#/$defs/more"}],
        "properties": {"a": {"type": "string"}},
        "$defs": {"more": {"properties": {"b": {"$ref": "#/$defs/more"}}}},
    }
    assert undeclared(schema, ["a"]) is None
    assert undeclared(schema, ["b", "b", "b"]) is None
    assert undeclared(schema, ["b", "c"]) == Undeclared("c", ("b",), ("b",))
    assert undeclared({"$ref": "#"}, ["x"]) is None  # refers to itself for ever
