"""What does the API give out, and how does it refuse?"""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from controller.model.deployment import Status
from tests import webui_factories as make
from tests.webui_factories import World


def test_an_environment_shows_what_is_applied_and_wanted(shop: World):
    of = make.commit_id("Add the shop")
    want = make.digest_of(f"shop/development{of}")
    id = make.newest(shop)
    assert shop.api().get("/environments/shop/development").json == {
        "uuid": make.uuid_of("shop/development"),
        "project": "shop",
        "name": "development",
        "type": "development",
        "origin": "git",
        "status": "active",
        "repository": "shop",
        "applied": want,
        "applied_deployment": id,
        "decided": None,
        "desired": want,
        "binding": {
            "uuid": make.uuid_of("shop/development"),
            "runner": "local",
            "state": {"type": "local"},
            "engine": "opentofu",
        },
        "live_commit": of,
        "holds": [],
        "problems": [],
        "created_at": "2026-07-01T12:00:00Z",
        "last_success": id,
        "note": "",
        "created_by": None,
        "expires_at": None,
        "drift_every": None,
        "drift_heal": False,
        "drifted": False,
        "drifted_since": None,
        "drift_deployment": None,
        "drift_checked_at": None,
        "heals": 0,
    }


def test_an_unknown_environment_is_named_with_a_near_one(shop: World):
    reply = shop.api().get("/environments/shop/develpment")
    assert reply.status_code == 404
    assert reply.json == {
        "type": "urn:lockstep:problem:not-found",
        "title": "Not found",
        "status": 404,
        "detail": "project `shop` has no environment `develpment`; did you mean `development`?",
        "problems": [],
    }


def test_a_deployment_bears_its_commit_with_author_and_subject(shop: World):
    found = shop.api().get(f"/deployments/{make.newest(shop)}").json
    assert {name: found[name] for name in ("status", "commit", "commit_author", "commit_subject", "counts")} == {
        "status": "succeeded",
        "commit": make.commit_id("Add the shop"),
        "commit_author": "Ada Example",
        "commit_subject": "Add the shop",
        "counts": {"create": 1, "update": 0, "destroy": 0, "replace": 0},
    }


def test_the_beginning_of_an_id_will_do(shop: World):
    id = make.newest(shop)
    assert shop.api().get(f"/deployments/{id[:8]}").json["id"] == id


def test_pages_follow_one_another_without_gap_or_double(world: World):
    of = make.commit("Add the shop")
    slugs = [f"shop/e{number}" for number in range(5)]
    make.decided(world, [of], [make.wants(world, slug, of) for slug in slugs])
    api = world.api()
    seen, before = [], ""
    while before is not None:
        page = api.get(f"/deployments?limit=2{f'&before={before}' if before else ''}").json
        seen += [row["environment"] for row in page["items"]]
        before = page["next"]
    assert seen == ["e4", "e3", "e2", "e1", "e0"]


def test_deployments_are_filtered(shop: World):
    api = shop.api()
    assert len(api.get("/deployments?status=succeeded&environment=development").json["items"]) == 1
    assert api.get("/deployments?status=failed").json == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        pytest.param("statsu=failed", "query: unknown key `statsu`; did you mean `status`?", id="near-key"),
        pytest.param("status=faild", "query: `status` cannot be `faild`; did you mean `failed`?", id="near-value"),
        pytest.param("limit=0", "query: `limit`: input should be greater than or equal to 1; correct it", id="limit"),
    ],
)
def test_a_query_that_is_wrong_is_refused(world: World, query: str, problem: str):
    reply = world.api().get(f"/deployments?{query}")
    assert (reply.status_code, reply.json["problems"]) == (422, [problem])


def test_every_fault_of_a_body_is_said_at_once(world: World):
    reply = world.api().post("/tokens", {"nam": "ci", "role": "boss"})
    assert reply.json == {
        "type": "urn:lockstep:problem:invalid",
        "title": "Invalid input",
        "status": 422,
        "detail": (
            "body: `name` is missing; add it\n"
            "body: `role` cannot be `boss`; give one of viewer, deployer, admin\n"
            "body: unknown key `nam`; did you mean `name`?"
        ),
        "problems": [
            "body: `name` is missing; add it",
            "body: `role` cannot be `boss`; give one of viewer, deployer, admin",
            "body: unknown key `nam`; did you mean `name`?",
        ],
    }


@pytest.mark.parametrize("content", [b"[]", b"{", b'"x"', b"\xff"])
def test_a_body_that_is_no_json_object_is_refused(world: World, content: bytes):
    api = world.api()
    reply = api.client.post("/api/v1/tokens", data=content, headers=api.headers, content_type="application/json")
    assert reply.json["detail"] == "body: is not a JSON object; send one with `Content-Type: application/json`"


def test_a_body_that_is_too_large_is_refused(world: World):
    api = world.api()
    reply = api.client.post(
        "/api/v1/tokens", data=b" " * 5_000_000, headers=api.headers, content_type="application/json"
    )
    assert (reply.status_code, reply.json["detail"]) == (413, "the body is too large; a manifest has at most 1 MiB")


def test_an_unknown_address_is_answered_with_a_problem_document(world: World):
    reply = world.client().get("/api/v1/deploymnets")
    assert (reply.status_code, reply.mimetype) == (404, "application/problem+json")
    assert (
        reply.json["detail"] == "there is nothing at `/api/v1/deploymnets`; `/api/v1/openapi.json` lists what there is"
    )


def test_a_method_that_an_address_does_not_take_is_refused(world: World):
    reply = world.client().put("/api/v1/projects")
    assert reply.status_code == 405
    assert reply.json["detail"] == ("`/api/v1/projects` does not take PUT; `/api/v1/openapi.json` lists what it takes")


def test_a_bug_is_answered_with_a_reference_that_the_log_has(shop: World, caplog):
    shop.doors = replace(shop.doors, now=lambda: 1 // 0)
    reply = shop.client().get("/api/v1/projects", headers={"Authorization": "Bearer x"})
    assert (reply.status_code, reply.mimetype) == (500, "application/problem+json")
    logged = caplog.records[-1]
    assert reply.json["detail"] == (
        f"this is a bug in Lockstep; please report it with the traceback that the controller logged as {logged.args[0]}"
    )
    assert "ZeroDivisionError" not in reply.get_data(as_text=True)
    assert "ZeroDivisionError" in caplog.text


def test_who_asks_again_is_told_that_nothing_has_changed(shop: World):
    api = shop.api()
    first = api.get("/deployments")
    again = api.get("/deployments", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
    make.by_person(shop, "shop/development", "grace")
    assert api.get("/deployments", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_the_manifest_of_an_environment_is_that_of_its_last_success(shop: World):
    id = make.newest(shop)
    make.by_person(shop, "shop/development", "grace")
    assert shop.api().get("/environments/shop/development/manifest").json == {
        "deployment": id,
        "manifest": make.MANIFEST,
    }


def test_an_environment_that_never_succeeded_has_no_manifest(world: World):
    of = make.commit("Add the shop")
    make.decided(world, [of], [make.wants(world, "shop/development", of)])
    reply = world.api().get("/environments/shop/development/manifest")
    assert (reply.status_code, reply.json["detail"]) == (
        404,
        "environment `shop/development` has no manifest yet; it was never deployed with success",
    )


def test_the_graph_comes_as_nodes_and_edges(shop: World):
    found = shop.api().get(f"/deployments/{make.newest(shop)}/graph").json["nodes"]
    assert [(node["resource"], node["module"], node["depends_on"]) for node in found] == [
        ("dns.default#shared.dns", "dns-zone", []),
        ("network.default#shared.net", "network", []),
        ("postgres.default#workloads.api.db", "postgres", ["network.default#shared.net"]),
        ("workload.default#api", None, ["postgres.default#workloads.api.db"]),
    ]


@pytest.mark.parametrize(
    ("form", "media", "begins"),
    [("mermaid", "text/plain", "flowchart LR\n"), ("svg", "image/svg+xml", "<svg"), ("text", "text/plain", "")],
)
def test_the_graph_comes_as_a_drawing(shop: World, form: str, media: str, begins: str):
    reply = shop.api().get(f"/deployments/{make.newest(shop)}/graph?format={form}")
    assert reply.mimetype == media
    assert reply.get_data(as_text=True).startswith(begins)


def test_the_plan_is_the_public_summary(shop: World):
    found = shop.api().get(f"/deployments/{make.newest(shop)}/plan").json["summary"]
    assert found["changes"][0]["action"] == "create"
    assert found["outputs"] == [{"name": "api", "action": "create"}]


def test_resources_bear_their_modules(shop: World):
    found = shop.api().get("/environments/shop/development/resources").json["items"]
    assert found[0] == {
        "resource": "dns.default#shared.dns",
        "module": "dns-zone",
        "deployment": make.newest(shop),
        "metadata": None,
    }


def test_events_go_on_after_those_that_are_known(shop: World):
    id = make.newest(shop)
    events = [{"n": n, "at": "2026-07-01T12:00:00+00:00", "type": "step_started", "step": "init"} for n in (1, 2, 3)]
    make.record.progressed(shop.store, id, events, ())
    page = shop.api().get(f"/deployments/{id}/events?after=1").json
    assert page == {"items": events[1:], "next": "3"}
    assert shop.api("other").get(f"/deployments/{id}/events?after=3").json == {"items": [], "next": "3"}


def test_log_chunks_come_encrypted_with_the_wrapped_key(shop: World):
    id = make.newest(shop)
    make.logged(shop, id, "init\n", "apply\n")
    page = shop.api().get(f"/deployments/{id}/logs?after=1").json
    assert [item["number"] for item in page["items"]] == [2]
    assert base64.b64decode(page["items"][0]["content"]).startswith(b"age-encryption.org/v1\n")
    identity = make.age.decrypt(base64.b64decode(page["key"]), shop.log_key.secret.reveal()).decode()
    assert identity == shop.log_key.secret.reveal()
    assert (page["next"], page["recipient"], page["is_open"]) == ("2", shop.log_key.recipient, False)


@pytest.mark.parametrize(
    ("more", "status", "why"),
    [
        pytest.param({}, Status.FAILED, "it was started without a recipient for them", id="no-recipient"),
        pytest.param(
            {"outputs_recipient": "age1x"},
            Status.FAILED,
            "only a deployment that was applied with success has some",
            id="failed",
        ),
    ],
)
def test_outputs_that_are_not_there_are_explained(shop: World, more: dict, status: Status, why: str):
    id = make.by_person(shop, "shop/development", "grace", **more)
    make.planned(shop, id, make.summary())
    make.ended(shop, id, status)
    reply = shop.api().get(f"/deployments/{id}/outputs")
    assert (reply.status_code, reply.json["detail"]) == (404, f"deployment `{id}` has no outputs; {why}")


def test_commits_bear_their_verdicts(shop: World):
    found = shop.api().get("/commits").json["items"]
    assert found == [
        {
            "repository": "shop",
            "id": make.commit_id("Add the shop"),
            "author_name": "Ada Example",
            "author_email": "ada@example.com",
            "committed_at": "2026-07-01T12:00:00Z",
            "message": "Add the shop\n",
            "on_branch": True,
            "counts": {"deployed": 1},
            "verdicts": [
                {
                    "project": "shop",
                    "environment": "development",
                    "kind": "deployed",
                    "deployment": make.newest(shop),
                    "other_commit": None,
                    "reason": "",
                    "problems": [],
                }
            ],
        }
    ]


def test_which_repository_has_to_be_said_where_there_are_two(shop: World):
    make.watched(shop, "billing")
    reply = shop.api().get("/commits")
    assert (reply.status_code, reply.json["detail"]) == (
        404,
        "which repository is not said; give one of billing, shop",
    )


def test_a_hold_is_listed_while_it_lasts(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("update")))
    make.record.begin_apply(shop.store, id, shop.now)
    assert shop.api().get("/holds").json["items"] == [
        {
            "kind": "pinned",
            "scope": "shop/development",
            "who": "grace",
            "why": "by hand",
            "since": "2026-07-01T12:00:00Z",
            "until": None,
            "desired_digest": make.digest_of(f"shop/development{make.commit_id('Add the shop')}"),
        }
    ]


def test_environments_are_listed_in_pages_where_that_is_asked_for(world: World):
    of = make.commit("Add the shop")
    make.decided(world, [of], [make.wants(world, f"shop/{name}", of) for name in ("development", "staging")])
    api = world.api()
    everything = api.get("/environments").json
    assert everything["next"] is None
    slugs = [f"{row['project']}/{row['name']}" for row in everything["items"]]
    assert slugs == ["shop/development", "shop/staging"]
    page, seen = api.get("/environments?limit=1").json, []
    while page["next"] is not None:
        seen += page["items"]
        assert page["next"] == f"{seen[-1]['project']}/{seen[-1]['name']}"
        page = api.get(f"/environments?limit=1&after={page['next']}").json
    assert [*seen, *page["items"]] == everything["items"]
    assert api.get(f"/environments?project=shop&after={slugs[0]}").json["items"] == everything["items"][1:]
    assert api.get("/environments?project=shopp&limit=1").status_code == 404
    assert world.api("other", projects=("none",)).get("/environments?limit=1").json == {"items": [], "next": None}
