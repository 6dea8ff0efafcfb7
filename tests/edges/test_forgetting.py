"""An environment is forgotten without being destroyed: what stays behind is told exactly, before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.deployments import actions, forgetting
from controller.errors import ConflictError, NotFoundError
from controller.history import read
from controller.model.deployment import HoldKind, Status
from controller.runner.protocol import Phase
from tests.deploy_factories import Script, World, project, sized, world

GONE = {"projects/shop/development/app.manifest.yaml": None, "projects/shop/development/environment.yaml": None}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1), staging=sized(1), production=sized(1)))
        yield made


def state(acme: World, *names: str) -> str:
    """A state of shop/development with these things; the uuid under which it lies."""
    uuid = acme.environment("development").uuid
    file = acme.doors.data / "states" / uuid / "terraform.tfstate"
    resources = [
        {"module": "module.thing", "mode": "managed", "type": "terraform_data", "name": name, "instances": [{}]}
        for name in names
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"version": 4, "serial": 1, "lineage": "l", "resources": resources, "outputs": {}}))
    return uuid


def test_what_stays_behind_is_told_and_nothing_is_destroyed(acme: World) -> None:
    uuid = state(acme, "it", "other")
    acme.deploy(GONE)
    started = list(acme.runner.started)
    left = forgetting.left_behind(acme.doors, "shop", "development")
    assert left == forgetting.LeftBehind(
        resources=("thing.default#workloads.api.db (module thing)",),
        addresses=("module.thing.terraform_data.it", "module.thing.terraform_data.other"),
        state=f"its state stays in the controller's data directory, below states/{uuid}",
    )
    assert forgetting.forget(acme.doors, "ann", "shop", "development", reason="moved by hand") == left
    with pytest.raises(NotFoundError):
        acme.environment("development")
    acme.settle()
    assert acme.runner.started == started
    line = read.audit(acme.doors.store, limit=1)[0]
    assert (line.actor, line.action, line.subject, line.reason) == (
        "ann",
        "forget",
        "shop/development",
        "moved by hand",
    )
    assert line.details["left_behind"] == {
        "resources": list(left.resources),
        "addresses": list(left.addresses or ()),
        "state": left.state,
    }
    assert (line.before["status"], line.after["status"]) == ("marked_for_removal", "removed")  # type: ignore[index]


def test_one_that_git_declares_is_held_and_goes_on_with_its_state_when_it_is_resumed(acme: World) -> None:
    uuid = state(acme, "it")
    forgetting.forget(acme.doors, "ann", "shop", "development")
    acme.poll()
    acme.settle()
    found = acme.environment("development")
    (hold,) = found.holds
    assert (hold.kind, hold.who, found.last_success, found.uuid) == (HoldKind.DESTROYED, "ann", None, uuid)


def test_a_state_that_cannot_be_read_is_said_to_be_so(acme: World) -> None:
    uuid = state(acme)
    (acme.doors.data / "states" / uuid / "terraform.tfstate").write_text('{"encrypted_data": "x"}')
    assert forgetting.left_behind(acme.doors, "shop", "development").addresses is None


def test_the_key_of_an_instance_which_may_be_a_secret_is_left_out_and_counted(acme: World) -> None:
    uuid = state(acme, "it")
    file = acme.doors.data / "states" / uuid / "terraform.tfstate"
    document = json.loads(file.read_text())
    (resource,) = document["resources"]
    resource["module"] = 'module.thing["sesame \\"open\\""]'
    resource["instances"] = [{"index_key": "hunter2"}, {"index_key": "hunter3"}]
    document["resources"] = [resource, resource | {"name": "other", "instances": [{"index_key": 0}]}]
    file.write_text(json.dumps(document))
    assert forgetting.left_behind(acme.doors, "shop", "development").addresses == (
        'module.thing["…"].terraform_data.it["…"] (2 of them)',
        'module.thing["…"].terraform_data.other[0]',
    )


def test_while_an_apply_runs_it_is_refused(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.deploy(project(development=sized(2), staging=sized(1), production=sized(1)))
    row = acme.last("development")
    assert row.status is Status.APPLYING
    with pytest.raises(ConflictError) as e:
        forgetting.forget(acme.doors, "ann", "shop", "development")
    assert str(e.value) == (
        f"deployment {row.id} of shop/development is applying: what it makes could not be told; wait for its end, or "
        f"`lockstep cancel {row.id}` first"
    )


def test_a_destroy_that_failed_is_given_up_by_it(acme: World) -> None:
    acme.deploy(GONE)
    acme.runner.script = Script(counts={"destroy": 1})
    row = actions.destroy(acme.doors, "ann", "shop", "development")
    assert row is not None
    acme.settle()
    assert read.deployment(acme.doors.store, row.id).status is Status.AWAITING_APPROVAL
    forgetting.forget(acme.doors, "ann", "shop", "development")
    found = read.deployment(acme.doors.store, row.id)
    assert (found.status, found.message) == (Status.SUPERSEDED, "shop/development was forgotten by ann")
