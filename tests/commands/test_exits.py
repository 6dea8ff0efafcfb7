"""With which code does a command line end, and what does it say?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import cli
from cli import exits
from cli.exits import Exit, Stop
from controller.errors import (
    ConflictError,
    NotAllowedError,
    NotFoundError,
    Place,
    RetryableError,
    problem,
)


def _code(error: BaseException) -> int:
    with exits.Guard() as guard:
        raise error
    return guard.code


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        pytest.param(problem(Place("a.yaml", 3, 5), "what", "do"), 1, "a.yaml:3:5: what; do\n", id="invalid"),
        pytest.param(ConflictError("not now"), 3, "not now\n", id="conflict"),
        pytest.param(NotFoundError("no such thing"), 6, "no such thing\n", id="not-found"),
        pytest.param(NotAllowedError("not you"), 6, "not you\n", id="not-allowed"),
        pytest.param(RetryableError("not ready"), 7, "not ready\n", id="retryable"),
        pytest.param(Stop(Exit.TIMED_OUT, "too late"), 5, "too late\n", id="stop"),
        pytest.param(KeyboardInterrupt(), 130, "interrupted\n", id="ctrl-c"),
        pytest.param(click.Abort(), 130, "interrupted\n", id="abort"),
        pytest.param(SystemExit(4), 4, "", id="exit"),
        pytest.param(
            FileNotFoundError(2, "No such file or directory", "x.yaml"),
            1,
            "x.yaml: no such file or directory; check the path and its permissions\n",
            id="os",
        ),
    ],
)
def test_an_error_has_its_code_and_its_sentence(capsys, error: BaseException, code: int, said: str):
    assert _code(error) == code
    assert capsys.readouterr() == ("", said)


def test_a_bug_is_one_line_and_its_traceback_a_private_file(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert _code(KeyError("x")) == 70
    (file,) = tmp_path.iterdir()
    assert capsys.readouterr() == (
        "",
        f"this is a bug in Lockstep: KeyError: 'x'; please report it with {file}, which holds the traceback\n",
    )
    assert "Traceback (most recent call last)" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("line", [["--help"], ["deploy", "--help"], ["schema"]], ids=" ".join)
def test_a_reader_that_has_gone_away_is_no_error(line: list[str]):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run([sys.executable, "-m", "cli", *line], stdout=gone, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param(["valdate"], "there is no command `valdate`; did you mean `validate`?", id="near"),
        pytest.param(
            ["frobnicate"], "there is no command `frobnicate`; `lockstep --help` lists the commands", id="far"
        ),
        pytest.param(["graph", "shop"], "Missing argument 'ENVIRONMENT'.", id="missing"),
        pytest.param(
            ["graph", "a", "b", "-o", "png"], "Invalid value for '-o' / '--output': 'png' is not one of", id="bad"
        ),
    ],
)
def test_wrong_usage_is_2(capsys, line: list[str], said: str):
    assert cli.main(line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


def test_every_command_explains_itself_in_a_sentence(capsys):
    assert cli.main(["--help"]) == 0
    lines = [line for line in capsys.readouterr().out.partition("Commands:\n")[2].splitlines() if line.strip()]
    words = [line.split()[0] for line in lines if not line.startswith("   ")]
    assert words == sorted(cli.COMMANDS)


@pytest.mark.parametrize("word", sorted(cli.COMMANDS))
def test_help_is_a_sentence(capsys, word: str):
    assert cli.main([word, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.partition("\n\n")[2].partition("Options:")[0].split())
    assert text[0].isupper()
    assert text.endswith(".")


def test_the_version_is_told(capsys):
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == "lockstep 0.1.0\n"
