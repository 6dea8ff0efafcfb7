"""An upgrade to a release that records the commits of tags deploys nothing, and forgets nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.deployments import suspending
from controller.deployments.memory import Memory
from controller.history import opening, pins
from controller.history.opening import Part
from controller.history.pins import Rewritten
from controller.history.store import Store
from controller.history.tables import ModulePinRow, RepositoryRow
from controller.tofu import desired as documents
from tests.deploy_factories import World, project, sized, world
from tests.git_server import without_proxy
from tests.module_factories import BUCKET, Remote, given, module, recorded, served, started, tick


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    without_proxy(monkeypatch)
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "company") as made:
        yield made


def test_an_upgrade_deploys_nothing_of_what_was_applied_before_commits_were_recorded(
    acme: World, remote: Remote
) -> None:
    started(acme, remote)
    _as_before_pins(acme)
    _upgraded(acme)
    count = len(acme.deployments())
    remote.release(code="# moved while nobody looked\n")
    acme.settle()  # decided before anything is polled
    waits = f"module `bucket`: `v1` of {remote.server.url('modules.git')} cannot be resolved (not asked yet)"
    assert acme.environment("staging").note == waits
    tick(acme, 3)
    assert acme.environment("staging").note == ""
    assert len(acme.deployments()) == count
    staging = acme.environment("staging")
    assert staging.applied == staging.desired == acme.last("staging").desired_digest
    last = remote.release(code="# moved since\n")
    tick(acme)
    assert len(acme.deployments()) == count + 1
    assert given(acme, acme.last("staging").id) == remote.source(f"?ref={last}")


def test_an_upgrade_together_with_a_commit_deploys_what_the_commit_changes(acme: World, remote: Remote) -> None:
    started(acme, remote)
    _as_before_pins(acme)
    _upgraded(acme)
    files = {"projects/shop/development/app.manifest.yaml": sized(7), **module(remote.source("?ref=main"), "other")}
    acme.deploy(files)
    tick(acme, 3)
    assert [row.environment for row in acme.deployments()][3:] == ["development"]
    assert acme.environment("staging").applied == acme.environment("staging").desired


def test_an_upgrade_forgets_no_move_that_a_hold_keeps_back(acme: World, remote: Remote) -> None:
    started(acme, remote)
    suspending.suspend(acme.doors, "ann", "shop", reason="freeze")
    second = remote.release(code="# two\n")
    tick(acme)
    _upgraded(acme)
    tick(acme, 3)
    assert len(acme.deployments("staging")) == 1
    suspending.resume(acme.doors, "ann", "shop", reason="go on")
    tick(acme)
    assert given(acme, acme.last("staging").id) == remote.source(f"?ref={second}")
    assert len(acme.deployments()) == 4


def test_an_upgrade_deploys_nothing_of_whole_commits_and_asks_nobody(acme: World, remote: Remote) -> None:
    first = remote.release()
    acme.deploy({**project(staging=BUCKET), **module(remote.source(f"?ref={first}"))})
    before = acme.environment("staging").applied
    _upgraded(acme)
    tick(acme, 3)
    assert (len(acme.deployments()), acme.environment("staging").applied) == (1, before)
    assert (remote.listings, recorded(acme)) == (0, {})


def _as_before_pins(acme: World) -> None:
    """Let the database say what a release has left that recorded no commits."""
    store: Store = acme.doors.store
    row = acme.last("staging")
    kept = opening.parts(store, row.id, ("desired",))["desired"]
    document = json.loads(kept.content)
    document["modules"]["bucket"].pop("version")
    old = documents.repinned(document, {})
    again = Rewritten(kept.digest, old.digest, Part(old.digest, old.text.encode()))
    pins.rehashed(store, row.environment_uuid, {row.id: again}, {})
    with store.writing() as session:
        session.execute(sa.delete(ModulePinRow))


def _upgraded(acme: World) -> None:
    """Let what was decided last be an earlier release's, and the controller be started anew."""
    with acme.doors.store.writing() as session:
        session.execute(sa.update(RepositoryRow).values(release="0.0.0", wake=RepositoryRow.wake + 1))
    acme.doors = dataclasses.replace(acme.doors, memory=Memory())
