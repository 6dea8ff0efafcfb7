"""A state that could not be saved: kept sealed, handed to the next plan, and to none after it was put back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli import main
from controller.deployments import actions, parts
from controller.history import opening, read
from controller.model.deployment import Status
from controller.runner import protocol
from controller.runner.protocol import Ended, Extent, Job, Phase
from controller.secrets import sealing
from tests import databases
from tests.deploy_factories import Script, World, project, sized, world

STATE = b'{"serial": 4, "lineage": "mine", "resources": [{"type": "secret-type"}]}'
KEPT = "the unsaved state is kept with this deployment, nothing of it is lost: it is put back before the next plan"
TRANSIENT = {"transient": True}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.doors = dataclasses.replace(made.doors, sealer=sealing.open_sealer(tmp_path / "seal.key"))
        yield made


def unsaved(**more: Any) -> Script:
    found = {"extent": Extent.PARTIAL} | more
    return Script(apply=Ended.INTERRUPTED, message="the state could not be saved", more=found, errored=STATE)


def lost(acme: World, script: Script | None = None) -> str:
    """A first deployment that could not save its state; what follows is not begun."""
    acme.runner.script = script or unsaved()
    acme.push(project(development=sized(1)))
    acme.poll()
    acme.claim()
    id = acme.last("development").id
    acme.carry(id)
    acme.runner.script = Script()
    return id


def plans(acme: World) -> list[Job]:
    return [job for job in acme.runner.jobs if job.phase is Phase.PLAN]


def put_back(acme: World, id: str) -> Any:
    part = opening.parts(acme.doors.store, id, (parts.PUT_BACK,)).get(parts.PUT_BACK)
    return parts.read(part)["by"] if part else None


def pushed(acme: World, size: int) -> None:
    acme.push({"projects/shop/development/app.manifest.yaml": sized(size)})
    acme.poll()
    acme.settle()


def test_it_is_kept_sealed_and_one_deployment_follows_up(acme: World) -> None:
    id = lost(acme)
    part = opening.parts(acme.doors.store, id, (parts.UNSAVED,))[parts.UNSAVED]
    assert acme.doors.sealer.open(part.content) == STATE
    assert b"secret-type" not in databases.stored(acme.doors.data.parent)
    assert not (acme.doors.data / "runs" / id).exists()
    first, second = acme.deployments()
    assert (first.status, first.message) == (
        Status.FAILED,
        f"failed (interrupted): the state could not be saved; {KEPT}",
    )
    assert (second.status, second.reason) == (Status.QUEUED, f"deployment {id} was interrupted")


def test_the_next_plan_gets_it_and_none_after_that(acme: World) -> None:
    id = lost(acme)
    acme.settle()
    second = acme.last("development")
    assert (second.status, put_back(acme, id)) == (Status.SUCCEEDED, second.id)
    pushed(acme, 2)
    assert acme.last("development").status is Status.SUCCEEDED
    assert [job.puts_back for job in plans(acme)] == [None, id, None]


def test_what_was_handed_over_is_the_very_state(acme: World) -> None:
    lost(acme)
    acme.runner.script = Script(hangs_in=Phase.PLAN)
    acme.settle()
    path = acme.doors.data / "runs" / acme.last("development").id / protocol.PUSH
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (STATE, 0o600)


def test_a_plan_that_fails_after_the_state_is_back_hands_it_over_no_more(acme: World) -> None:
    id = lost(acme)
    acme.runner.script = Script(plan=Ended.FAILED, message="plan failed: no")
    acme.settle()
    assert put_back(acme, id) == acme.last("development").id
    acme.runner.script = Script()
    pushed(acme, 2)
    assert [job.puts_back for job in plans(acme)] == [None, id, None]


def test_as_long_as_it_cannot_be_put_back_it_is_tried_three_times_and_handed_over_again(acme: World) -> None:
    id = lost(acme)
    acme.runner.script = Script(plan=Ended.FAILED, message="not yet", more=TRANSIENT, puts_back=False)
    for _ in range(5):
        acme.settle()
        acme.clock.forward(timedelta(minutes=5))
    assert [row.message for row in acme.deployments()[1:]] == ["not yet"] * 4
    acme.runner.script = Script()
    pushed(acme, 2)
    assert [job.puts_back for job in plans(acme)] == [None, *[id] * 5]
    assert put_back(acme, id) == acme.last("development").id


def test_a_plan_that_is_made_again_before_its_apply_hands_over_nothing(acme: World) -> None:
    """The state has moved on: the first plan put it back, the second finds it there."""
    id = lost(acme)
    acme.runner.script = Script(apply=Ended.REFUSED, message="stale", more={"stale": True, "extent": Extent.NOT_BEGUN})
    acme.settle()
    assert [job.puts_back for job in plans(acme)] == [None, id, None, None, None]


def test_a_person_who_only_plans_has_it_put_back_too(acme: World) -> None:
    id = lost(acme)
    acme.runner.script = Script(hangs_in=Phase.PLAN)
    acme.settle()
    manifest = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 3}}}}}}
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", manifest, plan_only=True)
    acme.settle()
    assert [job.puts_back for job in plans(acme)] == [None, id, id]


def test_a_plan_of_a_request_puts_nothing_anywhere_and_says_so(acme: World) -> None:
    id = lost(acme)
    acme.runner.script = Script(hangs_in=Phase.PLAN)
    acme.settle()
    tip = str(acme.repo.references["refs/heads/main"].target)
    acme.push({"projects/shop/development/app.manifest.yaml": sized(4)}, branch="wish", parents=[tip])
    (asked,) = actions.plan_ref(acme.doors, "ann", "wish").deployments
    acme.settle()
    assert {job.deployment: job.puts_back for job in plans(acme)}[asked.id] is None
    assert read.deployment(acme.doors.store, asked.id).warnings == (
        f"deployment {id} could not save its state: what it made may be shown as new here",
    )


def test_it_is_kept_even_when_nobody_could_find_out_what_the_apply_did(acme: World) -> None:
    acme.runner.script = Script(dies_in=Phase.APPLY)
    acme.push(project(development=sized(1)))
    acme.poll()
    acme.claim()
    id = acme.last("development").id
    while Phase.APPLY not in [phase for phase, _ in acme.runner.started]:
        acme.step(id)
    acme.runner.script = Script(dies_in=Phase.RECOVER)
    (acme.doors.data / "runs" / id / protocol.ERRORED).write_bytes(STATE)
    for _ in range(4):
        acme.carry(id)
        acme.clock.forward(timedelta(minutes=1))
    assert acme.deployments()[0].message == (f"failed (interrupted): what it did could not be found out; {KEPT}")
    part = opening.parts(acme.doors.store, id, (parts.UNSAVED,))[parts.UNSAVED]
    assert acme.doors.sealer.open(part.content) == STATE


@pytest.mark.parametrize(
    ("script", "message", "count"),
    [
        pytest.param(
            Script(apply=Ended.CANCELLED, message="x"), "failed (interrupted): it was stopped", 2, id="drained"
        ),
        pytest.param(
            Script(apply=Ended.TIMED_OUT, message="apply was stopped"), "apply was stopped; ", 1, id="too-slow"
        ),
    ],
)
def test_however_the_apply_ended_it_is_kept_and_said(acme: World, script: Script, message: str, count: int) -> None:
    """An engine that was stopped while the storage was away."""
    id = lost(acme, dataclasses.replace(script, errored=STATE))
    row = read.deployment(acme.doors.store, id)
    assert row.message.startswith(message)
    assert row.message.endswith(f"; {KEPT}")
    assert len(acme.deployments()) == count


def db(tmp_path: Path, *arguments: str) -> int:
    config = tmp_path / "controller.yaml"
    config.write_text(
        f"data_dir: {tmp_path / 'data'}\ndatabase_url: {databases.address(tmp_path)}\n"
        f"seal_key_file: {tmp_path / 'seal.key'}\n"
    )
    return main(["db", "unsaved-state", *arguments, "--config", str(config)])


def test_an_operator_gets_it_and_drops_it(acme: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    id = lost(acme)
    assert db(tmp_path, id) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(STATE)
    assert db(tmp_path, id, "--forget") == 0
    assert capsys.readouterr() == ("", f"the state that deployment {id} could not save is not put back any more\n")
    assert db(tmp_path, id, "--forget") == 6
    assert capsys.readouterr() == ("", f"deployment {id} has no state that would still be put back\n")
    acme.settle()
    assert [job.puts_back for job in plans(acme)] == [None, None]
    assert [(line.action, line.subject) for line in read.audit(acme.doors.store)] == [("forget unsaved state", id)]
    assert db(tmp_path, acme.last("development").id) == 6
    assert capsys.readouterr().err == (
        f"deployment {acme.last('development').id} has saved its state; there is no other one to be shown\n"
    )
