"""What an environment is bound to, and what it takes over: shown, and changed, on the page and in the API."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from controller.model.deployment import EngineKind, Mode, Role, Status
from controller.runner.protocol import Engine, Phase
from tests import webui_factories as make
from tests.deploy_factories import Script, project, sized
from tests.pages.test_acting import Company, company  # noqa: F401  (a fixture)

PAGE = "/environments/shop/staging"
FAR = "id: far\nrunner_configuration: {type: local}\nstate_storage_configuration: {type: s3, bucket: b}\nrules: [{}]\n"
OTHER = Engine(EngineKind.OPENTOFU, "tofu", ("false",), "1.12.0", "for a test")


@pytest.fixture
def moving(company: Company) -> Company:  # noqa: F811
    """Git wants shop/staging somewhere else."""
    company.at_work.runner.script = Script(counts={})
    company.at_work.deploy({"platform/runners/far.yaml": FAR})
    return company


def test_the_api_tells_what_is_bound_and_what_git_would_change_of_it(moving: Company):
    found = moving.site.api("carl", Role.VIEWER).get(f"{PAGE}/binding").json
    uuid = moving.at_work.environment("staging").uuid
    assert found == {
        "binding": {"uuid": uuid, "runner": "local", "state": {"type": "local"}, "engine": "terraform"},
        "changes": ["runner from `local` to `far`", "state storage from `local` to `s3`"],
        "trouble": "",
    }


def test_the_api_tells_why_nobody_knows_what_git_would_change(company: Company):  # noqa: F811
    company.at_work.deploy(project(fresh="workloads: {}\n") | {"projects/shop/fresh/environment.yaml": "mode: observe"})
    found = company.site.api("carl", Role.VIEWER).get("/environments/shop/fresh/binding").json
    assert (found["changes"], found["trouble"]) == (
        [],
        "shop/fresh was never deployed; it is bound at its first deployment",
    )


def test_a_viewer_moves_and_adopts_nothing(moving: Company):
    api = moving.site.api("carl", Role.VIEWER)
    for path, body in (("rebind", {}), ("adopt", {"imports": {"a.b": "1"}})):
        assert api.post(f"{PAGE}/{path}", body).status_code == 403
    assert len(moving.at_work.deployments()) == 1


def test_an_environment_is_moved_on_the_page_by_typing_its_name(moving: Company):
    visitor = moving.site.visitor("alice")
    seen = visitor.see(PAGE)
    assert "run `lockstep rebind shop staging`" in seen
    assert "local, terraform, state local" in seen
    reply = visitor.send(f"{PAGE}/rebind", page=PAGE, name="shop")
    assert "the name that was typed is not shop/staging; nothing was moved" in make.words(reply)
    visitor.send(f"{PAGE}/rebind", page=PAGE, name="shop/staging")
    moving.at_work.settle()
    row = moving.at_work.last("staging")
    assert (row.mode, row.status, row.created_by) == (Mode.REBIND, Status.SUCCEEDED, "alice")
    seen = visitor.see(PAGE)
    assert "far, terraform, state s3 since" in seen
    assert "Move it to where Git wants it" not in seen
    seen = visitor.see(f"/deployments/{row.id}")
    assert "Move shop/staging" in seen
    assert "Roll back to this" not in seen
    assert "Try again" not in seen


def test_what_is_to_be_taken_over_stands_on_the_page(company: Company):  # noqa: F811
    company.at_work.runner.script = Script(changes=({"address": "a.b", "action": "update", "module": None},))
    ann, visitor = company.site.api("ann"), company.site.visitor("alice")
    made = ann.post(f"{PAGE}/adopt", {"imports": {"a.b": "secret-id"}}).json["deployment"]
    company.at_work.settle()
    row = company.at_work.last("staging")
    assert (row.id, row.status, row.message) == (
        made["id"],
        Status.AWAITING_APPROVAL,
        "it takes over a.b for ann, and would change 1 more thing",
    )
    seen = visitor.see(PAGE)
    assert "Takes over a.b, for ann until a deployment has succeeded with it" in seen
    assert "secret-id" not in seen
    assert ann.post(f"{PAGE}/adopt", {"forget": True}).json == {"deployment": None}
    assert "Takes over" not in visitor.see(PAGE)
    company.at_work.settle()
    row = company.at_work.last("staging")
    assert (row.id, row.status, row.message) == (made["id"], Status.SUPERSEDED, "ann takes nothing over any more")


def test_an_engine_of_the_other_kind_is_told_and_runs_nothing(company: Company):  # noqa: F811
    at_work = company.at_work
    at_work.doors = dataclasses.replace(at_work.doors, engine=OTHER)
    before = len(at_work.runner.started)
    at_work.deploy(project(staging=sized(2)))
    row = at_work.last("staging")
    assert (row.status, row.message) == (
        Status.FAILED,
        "the environment is bound to terraform, the engine here is tofu 1.12.0; "
        "install terraform on the controller's machine",
    )
    assert len(at_work.runner.started) == before
    site = dataclasses.replace(company.site, doors=at_work.doors)
    assert (
        "shop/staging is bound to terraform, and the engine here is opentofu: nothing of that is planned or applied; "
        "install terraform, and set `engine: terraform`."
    ) in site.visitor("alice").see("/system")


def test_an_environment_is_not_moved_by_an_engine_of_the_other_kind(moving: Company):
    doors = dataclasses.replace(moving.at_work.doors, engine=OTHER)
    reply = dataclasses.replace(moving.site, doors=doors).api("alice").post(f"{PAGE}/rebind", {})
    assert (reply.status_code, reply.json["detail"]) == (
        409,
        "shop/staging is bound to terraform, the engine here is tofu 1.12.0; "
        "install terraform: an environment is not moved from one kind to the other",
    )


def test_a_move_whose_supervisor_is_lost_every_time_ends_and_leaves_the_binding(moving: Company):
    world = moving.at_work
    world.runner.script = Script(counts={}, dies_in=Phase.MOVE)
    moving.site.api("alice").post(f"{PAGE}/rebind", {})
    for _ in range(10):
        world.settle()
        world.clock.forward(timedelta(hours=1))
    row = world.last("staging")
    assert (row.status, row.message) == (
        Status.FAILED,
        "the move did not come to its end, it stays bound as it was: its supervisor was lost every time",
    )
    found = world.environment("staging")
    assert found.binding is not None
    assert (found.binding.runner, found.applied is None) == ("local", False)


def test_a_move_that_is_cancelled_leaves_the_binding(moving: Company):
    world = moving.at_work
    world.runner.script = Script(counts={}, hangs_in=Phase.MOVE)
    made = moving.site.api("alice").post(f"{PAGE}/rebind", {}).json
    world.settle()
    assert world.last("staging").status is Status.APPLYING
    moving.site.api("bob").post(f"/deployments/{made['id']}/cancel", {})
    world.settle()
    row = world.last("staging")
    assert (row.status, row.message) == (Status.CANCELLED, "cancelled during move; it stays bound as it was")
    found = world.environment("staging")
    assert found.binding is not None
    assert (found.binding.runner, found.applied is None) == ("local", False)
