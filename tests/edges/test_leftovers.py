"""At its start a controller removes what the dead left behind, and nothing that may still be somebody's."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from controller.deployments import leftovers
from controller.errors import LockstepError
from controller.git.mirror import Mirror
from controller.history import record
from controller.loop import Loop
from controller.model.deployment import Status
from controller.runner import local, protocol
from controller.runner.protocol import Phase, Started
from tests import git_factories
from tests.deploy_factories import Script, World, project, sized, world
from tests.flow.test_deploy_engine import events, runner, turning, until
from tests.runner_factories import engines

HOLD = """
import fcntl, sys, time
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def there(acme: World) -> list[str]:
    """Every file of the data directory, but for what a controller that runs keeps there."""
    data = acme.doors.data
    return sorted(path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file())


def gone() -> int:
    """The number of a process that has just ended."""
    process = subprocess.Popen(("true",))
    process.wait()
    return process.pid


@contextmanager
def holding(state: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has locked a state as engines do."""
    process = subprocess.Popen((sys.executable, "-c", HOLD, str(state)), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def waiting(acme: World) -> str:
    """A deployment that waits for approval, its plan beside it; its id."""
    acme.runner.script = Script(counts={"destroy": 1})
    acme.deploy(project(development=sized(1)))
    row = acme.last("development")
    assert row.status is Status.AWAITING_APPROVAL
    return row.id


def test_temporary_files_of_processes_that_are_gone_are_removed(acme: World) -> None:
    id = waiting(acme)
    data, uuid = acme.doors.data, acme.environment("development").uuid
    before = there(acme)
    for number in (gone(), os.getpid()):
        put(data / f".controller-id.{number}")
        put(data / "runs" / id / f".summary.json.{number}")
        put(data / "runs" / id / f".bundle.{number}" / "main.tf.json")
        put(data / "runs" / id / "log" / f".000001.age.{number}")
        put(data / "states" / uuid / f".lockstep.json.{number}")
        put(data / "work" / uuid / ".terraform" / f".lockstep-init.json.{number}")
    kept = [
        put(data / "work" / uuid / f".modules.{gone()}"),  # of a user's, perhaps
        put(data / f".controller-id.{os.getppid()}"),
        put(data / ".netrc"),
    ]
    leftovers.clean(acme.doors)
    assert there(acme) == sorted([*before, *(path.relative_to(data).as_posix() for path in kept)])


def test_the_run_of_a_living_supervisor_is_never_touched(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.PLAN)
    acme.deploy(project(development=sized(1)))
    folder = acme.doors.data / "runs" / acme.last("development").id
    unknown = put(acme.doors.data / "runs" / "unknown" / protocol.EVENTS).parent
    put(folder / f".summary.json.{gone()}")
    acme.runner.alive.add("unknown")
    before = there(acme)
    leftovers.clean(acme.doors)
    assert there(acme) == before
    acme.runner.alive.clear()
    acme.runner.group.add("unknown")
    leftovers.clean(acme.doors)
    assert unknown.exists()
    assert not list(folder.glob(".*"))


def test_a_lock_that_somebody_holds_proves_that_a_supervisor_lives(tmp_path: Path) -> None:
    with world(tmp_path, local) as acme:
        folder = put(acme.doors.data / "runs" / "unknown" / protocol.LOCK, "{}").parent
        with open(folder / protocol.LOCK) as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            leftovers.clean(acme.doors)
            assert folder.exists()
        leftovers.clean(acme.doors)
        assert not folder.exists()


def test_runs_that_nobody_needs_are_removed(acme: World, caplog: pytest.LogCaptureFixture) -> None:
    acme.deploy(project(development=sized(1)))
    ended = acme.last("development").id
    runs = acme.doors.data / "runs"
    put(runs / ended / protocol.PLAN)
    put(runs / "unknown" / protocol.PLAN)
    with caplog.at_level(logging.INFO, logger=leftovers.__name__):
        leftovers.clean(acme.doors)
    assert list(runs.iterdir()) == []
    assert caplog.messages == [
        "removed what was left behind: 1 runs of ended deployments, 1 runs of unknown deployments"
    ]


def test_a_plan_in_clear_goes_with_the_end_of_its_deployment_and_stays_while_it_waits(acme: World) -> None:
    id = waiting(acme)
    plan = acme.doors.data / "runs" / id / protocol.PLAN
    leftovers.clean(acme.doors)
    assert plan.exists()
    end_uncleared(acme, id)
    leftovers.clean(acme.doors)
    assert (plan.exists(), plan.parent.exists()) == (False, True)


def end_uncleared(acme: World, id: str) -> None:
    """It has ended, and the controller was killed before it had cleared the run away."""
    record.finished(acme.doors.store, id, record.Finish(Status.CANCELLED, ""), acme.doors.now())


def test_an_unsaved_state_that_the_database_does_not_know_is_said_and_left(
    acme: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The database is older: that file is all that knows what the apply made."""
    folder = put(acme.doors.data / "runs" / "unknown" / protocol.ERRORED).parent
    leftovers.clean(acme.doors)
    assert (folder / protocol.ERRORED).exists()
    assert caplog.messages == [
        f"{folder}: here is a state that could not be saved, of an apply that the database knows nothing of; "
        f"compare its {protocol.ERRORED} with what the state storage has, then remove it"
    ]


def test_an_apply_that_the_database_does_not_know_is_said_and_left(
    acme: World, caplog: pytest.LogCaptureFixture
) -> None:
    folder = put(acme.doors.data / "runs" / "unknown" / protocol.EVENTS).parent
    protocol.write_started(folder, Started("unknown", "d", "2026-01-01T00:00:00+00:00", None))
    leftovers.clean(acme.doors)
    assert folder.exists()
    assert caplog.messages == [
        f"{folder}: an apply began here that the database knows nothing of, and nobody heard its end; "
        "look into its events.jsonl, then remove it"
    ]


def test_the_lock_of_a_state_goes_when_its_owner_is_gone_and_not_before(acme: World) -> None:
    state = put(acme.doors.data / "states" / "u1" / "terraform.tfstate", "{}")
    info = put(state.with_name(leftovers.STATE_LOCK))
    with holding(state) as owner:
        leftovers.clean(acme.doors)
        assert info.exists()
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        leftovers.clean(acme.doors)
    assert not info.exists()


@pytest.mark.engine
def test_what_a_killed_engine_left_is_gone_after_the_next_start(tmp_path: Path) -> None:
    """As the kernel kills in need of memory: the engine, its supervisor and the controller at once."""
    with world(tmp_path, local, engines()[0]) as acme:
        acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=60)})
        loop = Loop(acme.doors)
        loop.start()
        until(lambda: bool(acme.deployments()) and any(e["type"] == "apply_start" for e in events(acme)))
        loop.stop()
        (folder,) = (acme.doors.data / "runs").iterdir()
        state = acme.doors.data / "states" / acme.environment("development").uuid / "terraform.tfstate"
        leftovers.clean(acme.doors)
        assert state.with_name(leftovers.STATE_LOCK).exists()
        os.kill(json.loads((folder / protocol.LOCK).read_text())["pid"], signal.SIGKILL)
        os.killpg(json.loads((folder / protocol.ENGINE).read_text())["pid"], signal.SIGKILL)
        until(lambda: not local.is_alive(folder) and local.group_is_empty(folder))
        assert state.with_name(leftovers.STATE_LOCK).exists()
        with turning(acme):
            until(lambda: len(acme.deployments()) == 2 and acme.last("development").status is Status.AWAITING_APPROVAL)
        assert not state.with_name(leftovers.STATE_LOCK).exists()
        assert [path.name for path in (acme.doors.data / "runs").iterdir()] == [acme.last("development").id]


def test_working_directories_of_environments_that_are_no_more_are_removed(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    work = acme.doors.data / "work"
    mine = put(work / acme.environment("development").uuid / "main.tf.json")
    other = put(work / "no-more" / "main.tf.json")
    lock = put(work / "no-more.run.lock", "")
    unsaved = put(work / "unsaved" / "errored.tfstate")  # all that knows what an apply has made
    leftovers.clean(acme.doors)
    assert (mine.exists(), other.parent.exists(), lock.exists(), unsaved.exists()) == (True, False, True, True)


def test_a_mirror_whose_fetch_was_killed_can_be_fetched_again(tmp_path: Path) -> None:
    origin = git_factories.repository(tmp_path / "origin.git")
    git_factories.commit(origin, {"a": "1"})
    path = tmp_path / "data" / "mirrors" / "acme.git"
    Mirror(path, str(tmp_path / "origin.git")).fetch()
    tip = git_factories.commit(origin, {"a": "2"})
    for name in ("config.lock", "packed-refs.lock", "refs/heads/main.lock", "objects/pack/pack_git2_Xy12Zq"):
        put(path / name)
    with pytest.raises(LockstepError):
        Mirror(path, str(tmp_path / "origin.git")).fetch()
    leftovers.clean_mirrors(tmp_path / "data")
    assert Mirror(path, str(tmp_path / "origin.git")).fetch() == {"refs/heads/main": tip}
    assert not list(path.rglob("*.lock"))
    assert not list(path.rglob("*_git2_*"))
