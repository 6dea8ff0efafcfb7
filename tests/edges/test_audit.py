"""Every change by a person, and by the controller on its own: who, what, why, from where, and how it was before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions
from controller.history import access, read
from controller.history.audit import Act
from controller.model.access import AuditRecord, change
from controller.model.deployment import Role, Status
from controller.model.document import Json
from tests.deploy_factories import Script, World, project, sized, world

MANIFEST: Json = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 7}}}}}}
PLACE = "203.0.113.7, lockstep/0.1.0"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.doors = replace(made.doors, origin=PLACE)
        made.deploy(project(development=sized(1)))
        yield made


def newest(acme: World) -> AuditRecord:
    return read.audit(acme.doors.store, limit=1)[0]


def told(line: AuditRecord) -> tuple[str, str, str, str, str]:
    return (line.actor, line.action, line.subject, line.reason, line.origin)


def waiting(acme: World) -> str:
    """A deployment from Git that waits for approval."""
    acme.runner.script = Script(counts={"destroy": 1})
    acme.push(project(development=sized(2)), "Grow")
    acme.poll()
    acme.settle()
    row = acme.last("development")
    assert row.status is Status.AWAITING_APPROVAL
    return row.id


def test_a_deployment_by_a_person(acme: World) -> None:
    applied = acme.environment("development").applied
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "development", MANIFEST, reason="try seven")
    assert not isinstance(made, actions.DryRun)
    line = newest(acme)
    assert told(line) == ("ann", "deploy", "shop/development", "try seven", PLACE)
    assert (line.before, line.after) == ({"line": []}, {"line": [f"deploy {made.id} queued"]})
    assert line.details == {"deployment": made.id, "mode": "deploy", "digest": made.desired_digest}
    acme.settle()
    actions.resume(acme.doors, "bea", "shop", "development", reason="seen")
    line = newest(acme)
    assert told(line) == ("bea", "resume", "shop/development", "seen", PLACE)
    assert (line.before, line.after) == ({"holds": ["pinned by ann"]}, {"holds": []})
    assert applied != acme.environment("development").applied


def test_an_approval_a_discard_and_a_cancel(acme: World) -> None:
    id = waiting(acme)
    actions.approve(acme.doors, "ann", id, reason="looked at it")
    line = newest(acme)
    assert told(line) == ("ann", "approve", id, "looked at it", PLACE)
    assert (line.before, line.after) == ({"approved_by": None}, {"approved_by": "ann"})
    actions.cancel(acme.doors, "bea", id)
    line = newest(acme)
    assert told(line) == ("bea", "cancel", id, "", PLACE)
    assert line.before == {"cancelled_by": None, "status": "awaiting_approval"}
    assert line.after == {"cancelled_by": "bea", "status": "cancelled"}


def test_a_discard(acme: World) -> None:
    id = waiting(acme)
    actions.discard(acme.doors, "ann", id, reason="not on a Friday")
    line = newest(acme)
    assert told(line) == ("ann", "discard", id, "not on a Friday", PLACE)
    assert (line.before, line.after) == ({"status": "awaiting_approval"}, {"status": "discarded"})


def test_an_approval_that_nobody_gave_in_time_is_the_controller_s_own_act(acme: World) -> None:
    id = waiting(acme)
    acme.clock.forward(timedelta(hours=25))
    acme.settle()
    line = newest(acme)
    assert told(line) == ("lockstep", "discard", id, "nobody approved it in time", "")
    assert (line.before, line.after) == ({"status": "awaiting_approval"}, {"status": "discarded"})


def test_a_rollback_a_destroy_and_a_retry(acme: World) -> None:
    first = acme.last("development")
    acme.deploy(project(development=sized(2)))
    rollback = actions.rollback(acme.doors, "ann", "shop", "development", first.id, reason="2 is broken")
    line = newest(acme)
    assert told(line) == ("ann", "rollback", "shop/development", "2 is broken", PLACE)
    assert (line.before, line.after) == ({"line": []}, {"line": [f"rollback {rollback.id} queued"]})
    assert line.details["source"] == first.id
    acme.settle()
    destroy = actions.destroy(acme.doors, "ann", "shop", "development")
    assert destroy is not None
    line = newest(acme)
    assert told(line) == ("ann", "destroy", "shop/development", "", PLACE)
    assert line.before == {"line": [], "status": "active"}
    assert line.after == {"line": [f"destroy {destroy.id} queued"], "status": "deleting"}


def test_a_token_is_made_and_revoked(acme: World) -> None:
    act = Act("ann", acme.doors.now(), origin=PLACE)
    access.create_token(acme.doors.store, name="ci", secret_hash="h", role=Role.DEPLOYER, projects=["shop"], act=act)
    line = newest(acme)
    assert told(line) == ("ann", "token.create", "ci", "", PLACE)
    assert (line.before, line.after) == (None, {"role": "deployer", "projects": ["shop"], "expires_at": None})
    access.revoke_token(acme.doors.store, "ci", act)
    assert change(newest(acme).before, newest(acme).after) == "revoked: no → yes"


def test_the_trail_is_asked_for_one_subject_one_person_or_one_kind_of_act(acme: World) -> None:
    id = waiting(acme)
    actions.approve(acme.doors, "ann", id)
    actions.cancel(acme.doors, "bea", id)
    store = acme.doors.store
    assert [line.action for line in read.audit(store, subject=id)] == ["cancel", "approve"]
    assert [line.action for line in read.audit(store, actor="ann")] == ["approve"]
    assert [line.actor for line in read.audit(store, action="cancel")] == ["bea"]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, None, ""),
        ({}, {}, ""),
        ({"holds": []}, {"holds": ["pinned by ann"]}, "holds: none → pinned by ann"),
        ({"b": 1, "a": False}, {"b": 2, "a": True}, "a: no → yes; b: 1 → 2"),
    ],
)
def test_a_change_in_words(before: Json, after: Json, words: str) -> None:
    assert change(before, after) == words
