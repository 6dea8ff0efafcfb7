"""Do log and outputs of a deployment by hand come back to who started it, and to nobody else?"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import cli
from controller.history import read
from controller.runner import engine, local
from controller.secrets import age
from tests import deploy_factories
from tests.commands.conftest import served


@pytest.mark.engine
def test_who_started_it_reads_log_and_outputs(capsys, tmp_path: Path, monkeypatch):
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(deploy_factories.sized(2))
    result = tmp_path / "outputs.json"
    with deploy_factories.world(tmp_path / "company", runner=local, engine=engine.discover()) as world:
        world.push(deploy_factories.project(staging=deploy_factories.sized(1)), "Add staging")
        world.poll()
        with served(world, monkeypatch):
            assert cli.main(["deploy", "shop", "staging", str(manifest), "--show-logs", "--result", str(result)]) == 0
            said = capsys.readouterr().err
            id, key = re.search(r"lockstep logs (\S+) --key (\S+)", said).groups()  # type: ignore[union-attr]
            assert json.loads(result.read_text()) == {"api": {"SIZE": 2}}
            assert result.stat().st_mode & 0o777 == 0o600
            assert "size 2" in said
            assert "  create module." in said
            assert cli.main(["logs", id, "--key", key]) == 0
            assert "size 2" in capsys.readouterr().out
            assert cli.main(["logs", id, "--key", deploy_factories.CONTROLLER.secret.reveal()]) == 3
            assert cli.main(["outputs", id, "--key", key]) == 3
            capsys.readouterr()
            assert cli.main(["get", "resources", "shop", "staging"]) == 0
            assert "Size=2" in capsys.readouterr().out
        chunks = read.log_chunks(world.doors.store, id)
    assert b"size 2" not in b"".join(content for _, content in chunks)
    assert b"size 2" in b"".join(age.decrypt(content, key) for _, content in chunks)


@pytest.mark.engine
def test_outputs_that_could_not_be_written_are_not_lost(capsys, tmp_path: Path, monkeypatch):
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(deploy_factories.sized(2))
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with deploy_factories.world(tmp_path / "company", runner=local, engine=engine.discover()) as world:
        world.push(deploy_factories.project(staging=deploy_factories.sized(1)), "Add staging")
        world.poll()
        with served(world, monkeypatch):
            assert cli.main(["deploy", "shop", "staging", str(manifest), "--result", str(full)]) == 1
            last = capsys.readouterr().err.splitlines()[-1]
            told = re.fullmatch(r"(\S+): no space left on device; `lockstep (outputs .*)` prints the outputs", last)
            assert told is not None
            assert told[1] == str(full)
            assert cli.main(told[2].split()) == 0
            assert json.loads(capsys.readouterr().out) == {"api": {"SIZE": 2}}
