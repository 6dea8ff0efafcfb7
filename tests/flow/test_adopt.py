"""An environment takes over what exists: a state, or things that no state knows. Nothing is made twice."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import clock
from controller.deployments import actions, adopting, follow, parts
from controller.errors import ConflictError, ManifestError
from controller.history import opening, read
from controller.model.deployment import EngineKind, Mode, Status
from controller.model.record import Deployment
from controller.runner import local
from controller.runner.protocol import Engine
from controller.tofu.names import module_name_of
from tests import plain_states
from tests.deploy_factories import REPOSITORY, World, project, sized, world
from tests.flow.test_deploy_engine import at_rest, ledger, runner, turning, until
from tests.runner_factories import engines

pytestmark = pytest.mark.engine

U = "6f1c1f6e-7b0e-4a53-9a55-0d3a3b1c2d3e"
ENVIRONMENT = "projects/shop/development/environment.yaml"
CACHE = {
    "platform/resource-types/cache.yaml": "id: cache\noutput_schema: {properties: {id: {type: string}}}\n",
    "platform/modules/cache/module.yaml": "id: cache\nresource_type: cache\nmodule_source: .\nrules: [{}]\n",
    "platform/modules/cache/main.tf": """\
resource "terraform_data" "it" {
  provisioner "local-exec" { command = "echo cache >> \\"$LEDGER\\"" }
}
output "id" { value = terraform_data.it.id }
""",
}
CACHED = "workloads:\n  api:\n    resources:\n      cache: {type: cache}\n"
CACHE_ADDRESS = f"module.{module_name_of('cache.default#workloads.api.cache')}.terraform_data.it"


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    engine: Engine = request.param
    with world(tmp_path, local, engine) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        made.doors.data.mkdir()
        made.push({"platform/runners/local.yaml": runner(made)})
        yield made


def observed(size: int) -> dict[str, str | bytes]:
    return {**project(development=sized(size)), ENVIRONMENT: "mode: observe\nlimits: {replace: unlimited}\n"}


def ended(acme: World, count: int) -> Deployment:
    """The last of so many deployments, when it has ended or waits for approval."""

    def is_so() -> bool:
        rows = acme.deployments()
        return len(rows) >= count and (at_rest(acme, count) or rows[-1].status is Status.AWAITING_APPROVAL)

    until(is_so)
    return acme.last("development")


def push(acme: World, files: dict[str, str | bytes]) -> None:
    acme.push(files)
    follow.poll(acme.doors, REPOSITORY)


@pytest.fixture
def state(acme: World, tmp_path: Path) -> bytes:
    """The state of another Lockstep, which has made a thing of size 1."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with world(elsewhere, local, acme.doors.engine) as other:
        other.doors = dataclasses.replace(other.doors, now=clock.now)
        other.push({"platform/runners/local.yaml": runner(acme), **project(development=sized(1))})
        with turning(other):
            until(lambda: at_rest(other, 1))
        uuid = other.environment("development").uuid
        written = (other.doors.data / "states" / uuid / "terraform.tfstate").read_bytes()
        content = plain_states.plain(other, uuid, written)
    assert ledger(acme) == ["size 1"]
    return content


def laid(acme: World, state: bytes) -> Path:
    path = acme.doors.data / "states" / U / "terraform.tfstate"
    path.parent.mkdir(parents=True)
    path.write_bytes(state)
    return path


def test_a_state_under_another_identity_is_taken_over_and_nothing_is_made_twice(acme: World, state: bytes) -> None:
    laid(acme, state)
    push(acme, observed(1))
    with turning(acme):
        assert ended(acme, 1).counts is not None
        made = adopting.adopt(acme.doors, "ann", "shop", "development", uuid=U, reason="from the old machine")
        row = ended(acme, 2)
        assert (row.id, row.mode, row.status, row.no_changes) == (made.id, Mode.PLAN_ONLY, Status.PLANNED, True)
        push(acme, {ENVIRONMENT: "limits: {replace: unlimited}\n"})
        row = ended(acme, 3)
    assert (row.mode, row.status, row.no_changes, row.environment_uuid) == (Mode.DEPLOY, Status.SUCCEEDED, True, U)
    assert acme.environment("development").adoption is None
    assert {row.environment_uuid for row in acme.deployments()} == {U}
    assert ledger(acme) == ["size 1"]


def test_a_state_that_was_refused_is_taken_over(acme: World, state: bytes) -> None:
    path = laid(acme, state)
    push(acme, {**project(development=sized(1)), ENVIRONMENT: f"uuid: {U}\n"})
    with turning(acme):
        refused = ended(acme, 1)
        assert (refused.status, refused.message) == (
            Status.FAILED,
            f"there is a state for shop/development already, with uuid {U}, that Lockstep did not write; "
            f"run `lockstep adopt shop development --uuid {U}`",
        )
        adopting.adopt(acme.doors, "ann", "shop", "development", uuid=U, reason="moved here")
        row = ended(acme, 2)
    assert (row.status, row.no_changes, row.reason) == (
        Status.SUCCEEDED,
        True,
        f"takes over the state of uuid {U}, for ann: moved here",
    )
    assert json.loads((path.parent / "lockstep.json").read_text()) == {"environment": "shop/development", "uuid": U}
    assert ledger(acme) == ["size 1"]


def test_what_would_change_in_a_state_taken_over_waits_for_approval(acme: World, state: bytes) -> None:
    laid(acme, state)
    push(acme, {**project(development=sized(2)), ENVIRONMENT: f"uuid: {U}\nlimits: {{replace: unlimited}}\n"})
    with turning(acme):
        ended(acme, 1)
        made = adopting.adopt(acme.doors, "ann", "shop", "development", uuid=U)
        row = ended(acme, 2)
        assert (row.status, row.message) == (
            Status.AWAITING_APPROVAL,
            f"it takes over the state of uuid {U} for ann, and would change 1 more thing",
        )
        assert ledger(acme) == ["size 1"]
        actions.approve(acme.doors, "bob", made.id)
        until(lambda: at_rest(acme, 2))
    assert (acme.last("development").status, ledger(acme)) == (Status.SUCCEEDED, ["size 1", "size 2"])


def test_whatever_is_pushed_before_a_state_was_taken_over_waits_as_well(acme: World, state: bytes) -> None:
    laid(acme, state)
    push(acme, {**project(development=sized(2)), ENVIRONMENT: f"uuid: {U}\nlimits: {{replace: unlimited}}\n"})
    with turning(acme):
        ended(acme, 1)
        made = adopting.adopt(acme.doors, "ann", "shop", "development", uuid=U)
        ended(acme, 2)
        push(acme, project(development=sized(3)))
        until(lambda: acme.last("development").status is Status.AWAITING_APPROVAL and len(acme.deployments()) == 3)
        assert read.deployment(acme.doors.store, made.id).status is Status.SUPERSEDED
        assert ledger(acme) == ["size 1"]
        push(acme, project(development=sized(1)))
        until(lambda: at_rest(acme, 4))
    row = acme.last("development")
    assert (row.status, row.no_changes, ledger(acme)) == (Status.SUCCEEDED, True, ["size 1"])


def test_the_file_of_a_state_is_put_into_the_storage_and_kept_sealed(acme: World, state: bytes) -> None:
    push(acme, observed(1))
    with turning(acme):
        ended(acme, 1)
        push(acme, {"projects/shop/more.manifest.yaml": "shared: {}\n"})
        made = adopting.adopt(acme.doors, "ann", "shop", "development", state=state)
        ended(acme, 2)
        push(acme, {ENVIRONMENT: "limits: {replace: unlimited}\n"})
        row = ended(acme, 3)
    assert (row.status, row.no_changes, ledger(acme)) == (Status.SUCCEEDED, True, ["size 1"])
    uuid = acme.environment("development").uuid
    written = (acme.doors.data / "states" / uuid / "terraform.tfstate").read_bytes()
    there = json.loads(plain_states.plain(acme, uuid, written))
    assert there["lineage"] == json.loads(state)["lineage"]
    kept = opening.parts(acme.doors.store, made.id, (parts.UNSAVED,))[parts.UNSAVED]
    assert kept.sealed
    assert acme.doors.sealer.open(kept.content) == state


def test_things_that_no_state_knows_are_imported_without_a_question(acme: World) -> None:
    push(acme, {**CACHE, **project(development=CACHED), ENVIRONMENT: "mode: observe\n"})
    with turning(acme):
        ended(acme, 1)
        push(acme, {ENVIRONMENT: "{}\n", "projects/shop/development/app.manifest.yaml": "workloads: {}\n"})
        ended(acme, 2)
        push(acme, {ENVIRONMENT: "mode: observe\n", "projects/shop/development/app.manifest.yaml": CACHED})
        ended(acme, 3)
        adopting.adopt(acme.doors, "ann", "shop", "development", imports={CACHE_ADDRESS: "c-1"})
        planned = ended(acme, 4)
        push(acme, {ENVIRONMENT: "approval: none\n"})
        row = ended(acme, 5)
    summary = read.details(acme.doors.store, row.id).summary
    assert planned.status is Status.PLANNED
    assert (row.status, [(c["address"], c["action"]) for c in summary["changes"]]) == (
        Status.SUCCEEDED,
        [(CACHE_ADDRESS, "import")],
    )
    assert ledger(acme) == []
    assert acme.environment("development").adoption is None


def test_what_would_change_beside_an_import_waits_for_approval(acme: World) -> None:
    both = f"{CACHED}      db: {{type: thing, params: {{size: 4}}}}\n"
    push(acme, {**CACHE, **project(development=both), ENVIRONMENT: "mode: observe\n"})
    with turning(acme):
        ended(acme, 1)
        adopting.adopt(acme.doors, "ann", "shop", "development", imports={CACHE_ADDRESS: "c-1"})
        ended(acme, 2)
        push(acme, {ENVIRONMENT: "approval: none\n"})
        row = ended(acme, 3)
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        f"it takes over {CACHE_ADDRESS} for ann, and would change 1 more thing beside what it imports",
    )
    assert ledger(acme) == []


def test_an_adoption_can_be_forgotten(acme: World) -> None:
    push(acme, {**CACHE, **project(development=CACHED), ENVIRONMENT: "mode: observe\n"})
    with turning(acme):
        ended(acme, 1)
        adopting.adopt(acme.doors, "ann", "shop", "development", imports={CACHE_ADDRESS: "c-1"})
        ended(acme, 2)
        adopting.forget(acme.doors, "ann", "shop", "development")
        push(acme, {ENVIRONMENT: "approval: none\n"})
        row = ended(acme, 3)
    assert (row.status, ledger(acme)) == (Status.SUCCEEDED, ["cache"])
    with pytest.raises(ConflictError) as refused:
        adopting.forget(acme.doors, "ann", "shop", "development")
    assert str(refused.value) == "shop/development is to take nothing over; there is nothing to forget"


def test_what_cannot_be_taken_over_is_said(acme: World) -> None:
    push(acme, project(development=sized(1)))
    with turning(acme):
        ended(acme, 1)

    def said(**given: object) -> str:
        with pytest.raises((ConflictError, ManifestError)) as refused:
            adopting.adopt(acme.doors, "ann", "shop", "development", **given)  # type: ignore[arg-type]
        return str(refused.value)

    own = "shop/development was deployed already, and has a state of its own"
    assert said(uuid=U) == f"{own}; things that it lacks are taken over with `--import ADDRESS=ID`"
    assert said(imports={"thing": "1", "a.b": " "}) == (
        "import: `a.b` has no id; write ADDRESS=ID\n"
        "import: `thing` is no address of a resource; write it as the plan does: `module.x.type.name`"
    )
    assert said() == "shop/development: nothing is named that it is to take over; give a uuid, a state or imports"


@pytest.mark.parametrize("is_plain", [True, False])
def test_a_state_that_opentofu_cannot_read_is_named_as_what_it_is(acme: World, state: bytes, *, is_plain: bool) -> None:
    if acme.doors.engine.kind is not EngineKind.OPENTOFU:
        pytest.skip("only OpenTofu encrypts")
    push(acme, project(development=sized(1)))
    with turning(acme):
        assert ended(acme, 1).status is Status.SUCCEEDED
        made = (ledger(acme), acme.environment("development"))
        path = acme.doors.data / "states" / made[1].uuid / "terraform.tfstate"
        path.write_bytes(
            state if is_plain else path.read_bytes().replace(b'"encrypted_data": "', b'"encrypted_data": "AAAA')
        )
        push(acme, {**project(development=sized(2)), ENVIRONMENT: "limits: {replace: unlimited}\n"})
        row = ended(acme, 2)
    assert (row.status, row.message) == (
        Status.FAILED,
        "the state is not encrypted with the key of this environment, so somebody else wrote it; bring back the one "
        f"that Lockstep wrote; what the engine said: `lockstep logs {row.id}`",
    )
    assert ledger(acme) == made[0]
