"""What every test of a page or of the API starts from: a world with one deployed environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import webui_factories as make
from tests.webui_factories import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository is watched; nothing was decided yet."""
    made = make.world(tmp_path)
    make.watched(made)
    return made


@pytest.fixture
def shop(world: World) -> World:
    """One commit was deployed to shop/development."""
    of = make.commit("Add the shop")
    make.decided(world, [of], [make.wants(world, "shop/development", of)])
    id = make.newest(world)
    make.planned(world, id, make.summary(make.change("create"), outputs=[{"name": "api", "action": "create"}]))
    make.ended(world, id)
    return world
