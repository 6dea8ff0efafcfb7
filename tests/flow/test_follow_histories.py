"""Laws over histories that nobody thought of: what was polled when does not matter, and quiet stays quiet."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments.lifecycle import Next, advance
from controller.errors import ConflictError, RetryableError
from controller.history import decided, read, watching, work
from controller.model.deployment import Mode, Status, VerdictKind
from tests import git_factories
from tests.deploy_factories import REPOSITORY, World, project, sized, world

CHANGED = {VerdictKind.DEPLOYED, VerdictKind.SUPERSEDED, VerdictKind.REVERTED}
STAGING = "projects/shop/staging/app.manifest.yaml"
PROMOTED = {
    "projects/shop/production/environment.yaml": "source: environment://staging\nlimits: {replace: unlimited}\n"
}


def change(chance: random.Random) -> dict[str, git_factories.Content]:
    """A commit as people make them: another size, one as before, a mistake, something else altogether."""
    name = chance.choice(["development", "staging"])
    path = f"projects/shop/{name}/app.manifest.yaml"
    match chance.randrange(6):
        case 0:
            return {path: sized("wrong")}
        case 1:
            return {"README.md": str(chance.random())}
        case 2:
            return {"platform/modules/thing/more.tf": f'output "more" {{ value = {chance.randrange(3)} }}\n'}
        case _:
            return {path: sized(chance.randrange(1, 4))}


def story(seed: int) -> list[dict[str, git_factories.Content]]:
    chance = random.Random(seed)
    return [change(chance) for _ in range(8)]


def told(acme: World) -> dict[str, dict[str, str]]:
    """The class of every verdict by commit number and environment; held ones aside, which depend on when."""
    found = {}
    for number, row in enumerate(reversed(decided.commits(acme.doors.store, REPOSITORY, limit=100))):
        kinds = {verdict.environment: verdict.kind for verdict in row.verdicts if verdict.environment != "production"}
        found[str(number)] = {name: "changed" if kind in CHANGED else str(kind) for name, kind in kinds.items()}
    return found


def live(folder: Path, seed: int, when: Callable[[int], bool]) -> tuple[object, ...]:
    """Push a story, polling and settling when it is said to; how everything stands in the end."""
    with world(folder) as acme:
        acme.deploy(project(development=sized(1), staging=sized(1)) | PROMOTED)
        for number, files in enumerate(story(seed)):
            acme.push(files)
            if when(number):
                acme.poll()
                acme.settle()
        acme.poll()
        acme.settle()
        before = len(acme.deployments())
        for _ in range(3):
            acme.clock.forward(timedelta(minutes=1))
            acme.poll()
            acme.settle()
        assert len(acme.deployments()) == before
        check(acme)
        rows = read.environments(acme.doors.store)
        commits = {
            row.id: n for n, row in enumerate(reversed(decided.commits(acme.doors.store, REPOSITORY, limit=100)))
        }
        lives = {row.name: commits.get(row.live_commit or "") for row in rows if row.name != "production"}
        return {row.name: row.applied for row in rows}, lives, told(acme)


def check(acme: World) -> None:
    """What is true of every history."""
    for row in decided.commits(acme.doors.store, REPOSITORY, limit=100):
        assert len({verdict.environment for verdict in row.verdicts}) == len(row.verdicts) == 3
        for verdict in row.verdicts:
            assert (verdict.deployment is not None) is (verdict.kind in (VerdictKind.DEPLOYED, VerdictKind.SUPERSEDED))
    for row in acme.deployments():
        assert row.completed_at is not None
    assert not list((acme.doors.data / "runs").iterdir())


@pytest.mark.parametrize("seed", range(6))
def test_the_end_is_the_same_however_often_it_was_polled(tmp_path: Path, seed: int) -> None:
    """I2, I4, I9 through Git, pipeline and database."""
    chance = random.Random(seed)
    ends = [
        live(tmp_path / "always", seed, lambda number: True),
        live(tmp_path / "once", seed, lambda number: False),
        live(tmp_path / "now and then", seed, lambda number: chance.random() < 0.4),
    ]
    assert ends[0] == ends[1] == ends[2]


def test_many_workers_never_apply_twice_at_once(tmp_path: Path) -> None:
    """I1, with controllers that know nothing of each other but the database."""
    with world(tmp_path) as acme:
        acme.deploy(project(development=sized(1), staging=sized(1)))
        busy: list[int] = []
        stop = threading.Event()

        def carry(name: str) -> None:
            doors = replace(acme.doors, controller=name)
            while not stop.is_set():
                found = work.claim_queued(doors.store, name, doors.now(), doors.limits.lease)
                going = work.claim_open(doors.store, name, doors.now(), doors.limits.lease)
                for id in [*([found] if found else []), *going]:
                    try:
                        while advance(doors, id) not in (Next.DONE, Next.LATER):
                            busy.append(applying(acme))
                    except (ConflictError, RetryableError):
                        pass
                    work.release(doors.store, name, id)

        threads = [threading.Thread(target=carry, args=(f"controller-{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for size in range(2, 8):
            acme.push({STAGING: sized(size), "projects/shop/development/app.manifest.yaml": sized(size)})
            acme.poll()
        while watching.undecided(acme.doors.store) or any(row.completed_at is None for row in acme.deployments()):
            acme.decide()
        stop.set()
        for thread in threads:
            thread.join()
        assert max(busy) <= 2  # one in each of the two environments
        assert {row.applied for row in read.environments(acme.doors.store)} == {acme.last("staging").desired_digest}


def applying(acme: World) -> int:
    rows = [row for row in acme.deployments() if row.status is Status.APPLYING and row.mode is Mode.DEPLOY]
    assert len({row.environment for row in rows}) == len(rows)
    return len(rows)
