"""Environments that Git does not declare: made, deployed by hand, given a term, and destroyed when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, creating, upkeep
from controller.errors import ConflictError, LockstepError, ManifestError, NotFoundError
from controller.history import read
from controller.model.deployment import EnvironmentStatus, Mode, Origin, Status
from controller.model.document import Json
from controller.runner.protocol import Ended
from tests.deploy_factories import Script, World, project, sized, world

MANIFEST: Json = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 7}}}}}}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1), staging=sized(1)))
        yield made


def deployed(acme: World, **term: timedelta) -> str:
    """shop/trial, made by ann and deployed; the deployment."""
    expires = acme.doors.now() + term["ends_in"] if term else None
    creating.create(acme.doors, "ann", "shop", "trial", "development", expires_at=expires)
    made = actions.deploy_manifest(acme.doors, "ann", "shop", "trial", MANIFEST)
    assert not isinstance(made, actions.DryRun)
    acme.settle()
    return made.id


def test_it_is_made_and_deployed_and_follows_nobody(acme: World) -> None:
    made = creating.create(acme.doors, "ann", "shop", "trial", "development", reason="to try it")
    assert (made.origin, made.type, made.created_by, made.expires_at) == (Origin.CLI, "development", "ann", None)
    line = read.audit(acme.doors.store, limit=1)[0]
    assert (line.actor, line.action, line.subject, line.reason) == (
        "ann",
        "create environment",
        "shop/trial",
        "to try it",
    )
    assert (line.before, line.after) == (None, {"type": "development", "expires_at": "never"})
    actions.deploy_manifest(acme.doors, "ann", "shop", "trial", MANIFEST)
    acme.settle()
    row = acme.last("trial")
    assert (row.status, row.commit) == (Status.SUCCEEDED, acme.doors.connections["acme"].mirror.known())
    before = len(acme.deployments())
    commit = acme.push({"projects/shop/extra.manifest.yaml": "shared: {xx: {type: thing, params: {size: 1}}}\n"})
    acme.poll()
    acme.settle()
    found = acme.environment("trial")
    assert (found.status, found.holds, found.applied) == (EnvironmentStatus.ACTIVE, (), row.desired_digest)
    assert "trial" not in acme.told(commit)
    assert {one.environment for one in acme.deployments()[before:]} == {"development", "staging"}


def test_the_project_s_defaults_guard_it(acme: World) -> None:
    acme.push({"projects/shop/project.yaml": "defaults: {approval: plan}\n"})
    acme.poll()
    acme.settle()
    id = deployed(acme)
    found = read.deployment(acme.doors.store, id)
    assert (found.status, found.message) == (
        Status.AWAITING_APPROVAL,
        "every plan needs approval here (approval: plan)",
    )


def test_it_is_rolled_back_and_deleted_like_any_other(acme: World) -> None:
    first = deployed(acme)
    actions.deploy_manifest(acme.doors, "ann", "shop", "trial", {"workloads": {}})
    acme.settle()
    actions.rollback(acme.doors, "ann", "shop", "trial", first)
    acme.settle()
    assert (acme.last("trial").mode, acme.environment("trial").holds) == (Mode.ROLLBACK, ())
    actions.destroy(acme.doors, "ann", "shop", "trial")
    acme.settle()
    with pytest.raises(NotFoundError):
        acme.environment("trial")


def test_when_its_time_is_over_it_is_destroyed_without_asking_anybody(acme: World) -> None:
    deployed(acme, ends_in=timedelta(hours=72))
    acme.runner.script = Script(counts={"destroy": 5})
    upkeep.tidy(acme.doors)
    acme.settle()
    assert acme.last("trial").mode is Mode.DEPLOY
    acme.clock.forward(timedelta(hours=72))
    upkeep.tidy(acme.doors)
    acme.settle()
    row = acme.last("trial")
    assert (row.mode, row.status, row.created_by, row.reason) == (
        Mode.DESTROY,
        Status.SUCCEEDED,
        "lockstep",
        "destroyed by lockstep: its time is over",
    )
    with pytest.raises(NotFoundError):
        acme.environment("trial")


def test_a_destroy_at_the_end_of_its_time_that_fails_is_left_to_a_person(acme: World) -> None:
    deployed(acme, ends_in=timedelta(hours=1))
    acme.runner.script = Script(counts={"destroy": 1}, apply=Ended.FAILED, message="apply failed: in use")
    acme.clock.forward(timedelta(hours=1))
    for _ in range(5):
        upkeep.tidy(acme.doors)
        acme.settle()
    destroys = [row for row in acme.deployments("trial") if row.mode is Mode.DESTROY]
    assert [row.status for row in destroys] == [Status.FAILED]
    assert acme.environment("trial").status is EnvironmentStatus.DELETE_FAILED


def test_a_protected_type_is_not_destroyed_by_the_clock_either(acme: World) -> None:
    acme.push({"projects/shop/project.yaml": "defaults: {protected: [thing]}\n"})
    acme.poll()
    acme.settle()
    deployed(acme, ends_in=timedelta(hours=1))
    change = {"address": "module.a.b", "action": "delete", "module": "thing.default#workloads.api.db"}
    acme.runner.script = Script(counts={"destroy": 1}, changes=(change,))
    acme.clock.forward(timedelta(hours=1))
    upkeep.tidy(acme.doors)
    acme.settle()
    assert (acme.last("trial").status, acme.last("trial").message) == (
        Status.REJECTED,
        "it would destroy module.a.b of `thing.default#workloads.api.db`, and type `thing` is protected",
    )


def test_it_gets_more_time_or_all_of_it(acme: World) -> None:
    deployed(acme, ends_in=timedelta(hours=1))
    later = acme.doors.now() + timedelta(hours=5)
    assert creating.extend(acme.doors, "bea", "shop", "trial", later).expires_at == later
    line = read.audit(acme.doors.store, limit=1)[0]
    assert (line.actor, line.action, line.after) == ("bea", "extend environment", {"expires_at": later.isoformat()})
    acme.clock.forward(timedelta(hours=2))
    upkeep.tidy(acme.doors)
    assert creating.extend(acme.doors, "bea", "shop", "trial", None).expires_at is None
    acme.clock.forward(timedelta(hours=9))
    upkeep.tidy(acme.doors)
    acme.settle()
    assert acme.last("trial").mode is Mode.DEPLOY


def test_git_cannot_take_over_what_was_made_by_hand(acme: World) -> None:
    deployed(acme)
    commit = acme.push({"projects/shop/trial/app.manifest.yaml": sized(3)})
    acme.poll()
    acme.settle()
    assert "trial" not in acme.told(commit)
    assert acme.environment("trial").origin is Origin.CLI
    (found,) = read.repositories(acme.doors.store)
    assert found.problems == (
        "projects/shop/trial: an environment shop/trial was made by hand, and is another one than this; give this "
        "another "
        "name, or delete that one with `lockstep delete environment shop trial`",
    )


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("shpo", "trial", "development"), NotFoundError, "project `shpo` does not exist; did you mean `shop`?"),
        (
            ("shop", "Trial", "development"),
            ManifestError,
            "name: `Trial` is not a valid environment id; use 2 to 100 lower-case letters, digits and single `-`, "
            "beginning with a letter",
        ),
        (
            ("shop", "trial", "developmnet"),
            ManifestError,
            "type: environment type `developmnet` is unknown; did you mean `development`?",
        ),
        (
            ("shop", "staging", "development"),
            ConflictError,
            "environment `shop/staging` exists already, Git declares it; choose another name",
        ),
    ],
)
def test_what_cannot_be_made(acme: World, words: tuple[str, ...], error: type[LockstepError], said: str) -> None:
    with pytest.raises(error) as e:
        creating.create(acme.doors, "ann", *words)
    assert str(e.value) == said


def test_one_of_that_name_and_a_time_that_has_passed_are_refused(acme: World) -> None:
    deployed(acme)
    with pytest.raises(ConflictError) as e:
        creating.create(acme.doors, "bea", "shop", "trial", "development")
    assert str(e.value) == "environment `shop/trial` exists already, ann has made it; choose another name"
    with pytest.raises(ConflictError) as e:
        creating.extend(acme.doors, "bea", "shop", "trial", acme.doors.now())
    assert str(e.value) == f"{acme.doors.now().isoformat()} has passed already; give a time to come"
    with pytest.raises(ConflictError) as e:
        creating.extend(acme.doors, "bea", "shop", "staging", None)
    assert str(e.value) == "Git declares shop/staging: it ends when its directory goes"
