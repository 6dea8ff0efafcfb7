"""Destroy, roll back, try again: what a person does to an environment, from what was kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.deployments import actions
from controller.errors import ConflictError, NotFoundError
from controller.history import read
from controller.model.deployment import NOTHING, EnvironmentStatus, HoldKind, Mode, Rank, Status
from controller.model.record import Decision, Deployment
from controller.runner.protocol import Ended, Extent, Phase
from tests.deploy_factories import Script, World, project, sized, world

MANIFEST = "projects/shop/development/app.manifest.yaml"
GONE = {MANIFEST: None, "projects/shop/development/environment.yaml": None}
DESTROYS = Script(counts={"destroy": 1})


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def deployed(acme: World, *sizes: int) -> list[Deployment]:
    """Environment shop/development, deployed from Git with each size, one commit after the other."""
    for size in sizes:
        files = project(development=sized(size), staging=sized(1))
        files["projects/shop/development/environment.yaml"] = "limits: {destroy: unlimited, replace: unlimited}\n"
        acme.deploy(files)
    return acme.deployments("development")


def destroyed(acme: World, script: Script = DESTROYS, **more: str) -> Deployment:
    acme.runner.script = script
    made = actions.destroy(acme.doors, "ann", "shop", "development", **more)
    assert made is not None
    acme.settle()
    return read.deployment(acme.doors.store, made.id)


def ticks(acme: World, count: int = 3) -> int:
    """How many deployments opened while nothing was new."""
    before = len(acme.deployments())
    for _ in range(count):
        acme.poll()
        acme.settle()
    return len(acme.deployments()) - before


def test_a_destroy_plans_the_end_of_what_was_deployed_last(acme: World) -> None:
    (first,) = deployed(acme, 1)
    row = destroyed(acme, reason="not needed")
    assert (row.mode, row.status, row.desired_digest) == (Mode.DESTROY, Status.SUCCEEDED, NOTHING)
    assert (row.reason, row.created_by, row.source_deployment) == ("destroyed by ann: not needed", "ann", first.id)
    assert [job.mode for job in acme.runner.jobs if job.deployment == row.id] == [Mode.DESTROY, Mode.DESTROY]
    assert acme.runner.bundles[row.id] == acme.runner.bundles[first.id]


def test_an_environment_that_git_declares_is_held_after_its_destroy(acme: World) -> None:
    (first,) = deployed(acme, 1)
    destroyed(acme)
    found = acme.environment("development")
    assert (found.status, found.applied, found.last_success) == (EnvironmentStatus.ACTIVE, None, None)
    (hold,) = found.holds
    assert (hold.kind, hold.who, hold.desired_digest) == (HoldKind.DESTROYED, "ann", first.desired_digest)
    assert ticks(acme) == 0


def test_commits_to_a_destroyed_environment_are_held(acme: World) -> None:
    deployed(acme, 1)
    destroyed(acme)
    commit = acme.deploy({MANIFEST: sized(2)})
    assert acme.told(commit)["development"] == "held (destroyed by ann)"
    assert ticks(acme) == 0


def test_a_destroyed_environment_that_is_resumed_is_deployed_as_git_wants_it(acme: World) -> None:
    deployed(acme, 1)
    destroyed(acme)
    acme.deploy({MANIFEST: sized(2)})
    acme.runner.script = Script()
    actions.resume(acme.doors, "ann", "shop", "development")
    acme.settle()
    row = acme.last("development")
    found = acme.environment("development")
    assert (row.mode, row.status, found.applied, found.holds) == (
        Mode.DEPLOY,
        Status.SUCCEEDED,
        row.desired_digest,
        (),
    )


def test_what_is_promoted_from_a_destroyed_environment_stays_as_it_is_and_says_so(acme: World) -> None:
    settings = {"projects/shop/production/environment.yaml": "source: environment://development\n"}
    acme.push(settings)
    deployed(acme, 1)
    before = acme.environment("production").applied
    destroyed(acme)
    found = acme.environment("production")
    assert (found.applied, found.note) == (before, "environment://development has nothing deployed")
    assert ticks(acme) == 0


def test_an_environment_whose_directory_is_gone_is_marked_and_forgotten_after_its_destroy(acme: World) -> None:
    deployed(acme, 1)
    acme.deploy(GONE)
    assert acme.environment("development").status is EnvironmentStatus.MARKED_FOR_REMOVAL
    row = destroyed(acme)
    assert row.status is Status.SUCCEEDED
    with pytest.raises(NotFoundError):
        acme.environment("development")
    assert ticks(acme) == 0
    assert row.id in [kept.id for kept in acme.deployments("development")]


def test_a_directory_that_comes_back_before_anything_was_destroyed_is_marked_no_more(acme: World) -> None:
    (first,) = deployed(acme, 1)
    acme.deploy(GONE)
    deployed(acme, 1)
    found = acme.environment("development")
    assert (found.status, found.declared, found.applied) == (EnvironmentStatus.ACTIVE, True, first.desired_digest)
    assert len(acme.deployments("development")) == 1


def test_a_directory_that_comes_back_after_the_removal_is_another_environment(acme: World) -> None:
    deployed(acme, 1)
    before = acme.environment("development").uuid
    acme.deploy(GONE)
    destroyed(acme)
    acme.runner.script = Script()
    deployed(acme, 1)
    found = acme.environment("development")
    assert found.uuid != before
    assert found.applied == acme.last("development").desired_digest


def test_a_pinned_uuid_comes_back_after_the_removal(acme: World) -> None:
    uuid = "6f1c2d3e-0000-4000-8000-000000000001"
    settings = f"uuid: {uuid}\nlimits: {{destroy: unlimited, replace: unlimited}}\n"
    files = {MANIFEST: sized(1), "projects/shop/development/environment.yaml": settings}
    acme.deploy(project(staging=sized(1)) | files)
    acme.deploy(GONE)
    destroyed(acme)
    acme.runner.script = Script()
    acme.deploy(files)
    found = acme.environment("development")
    assert (found.uuid, found.status) == (uuid, EnvironmentStatus.ACTIVE)
    assert found.applied == acme.last("development").desired_digest
    assert acme.last("development").status is Status.SUCCEEDED


def test_the_status_tells_of_a_destroy_that_waits_and_of_one_that_was_dropped(acme: World) -> None:
    acme.deploy(project(development=sized(1), staging=sized(1)))  # whose limits ask before anything is destroyed
    row = destroyed(acme)
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        "it would destroy 1 resource, 0 may be without approval (limits.destroy)",
    )
    assert acme.environment("development").status is EnvironmentStatus.DELETING
    actions.discard(acme.doors, "bob", row.id)
    acme.settle()
    found = acme.environment("development")
    assert (found.status, found.holds) == (EnvironmentStatus.ACTIVE, ())
    assert found.applied == acme.deployments("development")[0].desired_digest


def test_an_environment_is_being_deleted_as_long_as_a_destroy_of_it_is_open(acme: World) -> None:
    """It was said to be active as soon as something behind the destroy had ended."""
    acme.deploy(project(development=sized(1), staging=sized(1)))
    (first,) = acme.deployments("development")
    destroyed(acme)  # which waits for approval
    actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "development", {})
    assert isinstance(made, Deployment)
    actions.cancel(acme.doors, "ann", made.id)
    assert acme.environment("development").status is EnvironmentStatus.DELETING


def test_an_environment_that_has_nothing_any_more_is_not_being_deleted(acme: World) -> None:
    """Where a second destroy was open, it was said to be so for ever."""
    deployed(acme, 1)
    acme.runner.script = DESTROYS
    actions.destroy(acme.doors, "ann", "shop", "development")
    second = actions.destroy(acme.doors, "ann", "shop", "development")
    assert second is not None
    acme.runner.scripts[second.id] = Script(hangs_in=Phase.PLAN)
    acme.settle()
    assert actions.destroy(acme.doors, "ann", "shop", "development") is None
    acme.settle()
    assert read.deployment(acme.doors.store, second.id).status is Status.SUPERSEDED
    assert acme.environment("development").status is EnvironmentStatus.ACTIVE


def test_a_destroy_that_fails_is_told_held_and_tried_again(acme: World) -> None:
    deployed(acme, 1)
    first = destroyed(acme, Script(counts={"destroy": 1}, apply=Ended.FAILED, message="apply failed: in use"))
    found = acme.environment("development")
    assert (first.status, found.status) == (Status.FAILED, EnvironmentStatus.DELETE_FAILED)
    assert [hold.kind for hold in found.holds] == [HoldKind.DESTROYED]
    assert ticks(acme) == 0
    acme.runner.script = DESTROYS
    again = actions.retry(acme.doors, "bob", first.id)
    assert acme.environment("development").status is EnvironmentStatus.DELETING
    acme.settle()
    row = read.deployment(acme.doors.store, again.id)
    assert (row.mode, row.status, row.source_deployment) == (Mode.DESTROY, Status.SUCCEEDED, first.id)
    assert acme.environment("development").status is EnvironmentStatus.ACTIVE


def test_a_destroy_that_is_interrupted_is_followed_by_another_destroy(acme: World) -> None:
    deployed(acme, 1)
    acme.runner.script = Script(
        counts={"destroy": 1},
        dies_in=Phase.APPLY,
        apply=Ended.INTERRUPTED,
        message="interrupted in the middle",
        more={"extent": Extent.PARTIAL},
    )
    made = actions.destroy(acme.doors, "ann", "shop", "development")
    assert made is not None
    acme.claim()
    acme.carry(made.id)
    acme.runner.script = DESTROYS
    acme.settle()
    first, second = acme.deployments("development")[-2:]
    assert (first.status, second.mode, second.status) == (Status.FAILED, Mode.DESTROY, Status.SUCCEEDED)
    assert second.follow_up_of == first.id
    assert acme.environment("development").last_success is None


def test_a_destroy_goes_first_and_replaces_what_waits(acme: World) -> None:
    deployed(acme, 1)
    acme.runner.script = Script(hangs_in=Phase.PLAN)
    acme.deploy({MANIFEST: sized(2)})
    planning = acme.last("development")
    row = destroyed(acme)
    acme.settle()
    replaced = read.deployment(acme.doors.store, planning.id)
    assert (replaced.status, replaced.superseded_by) == (Status.SUPERSEDED, row.id)
    assert read.deployment(acme.doors.store, row.id).status is Status.SUCCEEDED


def test_a_destroy_waits_for_a_running_apply_and_has_its_inputs(acme: World) -> None:
    deployed(acme, 1)
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.deploy({MANIFEST: sized(2)})
    applying = acme.last("development")
    row = actions.destroy(acme.doors, "ann", "shop", "development")
    assert row is not None
    assert (applying.status, row.status, row.source_deployment) == (Status.APPLYING, Status.QUEUED, applying.id)


def test_what_was_never_deployed_is_forgotten_or_held_at_once(acme: World) -> None:
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no")
    deployed(acme, 1)
    assert actions.destroy(acme.doors, "ann", "shop", "development") is None
    assert [hold.kind for hold in acme.environment("development").holds] == [HoldKind.DESTROYED]
    acme.deploy(GONE)
    assert actions.destroy(acme.doors, "ann", "shop", "development") is None
    with pytest.raises(NotFoundError):
        acme.environment("development")
    assert ticks(acme) == 0


def test_nothing_of_before_a_destroy_is_bound_again(acme: World) -> None:
    """Providers and addresses of what was destroyed would otherwise stay in every bundle from then on."""
    deployed(acme, 1)
    destroyed(acme)
    acme.runner.script = Script()
    acme.deploy({MANIFEST: sized(1, name="other")})
    actions.resume(acme.doors, "ann", "shop", "development")
    acme.settle()
    text = acme.runner.bundles[acme.last("development").id]["main.tf.json"].decode()
    assert '"moved"' not in text


def test_a_rollback_deploys_what_was_wanted_then_and_pins(acme: World) -> None:
    first, second = deployed(acme, 1, 2)
    row = actions.rollback(acme.doors, "ann", "shop", "development", first.id, reason="2 is broken")
    acme.settle()
    row = read.deployment(acme.doors.store, row.id)
    assert (row.mode, row.rank, row.status) == (Mode.ROLLBACK, Rank.ROLLBACK, Status.SUCCEEDED)
    assert (row.desired_digest, row.commit) == (first.desired_digest, first.commit)
    assert (row.reason, row.source_deployment) == (f"rollback to deployment {first.id} by ann: 2 is broken", first.id)
    found = acme.environment("development")
    assert found.applied == first.desired_digest
    assert [(hold.kind, hold.desired_digest) for hold in found.holds] == [(HoldKind.PINNED, second.desired_digest)]
    assert ticks(acme) == 0


def test_a_rollback_is_not_undone_by_a_commit_elsewhere(acme: World) -> None:
    first, _ = deployed(acme, 1, 2)
    actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    acme.deploy({"projects/shop/staging/app.manifest.yaml": sized(5)})
    assert acme.environment("development").applied == first.desired_digest


def test_a_rollback_uses_the_module_of_then(acme: World) -> None:
    (first,) = deployed(acme, 1)
    acme.deploy({"platform/modules/thing/extra.tf": "locals { extra = 1 }\n"})
    row = actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    assert acme.runner.bundles[row.id] == acme.runner.bundles[first.id]


def test_a_rollback_has_the_credentials_of_today(acme: World) -> None:
    runner = "platform/runners/local.yaml"
    rules = "rules: [{}]\n"
    text = (
        "id: local\nrunner_configuration: {type: local, env: {TOKEN: %s}}\nstate_storage_configuration: {type: local}\n"
    )
    acme.push({runner: text % "old-secret" + rules})
    (first,) = deployed(acme, 1)
    acme.deploy({runner: text % "new-secret" + rules})
    acme.deploy({MANIFEST: sized(2)})
    actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    token = acme.runner.environments[-1]["TOKEN"]
    assert not isinstance(token, str)
    assert token.reveal() == "new-secret"


def test_a_rollback_to_what_git_wants_holds_nothing(acme: World) -> None:
    _, second = deployed(acme, 1, 2)
    first = acme.deployments("development")[0]
    actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    actions.rollback(acme.doors, "ann", "shop", "development", second.id)
    acme.settle()
    assert acme.environment("development").holds == ()
    assert acme.environment("development").applied == second.desired_digest


def test_a_rollback_goes_to_what_succeeded_in_this_environment_only(acme: World) -> None:
    (first,) = deployed(acme, 1)
    other = acme.last("staging")
    with pytest.raises(ConflictError) as e:
        actions.rollback(acme.doors, "ann", "shop", "development", other.id)
    assert str(e.value) == (
        f"deployment {other.id} is one of another environment than shop/development; "
        "`lockstep get deployments shop development` lists them"
    )
    acme.runner.script = Script(apply=Ended.FAILED, message="no")
    acme.deploy({MANIFEST: sized(2)})
    failed = acme.last("development")
    with pytest.raises(ConflictError) as e:
        actions.rollback(acme.doors, "ann", "shop", "development", failed.id)
    assert str(e.value) == f"deployment {failed.id} (deploy) is failed; roll back to one that succeeded"
    assert first.status is Status.SUCCEEDED


def test_a_deployment_from_git_that_failed_is_tried_again_when_a_person_says_so(acme: World) -> None:
    acme.runner.script = Script(apply=Ended.FAILED, message="apply failed: quota")
    (first,) = deployed(acme, 1)
    acme.runner.script = Script()
    again = actions.retry(acme.doors, "ann", first.id)
    assert acme.environment("development").decided == Decision(first.desired_digest, again.id, None)
    acme.settle()
    row = read.deployment(acme.doors.store, again.id)
    assert (row.status, row.rank, row.reason) == (
        Status.SUCCEEDED,
        Rank.GIT,
        f"retry of deployment {first.id} by ann",
    )
    found = acme.environment("development")
    assert (found.applied, found.holds) == (first.desired_digest, ())
    assert ticks(acme) == 0


def test_what_git_does_not_want_any_more_is_not_tried_again(acme: World) -> None:
    acme.runner.script = Script(apply=Ended.FAILED, message="apply failed: quota")
    (first,) = deployed(acme, 1)
    acme.deploy({MANIFEST: sized(2)})
    with pytest.raises(ConflictError) as e:
        actions.retry(acme.doors, "ann", first.id)
    assert str(e.value) == f"Git wants something else of shop/development by now than deployment {first.id} did"


def test_a_success_is_not_tried_again(acme: World) -> None:
    (first,) = deployed(acme, 1)
    with pytest.raises(ConflictError) as e:
        actions.retry(acme.doors, "ann", first.id)
    assert str(e.value) == f"deployment {first.id} is succeeded; there is nothing to try again"


def test_a_rollback_that_failed_is_not_tried_again_after_something_else_succeeded(acme: World) -> None:
    first, second = deployed(acme, 1, 2)
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no")
    row = actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    acme.runner.script = Script()
    acme.clock.forward(acme.doors.limits.backoff)
    acme.deploy({MANIFEST: sized(3)})
    third = acme.last("development")
    with pytest.raises(ConflictError) as e:
        actions.retry(acme.doors, "ann", row.id)
    assert str(e.value) == f"deployment {third.id} succeeded since deployment {row.id}; deploy what you want anew"
    assert second.status is Status.SUCCEEDED


def test_a_pin_whose_deployment_did_nothing_in_the_end_holds_nothing(acme: World) -> None:
    first, second = deployed(acme, 1, 2)
    acme.runner.script = Script(apply=Ended.REFUSED, message="the plan file is not the one that was recorded")
    actions.rollback(acme.doors, "ann", "shop", "development", first.id)
    acme.settle()
    found = acme.environment("development")
    assert (acme.last("development").status, found.holds, found.applied) == (
        Status.FAILED,
        (),
        second.desired_digest,
    )
