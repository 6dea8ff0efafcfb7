"""What `lockstep init` writes works as it is, and nothing that was there is changed."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import cli
from cli import init
from controller.git.worktree import read_worktree
from controller.runner.protocol import Engine
from tests.commands.conftest import git
from tests.runner_factories import engines
from tests.sample_factories import bundle, resolved

ENVIRONMENTS = ["hello/development", "hello/production"]


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main([str(each) for each in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def lying_in(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A repository as it begins."""
    assert run(capsys, "init", tmp_path / "new")[0] == 0
    return tmp_path / "new"


def test_every_file_that_is_written_is_named_and_then_what_to_do_next(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "new"
    code, out, err = run(capsys, "init", folder)
    names, _, steps = out.partition("\n\nNext:\n")
    assert (code, err) == (0, "")
    assert names.splitlines() == sorted(lying_in(folder))
    assert steps == (
        f"  cd {folder}\n"
        "  lockstep validate                                    # silent when all is well\n"
        "  lockstep graph hello development                     # what would exist\n"
        "  git init --initial-branch main && git add --all && git commit --message 'Begin with Lockstep'\n"
        "  lockstep serve --repo . --data-dir ../lockstep-data  # deploys it, and every commit after it\n"
    )


def test_in_a_repository_of_git_there_is_no_need_to_make_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "init")
    assert code == 0
    assert "  git add --all && git commit --message 'Begin with Lockstep'\n" in out
    assert "git init" not in out
    assert "cd " not in out


def test_it_is_valid_and_nobody_is_warned_of_anything(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert run(capsys, "validate", folder, "--strict") == (0, "", "")
    assert [slug for slug, _ in resolved(read_worktree(folder))] == ENVIRONMENTS


def test_what_is_there_is_not_overwritten_and_nothing_else_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {"README.md": "Mine.\n", "platform/environment-types.yaml": "- id: test\n", "notes.txt": ""}
    for path, text in before.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert run(capsys, "init", tmp_path) == (
        3,
        "",
        f"{tmp_path}: `README.md`, `platform/environment-types.yaml` are there already; "
        "move away what is there, or name another folder\n",
    )
    assert lying_in(tmp_path) == before


def test_files_that_are_not_in_the_way_stay_where_they_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Mine.\n")
    assert run(capsys, "init", tmp_path)[0] == 0
    assert lying_in(tmp_path) == {**init.starter(), "notes.txt": "Mine.\n"}


@pytest.mark.parametrize("way", ["file", "link", "dangling"])
def test_what_stands_where_a_folder_would_is_not_followed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, way: str
) -> None:
    folder, elsewhere = tmp_path / "new", tmp_path / "elsewhere"
    folder.mkdir()
    if way == "file":
        (folder / "schemas").write_text("")
    else:
        (folder / "schemas").symlink_to(elsewhere)
    if way == "link":
        elsewhere.mkdir()
    code, out, err = run(capsys, "init", folder)
    assert (code, out) == (3, "")
    assert err.startswith(f"{folder}: `schemas/environment-types.json`, ")
    assert [path.name for path in folder.iterdir()] == ["schemas"]
    assert not elsewhere.exists() or list(elsewhere.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    code, _, err = run(capsys, "init", tmp_path / "new")
    assert (code, err) == (1, f"{tmp_path / 'new'}: Permission denied; name a folder that can be written to\n")


def test_every_schema_that_a_file_names_lies_there_and_no_other(folder: Path) -> None:
    named = set()
    for path, text in lying_in(folder).items():
        for name in re.findall(r"^# yaml-language-server: \$schema=(.+)$", text, re.MULTILINE):
            named.add((folder / path).parent.joinpath(name).resolve())
    assert named == set((folder / "schemas").resolve().iterdir())
    assert all("$schema" in json.loads(path.read_text()) for path in named)


@pytest.mark.engine
@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_every_engine_accepts_what_is_rendered(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path, engine: Engine
) -> None:
    for slug in ENVIRONMENTS:
        out = tmp_path / slug
        code, _, err = run(
            capsys, "render", *slug.split("/"), "--repo", folder, "--out", out, "--engine", str(engine.kind)
        )
        assert (code, err.splitlines()) == (0, [f"2 files are in {out}"])
        by_engine(engine, out, "init", "-backend=false")
        by_engine(engine, out, "validate")


@pytest.mark.engine
def test_each_environment_greets_as_its_files_say(folder: Path, tmp_path: Path) -> None:
    engine = engines()[0]
    greetings = {}
    for slug, found in resolved(read_worktree(folder), engine.kind):
        for path, content in bundle(found, engine.kind).files.items():
            (tmp_path / slug / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / slug / path).write_bytes(content)
        by_engine(engine, tmp_path / slug, "init")
        by_engine(engine, tmp_path / slug, "apply", "-auto-approve")
        greetings[slug] = json.loads(by_engine(engine, tmp_path / slug, "output", "-json"))["web"]["value"]["TEXT"]
    assert greetings == {
        "hello/development": "Hello from development, world!",
        "hello/production": "Hello from production, everyone!",
    }


def by_engine(engine: Engine, folder: Path, *arguments: str) -> str:
    no_colour = () if arguments[0] == "output" else ("-no-color",)
    command = (*engine.command, arguments[0], *no_colour, *arguments[1:])
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
