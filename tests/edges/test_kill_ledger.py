"""Would it be noticed? The ledger of real effects tells what was made twice, applied twice, or applied at once."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.kills import ledger
from tests.kills.ledger import Ledger, Line


def made(deployment: str = "one", name: str = "db", size: str = "1", uuid: str = "u") -> Line:
    return Line(ledger.MADE, uuid, name, size, deployment, pid=f"of {deployment}", id=f"{uuid} {name} {deployment}")


def unmade(made_by: str = "one", name: str = "db") -> Line:
    """By a later deployment, which knows the id alone."""
    return Line(ledger.UNMADE, "u", deployment="later", pid="of later", id=f"u {name} {made_by}")


def apply(deployment: str, digest: str) -> Line:
    return Line(ledger.APPLY, "u", "-", digest, deployment, pid=f"of {deployment}")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        pytest.param([made(), made("two")], ["db of u by two"], id="twice"),
        pytest.param([made(), made("two", name="cache"), made("two", uuid="v")], [], id="three-things"),
        pytest.param([made(), unmade(), made("two")], [], id="destroyed-between"),
        pytest.param([made(), unmade("other"), made("two")], ["db of u by two"], id="another-destroyed"),
        pytest.param([made(), Line(ledger.APPROVED, "u"), made("two")], [], id="approved-between"),
        pytest.param([made(), Line(ledger.APPROVED, "v"), made("two")], ["db of u by two"], id="another-approved"),
        pytest.param(
            [made(), Line(ledger.APPROVED, "u"), made("two"), made("three")], ["db of u by three"], id="approved-once"
        ),
    ],
)
def test_what_is_made_while_it_is_there_is_doubled(lines: list[Line], found: list[str]) -> None:
    assert ledger.doubled(lines) == found


def test_effects_of_one_apply_within_another_are_an_overlap() -> None:
    lines = [made("one"), made("two", "cache"), made("one", "queue")]
    assert ledger.overlapping(lines) == ["one (of one) of u"]
    assert ledger.overlapping(lines[:2]) == []


def test_a_plan_that_is_read_a_second_time_was_handed_twice() -> None:
    lines = [apply("one", "d1"), apply("one", "d2"), apply("two", "d3")]
    assert ledger.handed_twice(lines) == []
    assert ledger.handed_twice([*lines, apply("two", "d3")]) == ["two"]
    assert ledger.applied(lines) == {"one": "d2", "two": "d3"}


def test_there_is_what_was_made_and_not_destroyed() -> None:
    lines = [made(), made(name="cache", size="5"), unmade(), made("two", size="2"), made(uuid="v", size="9")]
    assert ledger.there(lines, "u") == {"db": "2", "cache": "5"}


def test_the_witness_sees_an_apply_that_begins_while_another_one_is_alive(tmp_path: Path) -> None:
    workdir, run, plan = tmp_path / "uuid", tmp_path / "run", tmp_path / "plan"
    for folder in (workdir, run / "home", tmp_path / "locks"):
        folder.mkdir(parents=True)
    (tmp_path / "witness.sh").write_text(ledger.WITNESS)
    plan.write_text("plan")
    words = ("sh", str(tmp_path / "witness.sh"), str(tmp_path / "locks"), str(tmp_path / "ledger"))
    engine, environment = tmp_path / "engine", os.environ | {"HOME": str(run / "home")}
    # What it starts outlives it.
    engine.write_text("#!/bin/sh\nsleep 60 > /dev/null 2>&1 &\necho $!\n")
    engine.chmod(0o755)
    command = (*words, str(engine), "apply", str(plan))
    left = [
        int(subprocess.run(command, cwd=workdir, env=environment, capture_output=True, check=True).stdout)
        for _ in range(2)
    ]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    kinds = [line.kind for line in Ledger(tmp_path / "ledger").lines()]
    assert kinds == [ledger.APPLY, ledger.OVERLAP, ledger.APPLY]
