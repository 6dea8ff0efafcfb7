"""A controller that follows a story by what it gets to know of it: polls, deliveries, nothing, and its own ends."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import hmac
import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pygit2
from flask import Flask

from controller.deployments import actions, follow, suspending
from controller.deployments.doors import Connection, Doors, Webhook
from controller.deployments.lifecycle import Next
from controller.deployments.memory import Memory
from controller.errors import LockstepError
from controller.forge.webhook import Forge
from controller.git.mirror import Mirror
from controller.history import deliveries, read, store, work
from controller.history.store import Store
from controller.runner.protocol import Ended, Phase, Result
from controller.secrets.secret import Secret
from tests import databases
from tests.deploy_factories import REPOSITORY, Clock, Script, ScriptedRunner, World, world
from tests.events.story import FAILS_IN_APPLY, FAILS_IN_PLAN, MAIN, Person, Story
from webui import hooks

POLL, PATIENCE = timedelta(seconds=60), timedelta(minutes=10)
_WORDS: dict[object, object] = {}  # statements, compiled
_SECRET = "a secret of the forge"
EVENTS = (
    "settle",  # polled, and everything happens that can
    "poll",  # polled and decided
    "fetch",  # polled, and the controller is stopped before it decides
    "tick",  # a minute later, polled if it is due
    "work",  # whatever is open goes on a few steps
    "hang",  # polled, and the applies that begin now go on until `finish`
    "finish",
    "restart",
    "gone",  # polled while the remote does not answer
    "delivery",
    "twice",  # the same delivery
    "later",  # a delivery that comes with the next one, after it
)


class ContentRunner(ScriptedRunner):
    """What a size says happens: one fails in its plan, one in its apply; an apply can be let hang."""

    def __init__(self) -> None:
        super().__init__()
        self.hanging = False

    def of(self, deployment: str) -> Script:
        text = self.bundles[deployment]["main.tf.json"].decode()
        if f'"size": {FAILS_IN_PLAN},' in text:
            return Script(plan=Ended.FAILED, message="no such size")
        failing = f'"size": {FAILS_IN_APPLY},' in text
        hangs = Phase.APPLY if self.hanging else None
        return Script(apply=Ended.FAILED if failing else Ended.SUCCEEDED, hangs_in=hangs, message="too large")

    def finish_all(self) -> None:
        """Let what hangs come to the end that it would have had."""
        self.hanging = False
        for deployment in sorted(self.alive):
            self.finish(deployment)

    def _write(self, directory: Path, result: Result) -> None:
        script = self.of(directory.name)
        if result.phase is Phase.APPLY and result.status is Ended.SUCCEEDED and script.apply is Ended.FAILED:
            result = dataclasses.replace(result, status=Ended.FAILED, message=script.message)
        super()._write(directory, result)


@dataclass
class Template:
    """A company that was deployed once; every run begins with a copy of it."""

    folder: Path
    story: Story
    doors: Doors
    runner: ContentRunner
    clock: Clock


@contextmanager
def template(folder: Path) -> Iterator[Template]:
    runner = ContentRunner()
    with world(folder, runner) as acme:
        story = Story(acme.repo)
        story.begin()
        acme.repo.references.create(MAIN, pygit2.Oid(hex=story.tips[0]), force=True)
        acme.poll()
        acme.settle()
        assert len(acme.deployments()) == 4
        made = acme.doors, acme.clock
    yield Template(folder, story, made[0], runner, made[1])


@dataclass
class Watcher:
    """One controller, its data and the remote that it watches."""

    made: Template
    folder: Path
    story: Story
    world: World
    undelivered: list[bytes] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def doors(self) -> Doors:
        return self.world.doors

    @property
    def runner(self) -> ContentRunner:
        assert isinstance(self.doors.runner, ContentRunner)
        return self.doors.runner

    def point(self, tip: str) -> None:
        """The branch of the remote is there now."""
        self.story.repo.references.create(MAIN, pygit2.Oid(hex=tip), force=True)

    def happens(self, event: str) -> None:
        match event:
            case "settle":
                self.world.poll()
                self.world.settle()
            case "poll":
                self.world.poll()
            case "fetch":
                follow.poll(self.doors, REPOSITORY)
                self.restart()
            case "tick":
                self.tick()
            case "work":
                self._work(5)
            case "hang":
                self.runner.hanging = True
                self.world.poll()
                self.world.settle()
            case "finish":
                self.runner.finish_all()
                self.world.settle()
            case "restart":
                self.restart()
            case "gone":
                self._gone()
            case "delivery" | "twice":
                body = self._payload()
                for _ in range(1 + (event == "twice")):
                    self._deliver(body)
                for late in self.undelivered[::-1]:
                    self._deliver(late)
                self.undelivered.clear()
                self._ask()
            case "later":
                self.undelivered.append(self._payload())

    def act(self, person: Person) -> None:
        """Who acts has seen what was pushed until then; what is not possible is refused."""
        self.happens("finish")
        self.happens("settle")
        project, _, name = person.slug.partition("/")
        with contextlib.suppress(LockstepError):
            if person.what == "suspend":
                suspending.suspend(self.doors, "ann", person.slug, reason="a fair")
            elif person.what == "resume":
                actions.resume(self.doors, "ann", project, name)
            elif mine := self.world.deployments(name):
                actions.rollback(self.doors, "ann", project, name, mine[0].id, reason="it was better")
        self.world.settle()

    def tick(self) -> None:
        """A minute passes; the poll of that minute, and what it leads to."""
        self.world.clock.forward(POLL)
        follow.poll(self.doors, REPOSITORY, patience=PATIENCE)
        self.world.decide()

    def restart(self) -> None:
        """The controller's process ends, and another one begins with the same data."""
        doors = self.doors
        store.close(doors.store)
        opened = _open(self.folder)
        work.release(opened, doors.controller)
        self.world = World(self.world.repo, _doors(doors, opened, self.folder, self.story), self.world.clock)

    def _work(self, steps: int) -> None:
        doors = self.doors
        claimed = self.world.claim()
        going = work.claim_open(doors.store, doors.controller, doors.now(), doors.limits.lease)
        for id in [*([claimed] if claimed else []), *going]:
            for _ in range(steps):
                if self.world.step(id) in (Next.DONE, Next.LATER):
                    break
        work.release(doors.store, doors.controller)

    def _gone(self) -> None:
        remote = Path(self.story.repo.path.rstrip("/"))
        elsewhere = remote.with_suffix(".gone")
        remote.rename(elsewhere)
        try:
            follow.poll(self.doors, REPOSITORY)
        finally:
            elsewhere.rename(remote)
        self.world.decide()

    def _payload(self) -> bytes:
        """What a forge says of the branch as it is now; its number makes it another delivery than those before."""
        target = str(self.story.repo.references[MAIN].target)
        return json.dumps({"ref": MAIN, "after": target, "number": next(self.numbers)}).encode()

    def _deliver(self, body: bytes) -> None:
        app = Flask(__name__)
        app.register_blueprint(hooks.blueprint(self.doors))
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": hashlib.sha256(body).hexdigest(),
            "X-Hub-Signature-256": "sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest(),
        }
        answer = app.test_client().post(f"/hooks/{REPOSITORY}", data=body, headers=headers)
        assert answer.status_code in (200, 202), answer.text

    def _ask(self) -> None:
        """As the loop does where somebody said that a ref has moved."""
        for repository in deliveries.hinted(self.doors.store):
            follow.poll(self.doors, repository)
        self.world.decide()


@contextmanager
def watching(made: Template, story: Story, folder: Path) -> Iterator[Watcher]:
    """A copy of the template, watching the branch of a story."""
    shutil.copytree(made.folder, folder, ignore=shutil.ignore_patterns("origin.git"))
    databases.copied(made.folder, folder)
    opened = _open(folder)
    doors = dataclasses.replace(made.doors, runner=copy.deepcopy(made.runner))
    acme = World(story.repo, _doors(doors, opened, folder, story), Clock(made.clock.at))
    acme.doors = dataclasses.replace(acme.doors, now=acme.clock)
    watcher = Watcher(made, folder, story, acme)
    watcher.point(story.tips[0])
    try:
        yield watcher
    finally:
        store.close(watcher.doors.store)
        databases.dropped(folder)
        shutil.rmtree(folder)


def follow_story(watcher: Watcher, plan: Sequence[Sequence[str]]) -> None:
    """Let every act happen, and after each the events that the plan has for it."""
    story = watcher.story
    for number, tip in enumerate(story.tips[1:], 1):
        watcher.point(tip)
        if number in story.persons:
            watcher.act(story.persons[number])
        for event in plan[number - 1] if number <= len(plan) else ():
            watcher.happens(event)


def rest(watcher: Watcher) -> None:
    """Time passes, and nothing happens but polls: everything comes to rest within minutes."""
    watcher.runner.finish_all()
    for _ in range(20):
        watcher.tick()
        watcher.world.settle()
        if read.repositories(watcher.doors.store)[0].decided_tip == watcher.story.tips[-1]:
            return
    raise AssertionError("the tip was never decided on")


def _open(folder: Path) -> Store:
    """What was asked of one database in one way needs not be put into words again for the next."""
    opened = databases.opened(folder)
    opened.engine.update_execution_options(compiled_cache=_WORDS)
    return opened


def _doors(doors: Doors, opened: Store, folder: Path, story: Story) -> Doors:
    address = str(Path(story.repo.path))
    mirror = Mirror(folder / "mirror.git", address)
    webhook = Webhook(Forge.GITHUB, lambda: [Secret(_SECRET)])
    connection = Connection(REPOSITORY, mirror.address.shown, mirror, poll=POLL, webhook=webhook)
    return dataclasses.replace(
        doors, store=opened, connections={REPOSITORY: connection}, data=folder / "data", memory=Memory()
    )
