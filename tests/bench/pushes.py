"""What does a push cost, and how does that grow with the environments of a repository?

The platform is as small as can be, so that what grows is seen; against doing it by hand `decision` compares, on that of
the sample.

Each size has a process of its own, so that its memory can be told. Nothing is deployed: what opens is recorded as done.
"""

from __future__ import annotations

import gc
import math
import multiprocessing
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pygit2
import sqlalchemy as sa

import cli
from controller import pipeline
from controller.deployments import follow
from controller.history import access as tokens
from controller.history import overview, read, watching
from controller.history.audit import Act
from controller.history.tables import DeploymentRow, EnvironmentRow
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind, Role, Status
from tests.bench import company, measure
from tests.bench.measure import Figure
from tests.deploy_factories import REPOSITORY, World, sized, world
from webui import access
from webui.app import create_app

SIZES = (10, 100, 1000, 10_000)
PAGE, EXPONENT = 0.050, 1.1
BY_HAND = "git diff-tree + its pipeline"
_PAGES = {"page `/`": "/", "`GET /api/v1/environments`, a hundred": "/api/v1/environments?limit=100"}
_GROWING = ("first sight", "one changes", "none changes", "all change")


def figures(repetitions: int, sizes: tuple[int, ...] = SIZES) -> Iterator[Figure]:
    """Each kind of push at each size; how it grows is told by the two largest."""
    found: dict[int, Mapping[str, float]] = {}
    for size in sizes:
        measure.say(f"{size:,} environments ")
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            found[size] = alone.submit(_measured, size, repetitions).result()
        yield from _told(size, found[size])
    yield from _growth(found, *sizes[-2:])


def _told(size: int, took: Mapping[str, float]) -> Iterator[Figure]:
    yield Figure(f"first sight of {size:,} environments", measure.shown(took["first sight"]))
    one, by_hand = took["one changes"], f"{BY_HAND} {measure.shown(took['by hand'])}"
    yield Figure("  a push changes one", measure.shown(one), by_hand, one / took["by hand"])
    yield Figure("  a push changes none (README)", measure.shown(took["none changes"]))
    yield Figure("  a push changes the module of all", measure.shown(took["all change"]))
    yield Figure("  peak memory of the process", f"{took['mebibytes']:.0f} MiB")
    for name in _PAGES:
        yield Figure(f"  {name}", measure.shown(took[name]), "", None, f"< {PAGE * 1000:.0f} ms", took[name] < PAGE)


def _growth(found: Mapping[int, Mapping[str, float]], fewer: int, many: int) -> Iterator[Figure]:
    for name in _GROWING:
        exponent = math.log(found[many][name] / found[fewer][name]) / math.log(many / fewer)
        what = f"growth exponent from {fewer:,} to {many:,} environments: {name}"
        yield Figure(what, f"{exponent:.2f}", "", None, f"≤ {EXPONENT}", exponent <= EXPONENT)


def _measured(size: int, repetitions: int) -> dict[str, float]:
    gc.set_threshold(cli.YOUNG)  # as every command does; this process is a new one
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as folder, world(Path(folder)) as acme:
        company.push(acme.repo, company.made(acme.repo, size))
        pushes = _Pushes(acme, size)
        took = {"first sight": pushes.decided()}
        pushes.settle()
        acts = {"one changes": pushes.one, "by hand": pushes.by_hand, "none changes": pushes.none}
        pages = {name: pushes.page(path) for name, path in _PAGES.items()}
        for act in (*acts.values(), *pages.values()):
            act()  # what is made once, at the first use, is no part of it
        took |= measure.in_turns(repetitions, acts | pages)
        took["all change"] = pushes.all()
    took["mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took


def _token(acme: World) -> str:
    """One that may read everything; the API takes no caller without."""
    secret, now = "lockstep_bench", acme.doors.now()
    tokens.create_token(
        acme.doors.store,
        name="bench",
        secret_hash=access.digest(secret),
        role=Role.VIEWER,
        projects=None,
        act=Act("bench", now),
    )
    return secret


class _Pushes:
    """Pushes to a company, and what there is to do about each of them."""

    def __init__(self, acme: World, environments: int) -> None:
        self._acme = acme
        self._environments = environments
        self._pushed = 0
        self._token = _token(acme)

    def decided(self) -> float:
        """How long it takes until it is known what the tip means for every environment."""
        follow.poll(self._acme.doors, REPOSITORY)
        return measure.seconds(lambda: follow.decide(self._acme.doors, REPOSITORY))

    def settle(self) -> None:
        """Have everything deployed that was opened; all at once, for one by one ten thousand take many minutes."""
        deployment, environment = DeploymentRow, EnvironmentRow
        ended = {"status": Status.SUCCEEDED, "completed_at": self._acme.doors.now(), "cleared": True}
        with self._acme.doors.store.writing() as session:
            opened = sa.select(deployment.environment_uuid).where(deployment.completed_at.is_(None))
            applied = {
                "applied": environment.desired,
                "applied_deployment": environment.decided_deployment,
                "last_success": environment.decided_deployment,
                "live_commit": environment.desired_commit,
                "decided_ended": Status.SUCCEEDED,
                "version": environment.version + 1,
            }
            session.execute(sa.update(environment).where(environment.uuid.in_(opened)).values(applied))
            session.execute(sa.update(deployment).where(deployment.completed_at.is_(None)).values(ended))
        watching.wake(self._acme.doors.store, REPOSITORY)
        self._acme.decide()
        assert overview.counts(self._acme.doors.store, None).at_work == 0

    def one(self) -> float:
        tip = self._push(self._path(), sized(1_000_000 + self._pushed))
        took = self.decided()
        opened = read.deployments(self._acme.doors.store, limit=2)
        assert [row.commit == tip for row in opened] == [True, False]
        self.settle()
        return took

    def none(self) -> float:
        self._push(("README.md",), f"Said {self._pushed} times\n")
        return self.decided()

    def all(self) -> float:
        tip = company.push(self._acme.repo, company.with_module(self._acme.repo, self._pushed))
        took = self.decided()
        opened = read.deployments(self._acme.doors.store, limit=self._environments)
        assert all(row.commit == tip for row in opened)
        return took

    def by_hand(self) -> float:
        """Which environment changed, as git says, and what it wants now, computed without a memory."""
        return measure.seconds(lambda: (self._diff_tree(), self._resolve()))

    def page(self, path: str) -> Callable[[], float]:
        client = create_app(self._acme.doors, session_key=b"for the bench only", is_open=True).test_client()
        headers = {"Authorization": f"Bearer {self._token}"}

        def get() -> None:
            assert client.get(path, headers=headers).status_code == 200, path

        return lambda: measure.seconds(get)

    def _push(self, path: tuple[str, ...], text: str) -> str:
        self._pushed += 1
        repo: pygit2.Repository = self._acme.repo
        return company.push(repo, company.replaced(repo, company.tree(repo), path, text))

    def _path(self) -> tuple[str, ...]:
        return ("projects", *company.place(self._pushed % self._environments), "app.manifest.yaml")

    def _diff_tree(self) -> None:
        command = ("git", "-C", self._acme.repo.path, "diff-tree", "-r", "--name-only", "main~", "main")
        subprocess.run(command, check=True, capture_output=True)

    def _resolve(self) -> None:
        tip = str(self._acme.repo.references["refs/heads/main"].target)
        repository = pipeline.read(self._acme.doors.connections[REPOSITORY].mirror.snapshot(tip).tree)
        place = company.place(self._pushed % self._environments)
        pipeline.resolve(repository, *place, pins=Pins(), engine=EngineKind.TERRAFORM)
