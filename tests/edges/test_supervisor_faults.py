"""Takes a supervisor's disk and memory away, and gives it engines that say more than anybody can keep."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from controller.runner import local, protocol
from controller.runner.protocol import Phase
from tests.disk_factories import MIB, Disk, disk
from tests.edges.test_supervisor_engines import diagnostic, script
from tests.runner_factories import Bench, bench, bundle, engines, scripted, steps

pytestmark = pytest.mark.engine

Make = Callable[[str], Bench]
LINE = "a line that is not short " * 8
WAITS = 'while [ ! -e "$LEDGER.go" ]; do sleep 0.05; done'


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(bench(tmp_path, scripted(tmp_path, body)))


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    with disk(tmp_path / "disk", 4 * MIB) as made:
        yield made


def go(runs: Bench) -> None:
    Path(f"{runs.environment['LEDGER']}.go").touch()


def on(small: Disk, stack: ExitStack, engine: protocol.Engine) -> Bench:
    """Runs on that disk; ledger and state lie elsewhere."""
    runs = stack.enter_context(bench(small.folder, engine))
    runs.environment = {"LEDGER": str(small.folder.parent / "ledger")}
    return runs


def elsewhere(small: Disk) -> dict[str, object]:
    state = small.folder.parent / "state.json"
    return {"state": str(state), "init_args": (f"-backend-config=path={state}",)}


def test_a_disk_that_fills_up_in_an_apply_costs_patience_and_nothing_else(small: Disk) -> None:
    command = f"echo began >> $LEDGER; {WAITS}; yes 'a line' | head -c 100000; echo done >> $LEDGER"
    with ExitStack() as stack:
        runs = on(small, stack, engines()[0])
        runs.plan(bundle(command), **elsewhere(small))
        runs.start_apply(**elsewhere(small))
        ledger = Path(runs.environment["LEDGER"])
        runs.until(lambda _: ledger.exists())
        small.fill()
        go(runs)
        runs.until(lambda _: "done" in ledger.read_text() and local.group_is_empty(runs.directory))
        seen = local.observe(runs.directory)
        assert (seen.alive, seen.apply_result) == (True, None)
        small.make_room()
        seen = runs.ended()

        assert seen.apply_result is not None
        assert (seen.apply_result.status, seen.apply_result.message) == ("succeeded", "applied")
        assert ledger.read_text() == "began\ndone\n"
        assert "apply_complete module.thing.terraform_data.it" in steps(seen)
        assert [event["n"] for event in seen.events] == list(range(1, len(seen.events) + 1))
        assert runs.log().count("(local-exec): a line\n") == 100000 // len("a line\n")
        assert runs.log().endswith("\napplied\n")


def test_a_supervisor_that_was_killed_on_a_full_disk_is_made_good(small: Disk) -> None:
    command = f"echo began >> $LEDGER; {WAITS}; echo done >> $LEDGER"
    with ExitStack() as stack:
        runs = on(small, stack, engines()[0])
        runs.plan(bundle(command), **elsewhere(small))
        runs.start_apply(**elsewhere(small))
        ledger = Path(runs.environment["LEDGER"])
        runs.until(lambda _: ledger.exists())
        small.fill()
        go(runs)
        runs.until(lambda _: local.group_is_empty(runs.directory))
        os.kill(runs.supervisor(), signal.SIGKILL)
        runs.ended()
        small.make_room()
        seen = runs.recover(**elsewhere(small))

        assert seen.apply_result is not None
        assert seen.apply_result.status == "succeeded"
        assert ledger.read_text() == "began\ndone\n"


def test_a_disk_that_is_full_when_the_plan_is_written_is_a_passing_reason(small: Disk) -> None:
    said = diagnostic("Failed to write plan", detail="write plan.bin: no space left on device")
    plan = f"""echo began >> $LEDGER; {WAITS}; for word; do case "$word" in
      -out=*) echo plan > "${{word#-out=}}" || {{ echo '{said}'; exit 1; }} ;;
    esac; done; exit 2"""
    with ExitStack() as stack:
        runs = on(small, stack, scripted(small.folder.parent, script(plan=plan)))
        local.deliver(runs.directory, bundle())
        runs.start(Phase.PLAN, **elsewhere(small))
        runs.until(lambda _: Path(runs.environment["LEDGER"]).exists())
        small.fill()
        go(runs)
        runs.until(lambda _: local.group_is_empty(runs.directory))
        small.make_room()
        seen = runs.ended()

        assert seen.plan_result is not None
        assert (seen.plan_result.status, seen.plan_result.transient) == ("failed", True)
        assert seen.plan_result.message == "plan failed: Failed to write plan; details: `lockstep logs d1`"
        assert seen.plan_result.log_ended is True


def test_an_engine_that_fills_the_log_is_heard_to_its_end_and_kept_in_part(make: Make) -> None:
    runs = make(script(init=f"echo first; yes '{LINE}' | head -c 100000000; echo last"))
    seen = runs.plan(bundle(), mode="plan_only")

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.log_ended) == ("succeeded", True)
    log = runs.log()
    assert 16 * MIB < len(log) < 17 * MIB
    assert f"\nfirst\n{LINE}\n" in log
    assert "last\n\n--- plan ---\n" in log
    [notice] = [line for line in log.splitlines() if line.startswith("(here ")]
    assert notice.endswith(" KiB are left out: more than 16 MiB of a phase are not kept; its end follows)")
    assert log.endswith("\nplanned: no resource changes, but outputs or addresses do\n")


def test_what_is_no_text_is_heard_all_the_same(make: Make) -> None:
    """Binary, a line of 9 MiB without an end, half a message, on both streams."""
    noise = "head -c 3000000 /dev/urandom; tr '\\0' x < /dev/zero | head -c 9000000; printf '{\"@message\": '"
    runs = make(script(init=f"{noise}; {{ {noise}; }} >&2", plan='echo plan > "${4#-out=}"; ' + noise + "; exit 1"))
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.message == (
        "plan failed: the engine exited with 1 and gave no diagnostic; details: `lockstep logs d1`"
    )
    assert seen.plan_result.log_ended is True
    assert steps(seen) == [
        *("phase_started plan", "step_started init", "step_finished init"),
        *("step_started plan", "step_finished plan", "phase_finished plan"),
    ]


def test_an_engine_that_reports_without_end_fills_no_disk(make: Make) -> None:
    line = (
        '{"@message":"x","type":"apply_start","hook":{"resource":{"addr":"terraform_data.'
        + "x" * 1000
        + '"},"action":"create"}}'
    )
    runs = make(script(init=f"yes '{line}' | head -n 40000"))
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"
    assert 16 * MIB < (runs.directory / protocol.EVENTS).stat().st_size < 18 * MIB
    assert steps(seen)[-1] == "phase_finished plan"


@pytest.mark.parametrize(
    ("show", "message"),
    [
        pytest.param("head -c 300000000 /dev/zero", "the engine printed more than 256 MiB", id="too-much"),
        pytest.param("head -c 100000 /dev/urandom", "the engine printed no JSON document", id="binary"),
        pytest.param("yes '[' | head -c 200000", "the engine printed no JSON document", id="too-deep"),
        pytest.param("echo '{\"half\": '", "the engine printed no JSON document", id="half"),
        pytest.param("kill -SEGV $$", "the engine was killed by signal 11 (SIGSEGV)", id="crash"),
    ],
)
def test_a_document_that_is_none_is_said_to_be(make: Make, show: str, message: str) -> None:
    seen = make(script(show=show)).plan(bundle())

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.transient) == ("failed", False)
    assert seen.plan_result.message == f"show failed: {message}; details: `lockstep logs d1`"


def test_an_engine_that_is_killed_for_its_memory_says_so_and_is_tried_again(make: Make) -> None:
    seen = make(script(plan="kill -KILL $$")).plan(bundle())

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.transient) == ("failed", True)
    assert seen.plan_result.message == (
        "plan failed: the engine was killed by signal 9 (SIGKILL), as by the kernel when memory runs out; "
        "give it more, or let fewer run at a time (memory_per_run); details: `lockstep logs d1`"
    )


def test_an_engine_whose_runtime_gives_up_has_made_no_plan(make: Make) -> None:
    """A program of Go that gets no memory ends with 2, as one does that has planned changes."""
    seen = make(script(plan="echo 'fatal error: runtime: out of memory' >&2; exit 2")).plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.message == (
        "plan failed: the engine exited with 2 and gave no diagnostic; details: `lockstep logs d1`"
    )


def test_a_real_engine_that_gets_no_memory_fails_and_changes_nothing(make: Make) -> None:
    real = " ".join(engines()[0].command)
    runs = make(f'[ "$1" != plan ] || ulimit -v 400000; exec {real} "$@"')
    seen = runs.plan(bundle("echo done >> $LEDGER"))

    assert seen.plan_result is not None
    assert seen.plan_result.status == "failed"
    assert seen.plan_result.message.startswith("plan failed: ")
    assert runs.ledger_lines() == []
