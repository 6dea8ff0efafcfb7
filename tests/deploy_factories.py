"""A small company with a real repository, a real database and doors; its runner is real or follows a script."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pygit2

from controller.deployments import follow, lifecycle
from controller.deployments.doors import Connection, Doors, Limits, Runner
from controller.deployments.lifecycle import Next
from controller.git.mirror import Mirror
from controller.history import decided, read, store, watching, work
from controller.model.deployment import EngineKind
from controller.model.record import Deployment, Environment
from controller.runner import durable, local, protocol
from controller.runner.protocol import Ended, Engine, Job, Observation, Phase, Result
from controller.secrets import age, sealing
from controller.secrets.secret import Secret
from tests import databases, git_factories
from tests.git_factories import Content

REPOSITORY = "acme"
CONTROLLER = age.generate()  # whose recipient reads every log

PLATFORM = {
    "platform/environment-types.yaml": """\
- {id: development, display_name: Development}
- {id: staging, display_name: Staging}
- {id: production, display_name: Production, production: true}
""",
    "platform/resource-types/thing.yaml": """\
id: thing
description: Something with a size.
output_schema: {type: object, properties: {id: {type: string}, size: {type: number}}}
""",
    "platform/modules/thing/module.yaml": """\
id: thing
resource_type: thing
module_source: .
module_params:
  size: {type: number}
rules:
- {}
""",
    "platform/modules/thing/main.tf": """\
variable "size" { type = number }
resource "terraform_data" "it" {
  input            = var.size
  triggers_replace = [var.size]
  provisioner "local-exec" {
    command = "sleep $${SLOW:-0}; echo size ${var.size} >> \\"$${LEDGER:-/dev/null}\\""
  }
}
output "id" { value = terraform_data.it.id }
output "size" { value = terraform_data.it.output }
output "platform_orchestrator_metadata" { value = { Size = tostring(var.size) } }
""",
}


def sized(size: int | str, name: str = "db") -> str:
    """A manifest with one thing of this size."""
    return (
        f"workloads:\n  api:\n    resources:\n      {name}: {{type: thing, params: {{size: {size}}}}}\n"
        f"    outputs: {{SIZE: '${{resources.{name}.outputs.size}}'}}\n"
    )


def project(**environments: str) -> dict[str, Content]:
    """Project `shop` with these environments, each with its manifest; no plan there needs approval."""
    files: dict[str, Content] = {}
    for name, manifest in environments.items():
        files[f"projects/shop/{name}/environment.yaml"] = "limits: {replace: unlimited}\n"
        files[f"projects/shop/{name}/app.manifest.yaml"] = manifest
    return files


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Script:
    """What a scripted run does."""

    counts: Mapping[str, int] = field(default_factory=lambda: {"create": 1})
    changes: tuple[Mapping[str, Any], ...] = ()
    plan: Ended = Ended.SUCCEEDED
    apply: Ended = Ended.SUCCEEDED
    message: str = ""
    lock: str | None = None  # lock file that init writes
    dies_in: Phase | None = None  # the supervisor is lost there, without a result
    hangs_in: Phase | None = None  # it goes on until it is told to stop
    more: dict[str, Any] = field(default_factory=dict)  # of the result that is not a success
    imports: Mapping[str, str] = field(default_factory=dict)  # ids of what no state knows, by address
    errored: bytes | None = None  # the state that could not be saved
    puts_back: bool = True  # a state that it is handed can be pushed


class ScriptedRunner:
    """A runner without an engine; it writes the files of the protocol as its scripts say, by environment."""

    def __init__(self) -> None:
        self.script = Script()  # for whichever has none of its own
        self.scripts: dict[str, Script] = {}  # by deployment
        self.started: list[tuple[Phase, str]] = []
        self.environments: list[Mapping[str, Secret | str]] = []
        self.bundles: dict[str, Mapping[str, bytes]] = {}
        self.jobs: list[Job] = []
        self.alive: set[str] = set()
        self.group: set[str] = set()  # directories where something of an engine is left
        self.killed: list[str] = []
        self._folders: set[Path] = set()

    def of(self, deployment: str) -> Script:
        return self.scripts.get(deployment, self.script)

    def deliver(self, directory: Path, files: Mapping[str, bytes]) -> None:
        local.deliver(directory, files)
        self.bundles[directory.name] = files

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        self.started.append((job.phase, job.deployment))
        self._folders.add(directory)
        self.environments.append(environment)
        self.jobs.append(job)
        durable.make_folder(directory)
        if job.phase is Phase.PLAN:
            for name in (protocol.APPLY_STARTED, protocol.APPLY_RESULT, protocol.PLAN_RESULT):
                (directory / name).unlink(missing_ok=True)
        why = protocol.refusal(directory, job.phase)
        assert why is None, why
        protocol.write_job(directory, job)
        script = self.of(job.deployment)
        if job.phase is Phase.PLAN:
            self._plan(job, directory, script)
        else:
            self._apply(job, directory, script)

    def observe(self, directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation:
        seen = local.observe(directory, after_event, after_chunk)
        return dataclasses.replace(seen, alive=directory.name in self.alive)

    def cancel(self, directory: Path) -> None:
        local.cancel(directory)
        if directory.name in self.alive:
            self.alive.discard(directory.name)
            job = protocol.read_job(directory)
            assert job is not None
            self._write(directory, _result(job, Ended.CANCELLED, f"cancelled during {job.phase}"))

    def finish(self, deployment: str) -> None:
        """Let an apply that hangs come to its end."""
        self.alive.discard(deployment)
        (job,) = (job for job in self.jobs if job.deployment == deployment and job.phase is Phase.APPLY)
        directory = next(folder for folder in self._folders if folder.name == deployment)
        self._write(directory, _result(job, Ended.SUCCEEDED, "applied"))

    def group_is_empty(self, directory: Path) -> bool:
        return directory.name not in self.group

    def kill_group(self, directory: Path) -> None:
        self.killed.append(directory.name)
        self.group.discard(directory.name)

    def lose(self, deployment: str) -> None:
        """Kill the supervisor, and forget what it was to do next time."""
        self.alive.discard(deployment)

    def _plan(self, job: Job, directory: Path, script: Script) -> None:
        if self._is_cut_short(job, script):
            return
        back = job.puts_back if (directory / protocol.PUSH).exists() and script.puts_back else None
        if script.plan is not Ended.SUCCEEDED:
            self._write(directory, _result(job, script.plan, script.message, put_back=back, **script.more))
            return
        counts = {"create": 0, "update": 0, "destroy": 0, "replace": 0} | dict(script.counts)
        is_empty = not any(counts.values())
        summary = {"format": 1, "changes": list(script.changes), "counts": counts, "outputs": [], "empty": is_empty}
        durable.write_json(directory / protocol.SUMMARY, summary)
        content = f"plan number {len(self.started)}".encode()
        durable.write(directory / protocol.PLAN, content)
        if script.lock is not None:
            durable.write(directory / protocol.LOCK_FILE, script.lock.encode())
        more = {"empty": is_empty, "fingerprint": json.dumps(counts), "lock_changed": script.lock is not None}
        more["put_back"] = back
        result = _result(job, Ended.SUCCEEDED, "planned", plan_digest=sha256(content).hexdigest(), **more)
        self._write(directory, result)

    def _apply(self, job: Job, directory: Path, script: Script) -> None:
        if job.phase is Phase.APPLY:
            started = protocol.Started(job.deployment, job.plan_digest or "", "2026-01-01T00:00:00+00:00", None)
            if script.dies_in is not Phase.APPLY or script.more.get("started", True):
                protocol.write_started(directory, started)
        if self._is_cut_short(job, script):
            return
        if script.apply is Ended.SUCCEEDED:
            durable.write_json(directory / protocol.METADATA, {"thing.default#x": {"Size": "1"}})
            self._write(directory, _result(job, Ended.SUCCEEDED, "applied"))
        else:
            if script.imports:
                durable.write_json(directory / protocol.IMPORTS, dict(script.imports))
            if script.errored is not None:
                durable.write(directory / protocol.ERRORED, script.errored)
            self._write(directory, _result(job, script.apply, script.message, **script.more))

    def _is_cut_short(self, job: Job, script: Script) -> bool:
        if script.hangs_in is job.phase:
            self.alive.add(job.deployment)
        return job.phase in (script.hangs_in, script.dies_in)

    def _write(self, directory: Path, result: Result) -> None:
        job = protocol.read_job(directory)
        assert job is not None
        protocol.write_result(directory, dataclasses.replace(result, log_ended=False))


def _result(job: Job, status: Ended, message: str, **more: Any) -> Result:
    more.pop("started", None)
    return Result(job.deployment, job.phase, status, message, "2026-01-01T00:00:00+00:00", "scripted 1.0", 0.1, **more)


SCRIPTED = Engine(EngineKind.TERRAFORM, "scripted", ("false",), "1.11.4", "for a test")


@dataclass
class World:
    """One repository, watched by one controller that does nothing unless it is told to."""

    repo: pygit2.Repository
    doors: Doors
    clock: Clock

    @property
    def runner(self) -> ScriptedRunner:
        assert isinstance(self.doors.runner, ScriptedRunner)
        return self.doors.runner

    def push(self, files: Mapping[str, Content], message: str = "Change something", **more: Any) -> str:
        return git_factories.commit(self.repo, files, message=message, **more)

    def poll(self) -> None:
        """Ask the remote, and decide on what there is."""
        follow.poll(self.doors, REPOSITORY)
        self.decide()

    def decide(self) -> None:
        """Decide as often as something may have changed."""
        while found := watching.undecided(self.doors.store):
            for repository in found:
                follow.decide(self.doors, repository)

    def claim(self) -> str | None:
        limits = self.doors.limits
        return work.claim_queued(self.doors.store, self.doors.controller, self.doors.now(), limits.lease)

    def step(self, id: str) -> Next:
        return lifecycle.advance(self.doors, id)

    def carry(self, id: str, most: int = 200) -> Next:
        """Advance a deployment until it rests, or its runner has to be waited for."""
        for _ in range(most):
            found = self.step(id)
            if found is not Next.NOW and not (found is Next.SOON and id not in self._at_work()):
                return found
            if found is Next.SOON:
                time.sleep(0.01)  # what is left of a real engine goes away in its own time
        raise AssertionError(f"deployment {id} does not come to rest")

    def settle(self) -> None:
        """Let everything happen that can without time passing or a person acting."""
        doors = self.doors
        for _ in range(100):
            self.decide()
            claimed = self.claim()
            going = work.claim_open(doors.store, doors.controller, doors.now(), doors.limits.lease)
            found = [*([claimed] if claimed else []), *going]
            rests = [self.carry(id) is Next.SOON for id in found]
            work.release(doors.store, doors.controller)
            if claimed is None and all(rests) and not watching.undecided(doors.store):
                return
        raise AssertionError("it never settles")

    def deploy(self, files: Mapping[str, Content], message: str = "Change something") -> str:
        """Push, and let everything happen."""
        commit = self.push(files, message)
        self.poll()
        self.settle()
        return commit

    def environment(self, name: str) -> Environment:
        return read.environment(self.doors.store, "shop", name)

    def deployments(self, name: str | None = None) -> list[Deployment]:
        """Oldest first."""
        return read.deployments(self.doors.store, environment=name, limit=1000)[::-1]

    def last(self, name: str) -> Deployment:
        return self.deployments(name)[-1]

    def told(self, commit: str) -> dict[str, str]:
        """The verdicts on a commit: environment -> kind, and what it names in brackets."""
        return {
            verdict.environment: f"{verdict.kind}" + (f" ({verdict.reason})" if verdict.reason else "")
            for verdict in decided.commit(self.doors.store, commit).verdicts
        }

    def restarted(self) -> World:
        """The same after the controller was killed and started again."""
        work.release(self.doors.store, self.doors.controller)
        return World(self.repo, dataclasses.replace(self.doors), self.clock)

    def _at_work(self) -> set[str]:
        if isinstance(self.doors.runner, ScriptedRunner):
            return self.doors.runner.alive
        return {found.name for found in (self.doors.data / "runs").iterdir() if local.is_alive(found)}


@contextmanager
def world(folder: Path, runner: Runner | None = None, engine: Engine = SCRIPTED, **limits: Any) -> Iterator[World]:
    """A company whose repository holds the platform's files; nothing was polled yet."""
    repo = git_factories.repository(folder / "origin.git")
    git_factories.commit(repo, PLATFORM, message="Offer things")
    opened = databases.opened(folder)
    mirror = Mirror(folder / "mirror.git", str(folder / "origin.git"))
    clock = Clock(datetime.fromisoformat("2026-03-01T12:00:00+00:00"))
    doors = Doors(
        store=opened,
        connections={REPOSITORY: Connection(REPOSITORY, mirror.address.shown, mirror)},
        runner=runner or ScriptedRunner(),
        engine=engine,
        sealer=sealing.Sealer([sealing.generate_key()]),
        data=folder / "data",
        recipients=(CONTROLLER.recipient,),
        controller="controller-1",
        runner_env_dir=folder / "runner-env",
        limits=Limits(**limits),
        now=clock,
    )
    watching.ensure_repository(opened, REPOSITORY, mirror.address.shown, "main")
    yield World(repo, doors, clock)
    store.close(opened)
