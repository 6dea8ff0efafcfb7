"""What was backed up can be brought back: all of it elsewhere, or the database alone; nothing is made twice by it."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controller import backup, clock
from controller.deployments import actions, states
from controller.deployments.doors import Connection, Doors
from controller.git.mirror import Mirror
from controller.history import read, store
from controller.model.deployment import Status
from controller.runner import local
from controller.tofu.names import module_name_of
from tests.databases import only_sqlite
from tests.deploy_factories import REPOSITORY, World, project, sized, world
from tests.flow.test_deploy_engine import DEVELOPMENT, at_rest, ledger, read_log, runner, turning, until
from tests.runner_factories import engines

pytestmark = [pytest.mark.engine, only_sqlite]  # PostgreSQL has tools of its own for that

NODE = "thing.default#workloads.api.db"
STAGING = "projects/shop/staging/app.manifest.yaml"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "here", local, engines()[0]) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        made.push({"platform/runners/local.yaml": runner(made)})
        yield made


@contextmanager
def restored(acme: World, kept: Path, data: Path) -> Iterator[World]:
    """A controller that finds the database of a backup, and this data directory; its mirror is empty."""
    shutil.copy(kept / backup.DATABASE, data / backup.DATABASE)
    opened = store.open_store(f"sqlite:///{data / backup.DATABASE}")
    mirror = Mirror(data / "mirrors" / "acme.git", acme.doors.connections[REPOSITORY].mirror.address.url)
    connection = Connection(REPOSITORY, mirror.address.shown, mirror)
    doors: Doors = dataclasses.replace(acme.doors, store=opened, connections={REPOSITORY: connection}, data=data)
    try:
        yield World(acme.repo, doors, acme.clock)
    finally:
        store.close(opened)


def elsewhere(kept: Path, folder: Path) -> Path:
    """The data directory of another machine: what is in the backup, and nothing else."""
    shutil.copytree(kept, folder)
    return folder


def deployed(acme: World, count: int, **sizes: int) -> None:
    """Push these sizes, and let everything happen until there are so many deployments."""
    acme.push(project(**{name: sized(size) for name, size in sizes.items()}))
    with turning(acme):
        until(lambda: at_rest(acme, count))


def quiet(acme: World) -> None:
    for _ in range(3):
        acme.poll()


def test_everything_is_brought_back_on_another_machine(acme: World, tmp_path: Path) -> None:
    deployed(acme, 1, development=1)
    done = backup.make(acme.doors.data, acme.doors.store, tmp_path / "kept")
    assert (done.database, done.states) == (True, 1)
    shutil.rmtree(acme.doors.data / "states")
    with restored(acme, tmp_path / "kept", elsewhere(tmp_path / "kept", tmp_path / "there")) as there:
        quiet(there)
        (row,) = there.deployments()
        assert row.status is Status.SUCCEEDED
        assert "--- apply ---" in read_log(there, row)
        actions.deploy_manifest(there.doors, "ann", "shop", "development", read_manifest(there), dry_run=True)
        there.push({DEVELOPMENT: sized(2), STAGING: sized(3)})
        with turning(there):
            actions.refresh(there.doors, "ann", REPOSITORY)
            until(lambda: at_rest(there, 3))
        assert [row.counts and row.counts.create for row in there.deployments()] == [1, 0, 1]
        assert {row.status for row in there.deployments()} == {Status.SUCCEEDED}
        assert (tmp_path / "there" / "states").is_dir()
    assert sorted(ledger(acme)) == ["size 1", "size 2", "size 3"]
    assert not (acme.doors.data / "states").exists()


def read_manifest(acme: World) -> object:
    return read.details(acme.doors.store, acme.last("development").id).manifest


def test_a_database_that_is_older_than_the_states_makes_nothing_twice(acme: World, tmp_path: Path) -> None:
    deployed(acme, 1, development=1)
    backup.make(acme.doors.data, acme.doors.store, tmp_path / "kept")
    deployed(acme, 3, development=2, staging=5)
    with restored(acme, tmp_path / "kept", acme.doors.data) as back:
        with turning(back):
            until(lambda: at_rest(back, 3))
        # What was deployed since is found done; of staging not even the database knew.
        assert [(row.environment, row.no_changes) for row in back.deployments()[1:]] == [
            ("development", True),
            ("staging", True),
        ]
        assert back.environment("staging").uuid == acme.environment("staging").uuid
        quiet(back)
        assert len(back.deployments()) == 3
    assert sorted(ledger(acme)) == ["size 1", "size 2", "size 5"]


def test_states_that_are_older_than_the_database_wait_for_a_person(acme: World, tmp_path: Path) -> None:
    deployed(acme, 1, development=1)
    backup.make(acme.doors.data, acme.doors.store, tmp_path / "kept")
    deployed(acme, 2, development=2)
    shutil.rmtree(acme.doors.data / "states")
    shutil.copytree(tmp_path / "kept" / "states", acme.doors.data / "states")
    deployed_at(acme, 3)
    row = acme.last("development")
    assert row.status is Status.AWAITING_APPROVAL
    lineage = json.loads((acme.doors.data / "states" / row.environment_uuid / states.STATE).read_text())["lineage"]
    assert row.message == (
        f"the state has serial 2, and the last apply left serial 5 of {lineage}: an older state was brought back, "
        "and what it does not know would be made again"
    )
    assert sorted(ledger(acme)) == ["size 1", "size 2"]


def deployed_at(acme: World, size: int) -> None:
    acme.push({DEVELOPMENT: sized(size)})
    with turning(acme):
        actions.refresh(acme.doors, "ann", REPOSITORY)
        until(lambda: acme.last("development").status is Status.AWAITING_APPROVAL)


def test_a_plan_that_waited_when_the_backup_was_made_is_made_again(acme: World, tmp_path: Path) -> None:
    acme.push({"projects/shop/development/environment.yaml": "approval: plan\n", DEVELOPMENT: sized(1)})
    with turning(acme):
        until(lambda: bool(acme.deployments()) and acme.last("development").status is Status.AWAITING_APPROVAL)
    backup.make(acme.doors.data, acme.doors.store, tmp_path / "kept")
    for name in ("runs", "states", "work"):
        shutil.rmtree(acme.doors.data / name)
    with restored(acme, tmp_path / "kept", elsewhere(tmp_path / "kept", tmp_path / "there")) as there:
        id = there.last("development").id
        actions.approve(there.doors, "ann", id)
        with turning(there):
            until(lambda: at_rest(there, 1))
        (row,) = there.deployments()
        assert (row.status, row.message) == (Status.SUCCEEDED, "")
        assert (tmp_path / "there" / "states" / row.environment_uuid / "terraform.tfstate").exists()
    assert not (acme.doors.data / "states").exists()


def test_an_apply_that_ran_when_the_backup_was_made_is_not_begun_again(acme: World, tmp_path: Path) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=3)})
    with turning(acme):
        until(lambda: bool(acme.deployments()) and acme.last("development").status is Status.APPLYING)
        backup.make(acme.doors.data, acme.doors.store, tmp_path / "kept")
        until(lambda: at_rest(acme, 1))
    with restored(acme, tmp_path / "kept", elsewhere(tmp_path / "kept", tmp_path / "there")) as there:
        with turning(there):
            until(
                lambda: len(there.deployments()) == 2 and there.last("development").status is Status.AWAITING_APPROVAL
            )
        first, second = there.deployments()
        assert (first.status, first.message) == (
            Status.FAILED,
            "failed (interrupted): its run directory is gone, so what it did cannot be found out; "
            f"0 of 1 resource done; unknown: module.{module_name_of(NODE)}.terraform_data.it",
        )
        assert second.message.endswith(
            "which an interrupted apply may have made already: its id is not known, so look for it before you approve"
        )
    assert ledger(acme) == ["size 1"]


def test_commits_that_the_remote_no_longer_has_are_said(
    acme: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deployed(acme, 1, development=1)
    gone = acme.last("development").commit or ""
    parent = str(acme.repo[gone].parents[0].id)  # type: ignore[union-attr]
    acme.push(project(development=sized(1)), "Begin otherwise", parents=[parent])
    backup.make(acme.doors.data, acme.doors.store, tmp_path / "kept")
    with restored(acme, tmp_path / "kept", elsewhere(tmp_path / "kept", tmp_path / "there")) as there:
        with caplog.at_level(logging.WARNING, logger="controller.deployments.follow"):
            there.poll()
        assert caplog.messages == [
            f"acme: the remote has 1 commits of deployments no more ({gone[:10]}): what was deployed stays on record"
        ]
