"""Runs of real engines, and of engines that are shell scripts, in folders of their own."""

from __future__ import annotations

import functools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import controller
from controller.errors import NotFoundError
from controller.model.deployment import EngineKind, Mode
from controller.runner import engine, local, processes, protocol
from controller.runner.processes import Process
from controller.runner.protocol import Engine, Job, Observation, Phase, Sandbox
from controller.secrets import age, logs
from controller.secrets.age import Identity
from controller.tofu.names import METADATA

PATIENCE = 60.0
ROOT = Path(controller.__file__).resolve().parent.parent
PLAN_OF_NOTHING = '{"format_version":"1.2","resource_changes":[],"output_changes":{}}'
MODULE = "modules/thing/0123456789ab"


@functools.cache
def engines() -> list[Engine]:
    """Every engine of this machine: `tofu` and `terraform` on the PATH, each alone, and the embedded one.

    `LOCKSTEP_TEST_PATH` names further folders to look in.
    """
    folders = f"{os.environ.get('LOCKSTEP_TEST_PATH', '')}{os.pathsep}{os.environ.get('PATH', '')}"
    found = []
    for want in EngineKind:
        found += _discovered(want, folders)
    found += _discovered(EngineKind.TERRAFORM, os.devnull)
    unique = {(each.name, each.command): each for each in found}
    return list(unique.values())


def bundle(
    command: str = "true", *, name: str = "x", secret: bool = False, resources: Mapping[str, Any] | None = None
) -> dict[str, bytes]:
    """One module with one `terraform_data` that runs `command` when `name` changes; a workload `api` with outputs."""
    outputs: dict[str, Any] = {
        "api": {"value": {"ID": "${module.thing.id}", "NAME": name}, "sensitive": True},
        METADATA: {"value": {"thing.default#main": f'${{lookup(module.thing, "{METADATA}", {{}})}}'}},
    }
    main: dict[str, Any] = {
        "terraform": {"backend": {"local": {}}},
        "module": {"thing": {"source": f"./{MODULE}", "name": name}},
        "output": outputs,
    }
    if secret:
        main["variable"] = {"SECRET": {"type": "string", "sensitive": True}}
        outputs["api"]["value"]["SECRET"] = "${var.SECRET}"
    if resources:
        main["resource"] = {"terraform_data": resources}
    return {"main.tf.json": json.dumps(main, indent=2).encode(), f"{MODULE}/main.tf": _module(command)}


@dataclass
class Bench:
    """One run directory after another, for one engine and one environment."""

    base: Path
    engine: Engine
    key: Identity = field(default_factory=age.generate)
    deployment: str = "d1"
    environment: dict[str, str] = field(default_factory=dict)
    sandbox: Sandbox | None = None
    started: list[Path] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.base / "runs" / self.deployment

    @property
    def state(self) -> Path:
        return self.base / "state" / "uuid" / "terraform.tfstate"

    @property
    def ledger(self) -> Path:
        """Lies where an engine in a sandbox may write as well."""
        return self.state.parent / "ledger" if self.sandbox else self.base / "ledger"

    @property
    def workdir(self) -> Path:
        return self.base / "work" / "env"

    def job(self, phase: Phase, **changes: Any) -> Job:
        settings: dict[str, Any] = {
            "mode": Mode.DEPLOY,
            "init_args": (f"-backend-config=path={self.state}",),
            "state": str(self.state),
            "plugin_cache": str(self.base / "plugins"),
            "log_recipients": (self.key.recipient,),
            "output_recipients": (self.key.recipient,),
            "grace_seconds": 20,
            "sandbox": self.sandbox,
        }
        return Job(self.deployment, phase, engine=self.engine, workdir=str(self.workdir), **settings | changes)

    def start(self, phase: Phase, **changes: Any) -> None:
        self.started.append(self.directory)
        variables = {"LEDGER": str(self.ledger)} | self.environment
        local.start(self.job(phase, **changes), self.directory, variables)

    def ended(self) -> Observation:
        return self.until(lambda seen: not seen.alive)

    def until(self, is_enough: Callable[[Observation], bool]) -> Observation:
        """Look until there is enough to see."""
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            seen = local.observe(self.directory)
            if is_enough(seen):
                return seen
            time.sleep(0.02)
        raise AssertionError(f"nothing of the kind came: {local.observe(self.directory)}")

    def plan(self, files: Mapping[str, bytes], **changes: Any) -> Observation:
        local.deliver(self.directory, files)
        self.start(Phase.PLAN, **changes)
        return self.ended()

    def start_apply(self, **changes: Any) -> None:
        planned = protocol.read_result(self.directory, protocol.PLAN_RESULT)
        assert planned is not None
        self.start(Phase.APPLY, **{"plan_digest": planned.plan_digest} | changes)

    def apply(self, **changes: Any) -> Observation:
        self.start_apply(**changes)
        return self.ended()

    def deploy(self, files: Mapping[str, bytes], deployment: str = "d1", **changes: Any) -> Observation:
        """Plan and apply, as one deployment of this name."""
        self.deployment = deployment
        planned = self.plan(files, **changes)
        assert planned.plan_result is not None
        assert planned.plan_result.status == "succeeded", planned
        return planned if planned.plan_result.empty else self.apply(**changes)

    def recover(self, **changes: Any) -> Observation:
        self.start(Phase.RECOVER, **changes)
        return self.ended()

    def log(self, *, following: bool = False) -> str:
        chunks = local.observe(self.directory).chunks
        assert [number for number, _ in chunks] == list(range(1, len(chunks) + 1))
        secret = self.key.secret.reveal()
        return logs.read_chunks(
            (age.decrypt(chunk, secret) for _, chunk in chunks), self.deployment, following=following
        )

    def outputs(self) -> Any:
        return json.loads(age.decrypt((self.directory / protocol.OUTPUTS).read_bytes(), self.key.secret.reveal()))

    def ledger_lines(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def supervisor(self) -> int:
        """Number of the supervisor's process, while it lives."""
        found = Process(**json.loads((self.directory / protocol.LOCK).read_text()))
        if not processes.is_alive(found):
            raise ProcessLookupError(found.pid)
        return found.pid

    def engine_process(self) -> int:
        pid = json.loads((self.directory / protocol.ENGINE).read_text())["pid"]
        assert isinstance(pid, int)
        return pid

    def close(self) -> None:
        """Leave no process behind."""
        for directory in self.started:
            local.cancel(directory)
            give_up = time.monotonic() + PATIENCE
            while local.is_alive(directory) and time.monotonic() < give_up:
                local.kill_group(directory)
                time.sleep(0.02)
            local.kill_group(directory)


@contextmanager
def bench(base: Path, chosen: Engine, sandbox: Sandbox | None = None) -> Iterator[Bench]:
    made = Bench(base, chosen, sandbox=sandbox)
    try:
        yield made
    finally:
        made.close()


def scripted(folder: Path, body: str, *, kind: EngineKind = EngineKind.TERRAFORM) -> Engine:
    """An engine that is a shell script; `$1` is the step's command."""
    path = folder / "engine.sh"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return Engine(kind, "script", (str(path),), "1.99.0")


def steps(seen: Observation) -> list[str]:
    """What happened, in words: types of events, with the step or address that they are about."""
    said = []
    for event in seen.events:
        about = event.get("step") or event.get("address") or event.get("phase") or event.get("operation") or ""
        said.append(f"{event['type']} {about}".strip())
    return said


def _discovered(want: EngineKind, folders: str) -> list[Engine]:
    try:
        return [engine.discover(want, {"PATH": folders})]
    except NotFoundError:
        return []


def _module(command: str) -> bytes:
    return f"""
variable "name" {{}}

resource "terraform_data" "it" {{
  input            = var.name
  triggers_replace = [var.name]

  provisioner "local-exec" {{
    command = {json.dumps(command)}
  }}
}}

output "id" {{
  value = terraform_data.it.id
}}

output "{METADATA}" {{
  value = {{ Name = var.name }}
}}
""".encode()
