"""Graphs, documents and engines for tests of the room `tofu`; each takes only what the test is about."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.errors import Place
from controller.model.bundle import Pins, ProviderPin
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.deployment import EngineKind
from controller.model.graph import (
    WORKLOAD,
    Coordinate,
    Graph,
    GraphNode,
    Output,
    ProviderBlock,
    ProviderKey,
    Template,
)
from controller.tofu.desired import desired

# Takes anything as `x`, gives it back as `y`.
ECHO = """
variable "x" {
  type    = any
  default = null
}
resource "terraform_data" "it" {
  input = var.x
}
output "y" {
  value = terraform_data.it.output
}
output "platform_orchestrator_metadata" {
  value = { kind = "echo" }
}
"""


def at(text: str) -> Coordinate:
    """`db`, `db#main` or `db.large#main`; what is left out is `default` and `x`."""
    head, _, id_ = text.partition("#")
    type_, _, class_ = head.partition(".")
    return Coordinate(type_, class_ or "default", id_ or "x")


def inline(code: str = ECHO) -> ModuleSource:
    return ModuleSource(SourceKind.INLINE, "inline", hashlib.sha256(code.encode()).hexdigest(), code=code)


def local(folder: str, content: str = "0123456789abcdef", includes: tuple[str, ...] = ()) -> ModuleSource:
    return ModuleSource(SourceKind.LOCAL, folder, content, includes=includes)


def resource(
    name: str = "db",
    *,
    module: str = "echo",
    source: ModuleSource | None = None,
    inputs: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    needs: Mapping[str, str] | None = None,
    after: tuple[str, ...] = (),
    providers: Mapping[str, ProviderKey] | None = None,
    ordering: str = "references",
) -> GraphNode:
    return GraphNode(
        coordinate=at(name),
        module=module,
        source=source or inline(),
        inputs=inputs or {},
        params=params or {},
        outputs={},
        edges={alias: at(target) for alias, target in (needs or {}).items()},
        anonymous=tuple(at(target) for target in after),
        providers=providers or {},
        place=Place("api.manifest.yaml", 3, 5),
        origin=f"resource `{name}`",
        ordering=ordering,
    )


def workload(name: str, outputs: Mapping[str, Any] | None = None, needs: Mapping[str, str] | None = None) -> GraphNode:
    coordinate = Coordinate(WORKLOAD, "default", name)
    return GraphNode(
        coordinate=coordinate,
        module=None,
        source=None,
        inputs={},
        params={},
        outputs=outputs or {},
        edges={alias: at(target) for alias, target in (needs or {}).items()},
        anonymous=(),
        providers={},
        place=Place("api.manifest.yaml", 1, 1),
        origin=f"workload `{name}`",
    )


def graph(*nodes: GraphNode, providers: Mapping[ProviderKey, ProviderBlock] | None = None) -> Graph:
    by_coordinate = {node.coordinate: node for node in nodes}
    return Graph(dict(sorted(by_coordinate.items())), providers or {})


def document(
    *nodes: GraphNode,
    providers: Mapping[ProviderKey, ProviderBlock] | None = None,
    engine: EngineKind = EngineKind.OPENTOFU,
    pins: Mapping[str, ProviderPin] | None = None,
    requires: Mapping[str, tuple[str, ...]] | None = None,
) -> Mapping[str, Any]:
    return desired(graph(*nodes, providers=providers), Pins(providers=pins or {}), engine, requires).document


def ref(text: str, *path: str) -> Template:
    """A reference and nothing else."""
    return Template((Output(at(text), path or ("y",)),))


def engine_at(folder: Path, *programs: str) -> Engine:
    """A real engine that works in `folder`, of those programs if any are named; without one the test is skipped."""
    asked = programs or ("tofu", "terraform")
    path = os.pathsep.join(filter(None, (os.environ.get("LOCKSTEP_TEST_PATH"), os.environ.get("PATH"))))
    for name in asked:
        program = shutil.which(name, path=path)
        if program:
            return Engine(program, folder)
    pytest.skip(f"needs {' or '.join(asked)} on the PATH or on LOCKSTEP_TEST_PATH")


class Engine:
    def __init__(self, program: str, folder: Path) -> None:
        self.program = program
        self.folder = folder

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def diagnostics(self) -> list[dict[str, Any]]:
        """What the engine finds wrong."""
        return json.loads(self.run("validate", "-json", may_fail=True))["diagnostics"]

    def run(self, *arguments: str, may_fail: bool = False) -> str:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
        done = subprocess.run(
            (self.program, *arguments),
            cwd=self.folder,
            env={**environment, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert may_fail or done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def accepts(self, files: Mapping[str, bytes]) -> None:
        """Fails unless the engine finds the configuration valid, without a warning."""
        self.write(files)
        self.run("init", "-backend=false", "-no-color", "-input=false")
        assert self.diagnostics() == []

    def applied(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """The outputs after an apply, by name."""
        self.write(files)
        self.run("init", "-no-color", "-input=false")
        self.run("apply", "-auto-approve", "-no-color", "-input=false")
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}
