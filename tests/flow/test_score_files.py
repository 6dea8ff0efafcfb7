"""Score files as people publish them work as they are: each in a project of its own goes all the way to the engine."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from controller.model.bundle import Bundle
from controller.model.deployment import EngineKind
from controller.pipeline import Resolved
from controller.runner.protocol import Engine
from controller.tofu.bind import bind, offline
from tests import score_factories
from tests.runner_factories import engines
from tests.score_factories import CORPUS

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the real Score files are not beside this checkout")


@cache
def resolved(kind: EngineKind) -> Mapping[str, Resolved]:
    return {path.name: _resolved(path.read_text(), kind) for path in score_factories.real_files()}


def _resolved(text: str, kind: EngineKind) -> Resolved:
    files = score_factories.repository(text, score_factories.upgraded(text))
    return score_factories.resolve(files, kind)


def test_each_real_file_becomes_a_workload_with_all_of_its_resources() -> None:
    assert len(resolved(EngineKind.OPENTOFU)) >= 40
    for path in score_factories.real_files():
        document = score_factories.upgraded(path.read_text())
        name, aliases = document["metadata"]["name"], set(document.get("resources", ()))
        found = resolved(EngineKind.OPENTOFU)[path.name]
        assert set(found.manifest.workloads) == {name}
        assert set(found.manifest.workloads[name].resources) == {"score-workload", *aliases}


def test_real_files_are_warned_of_nothing_but_old_forms_and_dropped_metadata() -> None:
    said = {name: found.warnings for name, found in resolved(EngineKind.OPENTOFU).items() if found.warnings}
    dropped = "`metadata` of resource `{}` is not passed on; use `params` for what its module shall know".format
    upgraded = "`{}` as a list is deprecated; write a map from target to what is mounted there".format
    assert {name: [line.split(": ", 1)[1] for line in lines] for name, lines in said.items()} == {
        "071.yaml": [dropped("amqp1"), dropped("amqp2")],
        "079.yaml": [upgraded("files"), upgraded("volumes"), dropped("resource-one1")],
    }


@pytest.mark.engine
@pytest.mark.parametrize("engine", engines()[:1], ids=lambda engine: engine.name)
def test_the_engine_accepts_what_each_real_file_becomes(engine: Engine, tmp_path: Path) -> None:
    for name, found in resolved(engine.kind).items():
        _write(tmp_path / name, bind(found.desired.document, offline(engine.kind), (), found.module_files))
        _validate(engine, tmp_path / name)


@pytest.mark.engine
@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_every_engine_accepts_what_the_real_files_become(engine: Engine, tmp_path: Path) -> None:
    """As modules of one configuration: an engine takes its time to start."""
    calls = {}
    for name, found in resolved(engine.kind).items():
        _write(tmp_path / name, bind(found.desired.document, offline(engine.kind), (), found.module_files))
        calls[f"file_{name.removesuffix('.yaml')}"] = {"source": f"./{name}"}
    (tmp_path / "main.tf.json").write_text(json.dumps({"module": calls}))
    _validate(engine, tmp_path)


def _write(folder: Path, bundle: Bundle) -> None:
    for path, content in bundle.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


def _validate(engine: Engine, folder: Path) -> None:
    for step in (("init", "-backend=false"), ("validate",)):
        command = (*engine.command, *step, "-no-color")
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{folder.name}: {done.stdout}{done.stderr}"
