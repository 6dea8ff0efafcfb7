"""Whatever a request asks for, it gets an answer that is not a bug of ours, in every database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests import databases
from tests import webui_factories as make
from tests.webui_factories import World
from webui.api.routes import Route
from webui.api.table import ROUTES

pytestmark = databases.both_databases
VALUES = {
    "nul": "a\0b",
    "long": "x" * 4_000,
    "huge-number": "9" * 30,
    "wildcards": "%_*?\\'\"",
    "last-moment": "9999-12-31T23:59:59-12:00",
    "first-moment": "0001-01-01T00:00:00+12:00",
}


@pytest.fixture
def world(world: World) -> World:
    make.decided(world, [make.commit("c1")], [make.wants(world, "shop/development", make.commit("c1"))])
    return world


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_value_is_a_bug_of_ours(world: World, value: str) -> None:
    api = world.api("alice")
    told = []
    for route in ROUTES:
        for path, body in requests(route, value):
            answer = api.client.open(f"/api/v1{path}", method=route.method, json=body, headers=api.headers)
            if answer.status_code >= 500 and "the next poll tries again" not in answer.get_data(as_text=True):
                told.append(f"{route.method} {path} {body}: {answer.get_data(as_text=True)}")
    for rule in api.client.application.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/api/"):
            path = "/".join(quote(value, safe="") if "<" in word else word for word in rule.rule.split("/"))
            asked = "&".join(f"{name}={quote(value)}" for name in ("before", "after", "project", "since", "commit"))
            answer = api.client.get(f"{path}?{asked}", headers=api.headers)
            if answer.status_code >= 500:
                told.append(f"GET {path}?{asked}: {answer.status_code}")
    assert told == []


def requests(route: Route, value: str) -> Iterator[tuple[str, Any]]:
    """Paths and bodies of requests that have this value in one place."""
    words = route.path.split("/")
    plain = {"project": "shop", "environment": "development"}
    known = "/".join(plain.get(word[1:-1], "x" * 7) if word.startswith("{") else word for word in words)
    yield "/".join(quote(value, safe="") if word.startswith("{") else word for word in words), {}
    for name in route.query.model_fields if route.query else ():
        yield f"{known}?{name}={quote(value)}", {}
    required = (
        {name: value for name, field in route.body.model_fields.items() if field.is_required()} if route.body else {}
    )
    for name in route.body.model_fields if route.body else ():
        yield known, required | {name: value}
        yield known, required | {name: [value]}
