"""Stops runs: on request, at a deadline, with engines that listen and engines that do not."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.runner import local, protocol
from controller.runner.protocol import Extent, Phase
from tests.runner_factories import Bench, bench, bundle, engines, scripted, steps

pytestmark = pytest.mark.engine

ENDLESS = "echo began >> $LEDGER; sleep 600; echo done >> $LEDGER"
# Prints what an engine prints, does what the step's name says, and refuses to be interrupted while it plans.
DEAF = """
case $1 in
  plan) trap '' INT; echo began >> "$LEDGER"; sleep 600 ;;
esac
"""


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, request.param) as made:
        yield made


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, scripted(tmp_path, DEAF)) as made:
        yield made


def begin(runs: Bench, **changes: object) -> None:
    runs.plan(bundle(ENDLESS), **changes)
    runs.start_apply(**changes)
    runs.until(lambda _: runs.ledger_lines() == ["began"])


def test_a_cancelled_apply_saves_its_state_and_leaves_no_process(runs: Bench) -> None:
    begin(runs)
    local.cancel(runs.directory)
    seen = runs.ended()

    assert seen.cancel_requested is True
    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.message) == ("cancelled", "cancelled during apply")
    assert (seen.apply_result.forced, seen.apply_result.extent) == (False, Extent.PARTIAL)
    assert seen.apply_result.possibly_orphaned == ()
    assert local.group_is_empty(runs.directory) is True
    assert is_tainted(runs)
    assert runs.ledger_lines() == ["began"]
    assert "Interrupt received" in runs.log()
    assert runs.log().endswith("\ncancelled during apply\n")


def test_an_apply_past_its_deadline_is_interrupted(runs: Bench) -> None:
    runs.plan(bundle(ENDLESS))
    seen = runs.apply(apply_seconds=2)

    assert seen.apply_result is not None
    assert seen.apply_result.status == "timed_out"
    assert seen.apply_result.message == (
        "apply was stopped: the phase may take 2 s; what it waited for: `lockstep logs d1`"
    )
    assert local.group_is_empty(runs.directory) is True


def test_a_signal_to_the_supervisor_is_a_request_to_stop(runs: Bench) -> None:
    begin(runs)
    os.kill(runs.supervisor(), signal.SIGTERM)
    seen = runs.ended()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "cancelled"
    assert is_tainted(runs)


def test_what_was_cancelled_before_it_began_never_begins(runs: Bench) -> None:
    runs.plan(bundle(ENDLESS))
    local.cancel(runs.directory)
    with pytest.raises(ConflictError) as e:
        runs.start_apply()

    assert str(e.value) == "d1: it was cancelled; open a new deployment"
    assert local.observe(runs.directory).apply_started is None


def test_an_engine_that_does_not_listen_is_killed_with_its_group(deaf: Bench) -> None:
    local.deliver(deaf.directory, bundle())
    deaf.start(Phase.PLAN, grace_seconds=1)
    deaf.until(lambda _: deaf.ledger_lines() == ["began"])
    began = time.monotonic()
    local.cancel(deaf.directory)
    seen = deaf.ended()

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.forced) == ("cancelled", True)
    assert seen.plan_result.message == "cancelled during plan"
    assert 1 <= time.monotonic() - began < 10
    assert local.group_is_empty(deaf.directory) is True
    assert seen.plan_result.log_ended is True


def test_a_plan_that_nobody_waits_for_any_more_is_ended_before_the_next(deaf: Bench) -> None:
    local.deliver(deaf.directory, bundle())
    deaf.start(Phase.PLAN)
    deaf.until(lambda _: deaf.ledger_lines() == ["began"])
    left = deaf.engine_process()
    os.kill(deaf.supervisor(), signal.SIGKILL)
    deaf.ended()
    os.kill(left, signal.SIGKILL)
    local.kill_group(deaf.directory)
    deaf.start(Phase.PLAN, grace_seconds=1)
    deaf.until(lambda _: deaf.ledger_lines() == ["began", "began"])

    assert local.group_is_empty(deaf.directory) is False
    assert deaf.engine_process() != left


def test_who_waits_for_the_working_directory_can_be_cancelled(deaf: Bench) -> None:
    local.deliver(deaf.directory, bundle())
    deaf.start(Phase.PLAN)
    deaf.until(lambda _: deaf.ledger_lines() == ["began"])
    deaf.deployment = "d2"
    local.deliver(deaf.directory, bundle())
    deaf.start(Phase.PLAN)
    deaf.until(lambda seen: steps(seen) == ["phase_started plan"])
    local.cancel(deaf.directory)
    seen = deaf.ended()

    assert seen.plan_result is not None
    assert seen.plan_result.message == "cancelled during prepare"
    assert deaf.ledger_lines() == ["began"]


def test_a_run_that_is_at_work_is_not_started_again(deaf: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BUSY_SECONDS", 0.1)
    local.deliver(deaf.directory, bundle())
    deaf.start(Phase.PLAN)
    with pytest.raises(ConflictError) as e:
        deaf.start(Phase.PLAN)

    assert str(e.value) == "d1: a supervisor is at work there; wait for it to end"
    assert protocol.read_job(deaf.directory) is not None


def is_tainted(runs: Bench) -> bool:
    """Whether the state knows that the resource was begun and not finished."""
    [resource] = json.loads(runs.state.read_text())["resources"]
    return bool(resource["instances"][0]["status"] == "tainted")
