"""What does `lockstep doctor` find, on machines that lack this or that?"""

from __future__ import annotations

from pathlib import Path

import pytest

import cli
from tests import databases, deploy_factories


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, with an engine in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path / "terraform", """echo '{"terraform_version": "1.11.4"}'""")
    return tmp_path


def program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def found(capsys: pytest.CaptureFixture[str], subject: str, code: int = 0) -> list[str]:
    """The lines on a subject: what was found, and the remedy where there is one."""
    assert cli.main(["doctor"]) == code
    lines = capsys.readouterr().out.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.split()[1] == subject and line[:2] in ("ok", "!!")]
    return [lines[at], *(line for line in lines[at + 1 : at + 2] if line.startswith("    "))]


def test_a_sandbox_that_works_and_is_not_chosen_is_offered(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program(machine / "bwrap", "[ $# -gt 1 ] || echo bubblewrap 0.8.0")
    assert found(capsys, "sandbox") == [
        "ok  sandbox     engines run without one; bubblewrap 0.8.0 works here: `sandbox: bubblewrap` uses it"
    ]
    monkeypatch.setenv("LOCKSTEP_SANDBOX", "bubblewrap")
    assert found(capsys, "sandbox") == ["ok  sandbox     engines run in bubblewrap 0.8.0"]


def test_a_sandbox_that_is_not_there_is_missed_only_where_it_is_chosen(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(capsys, "sandbox") == [
        "ok  sandbox     none is chosen, and none could be: there is no `bwrap` on the PATH"
    ]
    monkeypatch.setenv("LOCKSTEP_SANDBOX", "bubblewrap")
    assert found(capsys, "sandbox", code=1) == [
        "!!  sandbox     there is no `bwrap` on the PATH",
        f"    {'':<11} install the package `bubblewrap`, or choose `sandbox: none`",
    ]


def test_a_sandbox_that_the_machine_forbids_is_told_with_what_was_said(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program(machine / "bwrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    monkeypatch.setenv("LOCKSTEP_SANDBOX", "bubblewrap")
    assert found(capsys, "sandbox", code=1) == [
        "!!  sandbox     bubblewrap does not work here (bwrap: setting up uid map: Permission denied)",
        f"    {'':<11} allow unprivileged user namespaces on this machine or in this container, "
        "or choose `sandbox: none`",
    ]


def test_a_machine_without_an_engine_is_told_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LOCKSTEP_ENGINE", "opentofu")
    assert found(capsys, "engine", code=1) == [
        "!!  engine      there is none of kind opentofu (no `tofu` on the PATH)",
        f"    {'':<11} install OpenTofu 1.8 or newer as `tofu` on the PATH",
    ]


def test_environments_of_the_other_engine_are_told(
    machine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with deploy_factories.world(machine / "company") as world:
        world.deploy(deploy_factories.project(staging=deploy_factories.sized(1)))
    monkeypatch.setenv("LOCKSTEP_DATABASE_URL", databases.address(machine / "company"))
    assert cli.main(["doctor"]) == 0
    assert "binding" not in capsys.readouterr().out
    (machine / "terraform").unlink()
    program(machine / "tofu", """echo '{"terraform_version": "1.10.0"}'""")
    assert found(capsys, "binding", code=1) == [
        "!!  binding     shop/staging is bound to terraform, and the engine here is opentofu: "
        "nothing of that is planned or applied",
        f"    {'':<11} install terraform, and set `engine: terraform`",
    ]
