"""What a person rolled back stays where it is: no poll and no unrelated commit undoes it, until it is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, upkeep
from controller.deployments.why import why
from controller.history import read
from controller.model.deployment import HoldKind, Mode, Rank, Status
from tests.deploy_factories import PLATFORM, World, project, sized, world

CODE = str(PLATFORM["platform/modules/thing/main.tf"])
HERE = "projects/shop/production/app.manifest.yaml"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """shop/production was deployed with size 1, then with 2, and was rolled back to 1 by ann."""
    with world(tmp_path) as made:
        made.deploy(project(production=sized(1), staging=sized(1)), "One")
        first = made.last("production")
        made.deploy({HERE: sized(2)}, "Two")
        actions.rollback(made.doors, "ann", "shop", "production", first.id, reason="two is broken")
        made.settle()
        assert (made.last("production").mode, made.last("production").status) == (Mode.ROLLBACK, Status.SUCCEEDED)
        yield made


def test_a_hundred_polls_and_an_unrelated_commit_of_the_platform_undo_nothing(acme: World) -> None:
    back = acme.environment("production").applied
    count = len(acme.deployments("production"))
    for _ in range(100):
        acme.poll()
        upkeep.tidy(acme.doors)
        acme.settle()
    platform = {"platform/modules/thing/main.tf": CODE + "\n# another release of the module\n"}
    commit = acme.push(platform, "Release the module")
    acme.poll()
    acme.settle()
    found = acme.environment("production")
    assert (found.applied, len(acme.deployments("production"))) == (back, count)
    assert [(hold.kind, hold.who) for hold in found.holds] == [(HoldKind.PINNED, "ann")]
    assert acme.told(commit)["production"] == "held (pinned by ann)"
    assert acme.last("staging").commit == commit  # which is not held, and follows
    answer = why(acme.doors, "shop", "production", commit).answer
    assert answer.command == "lockstep resume shop production"
    assert "ann has pinned shop/production" in answer.text
    assert "two is broken" in answer.text


def test_resumed_it_follows_git_again_with_one_deployment(acme: World) -> None:
    acme.push({"platform/modules/thing/main.tf": CODE + "\n# another release\n"}, "Release the module")
    acme.poll()
    acme.settle()
    count = len(acme.deployments("production"))
    actions.resume(acme.doors, "bea", "shop", "production")
    acme.settle()
    (new,) = acme.deployments("production")[count:]
    assert (new.rank, new.status) == (Rank.GIT, Status.SUCCEEDED)
    found = acme.environment("production")
    assert (found.applied, found.holds) == (found.desired, ())
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments("production")) == count + 1


def test_a_commit_in_the_environment_s_own_directory_ends_the_pin_and_says_what_it_undoes(acme: World) -> None:
    commit = acme.push({HERE: sized(3)}, "Three")
    acme.poll()
    acme.settle()
    row = acme.last("production")
    assert (row.commit, row.status) == (commit, Status.AWAITING_APPROVAL)
    assert row.message == (
        f"it undoes what ann deployed (rollback to deployment {first(acme)} by ann: two is broken); "
        f"commit {commit[:10]} ended the pin"
    )
    actions.approve(acme.doors, "bea", row.id)
    acme.settle()
    assert (read.deployment(acme.doors.store, row.id).status, acme.environment("production").holds) == (
        Status.SUCCEEDED,
        (),
    )


def first(acme: World) -> str:
    return acme.deployments("production")[0].id


def test_a_pin_with_a_term_ends_by_itself_and_git_is_followed_again(tmp_path: Path) -> None:
    with world(tmp_path) as acme:
        acme.deploy(project(production=sized(1)), "One")
        first = acme.last("production").id
        two = acme.deploy({HERE: sized(2)}, "Two")
        until = acme.doors.now() + timedelta(hours=2)
        actions.rollback(acme.doors, "ann", "shop", "production", first, hold_until=until, reason="over the weekend")
        acme.settle()
        (hold,) = acme.environment("production").holds
        assert (hold.kind, hold.until) == (HoldKind.PINNED, until)
        acme.clock.forward(timedelta(hours=2))
        upkeep.tidy(acme.doors)
        acme.settle()
        row = acme.last("production")
        assert (row.rank, row.status, row.commit) == (Rank.GIT, Status.SUCCEEDED, two)
        assert acme.environment("production").holds == ()
