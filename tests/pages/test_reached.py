"""While an apply runs, and after it did not come to a good end, one sees what of it is done."""

from __future__ import annotations

from typing import Any

import pytest

from controller.history import record
from controller.model.deployment import Status
from tests import webui_factories as make
from tests.webui_factories import World

NODE = "postgres.default#workloads.api.db"
ADDRESS = "module.postgres_default_workloads_api_db.terraform_data"
OTHER = "dns.default#shared.dns"
OTHERS = "module.dns_default_shared_dns.terraform_data.this"
_ENDS = {"done": "apply_complete", "failed": "apply_errored"}


def happened(world: World, id: str, *told: tuple[str, str, str]) -> None:
    """An apply that began, and told these: action, address, how it ended (empty: not yet)."""
    events: list[dict[str, Any]] = [{"type": "phase_started", "phase": "apply"}]
    for action, address, end in told:
        events.append({"type": "apply_start", "action": action, "address": address})
        if end:
            events.append({"type": _ENDS[end], "action": action, "address": address})
    numbered = [{"n": n, "at": "2026-07-01T12:00:00+00:00", **event} for n, event in enumerate(events, 1)]
    record.progressed(world.store, id, numbered, [])


@pytest.fixture
def applying(shop: World) -> str:
    """A deployment of four changes that is just being applied; its id."""
    id = make.by_person(shop, "shop/development", "grace")
    changes = [
        make.change("create", OTHER),
        *(make.change("create", address=f"{ADDRESS}.{name}") for name in ("a", "b")),
        make.change("replace", address=f"{ADDRESS}.c"),
    ]
    make.planned(shop, id, make.summary(*changes))
    record.begin_apply(shop.store, id, shop.now)
    return id


def test_a_running_apply_shows_what_is_done_runs_and_waits(shop: World, applying: str):
    happened(
        shop,
        applying,
        ("create", OTHERS, "done"),
        ("create", f"{ADDRESS}.a", "done"),
        ("delete", f"{ADDRESS}.c", "done"),
    )
    seen = shop.visitor().see(f"/deployments/{applying}")
    assert (
        "Resources 2 of 4 done Resource Done Action Address within it Outcome "
        f"{OTHER} 1 of 1 + create terraform_data.this done "
        f"{NODE} 1 of 3 + create terraform_data.a done + create terraform_data.b waiting "
        "± replace terraform_data.c running done: delete "
    ) in seen


def test_the_api_tells_the_same_by_node_and_by_address(shop: World, applying: str):
    happened(shop, applying, ("create", f"{ADDRESS}.a", "failed"), ("create", OTHERS, "done"))
    record.finished(shop.store, applying, record.Finish(Status.FAILED, "No"), shop.now)
    assert shop.api().get(f"/deployments/{applying}/progress").json == {
        "deployment": applying,
        "is_begun": True,
        "done": 1,
        "total": 4,
        "nodes": [{"resource": OTHER, "done": 1, "total": 1}, {"resource": NODE, "done": 0, "total": 3}],
        "addresses": [
            address(OTHERS, OTHER, "create", "done", "create"),
            address(f"{ADDRESS}.a", NODE, "create", "failed"),
            address(f"{ADDRESS}.b", NODE, "create", "unknown"),
            address(f"{ADDRESS}.c", NODE, "replace", "unknown"),
        ],
    }


def address(name: str, resource: str, action: str, outcome: str, *done: str) -> dict[str, Any]:
    return {"address": name, "resource": resource, "action": action, "outcome": outcome, "done": list(done)}


def test_what_succeeded_needs_no_table_of_what_is_done(shop: World, applying: str):
    record.finished(shop.store, applying, record.Finish(Status.SUCCEEDED, "", applied=True), shop.now)
    assert "of 4 done" not in shop.visitor().see(f"/deployments/{applying}")
    assert shop.api().get(f"/deployments/{applying}/progress").json["done"] == 4


def test_what_was_never_begun_shows_only_its_plan(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    make.planned(shop, id, make.summary(make.change("create")))
    assert "of 1 done" not in shop.visitor().see(f"/deployments/{id}")
    found = shop.api().get(f"/deployments/{id}/progress").json
    assert (found["is_begun"], [line["outcome"] for line in found["addresses"]]) == (False, ["waiting"])


def test_without_a_plan_nothing_is_told_of(shop: World):
    id = make.by_person(shop, "shop/development", "grace")
    assert shop.api().get(f"/deployments/{id}/progress").json == {
        "deployment": id,
        "is_begun": False,
        "done": 0,
        "total": 0,
        "nodes": [],
        "addresses": [],
    }
