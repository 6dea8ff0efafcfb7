"""An environment is moved to another runner or state storage. Nothing is made twice, whatever dies in the middle."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller import clock
from controller.deployments import actions, adopting, follow, lifecycle, rebinding
from controller.deployments.lifecycle import Next
from controller.errors import ConflictError
from controller.history import read
from controller.model.bundle import StateStorage
from controller.model.deployment import EngineKind, Mode, Status
from controller.model.record import Deployment
from controller.runner import local, steps
from controller.runner.protocol import Engine
from tests import plain_states
from tests.deploy_factories import PLATFORM, REPOSITORY, World, project, sized, world
from tests.flow.test_deploy_engine import at_rest, ledger, turning, until
from tests.runner_factories import engines
from tests.s3_server import S3Server, s3_server

pytestmark = pytest.mark.engine

RUNNER = "platform/runners/runner.yaml"
LOCAL = "{type: local}"
BUCKET = "{type: s3, bucket: acme_states, path_prefix: lockstep}"
MODULE = "platform/modules/thing/main.tf"
MARKER = "lockstep.json"


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[S3Server]:
    with s3_server(tmp_path) as made:
        yield made


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def acme(request: pytest.FixtureRequest, tmp_path: Path, bucket: S3Server) -> Iterator[World]:
    """An environment of size 1, whose state lies on the controller's machine."""
    engine: Engine = request.param
    with world(tmp_path, local, engine) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        made.doors.data.mkdir()
        made.push({RUNNER: runner(made, bucket), **project(development=sized(1))})
        with turning(made):
            until(lambda: at_rest(made, 1))
        assert made.last("development").status is Status.SUCCEEDED
        yield made


def runner(acme: World, bucket: S3Server, id: str = "near", state: str = LOCAL, **more: str) -> str:
    env = {"LEDGER": str(acme.doors.data / "ledger"), **bucket.variables, **more}
    return (
        f"id: {id}\nrunner_configuration: {{type: local, env: {json.dumps(env)}}}\n"
        f"state_storage_configuration: {state}\nrules: [{{}}]\n"
    )


def push(acme: World, files: dict[str, Any]) -> str:
    commit = acme.push(files)
    acme.poll()
    return commit


def moved(acme: World, count: int) -> Deployment:
    until(lambda: at_rest(acme, count))
    return acme.last("development")


def key(acme: World) -> str:
    return f"/acme_states/lockstep/{acme.environment('development').uuid}.tfstate"


def state_folder(acme: World) -> Path:
    return acme.doors.data / "states" / acme.environment("development").uuid


def here(acme: World) -> bytes:
    """The state on this machine, as its owner would hand it on."""
    written = (state_folder(acme) / "terraform.tfstate").read_bytes()
    return plain_states.plain(acme, acme.environment("development").uuid, written)


def away(acme: World, bucket: S3Server, environment: str = "development") -> Any:
    """What the state in the bucket says."""
    uuid = acme.environment(environment).uuid
    return json.loads(plain_states.plain(acme, uuid, bucket.objects[f"/acme_states/lockstep/{uuid}.tfstate"]))


def marker(acme: World) -> Any:
    return json.loads((state_folder(acme) / MARKER).read_text())


def test_an_environment_is_moved_to_another_runner(acme: World, bucket: S3Server) -> None:
    wanted = push(acme, {RUNNER: runner(acme, bucket, "far"), **project(development=sized(2))})
    assert acme.environment("development").problems == (
        "platform/runners/runner.yaml:1:1: runner would change from `near` to `far`; "
        "run `lockstep rebind shop development`",
    )
    with turning(acme):
        made = rebinding.rebind(acme.doors, "ann", "shop", "development", reason="near is closing")
        assert acme.last("development").id == made.id
        until(lambda: at_rest(acme, 3))
    move, row = acme.deployments()[1:]
    assert (move.mode, move.status, move.message, move.reason) == (
        Mode.REBIND,
        Status.SUCCEEDED,
        "nothing to change before, and nothing after",
        "moved from runner `near` with its state in `local` to runner `far` with its state in `local`, for ann: "
        "near is closing",
    )
    # And then what Git wanted all the time.
    assert (row.mode, row.status, row.commit) == (Mode.DEPLOY, Status.SUCCEEDED, wanted)
    found = acme.environment("development")
    assert found.binding is not None
    assert (found.binding.runner, found.problems, found.applied) == ("far", (), found.desired)
    assert ledger(acme) == ["size 1", "size 2"]


def test_a_state_is_moved_to_another_storage_and_back(acme: World, bucket: S3Server) -> None:
    before = json.loads(here(acme))
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    assert acme.environment("development").problems == (
        "platform/runners/runner.yaml:1:1: state storage would change from `local` to `s3`; "
        "run `lockstep rebind shop development`",
    )
    with turning(acme):
        made = rebinding.rebind(acme.doors, "ann", "shop", "development")
        row = moved(acme, 2)
        assert (row.status, row.message) == (Status.SUCCEEDED, "nothing to change before, and nothing after")
        there = away(acme, bucket)
        assert (there["lineage"], there["resources"]) == (before["lineage"], before["resources"])
        binding = acme.environment("development").binding
        assert binding is not None
        assert binding.state == StateStorage("s3", {"bucket": "acme_states", "path_prefix": "lockstep"})
        uuid = acme.environment("development").uuid
        assert marker(acme) == {
            "environment": "shop/development",
            "uuid": uuid,
            "moved_to": "s3",
            "deployment": made.id,
        }
        push(acme, project(development=sized(2)))
        assert moved(acme, 3).status is Status.SUCCEEDED
        assert json.loads(here(acme)) == before
        push(acme, {RUNNER: runner(acme, bucket)})
        rebinding.rebind(acme.doors, "ann", "shop", "development")
        assert moved(acme, 4).status is Status.SUCCEEDED
        assert marker(acme) == {"environment": "shop/development", "uuid": uuid}
        push(acme, project(development=sized(3)))
        assert moved(acme, 5).status is Status.SUCCEEDED
    assert ledger(acme) == ["size 1", "size 2", "size 3"]


def test_another_state_at_the_new_place_is_in_the_way(acme: World, bucket: S3Server) -> None:
    other = {
        "version": 4,
        "terraform_version": "1.9.0",
        "serial": 9,
        "lineage": "other",
        "resources": [],
        "outputs": {"x": {"value": 1, "type": "number"}},
    }
    bucket.objects[key(acme)] = json.dumps(other).encode()
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    with turning(acme):
        rebinding.rebind(acme.doors, "ann", "shop", "development")
        row = moved(acme, 2)
    ours = json.loads(here(acme))
    assert (row.status, row.message) == (
        Status.FAILED,
        f"the state that is to be moved (serial {ours['serial']} of lineage {ours['lineage']}) is not put there: "
        "the state storage has serial 9 of lineage other, which somebody else wrote; "
        "see that the new place holds no other state, then move it again; it stays bound as it was",
    )
    assert json.loads(bucket.objects[key(acme)]) == other
    found = acme.environment("development")
    assert found.binding is not None
    assert (found.binding.state.type, found.applied is None) == ("local", False)


def test_what_is_not_in_step_is_not_moved(acme: World, bucket: S3Server) -> None:
    (state_folder(acme) / "terraform.tfstate").unlink()
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    with turning(acme):
        rebinding.rebind(acme.doors, "ann", "shop", "development")
        row = moved(acme, 2)
    assert (row.status, row.message) == (
        Status.FAILED,
        "the plan before the move is not empty; bring it in step first, then move it; nothing was moved, "
        "it stays bound as it was",
    )
    assert (bucket.objects, ledger(acme)) == ({}, ["size 1"])


def test_a_plan_that_is_not_empty_after_the_move_leaves_the_binding(acme: World, bucket: S3Server) -> None:
    reading = PLATFORM[MODULE].replace("= var.size\n", '= fileexists(pathexpand("~/flag")) ? 7 : var.size\n', 1)
    push(acme, {MODULE: reading})
    with turning(acme):
        assert moved(acme, 2).status is Status.SUCCEEDED
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    made = rebinding.rebind(acme.doors, "ann", "shop", "development")
    assert acme.claim() == made.id
    until(lambda: lifecycle.advance(acme.doors, made.id, may_apply=False) is Next.APPLY)
    (acme.doors.data / "runs" / made.id / "home" / "flag").touch()
    acme.restarted()
    with turning(acme):
        row = moved(acme, 3)
    assert (row.status, row.message) == (
        Status.FAILED,
        "nothing to change before, but after the move the plan is not empty (planned: 1 to update); the copy of the "
        "state at the new place is not used, and may stay there; it stays bound as it was",
    )
    found = acme.environment("development")
    assert found.binding is not None
    assert (found.binding.state.type, found.applied is None, marker(acme).get("moved_to")) == ("local", False, None)
    with turning(acme):
        rebinding.rebind(acme.doors, "ann", "shop", "development")
        assert moved(acme, 4).status is Status.SUCCEEDED
    assert ledger(acme) == ["size 1"]


def test_a_state_that_another_key_opens_is_in_the_way_as_well(acme: World, bucket: S3Server) -> None:
    if acme.doors.engine.kind is not EngineKind.OPENTOFU:
        pytest.skip("only OpenTofu encrypts")
    written = (state_folder(acme) / "terraform.tfstate").read_bytes()
    bucket.objects[key(acme)] = other = written.replace(b'"encrypted_data": "', b'"encrypted_data": "AAAA')
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    with turning(acme):
        rebinding.rebind(acme.doors, "ann", "shop", "development")
        row = moved(acme, 2)
    assert (row.status, row.message) == (
        Status.FAILED,
        "the state is not put there: what is at the new place is not encrypted with the key of this environment, "
        "so somebody else wrote it; see that the new place holds no other state, then move it again; "
        "it stays bound as it was",
    )
    assert (bucket.objects[key(acme)], here(acme)) == (
        other,
        plain_states.plain(acme, state_folder(acme).name, written),
    )


@pytest.mark.parametrize("phase", ["plan", "move"])
def test_a_supervisor_that_is_killed_in_the_middle_changes_nothing(acme: World, bucket: S3Server, phase: str) -> None:
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    with turning(acme):
        made = rebinding.rebind(acme.doors, "ann", "shop", "development")
        folder = acme.doors.data / "runs" / made.id
        if phase == "plan":
            until(lambda: steps.read_running(folder) is not None)
        else:
            until(lambda: key(acme) in bucket.objects)
        os.kill(json.loads((folder / "lock").read_text())["pid"], signal.SIGKILL)
        until(lambda: at_rest(acme, 2))
    row = acme.last("development")
    assert (row.status, row.message) == (Status.SUCCEEDED, "nothing to change before, and nothing after")
    assert ledger(acme) == ["size 1"]
    assert away(acme, bucket)["resources"]


def test_a_controller_that_is_lost_in_the_middle_goes_on(acme: World, bucket: S3Server) -> None:
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    made = rebinding.rebind(acme.doors, "ann", "shop", "development")
    with turning(acme):
        until(lambda: acme.last("development").status is Status.APPLYING)
    again = acme.restarted()
    with turning(again):
        until(lambda: at_rest(again, 2))
    assert read.deployment(again.doors.store, made.id).status is Status.SUCCEEDED
    assert ledger(again) == ["size 1"]


def test_an_older_database_does_not_go_on_with_the_old_state(acme: World, bucket: S3Server) -> None:
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    uuid = acme.environment("development").uuid
    (state_folder(acme) / MARKER).write_text(
        json.dumps({"environment": "shop/development", "uuid": uuid, "moved_to": "s3", "deployment": "d"})
    )
    push(acme, {RUNNER: runner(acme, bucket), **project(development=sized(2))})
    with turning(acme):
        row = moved(acme, 2)
    assert (row.status, row.message) == (
        Status.FAILED,
        "the state of shop/development was moved to s3, and the database is older than that; bring back a newer one, "
        f"or remove `moved_to` from lockstep.json beside the state of uuid {uuid}",
    )
    assert ledger(acme) == ["size 1"]


def test_a_moved_environment_is_destroyed_where_its_state_is_now(acme: World, bucket: S3Server) -> None:
    push(acme, {RUNNER: runner(acme, bucket, state=BUCKET)})
    with turning(acme):
        rebinding.rebind(acme.doors, "ann", "shop", "development")
        assert moved(acme, 2).status is Status.SUCCEEDED
        actions.destroy(acme.doors, "ann", "shop", "development")
        until(lambda: acme.last("development").status is Status.AWAITING_APPROVAL)
        actions.approve(acme.doors, "ann", acme.last("development").id)
        assert moved(acme, 3).status is Status.SUCCEEDED
    assert away(acme, bucket)["resources"] == []


def test_what_cannot_be_moved_is_said(acme: World, bucket: S3Server) -> None:
    def said() -> str:
        with pytest.raises(ConflictError) as refused:
            rebinding.rebind(acme.doors, "ann", "shop", "development")
        return str(refused.value)

    assert said() == "shop/development is bound to what Git wants; there is nothing to move"
    push(acme, {RUNNER: runner(acme, bucket, "far")})
    made = rebinding.rebind(acme.doors, "ann", "shop", "development")
    assert said() == (
        f"deployment {made.id} of shop/development is queued; wait for its end, or cancel it, then move the environment"
    )
    actions.cancel(acme.doors, "ann", made.id)
    binding = acme.environment("development").binding
    assert binding is not None
    assert binding.runner == "near"


def test_a_state_of_somebody_else_at_a_first_deployment_is_refused(acme: World, bucket: S3Server) -> None:
    """In a storage elsewhere it is looked for by the engine, before anything is planned."""
    uuid = "6f1c1f6e-7b0e-4a53-9a55-0d3a3b1c2d3e"
    bucket.objects[f"/acme_states/lockstep/{uuid}.tfstate"] = here(acme)
    files = {RUNNER: runner(acme, bucket, "far", BUCKET), **project(staging=sized(1))}
    files["projects/shop/staging/environment.yaml"] = f"uuid: {uuid}\n"
    acme.push(files)
    with turning(acme):
        follow.poll(acme.doors, REPOSITORY)
        until(lambda: at_rest(acme, 2))
    row = acme.last("staging")
    assert (row.status, row.message) == (
        Status.FAILED,
        f"there is a state for shop/staging already, with uuid {uuid}, that Lockstep did not write; "
        f"run `lockstep adopt shop staging --uuid {uuid}`",
    )
    assert ledger(acme) == ["size 1"]


def test_the_file_of_a_state_keeps_its_lineage_in_a_storage_elsewhere(acme: World, bucket: S3Server) -> None:
    state = here(acme)
    files = {RUNNER: runner(acme, bucket, "far", BUCKET), **project(staging=sized(1))}
    files["projects/shop/staging/environment.yaml"] = "mode: observe\n"
    push(acme, files)
    with turning(acme):
        until(lambda: at_rest(acme, 2))
        adopting.adopt(acme.doors, "ann", "shop", "staging", state=state)
        until(lambda: at_rest(acme, 3))
    row = acme.last("staging")
    assert (row.mode, row.status, row.no_changes) == (Mode.PLAN_ONLY, Status.PLANNED, True)
    there = away(acme, bucket, "staging")
    before = json.loads(state)
    assert (there["lineage"], there["resources"]) == (before["lineage"], before["resources"])
    assert ledger(acme) == ["size 1"]
