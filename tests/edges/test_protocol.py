"""Pins the documents that controller and supervisor exchange: they are final, other releases read them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.model.deployment import EngineKind, Mode
from controller.runner import protocol
from controller.runner.protocol import (
    APPLY_RESULT,
    PLAN_RESULT,
    Ended,
    Engine,
    Extent,
    Handed,
    Job,
    Phase,
    Result,
    Started,
    StateMark,
)

ENGINE = Engine(EngineKind.OPENTOFU, "tofu", ("/bin/tofu",), "1.9.0", "`tofu` at /bin/tofu is the first that fits")
JOB = Job(
    "d1", Phase.APPLY, Mode.DEPLOY, ENGINE, "/data/work/env", init_args=("-backend-config=path=/s",), plan_digest="ab"
)
RESULT = Result(
    "d1", Phase.PLAN, Ended.SUCCEEDED, "planned: 1 to create", "2026-01-01T00:00:00+00:00", "tofu 1.9.0", 1.5
)


def test_the_names_of_the_files_are_these() -> None:
    names = [value for name, value in vars(protocol).items() if name.isupper() and isinstance(value, str)]

    assert names == [
        "job.json",
        "lock",
        "bundle",
        "cancel",
        "events.jsonl",
        "ids.jsonl",
        "engine.json",
        "plan.bin",
        "summary.json",
        "log",
        "outputs.age",
        "open.json",
        "metadata.json",
        "imports.json",
        "errored.tfstate",
        "push.tfstate",
        "moved.tfstate",
        "summary-after.json",
        "decrypted",
        "lock.hcl",
        "result-plan.json",
        "apply_started",
        "result-apply.json",
        "work",
        "home",
        "stdout.pipe",
        "stderr.pipe",
        "tmp",
        "supervisor.err",
        "LOCKSTEP_PASSPHRASE",
        "LOCKSTEP_FINGERPRINT_KEY",
        "LOCKSTEP_",
    ]


def test_a_job_is_written_so(tmp_path: Path) -> None:
    protocol.write_job(tmp_path, JOB)

    assert json.loads((tmp_path / "job.json").read_text()) == {
        "format": 1,
        "deployment": "d1",
        "phase": "apply",
        "mode": "deploy",
        "engine": {
            "kind": "opentofu",
            "name": "tofu",
            "command": ["/bin/tofu"],
            "version": "1.9.0",
            "why": "`tofu` at /bin/tofu is the first that fits",
        },
        "workdir": "/data/work/env",
        "private": False,
        "init_args": ["-backend-config=path=/s"],
        "state": None,
        "plugin_cache": None,
        "log_recipients": [],
        "output_recipients": [],
        "plan_digest": "ab",
        "plan_seconds": 1800,
        "apply_seconds": 7200,
        "grace_seconds": 300,
        "lock_seconds": 60,
        "keep_lock_file": True,
        "sandbox": None,
        "log_level": "info",
        "imports": False,
        "puts_back": None,
        "replaces": [],
        "refuses_state": "",
        "takes_state": False,
        "adopts": False,
    }
    assert (tmp_path / "job.json").stat().st_mode & 0o777 == 0o600
    assert protocol.read_job(tmp_path) == JOB


def test_a_job_in_a_sandbox_is_read_as_it_was_written(tmp_path: Path) -> None:
    job = dataclasses.replace(JOB, sandbox=protocol.Sandbox("/bin/bwrap", ("/usr",), ("/data",), ("/srv/key",)))
    protocol.write_job(tmp_path, job)

    assert protocol.read_job(tmp_path) == job


def test_a_result_is_written_so(tmp_path: Path) -> None:
    whole = dataclasses.replace(
        RESULT,
        phase=Phase.RECOVER,
        status=Ended.INTERRUPTED,
        state=StateMark(3, "lineage"),
        extent=Extent.PARTIAL,
        possibly_orphaned=("module.a.terraform_data.it",),
        possibly_unfinished=("module.b.terraform_data.it",),
        diagnostics=({"severity": "error", "summary": "x"},),
        notes=("a note",),
    )
    protocol.write_result(tmp_path, whole)

    assert json.loads((tmp_path / "result-apply.json").read_text()) == {
        "format": 1,
        "deployment": "d1",
        "phase": "recover",
        "status": "interrupted",
        "message": "planned: 1 to create",
        "at": "2026-01-01T00:00:00+00:00",
        "engine": "tofu 1.9.0",
        "seconds": 1.5,
        "plan_digest": None,
        "empty": False,
        "fingerprint": None,
        "state": {"serial": 3, "lineage": "lineage"},
        "lock_changed": False,
        "log_ended": False,
        "stale": False,
        "transient": False,
        "forced": False,
        "extent": "partial",
        "possibly_orphaned": ["module.a.terraform_data.it"],
        "possibly_unfinished": ["module.b.terraform_data.it"],
        "diagnostics": [{"severity": "error", "summary": "x"}],
        "notes": ["a note"],
        "put_back": None,
    }
    assert protocol.read_result(tmp_path, APPLY_RESULT) == whole


def test_results_of_plan_and_apply_lie_in_files_of_their_own(tmp_path: Path) -> None:
    protocol.write_result(tmp_path, RESULT)

    assert protocol.read_result(tmp_path, PLAN_RESULT) == RESULT
    assert protocol.read_result(tmp_path, APPLY_RESULT) is None


def test_the_mark_of_a_started_apply_is_made_once(tmp_path: Path) -> None:
    started = Started("d1", "ab", "2026-01-01T00:00:00+00:00", StateMark(1, "l"))
    protocol.write_started(tmp_path, started)

    assert protocol.read_started(tmp_path) == started
    with pytest.raises(FileExistsError):
        protocol.write_started(tmp_path, started)


def test_a_mark_that_was_cut_off_is_a_mark(tmp_path: Path) -> None:
    (tmp_path / "apply_started").write_text('{"deploy')

    assert protocol.read_started(tmp_path) == Started("", "", "", None)
    assert protocol.refusal(tmp_path, Phase.APPLY) == (
        "its plan was handed to an apply before; a plan is never applied twice"
    )


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    assert protocol.read_job(tmp_path) is None
    assert protocol.read_started(tmp_path) is None
    assert protocol.read_result(tmp_path, PLAN_RESULT) is None


def test_another_format_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"format": 2}')
    with pytest.raises(ConflictError) as e:
        protocol.read_job(tmp_path)

    assert str(e.value) == (
        f"{tmp_path}/job.json: it has format 2, not 1; finish the run with the release that began it"
    )


def test_recovering_needs_a_started_apply_without_a_result(tmp_path: Path) -> None:
    assert protocol.refusal(tmp_path, Phase.PLAN) is None
    assert protocol.refusal(tmp_path, Phase.RECOVER) == "no apply was started that could be recovered"
    protocol.write_started(tmp_path, Started("d1", "ab", "", None))
    assert protocol.refusal(tmp_path, Phase.RECOVER) is None
    protocol.write_result(tmp_path, dataclasses.replace(RESULT, phase=Phase.APPLY))
    assert protocol.refusal(tmp_path, Phase.RECOVER) == "the apply has a result already"


def test_what_is_handed_over_is_read_back_and_not_shown() -> None:
    handed = Handed({"A": "b"}, ("A",), "passphrase-canary", "key-canary", 3)

    assert protocol.read_handed(protocol.write_handed(handed)) == handed
    assert "canary" not in repr(handed)


@pytest.mark.parametrize(
    ("phase", "changes", "ends"),
    [
        pytest.param(Phase.PLAN, {}, False, id="plan"),
        pytest.param(Phase.PLAN, {"empty": True}, True, id="empty-plan"),
        pytest.param(Phase.PLAN, {"status": Ended.FAILED}, True, id="failed-plan"),
        pytest.param(Phase.APPLY, {}, True, id="apply"),
        pytest.param(Phase.APPLY, {"status": Ended.REFUSED, "stale": True}, False, id="stale-plan"),
        pytest.param(Phase.RECOVER, {"status": Ended.INTERRUPTED}, True, id="recover"),
    ],
)
def test_a_run_ends_where_no_phase_can_follow(phase: Phase, changes: dict[str, object], ends: bool) -> None:
    result = dataclasses.replace(RESULT, phase=phase, **changes)  # type: ignore[arg-type]

    assert result.ends_run(JOB) is ends


@pytest.mark.parametrize(
    ("mode", "private", "takes"),
    [
        (Mode.DEPLOY, False, True),
        (Mode.DESTROY, False, True),
        (Mode.ROLLBACK, False, True),
        (Mode.PLAN_ONLY, False, False),
        (Mode.DRIFT, False, False),
        (Mode.DEPLOY, True, False),
    ],
)
def test_only_a_plan_that_may_be_applied_takes_the_lock(mode: Mode, private: bool, takes: bool) -> None:
    assert dataclasses.replace(JOB, mode=mode, private=private).takes_lock is takes
