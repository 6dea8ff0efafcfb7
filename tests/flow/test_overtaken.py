"""A decision that is overtaken is made again, of what is left; at last whoever overtakes it has to wait."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pygit2
import pytest

from controller.deployments import actions, follow, suspending
from controller.deployments.deciding import Deciding
from controller.deployments.openings import Made
from controller.errors import EndingError
from controller.git.mirror import DEPLOYMENTS
from controller.history import read, standing
from controller.model.deployment import Status
from tests.databases import both_databases
from tests.deploy_factories import REPOSITORY, World, project, sized, world

AWHILE = 1  # seconds that a thread gets to do something that takes a millisecond, or that has to wait


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def kept(folder: Path) -> set[str]:
    """Ids of the deployments whose commits the mirror keeps."""
    references = pygit2.Repository(folder / "mirror.git").references
    return {name.removeprefix(DEPLOYMENTS) for name in references if name.startswith(DEPLOYMENTS)}


class Disturbed:
    """A clock that has somebody change an environment when who decides looks at it; `looks`: at which ones."""

    def __init__(self, acme: World, looks: range = range(100)) -> None:
        self._acme = acme
        self._looks = iter(range(100))
        self._disturbs = looks
        self._decides = threading.get_ident()
        self._threads: list[threading.Thread] = []

    def __call__(self) -> datetime:
        if threading.get_ident() == self._decides and next(self._looks) in self._disturbs:
            act = threading.Thread(target=self._act, args=(len(self._threads),))
            self._threads.append(act)
            act.start()
            act.join(AWHILE)
        return self._acme.clock()

    def end(self) -> None:
        for act in self._threads:
            act.join()

    def _act(self, number: int) -> None:
        if number % 2:
            actions.resume(self._acme.doors, "ann", "shop", "busy")
        else:
            suspending.suspend(self._acme.doors, "ann", "shop/busy")


@both_databases
def test_who_is_overtaken_again_and_again_has_the_others_wait(acme: World) -> None:
    acme.deploy(project(busy=sized(1), quiet=sized(2)))
    commit = acme.push({f"projects/shop/{name}/app.manifest.yaml": sized(3) for name in ("busy", "quiet")})
    follow.poll(acme.doors, REPOSITORY)
    clock = Disturbed(acme)
    follow.decide(dataclasses.replace(acme.doors, now=clock), REPOSITORY)
    clock.end()
    assert acme.told(commit)["quiet"] == "deployed"
    acme.settle()
    assert (acme.last("quiet").commit, acme.last("quiet").status) == (commit, Status.SUCCEEDED)


def test_of_what_an_overtaken_decision_would_have_opened_nothing_is_kept(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(busy=sized(1), quiet=sized(2)))
    commit = acme.push({f"projects/shop/{name}/app.manifest.yaml": sized(3) for name in ("busy", "quiet")})
    follow.poll(acme.doors, REPOSITORY)
    follow.decide(dataclasses.replace(acme.doors, now=Disturbed(acme, range(1, 2))), REPOSITORY)
    acme.settle()
    assert acme.told(commit) == {"busy": "held (suspended by ann)", "quiet": "deployed"}
    assert kept(tmp_path) == {row.id for row in acme.deployments()}


def test_a_decision_is_left_where_the_controller_ends_and_made_by_the_next_one(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(busy=sized(1), quiet=sized(2)))
    commit = acme.push({f"projects/shop/{name}/app.manifest.yaml": sized(3) for name in ("busy", "quiet")})
    follow.poll(acme.doors, REPOSITORY)
    for most in range(4):  # two environments are looked at, and two deployments made
        looks = iter([False] * most)
        with pytest.raises(EndingError) as e:
            follow.decide(dataclasses.replace(acme.doors, ends=partial(next, looks, True)), REPOSITORY)
        assert str(e.value) == "the controller ends; the next start begins that anew"
        assert kept(tmp_path) == {row.id for row in acme.deployments()}
        assert read.repositories(acme.doors.store)[0].decided_tip != commit
    acme.settle()
    assert acme.told(commit) == {"busy": "deployed", "quiet": "deployed"}


def test_what_is_opened_for_those_that_did_not_change_is_made_once(acme: World) -> None:
    acme.deploy(project(busy=sized(1), quiet=sized(2), new=sized(4)))
    files = {f"projects/shop/{name}/app.manifest.yaml": sized(3) for name in ("busy", "quiet")}
    acme.push(files | project(newer=sized(5)))
    follow.poll(acme.doors, REPOSITORY)
    connection, made = acme.doors.connections[REPOSITORY], Made()

    def decision() -> dict[str, tuple[str, str | None]]:
        now = standing.standing(acme.doors.store, REPOSITORY, acme.clock())
        found = Deciding(acme.doors, connection, now, None, made).decision().environments
        return {one.name: (one.uuid, one.opening.id if one.opening else None) for one in found}

    before = decision()
    actions.rollback(acme.doors, "ann", "shop", "busy", acme.last("busy").id)
    after = decision()
    assert after.pop("busy") != before.pop("busy")
    assert after == before
    assert [name for name, (_, opening) in after.items() if opening] == ["newer", "quiet"]
