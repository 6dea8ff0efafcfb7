"""The loop lives on whatever happens, waits where waiting helps, and gives up where nothing has been changed yet."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.deployments import actions, follow
from controller.errors import RetryableError
from controller.history import read
from controller.loop import Loop
from controller.model.deployment import Status
from controller.runner.protocol import Phase
from tests.deploy_factories import REPOSITORY, Script, ScriptedRunner, World, project, sized, world


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, plans=1, applies=1, backoff=timedelta(0)) as made:
        yield made


def until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


class Failing:
    """A runner whose first starts fail with this error."""

    def __init__(self, inner: ScriptedRunner, error: Exception, times: int) -> None:
        self.inner = inner
        self.error = error
        self.left = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def start(self, *given: Any) -> None:
        if self.left:
            self.left -= 1
            raise self.error
        self.inner.start(*given)


def run(acme: World, is_so: Callable[[], bool]) -> None:
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(is_so)
    finally:
        loop.stop()


def at_rest(acme: World, count: int) -> bool:
    rows = acme.deployments()
    return len(rows) >= count and all(row.completed_at for row in rows)


def test_a_bug_ends_the_deployment_and_is_said_with_its_traceback(
    acme: World, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing(acme.runner, RuntimeError("boom"), 9)
    acme.doors = dataclasses.replace(acme.doors, runner=failing)  # type: ignore[arg-type]
    acme.push(project(development=sized(1)))
    run(acme, lambda: at_rest(acme, 1))
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.FAILED,
        "RuntimeError, a bug of Lockstep; details are in the controller's log",
    )
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {record.getMessage() for record in errors} == {f"deployment {row.id} failed"}
    assert all(record.exc_info for record in errors)


@pytest.mark.parametrize(
    ("times", "status", "message"),
    [
        (2, Status.SUCCEEDED, ""),
        (9, Status.FAILED, "the plan could not be made: the machine has no room"),
    ],
)
def test_what_passes_is_waited_for_but_not_for_ever(
    acme: World, caplog: pytest.LogCaptureFixture, times: int, status: Status, message: str
) -> None:
    failing = Failing(acme.runner, RetryableError("the machine has no room"), times)
    acme.doors = dataclasses.replace(acme.doors, runner=failing)  # type: ignore[arg-type]
    acme.push(project(development=sized(1)))
    run(acme, lambda: at_rest(acme, 1))
    row = acme.last("development")
    assert (row.status, row.message) == (status, message)
    assert "Traceback" not in caplog.text


def test_whoever_waits_to_apply_keeps_nobody_from_planning(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.push(project(one=sized(1), two=sized(2), three=sized(3)))
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(
            lambda: (
                sorted(row.status for row in acme.deployments() if row.plan_digest) == ["applying"] + ["planning"] * 2
            )
        )
        for row in acme.deployments():
            acme.runner.scripts[row.id] = Script()
        for row in acme.deployments():
            if row.status is Status.APPLYING:
                actions.cancel(acme.doors, "ann", row.id)
        until(lambda: at_rest(acme, 3))
    finally:
        loop.stop()
    assert sorted(row.status for row in acme.deployments()) == ["cancelled", "succeeded", "succeeded"]
    phases = [phase for phase, _ in acme.runner.started]
    assert phases[:4].count(Phase.PLAN) == 3


def test_a_loop_that_stopped_is_not_alive(acme: World) -> None:
    loop = Loop(acme.doors)
    loop.start()
    assert loop.is_alive()
    loop.stop()
    assert not loop.is_alive()


def test_a_decision_that_takes_long_is_left_when_the_loop_stops(acme: World) -> None:
    acme.push(project(**{f"e{number}": sized(number) for number in range(200)}))
    follow.poll(acme.doors, REPOSITORY)
    begun = threading.Event()

    def slowly() -> datetime:
        if threading.current_thread().name.startswith("decision"):
            begun.set()
            time.sleep(0.2)  # 40 s in all, if it is looked at for every deployment that is made
        return acme.clock()

    loop = Loop(dataclasses.replace(acme.doors, now=slowly))
    loop.start()
    assert begun.wait(60)
    loop.stop()
    (found,) = read.repositories(acme.doors.store)
    assert (found.decided_tip, found.error) == (None, None)
    acme.decide()
    assert len(acme.deployments()) == 200


def test_what_begins_while_the_loop_stops_has_ended_when_it_has_stopped(acme: World) -> None:
    """The doors are closed after it: whoever is still at work then would find them closed."""
    acme.push(project(development=sized(1)))
    follow.poll(acme.doors, REPOSITORY)
    is_stopping, looked, begun = threading.Event(), threading.Event(), threading.Event()

    def now() -> datetime:
        name = threading.current_thread().name
        if name == "dispatcher":  # in the midst of a look when the loop is asked to stop
            looked.set()
            is_stopping.wait(60)
        elif name.startswith("decision"):
            begun.set()
            time.sleep(0.5)
        return acme.clock()

    acme.doors = dataclasses.replace(acme.doors, now=now)
    loop = Loop(acme.doors)
    loop.start()
    assert looked.wait(60)
    threading.Timer(2, is_stopping.set).start()
    loop.stop()
    assert [one.name for one in threading.enumerate() if one.name.startswith("decision")] == []
    assert begun.is_set()
