"""One step after another: from queued to its end, whoever stops it, and what is known of the environment meanwhile."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.deployments import actions, adopting
from controller.deployments.lifecycle import Next
from controller.errors import ConflictError, NotAllowedError
from controller.history import read, watching
from controller.model.deployment import Status
from controller.model.record import Counts, Decision, Deployment
from controller.runner import protocol
from controller.runner.protocol import Ended, Phase
from controller.secrets import age, logs
from tests import databases
from tests.databases import both_databases
from tests.deploy_factories import CONTROLLER, REPOSITORY, Script, World, project, sized, world

APPROVAL = "limits: {replace: 0}\n"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def opened(acme: World, script: Script | None = None, settings: str | None = None) -> str:
    """The first deployment of shop/development, queued."""
    acme.runner.script = script or Script()
    files = project(development=sized(1))
    if settings is not None:
        files["projects/shop/development/environment.yaml"] = settings
    acme.push(files)
    acme.poll()
    return acme.last("development").id


def ended(acme: World, script: Script) -> Deployment:
    opened(acme, script)
    acme.settle()
    return acme.deployments("development")[0]


def second(acme: World, script: Script, size: int = 2) -> str:
    """A further commit; its deployment, queued."""
    acme.runner.script = script
    acme.push({"projects/shop/development/app.manifest.yaml": sized(size)})
    acme.poll()
    return acme.last("development").id


def is_clean(acme: World) -> bool:
    """Whether no run is left, and so no plan in clear."""
    runs = acme.doors.data / "runs"
    return not runs.exists() or not list(runs.iterdir())


@both_databases
def test_the_way_of_a_deployment(acme: World) -> None:
    id = opened(acme)
    statuses = [acme.last("development").status]
    acme.claim()
    for _ in range(20):
        found = acme.step(id)
        statuses.append(acme.last("development").status)
        if found is Next.DONE:
            break
    assert list(dict.fromkeys(statuses)) == [Status.QUEUED, Status.PLANNING, Status.APPLYING, Status.SUCCEEDED]
    assert acme.runner.started == [(Phase.PLAN, id), (Phase.APPLY, id)]
    assert is_clean(acme)


def test_a_success_is_recorded_with_all_that_it_left(acme: World) -> None:
    row = ended(acme, Script(counts={"create": 2, "update": 1}))
    assert (row.status, row.counts) == (Status.SUCCEEDED, Counts(create=2, update=1))
    assert acme.environment("development").applied == row.desired_digest
    (found,) = [line for line in read.resources(acme.doors.store, "shop", "development") if line.module]
    assert (found.module, found.deployment) == ("thing", row.id)


def test_what_is_applied_is_unknown_while_an_apply_runs(acme: World) -> None:
    ended(acme, Script())
    id = second(acme, Script(hangs_in=Phase.APPLY))
    acme.settle()
    assert (acme.last("development").status, acme.environment("development").applied) == (Status.APPLYING, None)
    assert acme.carry(id) is Next.SOON


def test_the_plan_that_was_recorded_is_the_one_that_is_applied(acme: World) -> None:
    row = ended(acme, Script())
    assert acme.runner.jobs[1].plan_digest == row.plan_digest


def test_a_plan_whose_file_is_gone_comes_back_from_its_sealed_copy(acme: World) -> None:
    id = opened(acme)
    acme.claim()
    acme.step(id)  # starts the plan
    acme.step(id)  # records it
    path = acme.doors.data / "runs" / id / protocol.PLAN
    content = path.read_bytes()
    path.unlink()
    acme.step(id)  # begins the apply
    acme.step(id)  # starts it
    assert path.read_bytes() == content


def test_a_plan_comes_back_where_the_whole_run_directory_is_gone(acme: World) -> None:
    """It was applying for ever."""
    id = opened(acme)
    acme.claim()
    acme.step(id)
    acme.step(id)
    shutil.rmtree(acme.doors.data / "runs" / id)
    acme.carry(id)
    assert acme.last("development").status is Status.SUCCEEDED


def test_a_plan_that_was_lost_before_it_was_kept_ends_the_deployment(acme: World) -> None:
    """It was applying for ever."""
    id = opened(acme)
    acme.claim()
    acme.step(id)
    (acme.doors.data / "runs" / id / protocol.PLAN).unlink()
    acme.carry(id)
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.FAILED,
        "the plan's file is gone, and no copy of it was kept; deploy again",
    )


def test_an_empty_plan_succeeds_without_an_apply(acme: World) -> None:
    row = ended(acme, Script(counts={}))
    assert (row.status, row.no_changes, row.message) == (Status.SUCCEEDED, True, "nothing to change")
    assert acme.runner.started == [(Phase.PLAN, row.id)]
    assert acme.environment("development").applied == row.desired_digest


def test_a_failed_plan_ends_the_deployment_and_is_not_tried_again(acme: World) -> None:
    row = ended(acme, Script(plan=Ended.FAILED, message="plan failed: no such thing"))
    assert (row.status, row.message) == (Status.FAILED, "plan failed: no such thing")
    assert acme.environment("development").decided == Decision(row.desired_digest, row.id, Status.FAILED)
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == 1
    assert is_clean(acme)


def test_diagnostics_are_kept_for_everybody(acme: World) -> None:
    said = {"severity": "error", "summary": "No value for required variable"}
    row = ended(acme, Script(plan=Ended.FAILED, message="no", more={"diagnostics": (said,)}))
    assert read.details(acme.doors.store, row.id).diagnostics == (said,)


def test_a_failed_apply_leaves_what_is_applied_unknown(acme: World) -> None:
    row = ended(acme, Script(apply=Ended.FAILED, message="apply failed: boom"))
    assert (row.status, row.message) == (Status.FAILED, "apply failed: boom")
    assert acme.environment("development").applied is None


def test_after_a_failed_apply_the_way_back_is_deployed(acme: World) -> None:
    """A → B (fails in apply) → A deploys A."""
    first = ended(acme, Script())
    second(acme, Script(apply=Ended.FAILED, message="boom"))
    acme.settle()
    acme.runner.script = Script()
    acme.deploy({"projects/shop/development/app.manifest.yaml": sized(1)})
    assert [row.status for row in acme.deployments()] == [Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED]
    assert acme.environment("development").applied == first.desired_digest


def waiting(acme: World) -> str:
    """A second deployment, which would replace something and so waits."""
    ended(acme, Script())
    acme.push({"projects/shop/development/environment.yaml": APPROVAL})
    acme.poll()
    acme.settle()
    id = second(acme, Script(counts={"replace": 1}))
    acme.settle()
    return id


@both_databases
def test_what_passes_a_limit_waits_and_says_why(acme: World) -> None:
    waiting(acme)
    row = acme.last("development")
    assert row.status is Status.AWAITING_APPROVAL
    assert row.message == "it would replace 1 resource, 0 may be without approval (limits.replace)"
    assert acme.environment("development").applied is not None


@both_databases
def test_an_approved_plan_is_applied_that_very_plan(acme: World) -> None:
    id = waiting(acme)
    actions.approve(acme.doors, "ann", id)
    acme.settle()
    row = acme.last("development")
    assert (row.status, acme.environment("development").applied) == (Status.SUCCEEDED, row.desired_digest)
    assert [phase for phase, of in acme.runner.started if of == id] == [Phase.PLAN, Phase.APPLY]


@both_databases
def test_a_discarded_deployment_is_not_opened_again_and_the_way_back_opens_nothing(acme: World) -> None:
    """A → B (discarded) → A deploys nothing."""
    id = waiting(acme)
    actions.discard(acme.doors, "ann", id, reason="not today")
    acme.settle()
    assert (acme.last("development").id, acme.last("development").status) == (id, Status.DISCARDED)
    commit = acme.deploy({"projects/shop/development/app.manifest.yaml": sized(1)})
    assert acme.last("development").id == id
    assert acme.told(commit) == {"development": "deployed"}
    assert is_clean(acme)


def test_a_thousand_polls_after_a_discard_open_nothing(acme: World) -> None:
    """B (discarded) and 1,000 polls open nothing, also where one decides anew."""
    id = waiting(acme)
    actions.discard(acme.doors, "ann", id, reason="not today")
    for number in range(1000):
        acme.clock.forward(timedelta(seconds=60))
        if number % 100 == 0:
            watching.wake(acme.doors.store, REPOSITORY)
        acme.poll()
    assert (acme.last("development").id, acme.last("development").status) == (id, Status.DISCARDED)


def test_nobody_approves_in_time(acme: World) -> None:
    id = waiting(acme)
    acme.clock.forward(timedelta(hours=24))
    acme.settle()
    row = acme.last("development")
    assert (row.id, row.status, row.message) == (id, Status.DISCARDED, "discarded (expired)")
    with pytest.raises(ConflictError):
        actions.approve(acme.doors, "ann", id)


@both_databases
def test_a_newer_commit_takes_the_place_of_what_waits(acme: World) -> None:
    id = waiting(acme)
    newer = second(acme, Script(), size=3)
    acme.settle()
    found = read.deployment(acme.doors.store, id)
    assert (found.status, found.superseded_by) == (Status.SUPERSEDED, newer)
    assert acme.last("development").status is Status.SUCCEEDED


def test_whoever_started_it_may_not_approve_it_where_that_is_so_settled(acme: World) -> None:
    ended(acme, Script())
    acme.push({"projects/shop/development/environment.yaml": f"{APPROVAL}self_approval: false\n"})
    id = second(acme, Script(counts={"replace": 1}))
    acme.settle()
    with pytest.raises(NotAllowedError) as e:
        actions.approve(acme.doors, "ada@acme.example", id)
    assert str(e.value) == f"deployment {id} was started by ada@acme.example; somebody else has to approve it"
    assert actions.approve(acme.doors, "bob", id).message == "approved by bob"


def test_a_commit_does_not_loosen_what_guards_it(acme: World) -> None:
    ended(acme, Script())
    acme.push({"projects/shop/development/environment.yaml": "approval: plan\n"})
    second(acme, Script())
    acme.settle()
    actions.approve(acme.doors, "ann", acme.last("development").id)
    acme.settle()
    acme.push({"projects/shop/development/environment.yaml": "approval: none\n"})
    second(acme, Script(), size=3)
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        "every plan needs approval here (approval: plan)",
    )


def test_a_protected_type_is_never_destroyed(acme: World) -> None:
    ended(acme, Script())
    acme.push({"projects/shop/development/environment.yaml": "approval: none\nprotected: [thing]\n"})
    change = {"action": "delete", "address": "module.x.terraform_data.it", "module": "thing.default#x"}
    second(acme, Script(counts={"destroy": 1}, changes=(change,)))
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.REJECTED,
        "it would destroy module.x.terraform_data.it of `thing.default#x`, and type `thing` is protected",
    )
    assert acme.environment("development").applied is not None


def test_what_is_queued_is_cancelled_at_once(acme: World) -> None:
    id = opened(acme)
    row = actions.cancel(acme.doors, "ann", id, reason="no")
    assert (row.status, row.message) == (Status.CANCELLED, "cancelled by ann: no")
    acme.settle()
    assert acme.runner.started == []


@pytest.mark.parametrize("phase", [Phase.PLAN, Phase.APPLY])
def test_what_runs_is_cancelled_in_good_order(acme: World, phase: Phase) -> None:
    id = opened(acme, Script(hangs_in=phase))
    acme.settle()
    actions.cancel(acme.doors, "ann", id)
    acme.carry(id)
    row = acme.last("development")
    assert (row.status, row.message) == (Status.CANCELLED, f"cancelled during {phase}")
    assert is_clean(acme)


@both_databases
def test_what_is_cancelled_between_plan_and_apply_is_not_applied(acme: World) -> None:
    id = opened(acme)
    acme.claim()
    acme.step(id)
    acme.step(id)
    actions.cancel(acme.doors, "ann", id)
    acme.carry(id)
    assert acme.last("development").status is Status.CANCELLED
    assert acme.runner.started == [(Phase.PLAN, id)]


def test_what_is_cancelled_while_it_stops_to_wait_is_not_applied_and_ends(acme: World) -> None:
    """Cancelled between two looks at its row; whoever approved it then had it wait for ever."""
    ended(acme, Script())
    acme.push({"projects/shop/development/environment.yaml": APPROVAL})
    acme.poll()
    acme.settle()
    id = second(acme, Script(counts={"replace": 1}))
    acme.claim()
    acme.step(id)
    acme.step(id)
    inner, plain = acme.runner, acme.doors

    class Cancelling:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def observe(self, *given: Any) -> Any:
            actions.cancel(plain, "ann", id)
            return inner.observe(*given)

    acme.doors = dataclasses.replace(plain, runner=Cancelling())  # type: ignore[arg-type]
    acme.step(id)
    acme.doors = plain
    assert acme.last("development").status is Status.AWAITING_APPROVAL
    with pytest.raises(ConflictError) as e:
        actions.approve(acme.doors, "bob", id)
    assert str(e.value) == f"deployment {id} was cancelled by ann; there is nothing left to change"
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (Status.CANCELLED, "cancelled by ann")
    assert is_clean(acme)


def test_a_plan_that_was_superseded_is_stopped_before_the_next_begins(acme: World) -> None:
    id = opened(acme, Script(hangs_in=Phase.PLAN))
    acme.settle()
    newer = second(acme, Script())
    assert read.deployment(acme.doors.store, id).status is Status.SUPERSEDED
    assert acme.claim() is None
    acme.settle()
    assert acme.runner.started == [(Phase.PLAN, id), (Phase.PLAN, newer), (Phase.APPLY, newer)]
    assert is_clean(acme)


def test_a_stale_plan_is_made_again_and_what_was_applied_is_so_still(acme: World) -> None:
    ended(acme, Script())
    before = acme.environment("development").applied
    id = second(acme, Script(apply=Ended.REFUSED, message="stale", more={"stale": True}))
    acme.claim()
    while (Phase.APPLY, id) not in acme.runner.started:
        acme.step(id)
    acme.step(id)
    assert (acme.last("development").status, acme.environment("development").applied) == (Status.PLANNING, before)
    acme.runner.script = Script()
    acme.carry(id)
    assert acme.last("development").status is Status.SUCCEEDED
    assert [phase for phase, of in acme.runner.started if of == id] == [
        Phase.PLAN,
        Phase.APPLY,
        Phase.PLAN,
        Phase.APPLY,
    ]


@pytest.mark.parametrize(("counts", "asks_again"), [({"replace": 1}, False), ({"replace": 2}, True)])
def test_a_stale_plan_asks_again_only_if_it_says_something_else(
    acme: World, counts: dict[str, int], asks_again: bool
) -> None:
    id = waiting(acme)
    acme.runner.script = Script({"replace": 1}, apply=Ended.REFUSED, message="stale", more={"stale": True})
    actions.approve(acme.doors, "ann", id)
    while (Phase.APPLY, id) not in acme.runner.started:
        acme.step(id)
    acme.runner.script = Script(counts)
    acme.carry(id)
    assert (acme.last("development").status is Status.AWAITING_APPROVAL) is asks_again


def test_a_plan_that_is_always_overtaken_is_given_up(acme: World) -> None:
    ended(acme, Script())
    before = acme.environment("development").applied
    second(acme, Script(apply=Ended.REFUSED, message="the state has changed", more={"stale": True}))
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (Status.FAILED, "the state has changed, which it did every time")
    assert acme.environment("development").applied == before
    assert len(acme.runner.started) == 2 + 2 * 4


def test_a_passing_reason_is_tried_again_by_a_deployment_of_the_same(acme: World) -> None:
    failing = Script(plan=Ended.FAILED, message="init failed: 503", more={"transient": True})
    opened(acme, failing)
    acme.settle()
    for pause in (5, 15, 45):
        assert acme.claim() is None
        acme.clock.forward(timedelta(seconds=pause))
        acme.settle()
    acme.clock.forward(timedelta(hours=1))
    acme.settle()
    rows = acme.deployments()
    assert [row.status for row in rows] == [Status.FAILED] * 4
    assert len({row.desired_digest for row in rows}) == 1
    assert rows[1].reason == f"deployment {rows[0].id} failed for a passing reason; try 1 of 3"
    assert acme.environment("development").decided == Decision(rows[0].desired_digest, rows[3].id, Status.FAILED)
    assert len({row.log_recipient for row in rows}) == 4


def test_a_passing_reason_that_has_passed_ends_well(acme: World) -> None:
    opened(acme, Script(plan=Ended.FAILED, message="init failed: 503", more={"transient": True}))
    acme.settle()
    acme.runner.script = Script()
    acme.clock.forward(timedelta(seconds=5))
    acme.settle()
    assert [row.status for row in acme.deployments()] == [Status.FAILED, Status.SUCCEEDED]
    assert acme.environment("development").decided is not None


def read_log(acme: World, row: Deployment) -> str:
    """The whole log, read as a recipient of the controller's would."""
    key = read.details(acme.doors.store, row.id).log_key
    assert key is not None
    identity = age.decrypt(key, CONTROLLER.secret.reveal()).decode()
    chunks = [age.decrypt(content, identity) for _, content in read.log_chunks(acme.doors.store, row.id)]
    return logs.read_chunks(chunks, row.id)


@pytest.mark.parametrize(
    "script",
    [
        Script(),
        Script(counts={}),
        Script(plan=Ended.FAILED, message="no"),
        Script(apply=Ended.FAILED, message="no"),
    ],
)
def test_every_log_ends(acme: World, script: Script) -> None:
    """Where no supervisor wrote the end marker, the controller does."""
    assert read_log(acme, ended(acme, script)) == ""


def test_the_log_of_what_never_ran_on_ends_too(acme: World) -> None:
    id = waiting(acme)
    actions.discard(acme.doors, "ann", id)
    acme.settle()
    assert read_log(acme, acme.last("development")) == ""


def test_each_deployment_has_keys_of_its_own_and_outputs_have_no_reader_by_default(acme: World) -> None:
    first = ended(acme, Script())
    second(acme, Script())
    acme.settle()
    other = acme.last("development")
    assert first.log_recipient != other.log_recipient
    assert (first.outputs_recipient, read.details(acme.doors.store, first.id).outputs_key) == (None, None)


def test_recipients_of_project_and_environment_read_logs_and_those_named_read_outputs(acme: World) -> None:
    reader, outputs = age.generate(), age.generate()
    acme.push({"projects/shop/project.yaml": f"recipients: [{reader.recipient}]\n"})
    id = opened(acme, settings=f"output_recipients: [{outputs.recipient}]\n")
    found = read.details(acme.doors.store, id)
    assert found.log_key is not None
    assert found.outputs_key is not None
    assert age.decrypt(found.log_key, reader.secret.reveal()) == age.decrypt(found.log_key, CONTROLLER.secret.reveal())
    assert age.decrypt(found.outputs_key, outputs.secret.reveal()).startswith(b"AGE-SECRET-KEY-")


def test_who_may_read_is_no_choice_of_the_commit_alone(acme: World) -> None:
    """A reader that a commit adds reads from the next deployment on."""
    ended(acme, Script())
    reader = age.generate()
    acme.push({"projects/shop/project.yaml": f"recipients: [{reader.recipient}]\n"})
    keys = []
    for size in (2, 3):
        id = second(acme, Script(), size)
        acme.settle()
        keys.append(read.details(acme.doors.store, id).log_key)
    with pytest.raises(ConflictError):
        age.decrypt(keys[0] or b"", reader.secret.reveal())
    assert age.decrypt(keys[1] or b"", reader.secret.reveal())


def test_the_engine_gets_the_variables_of_its_runner_and_the_database_does_not(acme: World) -> None:
    runner = (
        "id: local\nrunner_configuration: {type: local, env: {CANARY_ONE: value-of-one}, env_from_file: shop.env}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    folder = acme.doors.runner_env_dir
    assert folder is not None
    folder.mkdir()
    (folder / "shop.env").write_text("# credentials\nCANARY_TWO=value-of-two\n")
    acme.push({"platform/runners/local.yaml": runner})
    ended(acme, Script())
    given: dict[str, Any] = {
        name: value.reveal() for name, value in acme.runner.environments[0].items() if not isinstance(value, str)
    }
    assert (given["CANARY_ONE"], given["CANARY_TWO"]) == ("value-of-one", "value-of-two")
    assert len(given[protocol.FINGERPRINT_KEY]) == 64
    assert b"value-of" not in databases.stored(acme.doors.data.parent)


def test_a_runner_that_wants_a_file_which_is_not_there_ends_the_deployment_with_the_remedy(acme: World) -> None:
    runner = (
        "id: local\nrunner_configuration: {type: local, env_from_file: shop.env}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    acme.push({"platform/runners/local.yaml": runner})
    row = ended(acme, Script())
    assert (row.status, row.message) == (
        Status.FAILED,
        "runner: file `shop.env` of `runner_env_dir` cannot be read (No such file or directory); put it there",
    )


def test_an_engine_older_than_the_one_that_applied_last_is_refused(acme: World, tmp_path: Path) -> None:
    ended(acme, Script())
    older = dataclasses.replace(acme.doors.engine, version="1.9.9")
    acme.doors = dataclasses.replace(acme.doors, engine=older)
    second(acme, Script())
    acme.settle()
    assert acme.last("development").message == (
        "scripted 1.9.9 is older than 1.11.4, which applied here last and may have written a newer state; "
        "install that version or a newer one"
    )


def test_a_state_that_lockstep_did_not_write_is_not_taken_over(acme: World) -> None:
    uuid = "6f1c1f6e-7b0e-4a53-9a55-0d3a3b1c2d3e"
    state = acme.doors.data / "states" / uuid / "terraform.tfstate"
    state.parent.mkdir(parents=True)
    state.write_text("{}")
    files = project(development=sized(1)) | {"projects/shop/development/environment.yaml": f"uuid: {uuid}\n"}
    acme.deploy(files)
    assert acme.last("development").message == (
        f"there is a state for shop/development already, with uuid {uuid}, that Lockstep did not write; "
        f"run `lockstep adopt shop development --uuid {uuid}`"
    )


def test_a_state_of_another_environment_is_taken_over_only_when_somebody_says_so(acme: World) -> None:
    uuid = "6f1c1f6e-7b0e-4a53-9a55-0d3a3b1c2d3e"
    state = acme.doors.data / "states" / uuid / "terraform.tfstate"
    state.parent.mkdir(parents=True)
    state.write_text('{"resources": [{}]}')
    marker = state.with_name("lockstep.json")
    marker.write_text(f'{{"environment": "shop/old", "uuid": "{uuid}"}}')
    files = project(development=sized(1)) | {"projects/shop/development/environment.yaml": f"uuid: {uuid}\n"}
    acme.deploy(files)
    assert acme.last("development").message == (
        f"there is a state for shop/development already, with uuid {uuid}, that Lockstep did not write; "
        f"run `lockstep adopt shop development --uuid {uuid}`"
    )
    acme.runner.script = Script(counts={})
    adopting.adopt(acme.doors, "ann", "shop", "development", uuid=uuid)
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED
    assert json.loads(marker.read_text()) == {"environment": "shop/development", "uuid": uuid}


LOCK = """\
provider "registry.terraform.io/acme/thing" {
  version = "1.2.3"
  hashes = [
    "h1:abc",
  ]
}
"""


def test_a_lock_file_that_init_wrote_is_recorded_and_opens_no_second_deployment(acme: World) -> None:
    needs = 'terraform {\n  required_providers {\n    thing = { source = "acme/thing" }\n  }\n}\n'
    acme.push({"platform/modules/thing/versions.tf": needs})
    row = ended(acme, Script(lock=LOCK))
    before = row.desired_digest
    found = acme.environment("development")
    assert (found.applied, found.desired, found.decided) == (before, before, Decision(before, row.id, row.status))
    desired = read.details(acme.doors.store, row.id).desired
    assert desired["pins"]["providers"] == {
        "registry.terraform.io/acme/thing": {"version": "1.2.3", "hashes": ["h1:abc"]}
    }
    acme.runner.script = Script()
    for n in range(3):
        acme.deploy({"README.md": f"{n}"})
    assert [one.id for one in acme.deployments()] == [row.id]
    second(acme, Script())
    acme.settle()
    assert b"1.2.3" in acme.runner.bundles[acme.last("development").id][".terraform.lock.hcl"]
    assert acme.runner.jobs[0].keep_lock_file is False
    assert acme.runner.jobs[-1].keep_lock_file is True
