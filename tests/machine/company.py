"""Which small company do all histories begin with, and how do its controllers work?"""

from __future__ import annotations

import copy
import dataclasses
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pygit2
import sqlalchemy as sa

from controller.deployments import actions, follow, lifecycle
from controller.deployments.doors import Doors
from controller.deployments.lifecycle import Next
from controller.deployments.memory import Memory
from controller.errors import LockstepError, NotFoundError, RetryableError
from controller.git.mirror import Mirror
from controller.history import queue, read, watching
from controller.history.tables import HoldRow
from controller.model.deployment import OPEN, Status
from controller.model.record import Environment
from tests import databases, git_factories
from tests.deploy_factories import REPOSITORY, Clock, World, world
from tests.machine.laws import Laws, WatchedStore
from tests.machine.luck import SLUGS
from tests.machine.runner import LedgerRunner

# What guards each environment; whoever reads a failure sees the names.
SETTINGS = {
    "shop/development": "approval: none\n",
    "shop/staging": "",  # asks before anything is destroyed or replaced
    "shop/production": "after: [staging]\nlimits: {replace: unlimited, destroy: unlimited}\n",
    "blog/live": "approval: plan\n",
    "blog/draft": "limits: {replace: unlimited}\n",
}


class Killed(BaseException):
    """The controller's process ends here; not an `Exception`, so that nobody catches it."""


@dataclass
class Worker:
    """One controller: what it carries, and when it last said so."""

    doors: Doors
    carried: dict[str, Any] = field(default_factory=dict)  # deployment -> time of its last renewal
    failures: dict[str, int] = field(default_factory=dict)


class Doorkeeper:
    """Lets a twist happen when its time has come."""

    def __init__(self) -> None:
        self._left = 0
        self._doors: Sequence[str] = ()
        self._act: Callable[[], None] | None = None

    def expect(self, at: int, doors: Sequence[str], act: Callable[[], None]) -> None:
        self._left, self._doors, self._act = at, doors, act

    def forget(self) -> None:
        self._act = None

    def __call__(self, door: str) -> None:
        act = self._act
        if act is None or door not in self._doors:
            return
        self._left -= 1
        if self._left < 0:
            self._act = None
            act()


class WatchedRunner:
    """The runner of one worker, with the doorkeeper before each call."""

    def __init__(self, runner: LedgerRunner, keeper: Doorkeeper) -> None:
        self._runner, self._keeper = runner, keeper

    def __getattr__(self, name: str) -> Any:
        self._keeper("look" if name == "observe" else "run")
        return getattr(self._runner, name)


def manifest(sizes: Mapping[str, int]) -> str:
    """A manifest with a thing of each size."""
    lines = [f"      {name}: {{type: thing, params: {{size: {size}}}}}\n" for name, size in sorted(sizes.items())]
    return "workloads:\n  api:\n    resources:\n" + "".join(lines)


def files_of(slug: str, content: str | None) -> dict[str, git_factories.Content]:
    """An environment's files; None: they are gone."""
    folder = f"projects/{slug}"
    settings = SETTINGS[slug] if content is not None else None
    return {f"{folder}/environment.yaml": settings, f"{folder}/app.manifest.yaml": content}


@dataclass
class Template:
    """A company where everything was deployed once; every history begins with a copy of it."""

    folder: Path
    doors: Doors
    runner: LedgerRunner
    clock: Clock


def template(folder: Path) -> Template:
    runner = LedgerRunner()
    with world(folder, runner) as acme:
        for slug in SLUGS:
            acme.push(files_of(slug, manifest({"db": 1})))
        acme.poll()
        for _ in range(4):
            World.settle(_Calm(acme.repo, acme.doors, acme.clock))
            for row in acme.deployments():
                if row.status is Status.AWAITING_APPROVAL:
                    actions.approve(acme.doors, "ann", row.id)
        assert all(row.status is Status.SUCCEEDED for row in acme.deployments())
        return Template(folder, acme.doors, runner, acme.clock)


class _Calm(World):
    def _at_work(self) -> set[str]:
        return set(self.doors.runner.alive)  # type: ignore[attr-defined]


class Company:
    """A copy of the template, two controllers at work in it, and what a test sees of it."""

    def __init__(self, made: Template) -> None:
        self.made = made
        self.folder = Path(tempfile.mkdtemp(prefix="machine-", dir=made.folder.parent)) / "copy"
        shutil.copytree(made.folder, self.folder)
        databases.copied(made.folder, self.folder)
        self.runner = copy.deepcopy(made.runner)
        self.clock = Clock(made.clock.at)
        self.store = databases.opened(self.folder)
        self.repo = pygit2.Repository(str(self.folder / "origin.git"))
        self.laws = Laws(self.store, self.runner)
        self.keeper = Doorkeeper()
        self.twists: Counter[str] = Counter()
        self.workers = [Worker(self._doors(f"controller-{n}")) for n in (1, 2)]
        self.plain = dataclasses.replace(
            self.workers[0].doors, store=self._watched(lambda door: None), runner=self.runner
        )
        self.tip = str(self.repo.references["refs/heads/main"].target)
        self.declared = {self.tip: set(SLUGS)}  # commit -> environments that it declares
        self.broken = False
        self.laws.look()

    def _watched(self, before: Callable[[str], None]) -> WatchedStore:
        return WatchedStore(self.store, before, self.laws.look)

    def _doors(self, name: str) -> Doors:
        connection = self.made.doors.connections[REPOSITORY]
        mirror = Mirror(self.folder / "mirror.git", str(self.folder / "origin.git"))
        return dataclasses.replace(
            self.made.doors,
            store=self._watched(self.keeper),
            connections={REPOSITORY: dataclasses.replace(connection, mirror=mirror)},
            runner=WatchedRunner(self.runner, self.keeper),
            data=self.folder / "data",
            controller=name,
            memory=Memory(),
            now=self.clock,
        )

    def _poll(self, doors: Doors) -> None:
        follow.poll(doors, REPOSITORY)
        for _ in range(10):
            if not watching.undecided(doors.store):
                return
            follow.decide(doors, REPOSITORY)
        raise AssertionError("it never has decided")

    def _turn(self, worker: Worker, pick: int, steps: int) -> None:
        doors = worker.doors
        lease = doors.limits.lease
        now = doors.now()
        for id in queue.claim_open(doors.store, doors.controller, now, lease):
            worker.carried.setdefault(id, now)
        if len(worker.carried) < doors.limits.plans:
            found = queue.claim_queued(doors.store, doors.controller, now, lease, batch=doors.limits.batch)
            if found is not None:
                worker.carried[found] = now
        carried = sorted(worker.carried, key=lambda id: self.laws.seen[id].number)
        if carried:
            id = carried[pick % len(carried)]
            for _ in range(steps):
                step = self._step(worker, id)
                if step is not Next.NOW and not (step is Next.SOON and id not in self.runner.alive):
                    return

    def _carry_all(self, worker: Worker, most: int = 6) -> None:
        for pick in range(most):
            self._turn(worker, pick, 12)

    def _step(self, worker: Worker, id: str) -> Next | None:
        doors, lease = worker.doors, worker.doors.limits.lease
        if id not in worker.carried:
            return None
        if doors.now() - worker.carried[id] >= lease / 4:
            if not queue.renew(doors.store, id, doors.controller, doors.now() + lease):
                del worker.carried[id]
                return None
            worker.carried[id] = doors.now()
        try:
            step = lifecycle.advance(doors, id)
        except LockstepError as e:
            self._failed(worker, id, e)
            return None
        if step is not Next.LATER:
            worker.failures.pop(id, None)
        if step in (Next.LATER, Next.DONE):
            queue.release(doors.store, doors.controller, id)
            worker.carried.pop(id, None)
        return step

    def _failed(self, worker: Worker, id: str, error: LockstepError) -> None:
        """As the loop does it."""
        worker.failures[id] = worker.failures.get(id, 0) + 1
        if not isinstance(error, RetryableError) and worker.failures[id] >= 3:
            with suppress(LockstepError):
                lifecycle.give_up(worker.doors, id, f"{error}; details are in the controller's log")

    def _crash(self, who: int) -> None:
        worker = self.workers[who]
        worker.carried.clear()
        worker.failures.clear()
        worker.doors = dataclasses.replace(worker.doors, memory=Memory())

    def _rows(self) -> list[Any]:
        return sorted(self.laws.seen.values(), key=lambda row: row.number)

    def _open(self, pick: int) -> Any:
        found = [row for row in self._rows() if Status(row.status) in OPEN]
        return found[pick % len(found)] if found else None

    def _holds(self) -> list[Any]:
        with self.store.reading() as session:
            holds = sa.select(HoldRow.scope).where(HoldRow.ended_at.is_(None))
            return list(session.execute(holds.order_by(HoldRow.number)))

    def _environment(self, slug: str) -> Environment | None:
        try:
            return read.environment(self.store, *slug.split("/"))
        except NotFoundError:
            return None
