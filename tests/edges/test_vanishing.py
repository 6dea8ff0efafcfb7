"""What becomes of an environment whose directory disappears from Git, by its `on_removal`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.deployments import actions, suspending
from controller.errors import NotFoundError
from controller.history import read
from controller.model.deployment import NOTHING, EnvironmentStatus, Mode, Rank, Status
from controller.model.manifest import OnRemoval
from controller.runner.protocol import Ended
from tests.deploy_factories import Script, World, project, sized, world

MANIFEST = "projects/shop/development/app.manifest.yaml"
SETTINGS = "projects/shop/development/environment.yaml"
GONE = {MANIFEST: None, SETTINGS: None}
MARKED = "its directory is gone from Git; it stays as it is until somebody deletes it (`lockstep delete environment`)"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def deployed(acme: World, settings: str) -> None:
    """Environments development, staging and other of project shop; development with these settings."""
    files = project(development=sized(1), staging=sized(1), other=sized(1)) | {SETTINGS: settings}
    acme.deploy(files)


def gone(acme: World, counts: int = 1, **more: object) -> str:
    acme.runner.script = Script(counts={"destroy": counts}, **more)  # type: ignore[arg-type]
    return acme.deploy(GONE)


def is_quiet(acme: World) -> bool:
    """Whether three more polls open nothing."""
    before = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        acme.settle()
    return len(acme.deployments()) == before


def marked(acme: World) -> tuple[EnvironmentStatus, str]:
    found = acme.environment("development")
    return found.status, found.note


def test_destroy_opens_a_destroy_as_the_directory_disappears_and_no_limit_asks_again(acme: World) -> None:
    deployed(acme, "on_removal: destroy\nlimits: {destroy: 0}\n")
    commit = gone(acme, counts=7)
    row = acme.last("development")
    assert (row.mode, row.rank, row.status, row.desired_digest) == (
        Mode.DESTROY,
        Rank.DESTROY,
        Status.SUCCEEDED,
        NOTHING,
    )
    assert (row.created_by, row.reason) == (
        "git",
        f"its directory is gone from Git at commit {commit[:10]} (on_removal: destroy)",
    )
    with pytest.raises(NotFoundError):
        acme.environment("development")
    assert is_quiet(acme)


def test_keep_leaves_an_environment_as_it_is_and_says_so(acme: World) -> None:
    deployed(acme, "on_removal: keep\n")
    gone(acme)
    assert marked(acme) == (
        EnvironmentStatus.ACTIVE,
        "its directory is gone from Git; it stays as it is (on_removal: keep)",
    )
    assert len(acme.deployments("development")) == 1
    assert is_quiet(acme)
    assert acme.environment("development").on_removal is OnRemoval.KEEP


def test_loosening_to_destroy_counts_from_the_next_deployment_on(acme: World) -> None:
    deployed(acme, "")
    acme.deploy({SETTINGS: "on_removal: destroy\n"})
    gone(acme)
    assert marked(acme) == (EnvironmentStatus.MARKED_FOR_REMOVAL, MARKED)
    assert len(acme.deployments("development")) == 1


def test_loosening_to_destroy_counts_after_a_deployment_that_had_it(acme: World) -> None:
    deployed(acme, "")
    acme.deploy({SETTINGS: "on_removal: destroy\n", MANIFEST: sized(2)})
    gone(acme)
    assert (acme.last("development").mode, acme.last("development").status) == (Mode.DESTROY, Status.SUCCEEDED)


def test_tightening_counts_at_once_even_where_it_is_polled_together_with_the_removal(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    acme.push({SETTINGS: "on_removal: keep\n"})
    gone(acme)
    assert marked(acme) == (
        EnvironmentStatus.ACTIVE,
        "its directory is gone from Git; it stays as it is (on_removal: keep)",
    )


def test_settings_that_became_invalid_are_not_what_counts(acme: World) -> None:
    deployed(acme, "on_removal: keep\n")
    acme.deploy({SETTINGS: "on_removal: destroy\nlimist: {}\n"})
    gone(acme)
    assert acme.environment("development").on_removal is OnRemoval.KEEP


def test_many_that_vanish_at_once_are_not_destroyed_nor_are_they_later(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    acme.deploy(GONE | {path.replace("development", "staging"): None for path in GONE})
    assert marked(acme) == (
        EnvironmentStatus.ACTIVE,
        "its directory is gone from Git, with many others at once; nothing is removed",
    )
    assert read.repositories(acme.doors.store)[0].problems == (
        "2 of 3 environments vanished at once; nothing is removed",
    )
    acme.deploy(project(staging=sized(1)))
    assert marked(acme) == (EnvironmentStatus.MARKED_FOR_REMOVAL, MARKED)
    assert len(acme.deployments("development")) == 1


def test_an_environment_that_is_suspended_is_only_marked(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    suspending.suspend(acme.doors, "ann", "shop/development", reason="audit")
    gone(acme)
    assert marked(acme)[0] is EnvironmentStatus.MARKED_FOR_REMOVAL
    assert len(acme.deployments("development")) == 1


def test_every_plan_that_needs_approval_needs_it_for_a_destroy_from_git_too(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    acme.deploy({MANIFEST: sized(2), SETTINGS: "on_removal: destroy\napproval: plan\n"})
    actions.approve(acme.doors, "ann", acme.last("development").id)
    acme.settle()
    gone(acme)
    assert acme.last("development").status is Status.AWAITING_APPROVAL
    assert marked(acme) == (
        EnvironmentStatus.DELETING,
        "its directory is gone from Git; it is destroyed (on_removal: destroy)",
    )


def test_a_directory_that_is_back_before_the_destroy_began_drops_it(acme: World) -> None:
    deployed(acme, "on_removal: destroy\napproval: plan\n")
    actions.approve(acme.doors, "ann", acme.last("development").id)
    acme.settle()
    gone(acme)
    waits = acme.last("development")
    assert (waits.mode, waits.status) == (Mode.DESTROY, Status.AWAITING_APPROVAL)
    acme.deploy({MANIFEST: sized(1), SETTINGS: "on_removal: destroy\napproval: plan\n"})
    assert read.deployment(acme.doors.store, waits.id).status is Status.SUPERSEDED
    assert marked(acme) == (EnvironmentStatus.ACTIVE, "")
    assert acme.environment("development").applied == acme.environment("development").desired
    assert is_quiet(acme)


def test_a_directory_that_is_back_with_something_else_is_deployed_instead_of_destroyed(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    acme.push(GONE)
    acme.poll()
    assert acme.last("development").mode is Mode.DESTROY
    acme.runner.script = Script()
    acme.deploy({MANIFEST: sized(2), SETTINGS: "on_removal: destroy\n"})
    assert [(row.mode, row.status) for row in acme.deployments("development")] == [
        (Mode.DEPLOY, Status.SUCCEEDED),
        (Mode.DESTROY, Status.SUPERSEDED),
        (Mode.DEPLOY, Status.SUCCEEDED),
    ]
    assert marked(acme)[0] is EnvironmentStatus.ACTIVE


def test_a_destroy_from_git_that_failed_is_not_opened_again_by_itself(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    gone(acme, plan=Ended.FAILED, message="no credentials")
    assert acme.last("development").status is Status.FAILED
    assert marked(acme) == (EnvironmentStatus.DELETE_FAILED, MARKED)
    assert is_quiet(acme)


def test_an_environment_that_had_nothing_is_forgotten_at_once(acme: World) -> None:
    acme.deploy(project(staging=sized(1), other=sized(1)))
    acme.runner.script = Script(plan=Ended.FAILED, message="no credentials")
    acme.deploy({MANIFEST: sized(1), SETTINGS: "on_removal: destroy\n"})
    gone(acme)
    with pytest.raises(NotFoundError):
        acme.environment("development")
    assert [(row.mode, row.status) for row in acme.deployments("development")] == [(Mode.DEPLOY, Status.FAILED)]
    assert is_quiet(acme)


def test_an_environment_that_is_only_observed_is_not_destroyed(acme: World) -> None:
    deployed(acme, "on_removal: destroy\n")
    acme.deploy({SETTINGS: "mode: observe\non_removal: destroy\n"})
    gone(acme)
    assert marked(acme) == (EnvironmentStatus.MARKED_FOR_REMOVAL, MARKED)
    assert len(acme.deployments("development")) == 1


def test_environments_that_went_one_after_the_other_have_not_vanished_at_once(acme: World) -> None:
    settings = "on_removal: keep\n"
    names = ("development", "staging", "third", "other")
    files = project(**dict.fromkeys(names, sized(1)))
    acme.deploy(files | {f"projects/shop/{name}/environment.yaml": settings for name in names[:3]})
    for name in names[:2]:
        acme.deploy(dict.fromkeys(path.replace("development", name) for path in GONE))
    acme.deploy(
        {path.replace("development", "third"): None for path in GONE}
        | {"projects/shop/fifth/app.manifest.yaml": sized(1)}
    )
    assert read.repositories(acme.doors.store)[0].problems == ()
    assert {row.name: row.status for row in read.environments(acme.doors.store)} == dict.fromkeys(
        (*names, "fifth"), EnvironmentStatus.ACTIVE
    )
    assert acme.environment("third").note == "its directory is gone from Git; it stays as it is (on_removal: keep)"


def test_what_was_marked_before_stays_marked_when_many_vanish(acme: World) -> None:
    deployed(acme, "")
    gone(acme)
    acme.deploy(dict.fromkeys(path.replace("development", name) for path in GONE for name in ("staging", "other")))
    assert marked(acme) == (EnvironmentStatus.MARKED_FOR_REMOVAL, MARKED)
    assert acme.environment("staging").status is EnvironmentStatus.ACTIVE
    assert read.repositories(acme.doors.store)[0].problems == (
        "2 of 2 environments vanished at once; nothing is removed",
    )
    assert is_quiet(acme)
