"""What can be done through the API and the forms of the page?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from controller.history import read
from controller.model.deployment import Mode, Role, Status
from controller.runner.protocol import Ended, Extent
from controller.secrets import age
from tests import deploy_factories
from tests import webui_factories as make
from tests.deploy_factories import Script, sized

SIZED_2 = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 2}}}}}}
DEPLOY = "/environments/shop/staging/deployments"


@dataclass(frozen=True)
class Company:
    """What the controller does, and the site that shows it."""

    at_work: deploy_factories.World
    site: make.World


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """shop/staging is deployed from Git with one thing of size 1; its runner follows a script."""
    with deploy_factories.world(tmp_path) as world:
        world.deploy(deploy_factories.project(staging=sized(1)), "Add staging")
        yield Company(world, make.World(world.doors.store, world.doors, deploy_factories.CONTROLLER))


def _waiting(company: Company) -> str:
    """The id of a deployment by hand that waits for approval."""
    company.at_work.runner.script = Script(counts={"destroy": 1})
    api = company.site.api("grace", Role.DEPLOYER)
    id = api.post(DEPLOY, {"manifest": SIZED_2, "log_recipient": age.generate().recipient}).json["deployment"]["id"]
    company.at_work.settle()
    assert company.at_work.last("staging").status is Status.AWAITING_APPROVAL
    return str(id)


def test_an_environment_is_rolled_back_and_its_failed_deployment_tried_again(company: Company):
    api = company.site.api("grace", Role.DEPLOYER)
    first = company.at_work.last("staging")
    company.at_work.deploy(deploy_factories.project(staging=sized(2)))
    company.at_work.runner.script = Script(apply=Ended.FAILED, message="apply failed: quota")
    reply = api.post("/environments/shop/staging/rollback", {"deployment": first.id[:8], "reason": "2 is broken"})
    assert reply.status_code == 201
    made = reply.json["deployment"]
    assert {name: made[name] for name in ("mode", "status", "source_deployment", "created_by")} == {
        "mode": "rollback",
        "status": "queued",
        "source_deployment": first.id,
        "created_by": "grace",
    }
    company.at_work.settle()
    company.at_work.runner.script = Script()
    again = api.post(f"/deployments/{made['id']}/retry", {})
    company.at_work.settle()
    assert (again.status_code, again.json["mode"]) == (201, "rollback")
    assert company.at_work.environment("staging").applied == first.desired_digest


def test_an_environment_is_destroyed_and_what_has_nothing_is_deleted_at_once(company: Company):
    api = company.site.api("grace", Role.DEPLOYER)
    reply = api.post("/environments/shop/staging/destroy", {"reason": "not needed"})
    assert reply.status_code == 201
    made = reply.json["deployment"]
    assert (made["mode"], made["status"], made["created_by"]) == ("destroy", "queued", "grace")
    assert api.get("/environments/shop/staging").json["status"] == "deleting"
    company.at_work.settle()
    assert api.get("/environments/shop/staging").json["holds"][0]["kind"] == "destroyed"
    assert api.post("/environments/shop/staging/destroy", {}).json == {"deployment": None}


def test_a_viewer_destroys_nothing(company: Company):
    api = company.site.api("vera", Role.VIEWER)
    for path, body in (("rollback", {"deployment": "x"}), ("destroy", {})):
        assert api.post(f"/environments/shop/staging/{path}", body).status_code == 403
    assert company.at_work.environment("staging").holds == ()


def test_a_manifest_is_deployed(company: Company):
    api = company.site.api("grace", Role.DEPLOYER)
    recipient = age.generate().recipient
    reply = api.post(DEPLOY, {"manifest": SIZED_2, "log_recipient": recipient, "reason": "to try it"})
    made = reply.json["deployment"]
    assert reply.status_code == 201
    assert {name: made[name] for name in ("status", "created_by", "reason", "log_recipient", "commit_subject")} == {
        "status": "queued",
        "created_by": "grace",
        "reason": "to try it",
        "log_recipient": recipient,
        "commit_subject": "Add staging",
    }
    company.at_work.settle()
    assert api.get(f"/deployments/{made['id']}").json["status"] == "succeeded"
    assert api.get(f"/deployments/{made['id']}/manifest").json["manifest"] == SIZED_2


def test_the_same_request_twice_is_one_deployment(company: Company):
    api = company.site.api("grace", Role.DEPLOYER)
    first = api.post(DEPLOY, {"manifest": SIZED_2}, **{"Idempotency-Key": "one"})
    again = api.post(DEPLOY, {"manifest": SIZED_2}, **{"Idempotency-Key": "one"})
    assert (again.status_code, again.json) == (201, first.json)
    assert len(company.at_work.deployments("staging")) == 2


def test_a_manifest_as_text_has_lines_and_columns(company: Company):
    text = "workloads:\n  api:\n    resources:\n      db: {type: thign}\n"
    reply = company.site.api("grace", Role.DEPLOYER).post(DEPLOY, {"source": {"name": "app.yaml", "text": text}})
    assert reply.status_code == 422
    (problem,) = reply.json["problems"]
    assert problem.startswith("app.yaml:4:")
    assert problem.endswith("did you mean `thing`?")


@pytest.mark.parametrize("body", [{}, {"manifest": SIZED_2, "source": {"text": "{}"}}])
def test_a_manifest_is_given_once(company: Company, body: dict):
    reply = company.site.api("grace", Role.DEPLOYER).post(DEPLOY, body)
    assert reply.json["problems"] == ["body: its keys do not fit together; give either `manifest` or `source`"]


def test_a_dry_run_opens_nothing(company: Company):
    reply = company.site.api("grace", Role.DEPLOYER).post(DEPLOY, {"manifest": SIZED_2, "dry_run": True})
    found = reply.json["dry_run"]
    assert (reply.status_code, reply.json["deployment"], found["is_new"], found["manifest"]) == (
        201,
        None,
        True,
        SIZED_2,
    )
    assert len(company.at_work.deployments("staging")) == 1


def test_a_recipient_that_is_none_is_refused(company: Company):
    reply = company.site.api("grace", Role.DEPLOYER).post(DEPLOY, {"manifest": SIZED_2, "log_recipient": "bananas"})
    assert reply.status_code == 409
    assert reply.json["detail"].startswith("recipient `bananas`: age cannot encrypt to it; ")


@pytest.mark.parametrize(
    ("verb", "status"),
    [("approve", Status.SUCCEEDED), ("discard", Status.DISCARDED), ("cancel", Status.CANCELLED)],
)
def test_a_waiting_plan_is_decided_by_the_api(company: Company, verb: str, status: Status):
    id = _waiting(company)
    reply = company.site.api("alice").post(f"/deployments/{id}/{verb}", {"reason": "looked at it"})
    assert reply.status_code == 200
    company.at_work.settle()
    assert read.deployment(company.at_work.doors.store, id).status is status
    entry = read.audit(company.at_work.doors.store, limit=1)[0]
    assert (entry.actor, entry.action, entry.subject, entry.reason) == ("alice", verb, id, "looked at it")


@pytest.mark.parametrize(
    ("verb", "said", "status"),
    [
        ("approve", "The plan is approved and will be applied.", Status.SUCCEEDED),
        ("discard", "The plan is discarded; nothing was applied.", Status.DISCARDED),
        ("cancel", "The deployment is being cancelled.", Status.CANCELLED),
    ],
)
def test_a_waiting_plan_is_decided_on_the_page(company: Company, verb: str, said: str, status: Status):
    id = _waiting(company)
    visitor = company.site.visitor("alice")
    reply = visitor.send(f"/deployments/{id}/{verb}", page=f"/deployments/{id}")
    assert reply.headers["Location"] == f"/deployments/{id}"
    assert said in visitor.see(f"/deployments/{id}")
    company.at_work.settle()
    assert read.deployment(company.at_work.doors.store, id).status is status


def test_a_person_goes_back_and_tries_again_on_the_page(company: Company):
    first = company.at_work.last("staging")
    visitor = company.site.visitor("alice")
    assert "Roll back to this" not in visitor.see(f"/deployments/{first.id}")  # it is what is there
    company.at_work.deploy(deploy_factories.project(staging=sized(2)))
    company.at_work.runner.script = Script(apply=Ended.FAILED, message="apply failed: quota")
    assert "Roll back to this" in visitor.see(f"/deployments/{first.id}")
    visitor.send(f"/deployments/{first.id}/rollback", page=f"/deployments/{first.id}")
    company.at_work.settle()
    company.at_work.runner.script = Script()
    failed = company.at_work.last("staging")
    assert "Try again" in visitor.see(f"/deployments/{failed.id}")
    visitor.send(f"/deployments/{failed.id}/retry", page=f"/deployments/{failed.id}")
    company.at_work.settle()
    row = company.at_work.last("staging")
    assert (row.mode, row.status, row.created_by) == (Mode.ROLLBACK, Status.SUCCEEDED, "alice")
    seen = visitor.see(f"/deployments/{row.id}")
    assert "Roll back to “Add staging”" in seen
    assert company.at_work.environment("staging").applied == first.desired_digest


def test_an_environment_is_destroyed_on_the_page_by_typing_its_name(company: Company):
    visitor = company.site.visitor("alice")
    page = "/environments/shop/staging"
    reply = visitor.send(f"{page}/destroy", page=page, name="shop/stagin")
    assert reply.status_code == 409
    assert "the name that was typed is not shop/staging; nothing was destroyed" in make.words(reply)
    company.at_work.runner.script = Script(counts={})
    visitor.send(f"{page}/destroy", page=page, name="shop/staging")
    company.at_work.settle()
    assert company.at_work.last("staging").mode is Mode.DESTROY
    seen = visitor.see(page)
    assert "shop/staging destroyed staging" in seen
    assert "Delete this environment" not in seen


ORPHAN = "module.thing.terraform_data.it"


def _interrupted(company: Company) -> str:
    """The id of a follow-up that could take over what was made; its plan with imports has nothing left to approve."""
    change = {"address": ORPHAN, "module": "thing.default#x"}
    runner = company.at_work.runner
    more = {"extent": Extent.PARTIAL, "possibly_orphaned": (ORPHAN,)}
    runner.script = Script(apply=Ended.INTERRUPTED, message="cut short", more=more, imports={ORPHAN: "i-1"})
    company.at_work.push({"projects/shop/staging/app.manifest.yaml": sized(5)}, "Grow")
    company.at_work.poll()
    company.at_work.claim()
    company.at_work.carry(company.at_work.last("staging").id)
    runner.script = Script(changes=({**change, "action": "create"},))
    company.at_work.settle()
    runner.script = Script(changes=({**change, "action": "import"},))
    return company.at_work.last("staging").id


def test_what_is_there_already_is_imported_by_the_api(company: Company):
    id = _interrupted(company)
    api = company.site.api("alice")
    reply = api.post(f"/deployments/{id}/approve", {"import": True, "reason": "it is there"})
    assert (reply.status_code, reply.json["status"]) == (200, "planning")
    assert reply.json["message"] == f"alice lets it import {ORPHAN}; planning again"
    company.at_work.settle()
    assert api.get(f"/deployments/{id}").json["status"] == "succeeded"
    entry = read.audit(company.at_work.doors.store, limit=1)[0]
    assert (entry.actor, entry.action, entry.reason) == ("alice", "approve", "it is there")
    assert entry.details["import"] == [ORPHAN]


def test_what_is_there_already_is_imported_on_the_page(company: Company):
    id = _interrupted(company)
    visitor = company.site.visitor("alice")
    assert "Import what is there already" in visitor.see(f"/deployments/{id}")
    visitor.send(f"/deployments/{id}/approve", page=f"/deployments/{id}", **{"import": "true"})
    assert "It is planned again, with imports." in visitor.see(f"/deployments/{id}")
    company.at_work.settle()
    assert read.deployment(company.at_work.doors.store, id).status is Status.SUCCEEDED


def test_where_nothing_is_on_offer_nothing_can_be_imported(company: Company):
    id = _waiting(company)
    assert "Import" not in company.site.visitor("alice").see(f"/deployments/{id}")
    reply = company.site.api("bob").post(f"/deployments/{id}/approve", {"import": True})
    assert (reply.status_code, reply.json["detail"]) == (
        409,
        f"deployment {id} has no import on offer; approve it without `--import`, or discard it",
    )


def test_a_hold_is_ended_on_the_page(company: Company):
    api = company.site.api("grace", Role.DEPLOYER)
    api.post(DEPLOY, {"manifest": SIZED_2})
    company.at_work.settle()
    visitor = company.site.visitor("alice")
    assert "Resume: follow Git again" in visitor.see("/environments/shop/staging")
    visitor.send("/environments/shop/staging/resume", page="/environments/shop/staging")
    seen = visitor.see("/environments/shop/staging")
    assert "shop/staging follows Git again." in seen
    assert "Resume" not in seen


def test_an_environment_is_suspended_on_the_page_and_says_why_nothing_is_deployed(company: Company):
    visitor, world = company.site.visitor("alice"), company.at_work
    page = "/environments/shop/staging"
    visitor.send(f"{page}/suspend", page=page, hours="2", reason="freeze")
    assert "shop/staging is suspended: nothing from Git begins there." in visitor.see(page)
    commit = world.push({"projects/shop/staging/app.manifest.yaml": sized(3)}, "Grow")
    world.poll()
    seen = visitor.see(f"{page}/why?commit={commit[:8]}")
    said = f"Commit {commit[:10]} “Grow” by Ada changes shop/staging (1 resource), and is held: alice has suspended"
    assert said in seen
    assert "lockstep resume shop staging" in seen
    assert "why?" in visitor.see(f"/commits/{commit}")
    reply = visitor.send(f"{page}/suspend", page=page, hours="-1")
    assert reply.status_code == 409
    assert "`-1` is no number of hours; give one up to 8760, or leave it out" in make.words(reply)


@pytest.mark.parametrize(
    ("scope", "shown", "word"), [("shop", "Project shop", "shop"), ("*", "Everything", "everything")]
)
def test_a_project_or_everything_is_suspended_and_resumed_on_the_system_page(
    company: Company, scope: str, shown: str, word: str
):
    visitor = company.site.visitor("alice")
    assert "Suspend a project, or everything" in visitor.see("/system")
    visitor.send("/suspend", page="/system", scope=scope, hours="2", reason="freeze")
    seen = visitor.see("/system")
    assert f"{shown} is suspended: nothing from Git begins there." in seen
    assert f"Resume {word}" in seen
    (hold,) = company.at_work.environment("staging").holds
    now = company.at_work.doors.now()
    assert (hold.scope, hold.who, hold.why, hold.until) == (scope, "alice", "freeze", now + timedelta(hours=2))
    assert "suspended by alice until 2026-03-01 14:00:00: freeze" in visitor.see("/")
    seen = visitor.see("/environments/shop/staging")
    assert "by alice" in seen
    assert "Resume: follow Git again" not in seen  # it is not held by itself: that is ended where it was begun
    visitor.send("/resume", page="/system", scope=scope)
    assert f"{shown} is not suspended any more; what is held by itself stays held." in visitor.see("/system")
    assert company.at_work.environment("staging").holds == ()


def test_who_may_not_suspend_sees_no_button_and_cannot(company: Company):
    visitor = company.site.visitor("vera", Role.VIEWER)
    company.site.api("alice").post("/suspend", {"reason": "freeze"})
    seen = visitor.see("/system")
    assert "Suspend a project" not in seen
    assert "Resume everything" not in seen
    assert visitor.send("/resume", page="/system", scope="*").status_code == 403
    assert [hold.scope for hold in company.at_work.environment("staging").holds] == ["*"]


@pytest.mark.parametrize(
    ("scope", "status", "said"),
    [
        ("*", 403, "the token of `nora` is limited to shop; this needs one for all projects"),
        ("other", 404, "project `other` does not exist; check its name, or ask for a token that includes its project"),
        ("shop/staging", 409, "`shop/staging` is no project; choose one, or everything"),
        ("", 409, "`` is no project; choose one, or everything"),
    ],
)
def test_a_token_of_one_project_suspends_only_that_on_the_page(company: Company, scope: str, status: int, said: str):
    visitor = make.Visitor(company.site.client())
    visitor.sign_in(make.token(company.site, "nora", Role.DEPLOYER, ["shop"]))
    assert "everything" not in visitor.see("/system").partition("Suspend a project, or everything")[2]
    reply = visitor.send("/suspend", page="/system", scope=scope)
    assert (reply.status_code, said in make.words(reply)) == (status, True)
    assert company.at_work.environment("staging").holds == ()
    visitor.send("/suspend", page="/system", scope="shop")
    assert [hold.scope for hold in company.at_work.environment("staging").holds] == ["shop"]


@pytest.mark.parametrize("path", ["/projects/shop", ""])
def test_a_project_or_everything_is_suspended_by_the_api(company: Company, path: str):
    api = company.site.api("alice")
    made = api.post(f"{path}/suspend", {"reason": "freeze", "for_seconds": 60})
    assert (made.status_code, made.json["scope"], made.json["why"]) == (200, "shop" if path else "*", "freeze")
    assert api.get("/holds").json["items"] == [made.json]
    assert api.post(f"{path}/resume", {}).status_code == 204
    assert api.get("/holds").json["items"] == []
    both = api.post(f"{path}/suspend", {"for_seconds": 60, "until": "2030-01-01T00:00:00Z"})
    assert (both.status_code, both.json["detail"]) == (
        422,
        "body: its keys do not fit together; give `until` or `for_seconds`, not both",
    )


def test_everything_is_suspended_only_by_who_may_do_all(company: Company):
    narrow = company.site.api("nora", Role.DEPLOYER, ["shop"])
    assert narrow.post("/suspend", {}).status_code == 403
    assert narrow.post("/projects/shop/suspend", {}).status_code == 200


def test_what_is_not_held_cannot_be_resumed(company: Company):
    reply = company.site.api("alice").post("/environments/shop/staging/resume", {})
    assert (reply.status_code, reply.json["detail"]) == (409, "shop/staging is not held; it follows Git already")
    visitor = company.site.visitor("bob")
    reply = visitor.send("/environments/shop/staging/resume", page="/environments/shop/staging")
    assert reply.status_code == 409
    assert "shop/staging is not held; it follows Git already" in make.words(reply)


def test_a_ref_is_planned_and_its_comment_follows(company: Company):
    world = company.at_work
    main = str(world.repo.references["refs/heads/main"].target)
    world.push({"projects/shop/staging/app.manifest.yaml": sized(3)}, "Grow", branch="grow", parents=[main])
    api = company.site.api("bot", Role.DEPLOYER)
    planned = api.post("/plans", {"ref": "grow"}).json
    assert [row["environment"] for row in planned["deployments"]] == ["staging"]
    world.settle()
    found = api.get(f"/plans/{planned['id']}").json
    assert [row["status"] for row in found["deployments"]] == ["planned"]
    assert "shop/staging" in found["comment"]


def test_a_repository_is_polled_now(company: Company):
    company.at_work.push({"projects/shop/staging/app.manifest.yaml": sized(3)}, "Grow")
    assert company.site.api("bot", Role.DEPLOYER).post("/repositories/acme/refresh").status_code == 204
    company.at_work.settle()
    assert company.at_work.last("staging").commit_subject == "Grow"


def test_the_catalogue_of_the_decided_tip_is_listed_without_values(company: Company):
    api = company.site.api("eve", Role.VIEWER)
    assert [(row["id"], row["repository"]) for row in api.get("/modules").json["items"]] == [("thing", "acme")]
    assert [row["id"] for row in api.get("/resource-types?repository=acme").json["items"]] == ["thing"]
    assert [row["id"] for row in api.get("/environment-types").json["items"]] == [
        "development",
        "production",
        "staging",
    ]
    assert api.get("/providers").json["items"] == []
    found = api.get("/environments/shop/staging/available-resource-types").json["items"]
    assert found == [
        {
            "id": "thing",
            "description": "Something with a size.",
            "output_schema": {"type": "object", "properties": {"id": {"type": "string"}, "size": {"type": "number"}}},
            "is_developer_accessible": True,
            "options": [
                {
                    "resource_class": "default",
                    "resource_id": None,
                    "rule": "platform/modules/thing/module.yaml:7:3",
                    "module_id": "thing",
                    "module_params": {"size": {"type": "number", "is_optional": False, "description": ""}},
                }
            ],
        }
    ]
