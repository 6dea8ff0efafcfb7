"""Gives a supervisor engines that are shell scripts and behave in ways that real ones seldom do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from controller.errors import ConflictError, NotAllowedError
from controller.model.deployment import Mode
from controller.runner import local, protocol
from controller.runner.protocol import Phase
from tests.runner_factories import PLAN_OF_NOTHING, Bench, bench, bundle, scripted, steps

Make = Callable[[str], Bench]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A bench for an engine with this script; `plan` has to write its plan itself."""
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(bench(tmp_path, scripted(tmp_path, body)))


def script(**steps_: str) -> str:
    """An engine that does for each step what is given, and for the others as little as will do."""
    usual = {
        "plan": 'for word; do case "$word" in -out=*) echo plan > "${word#-out=}" ;; esac; done; exit 2',
        "show": f"echo '{PLAN_OF_NOTHING}'",
        "output": "echo '{}'",
    }
    cases = "\n".join(f"  {name}) {body} ;;" for name, body in (usual | steps_).items())
    return f"case $1 in\n{cases}\nesac"


def diagnostic(summary: str, *, severity: str = "error", detail: str = "") -> str:
    body = {"severity": severity, "summary": summary, "detail": detail}
    return json.dumps({"@level": severity, "@message": summary, "type": "diagnostic", "diagnostic": body})


def test_garbage_is_kept_for_the_reader_of_the_log(make: Make) -> None:
    lines = ["no json", '{"half": ', r"\033[31mred\033[0m", "[1]", '{"@message": 7}', r"\377", "no newline"]
    whole = "\\n".join(lines)
    runs = make(script(init=f"printf '{whole}'; echo on stderr >&2"))
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"
    for line in ("no json", '{"half": ', "red", "[1]", '{"@message": 7}', "\ufffd", "no newline", "on stderr"):
        assert f"\n{line}\n" in runs.log(following=True)


def test_an_engine_that_fails_without_a_word_is_said_to(make: Make) -> None:
    runs = make(script(plan="exit 7"))
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.message == (
        "plan failed: the engine exited with 7 and gave no diagnostic; details: `lockstep logs d1`"
    )


def test_an_engine_that_cannot_be_started_is_said_to(make: Make) -> None:
    runs = make(script())
    Path(runs.engine.command[0]).unlink()
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.message == (
        "init failed: the engine exited with 126 and gave no diagnostic; details: `lockstep logs d1`"
    )
    assert f"`{runs.engine.command[0]}` cannot be started: No such file or directory\n" in runs.log()


def test_secrets_are_masked_in_what_everybody_can_read(make: Make) -> None:
    said = diagnostic("cannot use canary-in-env", detail="it says canary-in-env and more")
    runs = make(script(init=f"echo '{said}'; exit 1"))
    runs.environment = {"TOKEN": "canary-in-env"}
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.message == "init failed: cannot use (masked); details: `lockstep logs d1`"
    assert seen.plan_result.diagnostics == (
        {"severity": "error", "summary": "cannot use (masked)", "detail": "it says (masked) and more"},
    )
    assert "cannot use canary-in-env" in runs.log()


def test_what_the_state_marks_as_sensitive_is_masked_too(make: Make) -> None:
    values = {"resources": [{"values": {"password": "canary-in-state"}, "sensitive_values": {"password": True}}]}
    state = json.dumps({"values": {"root_module": values}})
    said = diagnostic("the database refused canary-in-state")
    runs = make(
        script(apply=f"echo '{said}'; exit 1", show=f"[ $# = 2 ] && echo '{state}' || echo '{PLAN_OF_NOTHING}'")
    )
    runs.plan(bundle())
    seen = runs.apply()

    assert seen.apply_result is not None
    assert seen.apply_result.message == ("apply failed: the database refused (masked); details: `lockstep logs d1`")


def test_a_sensitive_output_is_masked_in_warnings_and_metadata(make: Make) -> None:
    outputs = {
        "api": {"sensitive": True, "value": {"URL": "canary-in-output"}},
        "w_7up": {"sensitive": True, "value": {}},
        "platform_orchestrator_metadata": {
            "sensitive": False,
            "value": {"db.default#main": {"Url": "x canary-in-output"}},
        },
    }
    said = diagnostic("canary-in-output is weak", severity="warning")
    runs = make(script(apply=f"echo '{said}'", output=f"echo '{json.dumps(outputs)}'"))
    runs.plan(bundle())
    seen = runs.apply()

    assert seen.apply_result is not None
    assert seen.apply_result.diagnostics == ({"severity": "warning", "summary": "(masked) is weak"},)
    [event] = [event for event in seen.events if event["type"] == "diagnostic"]
    assert (event["step"], event["summary"]) == ("apply", "(masked) is weak")
    assert json.loads((runs.directory / protocol.METADATA).read_text()) == {"db.default#main": {"Url": "x (masked)"}}
    assert runs.outputs() == {"api": {"URL": "canary-in-output"}, "7up": {}}


def test_an_address_that_a_workload_gives_too_stands_in_the_metadata(make: Make) -> None:
    """A route's URL was `(masked)` in its own metadata, because all outputs of a workload are marked as sensitive."""
    address, secret = "https://shop.example", "canary-in-output"
    outputs = {
        "api": {"sensitive": True, "value": {"URL": address, "KEY": secret}},
        "platform_orchestrator_metadata": {
            "sensitive": False,
            "value": {"route.default#main": {"Url": address, "Leak": secret}},
        },
    }
    written = {"URL": "${module.m.url}", "KEY": "${module.m.key}"}
    module = {"outputs": {"url": {}, "key": {"sensitive": True}}}
    root = {"outputs": {"api": {"expression": {"constant_value": written}}}, "module_calls": {"m": {"module": module}}}
    show = json.loads(PLAN_OF_NOTHING) | {"configuration": {"root_module": root}}
    runs = make(script(show=f"echo '{json.dumps(show)}'", output=f"echo '{json.dumps(outputs)}'"))
    runs.plan(bundle())
    runs.apply()

    assert json.loads((runs.directory / protocol.METADATA).read_text()) == {
        "route.default#main": {"Url": address, "Leak": "(masked)"}
    }


def test_outputs_that_cannot_be_read_are_a_note_and_no_failure(make: Make) -> None:
    runs = make(script(output="exit 1"))
    runs.plan(bundle())
    seen = runs.apply()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert seen.apply_result.notes == ("outputs and metadata could not be read; details: `lockstep logs d1`",)


def test_without_recipients_neither_log_nor_outputs_are_kept(make: Make) -> None:
    runs = make(script())
    runs.plan(bundle(), log_recipients=(), output_recipients=())
    seen = runs.apply(log_recipients=(), output_recipients=())

    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert seen.chunks == ()
    assert not (runs.directory / protocol.OUTPUTS).exists()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param(diagnostic("Error acquiring the state lock"), True, id="lock"),
        pytest.param(diagnostic("Failed to query", detail="dial tcp: connection refused"), True, id="network"),
        pytest.param(diagnostic("Unsupported argument"), False, id="configuration"),
    ],
)
def test_a_failure_of_the_world_is_told_from_one_of_the_configuration(make: Make, said: str, expected: bool) -> None:
    runs = make(script(plan=f"echo '{said}'; exit 1"))
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.transient) == ("failed", expected)


def test_init_runs_after_all_when_the_engine_misses_it(make: Make) -> None:
    missing = diagnostic("Required plugins are not installed")
    usual = 'for word; do case "$word" in -out=*) echo plan > "${word#-out=}" ;; esac; done; exit 2'
    runs = make(
        script(
            init="echo init >> $LEDGER",
            plan=f"[ -e $LEDGER.broken ] || {{ {usual}; }}; rm $LEDGER.broken; echo '{missing}'; exit 1",
        )
    )
    runs.plan(bundle())
    Path(f"{runs.ledger}.broken").touch()
    runs.deployment = "d2"
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"
    assert seen.plan_result.diagnostics == ()
    assert steps(seen)[:7] == [
        "phase_started plan",
        "step_skipped init",
        "step_started plan",
        "step_finished plan",
        "step_started init",
        "step_finished init",
        "step_started plan",
    ]
    assert runs.ledger_lines() == ["init", "init"]


def test_a_plan_file_that_was_changed_is_refused(make: Make) -> None:
    runs = make(script(apply="echo applied >> $LEDGER"))
    runs.plan(bundle())
    (runs.directory / protocol.PLAN).write_text("another plan")
    seen = runs.apply()

    assert seen.apply_started is None
    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.message) == (
        "refused",
        "the plan file is not the one that was recorded; deploy again",
    )
    assert runs.ledger_lines() == []
    with pytest.raises(ConflictError) as e:
        runs.start(Phase.PLAN)
    assert str(e.value) == "d1: it has ended; open a new deployment"


def test_a_plan_of_a_state_that_has_moved_on_may_be_made_again(make: Make) -> None:
    runs = make(script(apply="echo applied >> $LEDGER"))
    runs.plan(bundle())
    runs.state.write_text('{"serial": 8, "lineage": "somebody else"}')
    seen = runs.apply()

    assert seen.apply_started is None
    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.stale) == ("refused", True)
    assert seen.apply_result.message == "the state has changed since the plan was made; plan again"
    assert seen.apply_result.log_ended is False

    seen = runs.plan(bundle())
    assert (seen.apply_result, seen.plan_result is None) == (None, False)
    seen = runs.apply()
    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert runs.ledger_lines() == ["applied"]
    assert runs.log().endswith("\napplied\n")


def test_a_plan_that_the_engine_finds_stale_may_be_made_again(make: Make) -> None:
    stale = diagnostic("Saved plan is stale")
    runs = make(script(apply=f"rm $LEDGER.moved || {{ echo applied >> $LEDGER; exit 0; }}; echo '{stale}'; exit 1"))
    Path(f"{runs.ledger}.moved").touch()
    runs.plan(bundle())
    seen = runs.apply()
    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.stale) == ("refused", True)
    assert seen.apply_started is not None

    seen = runs.plan(bundle())
    assert (seen.apply_started, seen.apply_result) == (None, None)
    seen = runs.apply()
    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert runs.ledger_lines() == ["applied"]


def test_a_runner_cannot_switch_off_what_the_supervisor_sets(make: Make) -> None:
    runs = make('echo "$TF_INPUT $CHECKPOINT_DISABLE $TF_LOG $TF_PLUGIN_CACHE_DIR $HOME" >> $LEDGER\n' + script())
    runs.environment = {"TF_INPUT": "1", "TF_PLUGIN_CACHE_DIR": "/elsewhere", "HOME": "/of/the/runner"}
    runs.plan(bundle(), log_level="debug")

    assert set(runs.ledger_lines()) == {f"0 1 DEBUG {runs.base}/plugins /of/the/runner"}


def test_a_failure_before_the_apply_began_has_changed_nothing(make: Make) -> None:
    runs = make(script(init="[ ! -e $LEDGER.broken ]"))
    runs.plan(bundle())
    (runs.workdir / ".terraform/lockstep-init.json").unlink()
    Path(f"{runs.ledger}.broken").touch()
    seen = runs.apply()

    assert seen.apply_started is None
    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.extent) == ("failed", "not_begun")


def test_a_bug_of_ours_is_called_one(make: Make) -> None:
    runs = make(script(show="""echo '{"resource_changes": [7]}'"""))
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert re.fullmatch(
        r"TypeError at plan\.py:\d+ in the supervisor; this is a bug of Lockstep, report it with the log",
        seen.plan_result.message,
    )
    assert "Traceback (most recent call last):" in runs.log()
    assert seen.trouble == ""


def test_the_arguments_of_every_step_are_these(make: Make) -> None:
    runs = make('echo "$@" >> $LEDGER\n' + script())
    runs.plan(bundle(), lock_seconds=5)
    runs.apply(lock_seconds=5)
    plan, state = runs.directory / protocol.PLAN, runs.state
    runs.deployment = "d2"
    runs.plan(bundle(), mode=Mode.DRIFT, private=True)

    assert runs.ledger_lines() == [
        f"init -input=false -json -reconfigure -backend-config=path={state}",
        f"plan -input=false -json -detailed-exitcode -out={plan} -lock-timeout=5s",
        f"show -json {plan}",
        f"apply -input=false -json -lock-timeout=5s {plan}",
        "output -json",
        f"plan -input=false -json -detailed-exitcode -out={runs.directory / protocol.PLAN} -lock=false",
        f"show -json {runs.directory / protocol.PLAN}",
    ]


def test_a_lock_file_that_init_wrote_is_handed_to_the_controller(make: Make) -> None:
    runs = make(script(init='echo pinned > .terraform.lock.hcl; echo "$@" >> $LEDGER'))
    seen = runs.plan(bundle())
    assert seen.plan_result is not None
    assert seen.plan_result.lock_changed is True
    assert (runs.directory / protocol.LOCK_FILE).read_text() == "pinned\n"

    runs.deployment = "d2"
    seen = runs.plan(bundle() | {".terraform.lock.hcl": b"pinned\n"})
    assert seen.plan_result is not None
    assert seen.plan_result.lock_changed is False
    assert not (runs.directory / protocol.LOCK_FILE).exists()
    assert runs.ledger_lines()[1].endswith(" -lockfile=readonly")


def test_a_log_is_cut_into_chunks_that_are_written_while_it_grows(make: Make) -> None:
    runs = make(script(init="echo first; while [ ! -e $LEDGER.go ]; do sleep 0.1; done; yes 'ä line' | head -c 100000"))
    local.deliver(runs.directory, bundle())
    runs.start(Phase.PLAN)
    runs.until(lambda seen: len(seen.chunks) > 0)
    assert "\nfirst\n" in runs.log(following=True)
    Path(f"{runs.ledger}.go").touch()
    seen = runs.ended()

    assert len(seen.chunks) >= 4
    assert max(len(chunk) for _, chunk in seen.chunks) < 33 * 1024
    assert runs.log(following=True).count("ä line\n") == 100000 // len("ä line\n".encode())


def test_an_engine_that_speaks_faster_than_it_is_heard_loses_nothing(make: Make) -> None:
    runs = make(script(init="yes 'a line of some length' | head -n 400000"))
    runs.plan(bundle())

    assert runs.log(following=True).count("a line of some length\n") == 400000


@pytest.mark.parametrize("name", ["TF_CLI_ARGS_apply", "TF_DATA_DIR", "TF_WORKSPACE", "LOCKSTEP_ANYTHING", "A=B", ""])
def test_a_runner_may_not_set_what_would_mislead_the_engine(make: Make, name: str) -> None:
    runs = make(script())
    runs.environment = {name: "x"}
    with pytest.raises(NotAllowedError) as e:
        runs.start(Phase.PLAN)

    assert str(e.value) == f"runner: it may not set the variable `{name}`; take it out of its `env` and its file"


def test_a_recipient_that_nobody_can_be_is_refused_before_anything_starts(make: Make) -> None:
    runs = make(script())
    with pytest.raises(ConflictError, match=r"^recipient `bananas`: age cannot encrypt to it; "):
        runs.start(Phase.PLAN, log_recipients=("bananas",))


def test_a_bundle_that_was_never_delivered_is_missed(make: Make) -> None:
    runs = make(script())
    runs.start(Phase.PLAN)
    seen = runs.ended()

    assert seen.plan_result is not None
    assert seen.plan_result.message == "prepare failed: the bundle is missing; deploy again"


def test_a_machine_that_refuses_is_no_fault_of_the_bundle(make: Make) -> None:
    runs = make(script())
    runs.base.joinpath("work").write_text("a file where a folder should be")
    seen = runs.plan(bundle())

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.transient) == ("failed", True)
    assert seen.plan_result.message == (
        f"the runner's machine refused: File exists ({runs.base}/work); make room or mend it, then try again"
    )
