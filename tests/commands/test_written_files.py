"""What becomes of a file that a command is told to write? Nothing is replaced that only leads elsewhere."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

import cli
from cli import files
from tests.commands.conftest import Company
from tests.deploy_factories import sized


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "manifest.yaml"
    file.write_text(sized(2))
    return file


def test_a_file_is_for_its_owner_alone(tmp_path: Path):
    files.write_private(tmp_path / "new" / "secret", b"one")
    assert (tmp_path / "new" / "secret").read_bytes() == b"one"
    assert (tmp_path / "new" / "secret").stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "new").iterdir()) == [tmp_path / "new" / "secret"]


def test_a_pipe_stays_a_pipe(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    files.require_writable(pipe)
    files.write_private(pipe, b"one")
    reader.join(5)
    assert (got, pipe.is_fifo()) == ([b"one"], True)


def test_a_link_stays_a_link(tmp_path: Path):
    (tmp_path / "there").write_text("before, and longer")
    (tmp_path / "link").symlink_to("there")
    files.write(tmp_path / "link", b"after")
    assert ((tmp_path / "link").is_symlink(), (tmp_path / "there").read_text()) == (True, "after")


def test_standard_output_by_its_name_is_standard_output(capfd, company: Company, manifest: Path, tmp_path: Path):
    # A link as /dev/stdout is, at a place of ours: what must not be replaced is the machine's.
    name = tmp_path / "stdout"
    name.symlink_to("/proc/self/fd/1")
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--print-manifest", str(name)]) == 0
    assert name.is_symlink()
    assert capfd.readouterr().out.startswith("workloads:\n")


@pytest.mark.parametrize(
    ("to", "said"),
    [
        pytest.param(".", "is a directory; check the path and its permissions", id="folder"),
        pytest.param("manifest.yaml/x", "file exists; check the path and its permissions", id="below-a-file"),
    ],
)
def test_a_result_that_cannot_be_written_is_said_before_anything_is_deployed(
    capsys, company: Company, manifest: Path, to: str, said: str
):
    before = company.last().id
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--result", str(manifest.parent / to)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.splitlines()[0].partition(": ")[2]) == ("", said)
    assert company.last().id == before


@pytest.mark.parametrize("text", ["", "# nothing came of the template\n", "---\n"], ids=["empty", "comment", "start"])
def test_a_file_that_says_nothing_destroys_nothing(capsys, company: Company, manifest: Path, text: str):
    before = company.last().id
    manifest.write_text(text)
    assert cli.main(["deploy", "shop", "staging", str(manifest)]) == 1
    assert capsys.readouterr() == ("", f"{manifest}: is empty; write `workloads: {{}}` to deploy nothing at all\n")
    assert company.last().id == before
