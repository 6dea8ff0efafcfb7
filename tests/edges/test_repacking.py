"""Each mirror is repacked once a day, at a time of its own, and sooner where fetches have left very many packs."""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controller.deployments import repacking
from controller.deployments.doors import Connection
from controller.git.mirror import Mirror
from controller.loop import Loop
from tests.deploy_factories import REPOSITORY, World, project, sized, world

HOUR = timedelta(hours=1)


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.doors.data.mkdir()
        _made_at(tmp_path / "mirror.git", made.clock.at)
        yield made


def _made_at(mirror: Path, at: datetime) -> None:
    os.utime(mirror / "HEAD", (at.timestamp(), at.timestamp()))


def _fetch(acme: World, times: int) -> None:
    for size in range(times):
        acme.push(project(dev=sized(size)))
        acme.doors.connections[REPOSITORY].mirror.fetch()


def _look(acme: World, failed: dict[str, datetime] | None = None) -> tuple[int, datetime | None]:
    repacking.repack_where_due(acme.doors, {} if failed is None else failed, lambda: False)
    packs = acme.doors.connections[REPOSITORY].mirror.packs()
    return packs.count, packs.repacked_at


def test_a_mirror_is_repacked_when_its_day_is_over(acme: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "controller.deployments.repacking")
    _fetch(acme, 3)
    acme.clock.forward(21 * HOUR)
    assert _look(acme) == (3, None)
    acme.clock.forward(3 * HOUR)
    first = acme.clock.at
    assert _look(acme) == (1, first)
    assert [record.getMessage() for record in caplog.records] == [
        f"connection `{REPOSITORY}`: repacked, 3 packs of 2 KiB are 1 of 2 KiB"
    ]
    _fetch(acme, 1)
    acme.clock.forward(21 * HOUR)
    assert _look(acme) == (2, first)
    acme.clock.forward(3 * HOUR)
    assert _look(acme) == (1, acme.clock.at)


def test_very_many_packs_are_not_left_until_then(acme: World) -> None:
    _fetch(acme, repacking.MOST)
    assert _look(acme) == (repacking.MOST, None)
    _fetch(acme, 2)
    assert _look(acme) == (1, acme.clock.at)


def test_mirrors_that_were_made_together_are_not_repacked_together(acme: World, tmp_path: Path) -> None:
    ids = [f"c{n}" for n in range(8)]
    mirrors = {id: Mirror(tmp_path / f"{id}.git", acme.repo.path) for id in ids}
    for id in ids:
        _made_at(tmp_path / f"{id}.git", acme.clock.at)
    connections = {id: Connection(id, acme.repo.path, mirror) for id, mirror in mirrors.items()}
    many = dataclasses.replace(acme.doors, connections=connections)
    acme.clock.forward(22 * HOUR)
    seen = []
    for _ in range(13):
        repacking.repack_where_due(many, {}, lambda: False)
        seen.append(sum(mirror.packs().repacked_at is not None for mirror in mirrors.values()))
        acme.clock.forward(HOUR / 6)
    assert seen[-1] == len(ids)
    assert len(set(seen)) > 3


def test_one_that_fails_is_said_and_left_for_an_hour_while_others_go_on(
    acme: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _fetch(acme, 2)
    broken = Mirror(tmp_path / "broken.git", acme.repo.path)
    for _ in range(2):
        broken.fetch()
        acme.push(project(dev=sized(str(broken.packs().count))))
    for damaged in (tmp_path / "broken.git" / "objects" / "pack").glob("*"):
        damaged.chmod(0o600)
        damaged.write_bytes(b"nonsense")
    connections = {"broken": Connection("broken", acme.repo.path, broken), **acme.doors.connections}
    both = World(acme.repo, dataclasses.replace(acme.doors, connections=connections), acme.clock)
    _made_at(tmp_path / "broken.git", acme.clock.at)
    acme.clock.forward(24 * HOUR)
    failed: dict[str, datetime] = {}
    assert _look(both, failed) == (1, acme.clock.at)
    assert failed == {"broken": acme.clock.at}
    acme.clock.forward(HOUR / 2)
    _look(both, failed)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert said[0].startswith("connection `broken`: its mirror was not repacked: ")
    acme.clock.forward(HOUR / 2)
    _look(both, failed)
    assert len(caplog.records) == 2


def test_the_loop_sees_to_it(acme: World) -> None:
    _fetch(acme, 3)
    acme.clock.forward(24 * HOUR)
    loop = Loop(acme.doors)
    loop.start()
    try:
        give_up = time.monotonic() + 60
        while acme.doors.connections[REPOSITORY].mirror.packs().repacked_at is None:
            assert time.monotonic() < give_up
            time.sleep(0.02)
    finally:
        loop.stop()
    assert acme.doors.connections[REPOSITORY].mirror.packs().repacked_at == acme.clock.at
