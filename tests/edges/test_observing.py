"""`mode: observe`: what Git wants is planned and never applied, also what was on its way when that was said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, upkeep
from controller.errors import ConflictError
from controller.history import read
from controller.model.deployment import HoldKind, Mode, Rank, Status
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Extent, Phase
from tests.deploy_factories import Script, World, sized, world

SETTINGS = "projects/shop/development/environment.yaml"
MANIFEST = "projects/shop/development/app.manifest.yaml"
FOLLOW = "limits: {replace: unlimited}\ndrift: {every: 1h, heal: true}\n"
OBSERVE = FOLLOW + "mode: observe\n"
DRIFTED = Script(counts={"update": 1}, changes=({"action": "update", "address": "a.b", "attributes": ["x"]},))
REFUSED = (
    "shop/development is in `mode: observe`: what Git wants there is planned and never applied; "
    "push a commit that sets `mode: follow`"
)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """shop/development follows Git, and was deployed with size 1."""
    with world(tmp_path) as made:
        made.deploy({SETTINGS: FOLLOW, MANIFEST: sized(1)})
        yield made


def observe(acme: World) -> str:
    commit = acme.push({SETTINGS: OBSERVE}, "Only observe")
    acme.poll()
    return commit


def rows(acme: World) -> list[tuple[Rank, Mode, Status]]:
    return [(row.rank, row.mode, row.status) for row in acme.deployments("development")]


def applies(acme: World) -> int:
    return [phase for phase, _ in acme.runner.started].count(Phase.APPLY)


FIRST = (Rank.GIT, Mode.DEPLOY, Status.SUCCEEDED)
REPLACED = (Rank.GIT, Mode.DEPLOY, Status.SUPERSEDED)
PLANNED = (Rank.GIT, Mode.PLAN_ONLY, Status.PLANNED)


@pytest.mark.parametrize("how_far", ["queued", "planning", "awaiting"])
def test_what_has_not_begun_to_apply_is_planned_instead(acme: World, how_far: str) -> None:
    hangs = Phase.PLAN if how_far == "planning" else None
    acme.runner.script = Script(counts={"destroy": 1} if how_far == "awaiting" else {"create": 1}, hangs_in=hangs)
    acme.push({MANIFEST: sized(2), SETTINGS: FOLLOW.replace("limits: {", "limits: {destroy: 0, ")}, "Grow")
    acme.poll()
    row = acme.last("development")
    if how_far != "queued":
        acme.claim()
        acme.carry(row.id)
    acme.runner.script = Script()
    observe(acme)
    acme.settle()
    assert rows(acme) == [FIRST, REPLACED, PLANNED]
    assert read.deployment(acme.doors.store, row.id).superseded_by == acme.last("development").id
    assert applies(acme) == 1
    with pytest.raises(ConflictError) as e:
        actions.approve(acme.doors, "bea", row.id)
    assert str(e.value) == f"deployment {row.id} has ended, it is superseded; there is nothing left to change"
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert rows(acme) == [FIRST, REPLACED, PLANNED]


def applying(acme: World) -> str:
    """The id of a deployment that is being applied."""
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.push({MANIFEST: sized(2)}, "Grow")
    acme.poll()
    id = acme.last("development").id
    acme.claim()
    acme.carry(id)
    return id


def test_a_running_apply_ends_as_it_would(acme: World) -> None:
    id = applying(acme)
    observe(acme)
    acme.runner.finish(id)
    acme.runner.script = Script()
    acme.carry(id)
    acme.settle()
    assert rows(acme) == [FIRST, FIRST]


def test_what_was_cut_short_since_it_observes_does_not_go_on_by_itself(acme: World) -> None:
    id = applying(acme)
    observe(acme)
    acme.decide()
    acme.runner.lose(id)
    acme.runner.script = Script()
    acme.runner.scripts[id] = Script(
        dies_in=Phase.APPLY, apply=Ended.INTERRUPTED, message="cut", more={"extent": Extent.PARTIAL}
    )
    acme.carry(id)
    acme.settle()
    assert rows(acme) == [FIRST, (Rank.GIT, Mode.DEPLOY, Status.FAILED)]
    assert acme.last("development").message == "failed (interrupted): cut"


BROKEN = ["mode: watch\n", "[]\n", FOLLOW + "limit: 3\n"]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_commit_that_breaks_its_settings_does_not_deploy_what_was_only_planned(acme: World, broken: str) -> None:
    acme.push({MANIFEST: sized(2), SETTINGS: OBSERVE}, "Grow")
    acme.poll()
    acme.settle()
    assert rows(acme) == [FIRST, PLANNED]
    commit = acme.push({SETTINGS: broken}, "Break it")
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert acme.told(commit) == {"development": "rejected"}
    assert (rows(acme), applies(acme)) == ([FIRST, PLANNED], 1)
    mended = acme.push({SETTINGS: FOLLOW}, "Follow")
    acme.poll()
    acme.settle()
    assert acme.told(mended) == {"development": "unchanged"}
    assert rows(acme) == [FIRST, PLANNED, FIRST]


@pytest.mark.parametrize("broken", BROKEN)
def test_nor_where_the_last_change_was_before_it_observed(acme: World, broken: str) -> None:
    acme.push({MANIFEST: sized(2)}, "Grow")
    acme.poll()
    observe(acme)
    acme.push({SETTINGS: broken}, "Break it")
    acme.poll()
    acme.settle()
    assert (rows(acme), applies(acme)) == ([FIRST, REPLACED, PLANNED], 1)


def failed(acme: World) -> Deployment:
    acme.runner.script = Script(apply=Ended.FAILED, message="no")
    acme.push({MANIFEST: sized(2)}, "Grow")
    acme.poll()
    acme.settle()
    acme.runner.script = Script()
    return acme.last("development")


def test_what_git_wanted_is_not_tried_again(acme: World) -> None:
    row = failed(acme)
    observe(acme)
    acme.settle()
    before = rows(acme)
    with pytest.raises(ConflictError) as e:
        actions.retry(acme.doors, "bea", row.id)
    assert (str(e.value), rows(acme)) == (REFUSED, before)
    acme.push({SETTINGS: FOLLOW}, "Follow")
    acme.poll()
    actions.retry(acme.doors, "bea", row.id)
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED


def after_drift(acme: World) -> list[Deployment]:
    """What opened by itself when a look had found something else than what was deployed."""
    known = {row.id for row in acme.deployments()}
    acme.runner.script = DRIFTED
    for hours in (1, 0, 0):
        acme.clock.forward(timedelta(hours=hours))
        upkeep.tidy(acme.doors)
        acme.settle()
    return [row for row in acme.deployments() if row.id not in known]


def test_drift_is_told_and_not_healed(acme: World) -> None:
    observe(acme)
    acme.settle()
    (look,) = after_drift(acme)
    assert (look.mode, acme.environment("development").drifted, applies(acme)) == (Mode.DRIFT, True, 1)
    acme.push({SETTINGS: FOLLOW}, "Follow")
    acme.poll()
    assert [row.mode for row in after_drift(acme)] == [Mode.DRIFT, Mode.DEPLOY]  # which heals


def test_a_heal_that_is_queued_when_it_begins_to_observe_is_dropped(acme: World) -> None:
    acme.runner.script = DRIFTED
    acme.clock.forward(timedelta(hours=1))
    upkeep.tidy(acme.doors)
    acme.settle()
    upkeep.tidy(acme.doors)
    heal = acme.last("development")
    assert (heal.rank, heal.mode, heal.status) == (Rank.HEAL, Mode.DEPLOY, Status.QUEUED)
    observe(acme)
    acme.settle()
    assert (read.deployment(acme.doors.store, heal.id).status, applies(acme)) == (Status.SUPERSEDED, 1)


@pytest.mark.parametrize("how", ["deploy", "rollback", "destroy"])
def test_what_a_person_does_by_hand_is_done(acme: World, how: str) -> None:
    observe(acme)
    acme.settle()
    first = acme.deployments("development")[0].id
    acme.push({MANIFEST: sized(2)}, "Grow")
    acme.poll()
    acme.settle()
    if how == "deploy":
        actions.deploy_manifest(acme.doors, "ann", "shop", "development", {"workloads": {}})
    elif how == "rollback":
        actions.rollback(acme.doors, "ann", "shop", "development", first)
    else:
        acme.runner.script = Script(counts={})
        actions.destroy(acme.doors, "ann", "shop", "development")
    acme.settle()
    assert (acme.last("development").created_by, acme.last("development").status) == ("ann", Status.SUCCEEDED)
    kinds = [hold.kind for hold in acme.environment("development").holds]
    assert kinds == [HoldKind.DESTROYED if how == "destroy" else HoldKind.PINNED]
    count = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == count
