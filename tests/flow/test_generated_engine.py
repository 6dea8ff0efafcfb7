"""What comes of any repository that is right is what an engine accepts, and no text is another behind it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from random import Random

import pytest

from controller.model.tree import MemoryTree
from controller.runner.protocol import Engine
from tests import hostile, yaml_styles
from tests.generated import generate
from tests.runner_factories import engines
from tests.sample_factories import bundle, resolved

pytestmark = pytest.mark.engine

REPOSITORIES = 200
TOGETHER = 10  # repositories in one configuration: an engine takes its time to start, and longer for each of many
EACH = 50  # texts of a workload
SOAK_SECONDS = 600.0

each_engine = pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)


@pytest.mark.skipif(not engines(), reason="needs an engine")
@pytest.mark.parametrize("first", range(0, REPOSITORIES, TOGETHER))
def test_an_engine_accepts_what_comes_of_a_repository_that_is_right(first: int, tmp_path: Path) -> None:
    """The engines take turns; `make soak` asks each of them."""
    engine = engines()[first // TOGETHER % len(engines())]
    accepted(engine, tmp_path, range(first, first + TOGETHER))


@pytest.mark.soak
@each_engine
def test_however_many_there_are(engine: Engine, tmp_path: Path) -> None:
    """For SECONDS of time, from the seed SEED on."""
    seconds = float(os.environ.get("SECONDS", SOAK_SECONDS))
    began, done = time.monotonic(), 0
    first = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000_000)))
    for seed in count(first, TOGETHER):
        if time.monotonic() - began > seconds:
            break
        accepted(engine, tmp_path / str(seed), range(seed, seed + TOGETHER))
        done += TOGETHER
    print(f"\n{engine.name}: {done} repositories from SEED={first}, refused 0")
    assert done


ECHO = {
    "platform/environment-types.yaml": [[{"id": "development"}]],
    "platform/resource-types/echo.yaml": [{"id": "echo"}],
    "platform/modules/echo/module.yaml": [
        {
            "resource_type": "echo",
            "module_source": ".",
            "module_params": {"value": {"type": "any"}},
            "rules": [{}],
        }
    ],
}
CODE = b'variable "value" {}\noutput "value" {\n  value = var.value\n}\n'


@each_engine
@pytest.mark.parametrize("seed", range(2))
def test_every_text_of_a_manifest_comes_back_as_key_and_as_value(engine: Engine, seed: int, tmp_path: Path) -> None:
    """Straight from the manifest to an output, and through a module; deep inside of maps and lists, too."""
    chance = Random(seed)
    texts = {hostile.normal(text): text for text in (*hostile.WHOLE, *(hostile.text(chance) for _ in range(300)))}
    workloads, meant = {}, {}
    for number in range(0, len(texts), EACH):
        some = dict(list(texts.items())[number : number + EACH])
        deep = {text: [{text: hostile.literal(text)}] for text in some.values()}
        outputs = {f"x{text}": hostile.literal(text) for text in some.values()}
        workloads[f"w{number}"] = {
            "resources": {"echo": {"type": "echo", "params": {"value": deep}}},
            "outputs": {**outputs, "back": "${resources.echo.outputs.value}"},
        }
        back = {text: [{text: text}] for text in some}
        meant[f"w{number}"] = {**{hostile.normal(f"x{text}"): text for text in some}, "back": back}
    files = {**ECHO, "projects/shop/development/manifest.yaml": [{"workloads": workloads}]}
    written = {path: yaml_styles.written(documents, chance) for path, documents in files.items()}
    tree = MemoryTree.of({**written, "platform/modules/echo/main.tf": CODE})
    ((_, found),) = resolved(tree, engine.kind)
    asked(engine, tmp_path, bundle(found, engine.kind).files, "init")
    asked(engine, tmp_path, {}, "apply", "-auto-approve")
    outputs = json.loads(asked(engine, tmp_path, {}, "output", "-json"))
    assert {name: outputs[name]["value"] for name in meant} == meant


def accepted(engine: Engine, folder: Path, seeds: Iterable[int]) -> None:
    """Let an engine read every environment of the repositories of these seeds, as modules of one configuration."""
    files: dict[str, bytes] = {}
    calls = {}
    for seed in seeds:
        for number, (_, found) in enumerate(resolved(generate(seed).tree(), engine.kind)):
            name = f"seed-{seed}-{number}"
            calls[name] = {"source": f"./{name}"}
            files |= {f"{name}/{path}": content for path, content in bundle(found, engine.kind).files.items()}
    files["main.tf.json"] = json.dumps({"module": calls}).encode()
    asked(engine, folder, files, "init", "-backend=false")
    asked(engine, folder, {}, "validate")


def asked(engine: Engine, folder: Path, files: Mapping[str, bytes], step: str, *arguments: str) -> str:
    """What an engine says in a folder to which these files come; fails where it refuses."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    command = (*engine.command, step, "-no-color", *arguments)
    environment = {**os.environ, "GOGC": "400"}  # a third of its time it would look for memory that it may give back
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
