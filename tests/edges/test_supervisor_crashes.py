"""Kills supervisors and engines in the middle of an apply, and counts what was really done in a ledger."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.runner import local, protocol
from controller.runner.protocol import Ended, Extent, Phase
from tests.runner_factories import ROOT, Bench, bench, bundle, engines, steps

pytestmark = pytest.mark.engine

SLOW = "echo began >> $LEDGER; sleep 2; echo done >> $LEDGER"
ENDLESS = "echo began >> $LEDGER; sleep 600; echo done >> $LEDGER"


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, request.param) as made:
        yield made


def begin(runs: Bench, command: str, **changes: object) -> None:
    """Bring an apply to where its module has begun to act."""
    runs.plan(bundle(command), **changes)
    runs.start_apply(**changes)
    runs.until(
        lambda seen: runs.ledger_lines() == ["began"] and "apply_start module.thing.terraform_data.it" in steps(seen)
    )


def test_an_engine_outlives_its_supervisor_and_is_heard_to_its_end(runs: Bench) -> None:
    begin(runs, SLOW)
    os.kill(runs.supervisor(), signal.SIGKILL)
    seen = runs.ended()
    assert (seen.apply_result, seen.apply_started is None) == (None, False)
    assert local.group_is_empty(runs.directory) is False

    seen = runs.recover()

    assert seen.apply_result is not None
    assert (seen.apply_result.phase, seen.apply_result.status) == (Phase.RECOVER, "succeeded")
    assert local.group_is_empty(runs.directory) is True
    assert runs.ledger_lines() == ["began", "done"]
    assert "apply_complete module.thing.terraform_data.it" in steps(seen)
    assert runs.outputs()["api"]["NAME"] == "x"
    assert "Creation complete" in runs.log()
    assert not (runs.directory / protocol.PLAN).exists()


def test_an_engine_that_ended_unheard_is_recognised_by_its_work(runs: Bench) -> None:
    begin(runs, SLOW)
    os.kill(runs.supervisor(), signal.SIGKILL)
    runs.until(lambda _: local.group_is_empty(runs.directory))

    seen = runs.recover()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert runs.ledger_lines() == ["began", "done"]
    assert runs.outputs()["api"]["NAME"] == "x"


def test_a_killed_engine_leaves_an_interrupted_apply(runs: Bench) -> None:
    begin(runs, ENDLESS)
    os.kill(runs.engine_process(), signal.SIGKILL)
    seen = runs.ended()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "interrupted"
    assert seen.apply_result.message == (
        "interrupted in the middle: the engine was killed by signal 9 (SIGKILL), as by the kernel when memory runs "
        "out; give it more, or let fewer run at a time (memory_per_run); how far it came: `lockstep logs d1`"
    )
    assert seen.apply_result.extent is Extent.PARTIAL
    assert seen.apply_result.possibly_orphaned == ("module.thing.terraform_data.it",)
    assert local.group_is_empty(runs.directory) is True
    assert runs.ledger_lines() == ["began"]


def test_what_both_left_behind_is_named_when_both_are_killed(runs: Bench) -> None:
    begin(runs, ENDLESS)
    os.kill(runs.supervisor(), signal.SIGKILL)
    local.kill_group(runs.directory)
    runs.until(lambda _: local.group_is_empty(runs.directory))

    seen = runs.recover()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "interrupted"
    assert seen.apply_result.extent is Extent.PARTIAL
    assert seen.apply_result.possibly_orphaned == ("module.thing.terraform_data.it",)
    assert runs.log().endswith("\ninterrupted in the middle; how far it came: `lockstep logs d1`\n")


def test_an_engine_that_goes_on_alone_can_still_be_cancelled(runs: Bench) -> None:
    begin(runs, ENDLESS)
    os.kill(runs.supervisor(), signal.SIGKILL)
    runs.ended()
    local.cancel(runs.directory)

    seen = runs.recover()

    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.message) == ("cancelled", "cancelled during apply")
    assert local.group_is_empty(runs.directory) is True
    assert runs.ledger_lines() == ["began"]


def test_an_apply_that_never_began_is_found_so(runs: Bench) -> None:
    runs.plan(bundle(SLOW))
    planned = protocol.read_result(runs.directory, protocol.PLAN_RESULT)
    assert planned is not None
    started = protocol.Started("d1", planned.plan_digest or "", "2026-01-01T00:00:00+00:00", None)
    protocol.write_started(runs.directory, started)

    seen = runs.recover()

    assert seen.apply_result is not None
    assert seen.apply_result.status is Ended.INTERRUPTED
    assert seen.apply_result.message == "interrupted before the engine began; nothing was changed"
    assert seen.apply_result.extent is Extent.NOT_BEGUN
    assert runs.ledger_lines() == []


def test_a_supervisor_lost_after_the_apply_is_made_good(runs: Bench) -> None:
    runs.plan(bundle("echo done >> $LEDGER"))
    runs.apply()
    (runs.directory / protocol.APPLY_RESULT).unlink()
    (runs.directory / protocol.OUTPUTS).unlink()

    seen = runs.recover()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert runs.outputs()["api"]["NAME"] == "x"
    assert runs.ledger_lines() == ["done"]


def test_a_failed_apply_stays_failed_when_its_result_was_lost(runs: Bench) -> None:
    runs.plan(bundle("exit 3"))
    runs.apply()
    (runs.directory / protocol.APPLY_RESULT).unlink()

    seen = runs.recover()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "failed"
    assert seen.apply_result.message == (
        "apply failed: the engine exited with 1 and gave no diagnostic; details: `lockstep logs d1`"
    )


def test_a_plan_that_was_handed_to_an_apply_is_never_applied_again(runs: Bench) -> None:
    begin(runs, ENDLESS)
    os.kill(runs.supervisor(), signal.SIGKILL)
    runs.ended()
    refusal = "d1: its plan was handed to an apply before; a plan is never applied twice"

    for phase in (Phase.APPLY, Phase.PLAN):
        with pytest.raises(ConflictError) as e:
            runs.start(phase, plan_digest="0" * 64)
        assert str(e.value) == refusal


def test_a_supervisor_itself_refuses_such_a_plan(runs: Bench) -> None:
    """Even when nobody asked `local.start`: the check stands under the lock, right before the engine."""
    runs.plan(bundle("echo done >> $LEDGER"))
    seen = runs.apply()
    (runs.directory / protocol.APPLY_RESULT).unlink()
    handed = protocol.write_handed(protocol.Handed({}))
    command = (sys.executable, "-m", "controller.runner", str(runs.directory))
    again = subprocess.run(command, input=handed, capture_output=True, check=False, cwd=ROOT)

    assert (again.returncode, again.stderr) == (3, b"")
    seen = local.observe(runs.directory, seen.events[-1]["n"])
    assert [event["why"] for event in seen.events] == [
        "its plan was handed to an apply before; a plan is never applied twice"
    ]
    assert seen.apply_result is None
    assert runs.ledger_lines() == ["done"]


def test_at_no_instant_does_a_death_make_a_plan_be_applied_twice(runs: Bench) -> None:
    for number, delay in enumerate((0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45)):
        runs.deployment = f"d{number}"
        runs.plan(bundle("echo $NAME >> $LEDGER; sleep 0.1", name=runs.deployment), private=False)
        runs.environment = {"NAME": runs.deployment}
        runs.start_apply()
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(runs.supervisor(), signal.SIGKILL)
        seen = runs.ended()
        if seen.apply_started is None:
            runs.start_apply()
        elif seen.apply_result is None:
            runs.recover()
        seen = runs.ended()
        assert seen.apply_result is not None
        assert seen.apply_result.status in ("succeeded", "interrupted")
        # Interrupted: before its engine began, or so shortly after its start was written down that nobody knows.
        assert runs.ledger_lines().count(runs.deployment) == (seen.apply_result.status == "succeeded")
        assert local.group_is_empty(runs.directory) is True
        assert runs.log() != ""


def test_a_plan_whose_supervisor_was_killed_is_made_again(runs: Bench) -> None:
    local.deliver(runs.directory, bundle("echo done >> $LEDGER"))
    runs.start(Phase.PLAN)
    runs.until(lambda seen: "step_started plan" in steps(seen))
    os.kill(runs.supervisor(), signal.SIGKILL)
    seen = runs.ended()
    first = seen.events[-1]["n"]
    runs.start(Phase.PLAN)
    seen = runs.ended()

    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"
    assert [event["n"] for event in seen.events] == list(range(1, len(seen.events) + 1))
    assert len(seen.events) > first
    runs.apply()
    assert runs.ledger_lines() == ["done"]
    assert runs.log().count("Lockstep ") >= 2
