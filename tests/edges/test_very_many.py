"""More than a database takes in one statement: SQLite 32,766 values, PostgreSQL 65,535."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.history import store as stores
from controller.history import work
from controller.history.pending import pending_changes
from controller.history.standing import provider_pins
from controller.history.store import Store
from controller.model.deployment import Rank, Status
from controller.model.record import OpenDeployment
from tests import databases
from tests.databases import both_databases

VERY_MANY = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(70_000)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = databases.opened(tmp_path)
    yield opened
    stores.close(opened)


@both_databases
def test_so_many_environments_may_have_something_in_their_line(store: Store) -> None:
    line = {uuid: (OpenDeployment(uuid, "d1", Rank.GIT, Status.QUEUED, "git"),) for uuid in VERY_MANY}
    with store.reading() as session:
        assert pending_changes(session, "acme", line) == {}


@both_databases
def test_so_many_environments_may_have_pins(store: Store) -> None:
    with store.reading() as session:
        assert provider_pins(session, VERY_MANY) == {}


@both_databases
def test_so_many_runs_may_have_left_something_behind(store: Store) -> None:
    assert work.known(store, VERY_MANY) == {}
