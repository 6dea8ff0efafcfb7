"""What every test of a command starts from: a real server on a loopback port, and a token for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

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
