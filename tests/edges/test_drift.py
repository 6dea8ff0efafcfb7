"""Is what was deployed still as it was? Looked at in time, once, beside the line; put right where that is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, drifting, suspending, upkeep
from controller.deployments.doors import Doors
from controller.errors import ConflictError
from controller.history import read
from controller.history.drifting import PAUSES
from controller.model.deployment import Mode, Rank, Status
from controller.model.document import Json
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Phase
from tests.deploy_factories import Script, World, project, sized, world

HOUR = timedelta(hours=1)
CLEAN, DRIFTED = Script(counts={}), Script(counts={"update": 1})
MANIFEST: Json = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 7}}}}}}


def files(size: int = 1, drift: str = "{every: 1h}") -> dict[str, str]:
    found = project(development=sized(size))
    found["projects/shop/development/environment.yaml"] = f"limits: {{replace: unlimited}}\ndrift: {drift}\n"
    return {path: str(text) for path, text in found.items()}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.deploy(files())
        made.runner.script = CLEAN
        yield made


def ticked(acme: World, by: timedelta = timedelta(0), times: int = 1) -> list[Deployment]:
    """What opened while time went on."""
    before = {row.id for row in acme.deployments()}
    for _ in range(times):
        acme.clock.forward(by)
        upkeep.tidy(acme.doors)
        acme.settle()
    return [row for row in acme.deployments() if row.id not in before]


def test_a_look_is_taken_once_in_its_time_and_changes_nothing(acme: World) -> None:
    applied = acme.environment("development").applied
    (look,) = ticked(acme, HOUR)
    assert (look.mode, look.status, look.rank, look.created_by) == (Mode.DRIFT, Status.PLANNED, Rank.HEAL, "lockstep")
    assert look.reason == "a look for drift, as its environment says"
    job = next(job for job in acme.runner.jobs if job.deployment == look.id)
    assert (job.private, job.takes_lock, job.phase) == (True, False, Phase.PLAN)
    assert ticked(acme, times=100) == []
    found = acme.environment("development")
    assert (found.drifted, found.drift_deployment, found.applied) == (False, look.id, applied)
    assert found.drift_checked_at == acme.doors.now()
    assert len(ticked(acme, HOUR)) == 1


def test_a_clock_that_is_set_back_keeps_nobody_from_looking(acme: World) -> None:
    acme.clock.forward(timedelta(days=30))
    assert len(ticked(acme)) == 1
    acme.clock.forward(timedelta(days=-30))
    assert (len(ticked(acme)), len(ticked(acme, times=5))) == (1, 0)
    assert len(ticked(acme, HOUR)) == 1


def test_what_differs_is_told_until_a_later_look_finds_it_no_more(acme: World) -> None:
    acme.runner.script = DRIFTED
    (look,) = ticked(acme, HOUR)
    assert (acme.environment("development").drifted, acme.environment("development").drift_deployment) == (
        True,
        look.id,
    )
    acme.runner.script = CLEAN
    ticked(acme, HOUR)
    assert not acme.environment("development").drifted


def test_a_deployment_ends_what_had_drifted(acme: World) -> None:
    acme.runner.script = DRIFTED
    ticked(acme, HOUR)
    acme.deploy(files(2))
    assert (acme.last("development").status, acme.environment("development").drifted) == (Status.SUCCEEDED, False)


def test_a_look_that_fails_says_nothing_of_drift(acme: World) -> None:
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no credentials")
    (look,) = ticked(acme, HOUR)
    found = acme.environment("development")
    assert (look.status, found.drifted, found.drift_deployment) == (Status.FAILED, False, None)
    assert ticked(acme, times=10) == []


def test_a_look_that_fails_leaves_what_the_one_before_has_found(acme: World) -> None:
    acme.runner.script = DRIFTED
    (named,) = ticked(acme, HOUR)
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no credentials")
    ticked(acme, HOUR)
    found = acme.environment("development")
    assert (found.drifted, found.drift_deployment) == (True, named.id)


def test_of_looks_that_found_nothing_the_last_is_kept_and_of_others_all(acme: World) -> None:
    ticked(acme, HOUR, times=3)
    acme.runner.script = DRIFTED
    ticked(acme, HOUR, times=2)
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no credentials")
    ticked(acme, HOUR, times=3)
    acme.runner.script = CLEAN
    ticked(acme, HOUR, times=3)
    looks = [row for row in acme.deployments("development") if row.mode is Mode.DRIFT]
    found = [sum((row.counts.create, row.counts.update)) if row.counts else None for row in looks]
    assert (found, [row.status for row in looks].count(Status.FAILED)) == ([1, 1, None, 0], 1)


def test_no_look_is_taken_where_something_is_in_the_line_or_nothing_is_applied(acme: World) -> None:
    acme.runner.script = Script(counts={"destroy": 1})
    acme.push(files(2))
    acme.poll()
    acme.settle()
    assert acme.last("development").status is Status.AWAITING_APPROVAL
    assert ticked(acme, HOUR, times=3) == []
    actions.discard(acme.doors, "ann", acme.last("development").id)
    acme.settle()
    assert [row.mode for row in ticked(acme)] == [Mode.DRIFT]


def test_after_a_restart_and_a_clock_that_was_set_back_no_look_is_taken_twice(acme: World) -> None:
    ticked(acme, HOUR)
    again = acme.restarted()
    assert ticked(again) == []
    again.clock.forward(-HOUR / 2)
    assert ticked(again) == []


def test_where_nobody_wants_it_nobody_looks_but_a_person_may(acme: World) -> None:
    acme.deploy({"projects/shop/development/environment.yaml": "limits: {replace: unlimited}\n"})
    assert ticked(acme, HOUR, times=5) == []
    acme.runner.script = DRIFTED
    made = drifting.look(acme.doors, "ann", "shop", "development", reason="it feels odd")
    acme.settle()
    assert (made.reason, made.rank) == ("a look for drift by ann: it feels odd", Rank.PERSON)
    assert acme.environment("development").drifted


def test_the_first_looks_of_many_are_not_all_at_once(tmp_path: Path) -> None:
    with world(tmp_path) as acme:
        many = project(**{f"env-{n}": sized(1) for n in range(12)})
        many |= {
            path: f"{text}drift: {{every: 1h}}\n" for path, text in many.items() if path.endswith("environment.yaml")
        }
        acme.deploy(many)
        acme.runner.script = CLEAN
        counts = [len(ticked(acme, HOUR / 4)) for _ in range(4)]
        assert sum(counts) == 12
        assert max(counts) < 12


def test_what_was_never_deployed_or_is_half_changed_is_not_looked_at(acme: World) -> None:
    acme.runner.script = Script(apply=Ended.FAILED, message="apply failed")
    acme.deploy(files(3))
    with pytest.raises(ConflictError) as e:
        drifting.look(acme.doors, "ann", "shop", "development")
    assert (
        str(e.value) == "shop/development is being changed, or was left half changed; look when a deployment succeeded"
    )


def test_drift_is_healed_with_what_was_deployed_last(acme: World) -> None:
    acme.deploy(files(drift="{every: 1h, heal: true}"))
    before = acme.environment("development")
    acme.runner.script = DRIFTED
    look, heal = [*ticked(acme, HOUR), *ticked(acme)]
    assert (look.mode, heal.mode, heal.rank, heal.status) == (Mode.DRIFT, Mode.DEPLOY, Rank.HEAL, Status.SUCCEEDED)
    assert (heal.source_deployment, heal.desired_digest) == (before.last_success, before.applied)
    found = acme.environment("development")
    assert (found.drifted, found.heals, found.applied, found.last_success) == (False, 1, before.applied, heal.id)
    acme.runner.script = CLEAN
    assert [row.mode for row in ticked(acme, HOUR)] == [Mode.DRIFT]
    assert acme.environment("development").heals == 0
    acme.poll()
    acme.settle()
    assert ticked(acme) == []


def test_whoever_fights_is_left_to_a_person_after_a_few_heals(acme: World) -> None:
    acme.deploy(files(drift="{every: 1h, heal: true}"))
    acme.runner.script = DRIFTED
    opened = ticked(acme, HOUR / 2, times=24)
    assert len([row for row in opened if row.mode is Mode.DEPLOY]) == len(PAUSES)
    assert (acme.environment("development").drifted, acme.environment("development").heals) == (True, len(PAUSES))
    acme.runner.script = CLEAN
    acme.deploy(files(5, drift="{every: 1h, heal: true}"))
    assert acme.environment("development").heals == 0


@pytest.mark.parametrize("held", ["pinned", "suspended", "waiting"])
def test_never_against_a_hold_or_somebody_who_waits(acme: World, held: str) -> None:
    acme.deploy(files(drift="{every: 1h, heal: true}"))
    acme.runner.script = CLEAN
    if held == "pinned":
        actions.deploy_manifest(acme.doors, "ann", "shop", "development", MANIFEST)
        acme.settle()
    elif held == "suspended":
        suspending.suspend(acme.doors, "ann", "shop/development")
    acme.runner.script = DRIFTED
    if held == "waiting":
        drifting.look(acme.doors, "ann", "shop", "development")
        acme.settle()
        acme.runner.script = Script(counts={"destroy": 1})
        acme.push(files(2, drift="{every: 1h, heal: true}"))
        acme.poll()
        acme.settle()
        assert ticked(acme, HOUR) == []
    else:
        assert [row.mode for row in [*ticked(acme, HOUR), *ticked(acme, times=3)]] == [Mode.DRIFT]
    assert acme.environment("development").drifted


def test_the_guards_hold_for_a_heal(acme: World) -> None:
    acme.deploy(files(drift="{every: 1h, heal: true}"))
    acme.runner.script = Script(counts={"destroy": 1})
    _, heal = [*ticked(acme, HOUR), *ticked(acme)]
    assert (heal.status, heal.message) == (
        Status.AWAITING_APPROVAL,
        "it would destroy 1 resource, 0 may be without approval (limits.destroy)",
    )


@pytest.mark.parametrize("declined", [actions.discard, actions.cancel])
def test_whoever_declines_a_heal_is_not_asked_again_until_something_is_deployed(
    acme: World, declined: Callable[[Doors, str, str], object]
) -> None:
    settings = "{every: 1h, heal: true}"
    acme.deploy(files(drift=settings))
    acme.runner.script = Script(counts={"destroy": 1})
    _, heal = [*ticked(acme, HOUR), *ticked(acme)]
    declined(acme.doors, "bea", heal.id)
    assert {row.mode for row in ticked(acme, HOUR / 2, times=12)} == {Mode.DRIFT}
    acme.runner.script = CLEAN
    acme.deploy(files(2, drift=settings))
    acme.runner.script = DRIFTED
    assert [row.mode for row in [*ticked(acme, HOUR), *ticked(acme)]] == [Mode.DRIFT, Mode.DEPLOY]


def test_a_commit_takes_the_place_of_a_heal_that_has_not_begun(acme: World) -> None:
    acme.deploy(files(drift="{every: 1h, heal: true}"))
    acme.runner.script = Script(counts={"destroy": 1})
    _, heal = [*ticked(acme, HOUR), *ticked(acme)]
    acme.runner.script = CLEAN
    acme.deploy(files(2, drift="{every: 1h, heal: true}"))
    row = acme.last("development")
    found = read.deployment(acme.doors.store, heal.id)
    assert (found.status, found.superseded_by, row.status) == (Status.SUPERSEDED, row.id, Status.SUCCEEDED)
