"""How long until it is known that a push changes one of a thousand environments, and which?"""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller import pipeline
from controller.deployments import follow
from controller.deployments.memory import Memory
from controller.history import read, record
from controller.history.record import Finish
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind, Status
from controller.model.tree import walk
from tests.bench import measure
from tests.bench.measure import Figure
from tests.deploy_factories import PLATFORM, REPOSITORY, World, world
from tests.git_factories import Content
from tests.sample_factories import sample

ENVIRONMENTS, PER_PROJECT = 1000, 10
BOUND = 1.5
WARM_SECONDS, COLD_SECONDS = 0.5, 20.0


def figures(repetitions: int, environments: int = ENVIRONMENTS) -> Iterator[Figure]:
    """One decision against `git diff-tree` and the way of that one environment; warm, and after a restart."""
    with settled(environments) as acme:
        push = _Pushes(acme)
        found = measure.in_turns(
            repetitions, {"decided": push.decided, "by hand": push.by_hand, "read": push.read, "cold": push.cold}
        )
    name = f"a push changes 1 of {environments} environments: decided"
    by_hand = "git diff-tree + its pipeline"
    yield measure.ratio(name, found["decided"], by_hand, found["by hand"], BOUND)
    yield Figure("  of the latter, to read what all have in common", measure.shown(found["read"]))
    warm, cold = found["decided"], found["cold"]
    yield Figure("  the same, in seconds", measure.shown(warm), "", None, f"< {WARM_SECONDS} s", warm < WARM_SECONDS)
    name = f"  all {environments} from snapshot to digests, by a controller that has just started"
    yield Figure(name, measure.shown(cold), "", None, f"< {COLD_SECONDS:.0f} s", cold < COLD_SECONDS)


@contextmanager
def settled(environments: int) -> Iterator[World]:
    """That many environments on the sample's platform, each deployed, with nothing left to do."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder, world(Path(folder)) as acme:
        measure.say(f"{environments} environments are made ")
        acme.push(dict.fromkeys(PLATFORM) | _platform() | _projects(environments))
        follow.poll(acme.doors, REPOSITORY)
        follow.decide(acme.doors, REPOSITORY)
        rows = read.deployments(acme.doors.store, limit=environments)
        assert len(rows) == environments, read.environments(acme.doors.store)[0].problems
        for row in rows:
            record.finished(acme.doors.store, row.id, Finish(Status.SUCCEEDED, "", applied=True), acme.doors.now())
        acme.decide()
        assert len(read.deployments(acme.doors.store, limit=environments + 1)) == environments
        yield acme


class _Pushes:
    """Pushes to one environment, a different one each time, and what there is to do about it."""

    def __init__(self, acme: World) -> None:
        self._acme = acme
        self._pushed = 0
        self._tips = (_tip(acme), _tip(acme))

    def decided(self) -> float:
        self._push()
        follow.poll(self._acme.doors, REPOSITORY)
        took = measure.seconds(lambda: follow.decide(self._acme.doors, REPOSITORY))
        newest = read.deployments(self._acme.doors.store, limit=1)[0]
        assert (newest.commit, newest.project, newest.environment) == (self._tips[1], *self._pushed_to())
        end = Finish(Status.SUCCEEDED, "", applied=True)
        record.finished(self._acme.doors.store, newest.id, end, self._acme.doors.now())
        self._acme.decide()
        return took

    def cold(self) -> float:
        self._acme.doors = dataclasses.replace(self._acme.doors, memory=Memory())
        return self.decided()

    def by_hand(self) -> float:
        """Which environment changed, as git says, and what it wants now, computed without a memory."""
        return measure.seconds(lambda: (self._diff_tree(), self._resolve(self._read())))

    def read(self) -> float:
        return measure.seconds(self._read)

    def _diff_tree(self) -> str:
        before, after = self._tips
        command = ("git", "-C", self._acme.repo.path, "diff-tree", "-r", "--name-only", before, after)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _read(self) -> pipeline.Repository:
        return pipeline.read(self._acme.doors.connections[REPOSITORY].mirror.snapshot(self._tips[1]).tree)

    def _resolve(self, repository: pipeline.Repository) -> None:
        pipeline.resolve(repository, *self._pushed_to(), pins=Pins(), engine=EngineKind.TERRAFORM)

    def _push(self) -> None:
        self._pushed += 1
        project, name = self._pushed_to()
        before = self._tips[1]
        self._tips = before, self._acme.push({f"projects/{project}/{name}/app.manifest.yaml": _manifest(self._pushed)})

    def _pushed_to(self) -> tuple[str, str]:
        return "team-3", f"env-{self._pushed % PER_PROJECT}"


def _tip(acme: World) -> str:
    return str(acme.repo.references["refs/heads/main"].target)


def _platform() -> dict[str, Content]:
    tree = sample()
    paths = [path for path, _ in walk(tree) if path.startswith("platform/") or path == "lockstep.yaml"]
    return {path: tree.read(path) for path in paths}


def _projects(environments: int) -> dict[str, Content]:
    files: dict[str, Content] = {}
    for number in range(environments):
        project, name = f"team-{number // PER_PROJECT}", f"env-{number % PER_PROJECT}"
        files[f"projects/{project}/common.manifest.yaml"] = "shared:\n  events: {type: queue}\n"
        files[f"projects/{project}/{name}/environment.yaml"] = "limits: {replace: unlimited}\n"
        files[f"projects/{project}/{name}/app.manifest.yaml"] = _manifest(number + 1000)
    return files


def _manifest(size: int) -> str:
    resources = f"{{db: {{type: postgres, params: {{size_gb: {size}}}}}, files: {{type: bucket}}}}"
    return f"workloads:\n  api:\n    resources: {resources}\n    outputs: {{HOST: '${{resources.db.outputs.host}}'}}\n"
