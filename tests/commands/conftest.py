"""What every test of a command starts from: a real server on a loopback port, and a token for it."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli import progress
from controller.errors import RetryableError
from controller.model.record import Deployment
from tests import deploy_factories
from tests import webui_factories as make
from tests.webui_factories import World

SAMPLE = Path(__file__).parents[2] / "sample-repo"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository is watched; nothing was decided yet."""
    made = make.world(tmp_path)
    make.watched(made)
    return made


@pytest.fixture
def server(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world, served; commands talk to it as the admin `alice`."""
    with make.serving(world.app()) as url:
        monkeypatch.setenv("LOCKSTEP_URL", url)
        monkeypatch.setenv("LOCKSTEP_TOKEN", make.token(world))
        yield world


@pytest.fixture
def shop(server: World) -> World:
    """One commit was deployed to shop/development."""
    of = make.commit("Add the shop")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    id = make.newest(server)
    make.planned(server, id, make.summary(make.change("create")))
    make.logged(server, id, "init\n", "apply\n")
    make.ended(server, id, outputs=make.age.encrypt(b'{"api": {"URL": "pg://x"}}', [server.log_key.recipient]))
    return server


def git(folder: Path, *arguments: str) -> None:
    """Run git as it would be by hand, with nobody's own settings."""
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.com")
    subprocess.run(("git", *who, *arguments), cwd=folder, check=True, env={**os.environ, **alone})


@dataclass(frozen=True)
class Company:
    """A repository that a controller follows, served; what is opened is carried through at once."""

    world: deploy_factories.World

    @property
    def runner(self) -> deploy_factories.ScriptedRunner:
        return self.world.runner

    def last(self, environment: str = "staging") -> Deployment:
        return self.world.last(environment)


@contextmanager
def at_work(act: Callable[[], None]) -> Iterator[None]:
    """Do something over and over, in a thread of its own."""
    is_over = threading.Event()

    def turn() -> None:
        while not is_over.wait(0.02):
            with suppress(RetryableError):  # as the loop does: somebody superseded it this very moment
                act()

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Company]:
    """shop/staging is deployed from Git with one thing of size 1; its runner follows a script."""
    with deploy_factories.world(tmp_path / "company") as world:
        world.deploy(deploy_factories.project(staging=deploy_factories.sized(1)), "Add staging")
        with served(world, monkeypatch):
            yield Company(world)


@contextmanager
def served(world: deploy_factories.World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let everything happen, and commands talk to it as the admin `alice`."""
    site = make.World(world.doors.store, world.doors, deploy_factories.CONTROLLER)
    with make.serving(site.app()) as url, at_work(world.settle):
        monkeypatch.setenv("LOCKSTEP_URL", url)
        monkeypatch.setenv("LOCKSTEP_TOKEN", make.token(site))
        monkeypatch.setattr(progress, "_EVERY", 0.05)
        yield
