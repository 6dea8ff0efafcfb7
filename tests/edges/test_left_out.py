"""A run of the tests that lacks something says what it did not show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import controller

ROOT = Path(controller.__file__).resolve().parent.parent
WITHOUT_NPM = "the program `node` is not installed"
FAILED = "`npm install` failed: npm error network request to the registry failed"


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def run(tmp_path: Path, programs: Path) -> list[str]:
    """What a run of the tests that need npm leaves out, with no other programs and nothing that was kept."""
    command = (sys.executable, "-m", "pytest", "-o", f"cache_dir={tmp_path / 'cache'}", "tests/pages/test_octokit.py")
    environment = {**os.environ, "PATH": str(programs)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("left out: ")]


@pytest.mark.parametrize("has_npm", [False, True], ids=["no npm", "no network"])
def test_tests_without_what_they_need_are_named_at_the_end(tmp_path: Path, has_npm: bool) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    if has_npm:
        program(programs, "node", "exit 1")
        program(programs, "npm", "echo 'npm error network request to the registry failed' >&2; exit 1")
    assert run(tmp_path, programs) == [f"left out: 5 tests: {FAILED if has_npm else WITHOUT_NPM}"]
    assert not list((tmp_path / "cache").glob("d/npm/*1"))  # what was not installed whole is not taken for it later
