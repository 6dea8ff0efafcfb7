"""Who may use the API, and for what?"""

from __future__ import annotations

import pytest

from controller.history import access
from controller.history.audit import Act
from controller.model.deployment import Role
from tests import databases
from tests import webui_factories as make
from tests.webui_factories import World
from webui.api.routes import Scope
from webui.api.table import ROUTES

_CLOSED = [route for route in ROUTES if route.scope is not Scope.OPEN]


def _path(path: str) -> str:
    return path.format(project="shop", environment="development", id="some-deployment", name="some-token")


@pytest.mark.parametrize("route", _CLOSED, ids=lambda route: route.name)
def test_no_route_answers_without_a_token(world: World, route):
    reply = world.client().open(f"/api/v1{_path(route.path)}", method=route.method)
    assert (reply.status_code, reply.mimetype) == (401, "application/problem+json")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.json == {
        "type": "urn:lockstep:problem:unknown-caller",
        "title": "Who are you?",
        "status": 401,
        "detail": "a token is needed; send it as `Authorization: Bearer …`",
        "problems": [],
    }


@pytest.mark.parametrize("route", [r for r in _CLOSED if r.role is not Role.VIEWER], ids=lambda route: route.name)
def test_a_viewer_changes_nothing(world: World, route):
    headers = {"Authorization": f"Bearer {make.token(world, 'eve', Role.VIEWER)}"}
    reply = world.client().open(f"/api/v1{_path(route.path)}", method=route.method, headers=headers)
    assert reply.status_code == 403
    assert reply.json["detail"] == (
        f"`eve` is a viewer; this needs role {route.role}, ask an admin for a token that has it"
    )


@pytest.mark.parametrize(
    "route", [r for r in _CLOSED if r.scope in (Scope.PROJECT, Scope.DEPLOYMENT)], ids=lambda route: route.name
)
def test_a_token_of_another_project_learns_nothing(shop: World, route):
    headers = {"Authorization": f"Bearer {make.token(shop, 'eve', Role.ADMIN, ['insights'])}"}
    path = route.path.format(project="shop", environment="development", id=make.newest(shop))
    reply = shop.client().open(f"/api/v1{path}", method=route.method, headers=headers, json={"manifest": {}})
    assert reply.status_code == 404
    assert reply.json["detail"].endswith(
        " does not exist; check its name, or ask for a token that includes its project"
    )


@pytest.mark.parametrize("route", [r for r in _CLOSED if r.scope is Scope.ALL], ids=lambda route: route.name)
def test_what_concerns_all_projects_needs_a_token_for_all(world: World, route):
    headers = {"Authorization": f"Bearer {make.token(world, 'eve', Role.ADMIN, ['insights', 'shop'])}"}
    reply = world.client().open(f"/api/v1{_path(route.path)}", method=route.method, headers=headers)
    assert reply.status_code == 403
    assert reply.json["detail"] == "the token of `eve` is limited to insights, shop; this needs one for all projects"


@pytest.mark.parametrize("path", ["/projects", "/environments", "/deployments"])
def test_lists_leave_out_other_projects(shop: World, path: str):
    assert shop.api("eve", Role.ADMIN, ["insights"]).get(path).json["items"] == []
    assert len(shop.api("ann", Role.VIEWER, ["shop"]).get(path).json["items"]) == 1


def test_verdicts_of_other_projects_are_left_out_of_a_commit(shop: World):
    commit = make.commit_id("Add the shop")
    assert shop.api("eve", Role.ADMIN, ["insights"]).get(f"/commits/{commit}").json["verdicts"] == []


@pytest.mark.parametrize("header", ["Basic bG9ja3N0ZXA=", "Bearer", "Bearer  ", "lockstep_alice"])
def test_only_a_bearer_token_counts(world: World, header: str):
    make.token(world, "alice")
    assert world.client().get("/api/v1/whoami", headers={"Authorization": header}).status_code == 401


def test_a_revoked_token_is_refused_at_once(world: World):
    api = world.api("bot")
    assert api.get("/whoami").json == {"name": "bot", "role": "admin", "projects": None}
    access.revoke_token(world.store, "bot", Act("alice", world.now))
    reply = api.get("/whoami")
    assert reply.status_code == 401
    assert reply.json["detail"] == "the token is unknown, revoked or expired; ask an admin for a new one"


def test_a_token_is_good_until_it_expires(world: World):
    admin = world.api("alice")
    made = admin.post("/tokens", {"name": "short", "role": "viewer", "expires_in_days": 1}).json
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert world.client().get("/api/v1/whoami", headers=headers).status_code == 200
    world.later(days=1)
    assert world.client().get("/api/v1/whoami", headers=headers).status_code == 401


def test_the_database_holds_no_token(world: World, tmp_path):
    secret = (
        world.api("alice")
        .post("/tokens", {"name": "ci", "role": "deployer"}, **{"Idempotency-Key": "k"})
        .json["secret"]
    )
    found = databases.stored(tmp_path)
    assert secret.encode() not in found
    assert make.access.digest(secret).encode() in found


def test_a_revoked_name_stays_in_the_list(world: World):
    api = world.api("alice")
    api.post("/tokens", {"name": "ci", "role": "deployer", "projects": ["shop"]})
    assert api.delete("/tokens/ci").status_code == 204
    assert api.get("/tokens").json["items"][1] == {
        "name": "ci",
        "role": "deployer",
        "projects": ["shop"],
        "created_by": "alice",
        "created_at": "2026-07-01T12:00:00Z",
        "expires_at": None,
        "revoked_at": "2026-07-01T12:00:00Z",
    }


def test_an_unknown_token_is_named_with_a_near_one(world: World):
    reply = world.api("alice").delete("/tokens/alcie")
    assert (reply.status_code, reply.json["detail"]) == (404, "token `alcie` is unknown; did you mean `alice`?")


def test_the_audit_trail_tells_who_made_a_token(world: World):
    api = world.api("alice")
    api.post("/tokens", {"name": "ci", "role": "viewer"})
    page = api.get("/audit?limit=1").json
    assert page["items"] == [
        {
            "number": 2,
            "at": "2026-07-01T12:00:00Z",
            "actor": "alice",
            "action": "token.create",
            "subject": "ci",
            "origin": "127.0.0.1, a test",
            "reason": "",
            "before": None,
            "after": {"role": "viewer", "projects": None, "expires_at": None},
            "details": {},
        }
    ]
    assert [entry["subject"] for entry in api.get(f"/audit?before={page['next']}").json["items"]] == ["alice"]
