"""Whatever is killed, wherever: every deployment reaches its end, and no plan is handed to an apply twice."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from controller.deployments import actions, parts
from controller.deployments.lifecycle import Next
from controller.errors import ConflictError, NotAllowedError, RetryableError
from controller.history import opening, person, read, work
from controller.history.audit import Act
from controller.history.opening import NewDeployment
from controller.model.deployment import Mode, Rank, Status
from controller.model.record import Decision, Deployment
from controller.runner import protocol
from controller.runner.protocol import Ended, Extent, Phase
from tests import databases
from tests.deploy_factories import Script, ScriptedRunner, World, project, sized, world


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def opened(acme: World, script: Script) -> str:
    acme.runner.script = script
    acme.push(project(development=sized(1)))
    acme.poll()
    return acme.last("development").id


def phases(acme: World, id: str) -> list[Phase]:
    return [phase for phase, of in acme.runner.started if of == id]


def test_a_plan_that_was_lost_is_made_again(acme: World) -> None:
    id = opened(acme, Script(dies_in=Phase.PLAN))
    acme.claim()
    acme.step(id)
    acme.runner.script = Script()
    acme.carry(id)
    assert acme.last("development").status is Status.SUCCEEDED
    assert phases(acme, id) == [Phase.PLAN, Phase.PLAN, Phase.APPLY]


def test_a_controller_that_stood_still_starts_nothing_that_another_one_carries(acme: World) -> None:
    """It did: a run of what the other one had ended long ago."""
    id = opened(acme, Script())
    acme.claim()
    acme.clock.forward(timedelta(seconds=61))
    other = dataclasses.replace(acme.doors, controller="controller-2")
    assert work.claim_open(acme.doors.store, "controller-2", acme.clock(), other.limits.lease) == [id]
    assert acme.step(id) is Next.SOON
    assert acme.runner.started == []


def test_a_plan_that_is_always_lost_is_given_up_after_pauses(acme: World) -> None:
    id = opened(acme, Script(dies_in=Phase.PLAN))
    acme.settle()
    assert phases(acme, id) == [Phase.PLAN, Phase.PLAN]
    assert acme.last("development").message == "its supervisor was lost; it is started again later"
    acme.clock.forward(timedelta(seconds=4))
    acme.settle()
    assert len(phases(acme, id)) == 2
    acme.clock.forward(timedelta(seconds=1))
    acme.settle()
    row = acme.last("development")
    assert phases(acme, id) == [Phase.PLAN] * 3
    assert (row.status, row.message) == (
        Status.FAILED,
        "the plan could not be made: its supervisor was lost every time",
    )


def test_an_apply_that_never_began_is_begun_again(acme: World) -> None:
    id = opened(acme, Script(dies_in=Phase.APPLY, more={"started": False}))
    acme.claim()
    while Phase.APPLY not in phases(acme, id):
        acme.step(id)
    acme.runner.script = Script()
    acme.carry(id)
    assert acme.last("development").status is Status.SUCCEEDED
    assert phases(acme, id) == [Phase.PLAN, Phase.APPLY, Phase.APPLY]


def test_an_apply_that_never_begins_is_given_up_and_has_changed_nothing(acme: World) -> None:
    opened(acme, Script())
    acme.settle()
    before = acme.environment("development").applied
    acme.runner.script = Script(dies_in=Phase.APPLY, more={"started": False})
    acme.push({"projects/shop/development/app.manifest.yaml": sized(2)})
    acme.poll()
    acme.settle()
    acme.clock.forward(timedelta(minutes=1))
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (Status.FAILED, "the apply never began: its supervisor was lost every time")
    assert acme.environment("development").applied == before


def test_an_apply_that_was_lost_but_had_finished_has_succeeded(acme: World) -> None:
    id = opened(acme, Script(dies_in=Phase.APPLY))
    acme.settle()
    assert phases(acme, id) == [Phase.PLAN, Phase.APPLY, Phase.RECOVER]
    row = acme.last("development")
    assert (row.id, row.status) == (id, Status.SUCCEEDED)
    assert acme.environment("development").applied == row.desired_digest


def cut_short(**more: Any) -> Script:
    found = {"extent": Extent.PARTIAL} | more
    return Script(dies_in=Phase.APPLY, apply=Ended.INTERRUPTED, message="interrupted in the middle", more=found)


def test_an_interrupted_apply_is_followed_by_one_deployment_of_the_same(acme: World) -> None:
    id = opened(acme, cut_short())
    acme.claim()
    acme.carry(id)
    first, second = acme.deployments()
    assert (first.status, first.message) == (Status.FAILED, "failed (interrupted): interrupted in the middle")
    assert (second.status, second.reason) == (Status.QUEUED, f"deployment {id} was interrupted")
    assert (second.desired_digest, second.commit) == (first.desired_digest, first.commit)
    assert acme.environment("development").decided == Decision(first.desired_digest, second.id, None)
    assert acme.environment("development").applied is None
    acme.runner.script = Script()
    acme.settle()
    assert [row.status for row in acme.deployments()] == [Status.FAILED, Status.SUCCEEDED]


def test_a_follow_up_that_is_interrupted_too_is_left_to_a_person(acme: World) -> None:
    opened(acme, cut_short())
    acme.settle()
    assert [row.status for row in acme.deployments()] == [Status.FAILED, Status.FAILED]
    for _ in range(3):
        acme.poll()
        acme.settle()
    assert len(acme.deployments()) == 2


def test_what_may_have_been_made_is_named_and_not_made_again_unseen(acme: World) -> None:
    address = "module.thing.terraform_data.it"
    opened(acme, cut_short(possibly_orphaned=(address,)))
    acme.claim()
    acme.carry(acme.last("development").id)
    assert acme.deployments()[0].message == (
        f"failed (interrupted): interrupted in the middle; possibly orphaned, its id not known: {address}"
    )
    acme.runner.script = Script(changes=({"action": "create", "address": address, "module": "thing.default#x"},))
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        f"it would create {address}, which an interrupted apply may have made already: "
        "its id is not known, so look for it before you approve",
    )
    with pytest.raises(ConflictError) as e:
        actions.approve(acme.doors, "ann", row.id, imports=True)
    assert str(e.value) == (f"deployment {row.id} has no import on offer; approve it without `--import`, or discard it")
    actions.approve(acme.doors, "ann", row.id)
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED


@pytest.mark.parametrize("between", ["a success", "a destroy"])
def test_what_may_have_been_made_is_asked_about_whatever_succeeded_since(acme: World, between: str) -> None:
    """It was forgotten with the next success, and made a second time unseen."""
    opened(acme, cut_short(possibly_orphaned=(LOST,)))
    acme.claim()
    acme.carry(acme.last("development").id)
    acme.runner.script = Script(counts={"update": 1} if between == "a success" else {})
    if between == "a success":
        acme.deploy({"projects/shop/development/app.manifest.yaml": sized(2)})
    else:
        actions.destroy(acme.doors, "ann", "shop", "development")
        acme.settle()
        actions.resume(acme.doors, "ann", "shop", "development")
    acme.runner.script = creating(LOST)
    acme.deploy({"projects/shop/development/app.manifest.yaml": sized(3)})
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        f"it would create {LOST}, which an interrupted apply may have made already: "
        "its id is not known, so look for it before you approve",
    )


def test_what_somebody_has_let_be_made_once_more_is_not_asked_about_again(acme: World) -> None:
    opened(acme, cut_short(possibly_orphaned=(LOST,)))
    acme.claim()
    acme.carry(acme.last("development").id)
    acme.runner.script = creating(LOST)
    acme.settle()
    actions.approve(acme.doors, "ann", acme.last("development").id)
    acme.settle()
    acme.deploy({"projects/shop/development/app.manifest.yaml": sized(3)})
    assert acme.last("development").status is Status.SUCCEEDED


MADE, LOST = "module.thing.terraform_data.made", "module.thing.terraform_data.lost"


def creating(*addresses: str) -> Script:
    changes = ({"action": "create", "address": each, "module": "thing.default#x"} for each in addresses)
    return Script(changes=tuple(changes))


def importing(*addresses: str, **more: Any) -> Script:
    changes = ({"action": "import", "address": each, "module": "thing.default#x"} for each in addresses)
    return Script(changes=tuple(changes), **more)


def waiting(acme: World, *, files: Mapping[str, str] | None = None) -> Deployment:
    """A follow-up that would make two things once more, of one of which the id is known."""
    acme.runner.script = cut_short(possibly_orphaned=(LOST, MADE))
    acme.runner.script.imports = {MADE: "i-4711"}
    acme.push(project(development=sized(1)) | dict(files or {}))
    acme.poll()
    acme.claim()
    acme.carry(acme.last("development").id)
    acme.runner.script = creating(MADE, LOST, "module.thing.terraform_data.other")
    acme.settle()
    return acme.last("development")


def test_an_import_is_on_offer_where_the_id_is_known(acme: World) -> None:
    row = waiting(acme)
    assert acme.deployments()[0].message == (
        "failed (interrupted): interrupted in the middle; possibly orphaned, with an import on offer "
        f"(`lockstep approve ID --import`): {MADE}; possibly orphaned, its id not known: {LOST}"
    )
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        f"it would create {MADE}, which an interrupted apply may have made already: "
        f"`lockstep approve {row.id} --import` takes it over instead; "
        f"it would create {LOST}, which an interrupted apply may have made already: "
        "its id is not known, so look for it before you approve",
    )


def test_what_is_on_offer_is_imported_and_the_rest_waits_for_a_person(acme: World) -> None:
    row = waiting(acme)
    acme.runner.script = Script(changes=(*importing(MADE).changes, *creating(LOST).changes))
    before = read.deployment(acme.doors.store, row.id).desired_digest
    actions.approve(acme.doors, "ann", row.id, reason="it is there", imports=True)
    acme.settle()
    blocks = json.loads(acme.runner.bundles[row.id]["main.tf.json"])["import"]
    again = acme.last("development")
    assert blocks == [{"id": "i-4711", "to": MADE}]
    assert (again.id, again.status, again.desired_digest) == (row.id, Status.AWAITING_APPROVAL, before)
    assert again.message == (
        f"it would create {LOST}, which an interrupted apply may have made already: "
        "its id is not known, so look for it before you approve"
    )
    with pytest.raises(ConflictError) as e:
        actions.approve(acme.doors, "ann", row.id, imports=True)
    assert str(e.value) == (
        f"deployment {row.id} takes over all that it can already; approve it without `--import`, or discard it"
    )
    actions.approve(acme.doors, "ann", row.id)
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED
    acts = [(line.action, line.actor, line.reason) for line in read.audit(acme.doors.store)]
    assert acts == [("approve", "ann", ""), ("approve", "ann", "it is there")]


def test_nothing_of_an_import_is_left_when_it_has_succeeded(acme: World) -> None:
    row = waiting(acme)
    acme.runner.script = importing(MADE, LOST)
    actions.approve(acme.doors, "ann", row.id, imports=True)
    acme.settle()
    assert read.deployment(acme.doors.store, row.id).status is Status.SUCCEEDED
    acme.runner.script = Script()
    acme.push({"projects/shop/development/app.manifest.yaml": sized(2)})
    acme.poll()
    acme.settle()
    last = acme.last("development")
    assert last.status is Status.SUCCEEDED
    assert "import" not in json.loads(acme.runner.bundles[last.id]["main.tf.json"])


def test_taking_something_over_approves_no_destroy(acme: World) -> None:
    row = waiting(acme)
    acme.runner.script = importing(MADE, LOST, counts={"destroy": 1})
    actions.approve(acme.doors, "ann", row.id, imports=True)
    acme.settle()
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        "it would destroy 1 resource, 0 may be without approval (limits.destroy)",
    )


def test_whoever_may_not_approve_may_not_import(acme: World) -> None:
    mine = {"projects/shop/development/environment.yaml": "self_approval: false\n"}
    row = waiting(acme, files=mine)
    with pytest.raises(NotAllowedError) as e:
        actions.approve(acme.doors, "ada@acme.example", row.id, imports=True)
    assert str(e.value) == f"deployment {row.id} was started by ada@acme.example; somebody else has to approve it"


def test_no_id_is_public(acme: World) -> None:
    row = waiting(acme)
    acme.runner.script = importing(MADE, LOST)
    actions.approve(acme.doors, "ann", row.id, imports=True)
    acme.settle()
    written = databases.stored(acme.doors.data.parent)
    assert MADE.encode() in written
    assert b"i-4711" not in written


def test_a_restart_between_the_wish_to_import_and_the_new_plan_changes_nothing(acme: World) -> None:
    row = waiting(acme)
    acme.runner.script = importing(MADE, LOST, dies_in=Phase.PLAN)
    actions.approve(acme.doors, "ann", row.id, imports=True)
    acme = acme.restarted()
    acme.step(row.id)
    acme.runner.script = importing(MADE, LOST)
    acme = acme.restarted()
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED
    assert phases(acme, row.id) == [Phase.PLAN, Phase.PLAN, Phase.PLAN, Phase.APPLY]


def test_a_newer_commit_needs_no_follow_up(acme: World) -> None:
    opened(acme, dataclasses.replace(cut_short(), dies_in=None, hangs_in=Phase.APPLY))
    acme.settle()
    id = acme.last("development").id
    acme.push({"projects/shop/development/app.manifest.yaml": sized(2)})
    acme.poll()
    acme.runner.lose(id)
    acme.runner.script = Script()
    acme.runner.scripts[id] = cut_short()
    acme.settle()
    assert [row.status for row in acme.deployments()] == [Status.FAILED, Status.SUCCEEDED]


def test_where_nothing_can_be_found_out_the_rest_is_killed_and_the_end_recorded(acme: World) -> None:
    id = opened(acme, Script(dies_in=Phase.APPLY))
    acme.claim()
    while Phase.APPLY not in phases(acme, id):
        acme.step(id)
    acme.runner.scripts[id] = Script(dies_in=Phase.RECOVER)
    acme.runner.group.add(id)
    acme.carry(id)
    acme.clock.forward(timedelta(minutes=1))
    acme.carry(id)
    acme.clock.forward(timedelta(minutes=1))
    acme.carry(id)
    first = acme.deployments()[0]
    assert phases(acme, id) == [Phase.PLAN, Phase.APPLY, Phase.RECOVER, Phase.RECOVER, Phase.RECOVER]
    assert acme.runner.killed == [id]
    assert (first.status, first.message) == (
        Status.FAILED,
        "failed (interrupted): what it did could not be found out",
    )


def test_where_nothing_can_be_found_out_all_that_was_begun_may_be_there(acme: World) -> None:
    """The follow-up made everything once more, unseen."""
    id = opened(acme, Script(dies_in=Phase.APPLY))
    acme.claim()
    while Phase.APPLY not in phases(acme, id):
        acme.step(id)
    acme.runner.scripts[id] = Script(dies_in=Phase.RECOVER)
    told = [{"type": "apply_start", "address": each, "action": "create"} for each in (MADE, LOST)]
    told += [{"type": "apply_start", "address": "module.thing.terraform_data.old", "action": "update"}]
    lines = "".join(json.dumps({"n": n, "at": "", **each}) + "\n" for n, each in enumerate(told, 1))
    (acme.doors.data / "runs" / id / protocol.EVENTS).write_text(lines)
    acme.runner.script = creating(MADE)
    for _ in range(4):
        acme.settle()
        acme.clock.forward(timedelta(minutes=1))
    first, second = acme.deployments()
    assert first.message == (
        f"failed (interrupted): what it did could not be found out; possibly orphaned, its id not known: {LOST}, {MADE}"
    )
    assert second.status is Status.AWAITING_APPROVAL


def test_what_failed_for_a_passing_reason_before_the_apply_began_is_tried_again_three_times(acme: World) -> None:
    """The apply's init found no network: it was given up at once."""
    more = {"transient": True, "extent": Extent.NOT_BEGUN}
    opened(acme, Script(apply=Ended.FAILED, message="init failed: timeout", more=more))
    acme.settle()
    for pause in (5, 15, 45):
        acme.clock.forward(timedelta(seconds=pause - 1))
        acme.settle()
        before = len(acme.deployments())
        acme.clock.forward(timedelta(seconds=1))
        acme.settle()
        assert acme.deployments()[before - 1].status is Status.FAILED
    rows = acme.deployments()
    assert [(row.status, row.message) for row in rows] == [(Status.FAILED, "init failed: timeout")] * 4
    assert rows[-1].reason == f"deployment {rows[-2].id} failed for a passing reason; try 3 of 3"
    acme.clock.forward(timedelta(hours=1))
    acme.settle()
    assert len(acme.deployments()) == 4


def test_what_failed_for_a_passing_reason_after_the_apply_began_is_not_tried_again(acme: World) -> None:
    opened(acme, Script(apply=Ended.FAILED, message="apply failed: timeout", more={"transient": True}))
    acme.settle()
    acme.clock.forward(timedelta(hours=1))
    acme.settle()
    assert [row.message for row in acme.deployments()] == ["apply failed: timeout"]


def destroying(acme: World) -> str:
    """A destroy of what was deployed last, from what was stored with it."""
    acme.deploy(project(development=sized(1)))
    last = acme.last("development")
    environment = acme.environment("development")
    assert environment.binding is not None
    names = (parts.MANIFEST, parts.DESIRED, parts.MODULES, parts.GUARDS, parts.RUNNER)
    new = NewDeployment(
        id="destroy-1",
        project="shop",
        environment="development",
        environment_uuid=environment.uuid,
        mode=Mode.DESTROY,
        rank=Rank.DESTROY,
        desired_digest=last.desired_digest,
        binding=environment.binding,
        created_by="ann",
        reason="not needed any more",
        parts=opening.parts(acme.doors.store, last.id, names),
        source_deployment=last.id,
    )
    person.opened(acme.doors.store, new, Act("ann", acme.doors.now()))
    return last.id


@pytest.mark.parametrize(
    ("script", "count"),
    [
        pytest.param(cut_short(), 2, id="interrupted"),
        pytest.param(Script(plan=Ended.FAILED, message="timeout", more={"transient": True}), 4, id="passing"),
    ],
)
def test_a_destroy_is_followed_up_as_a_destroy_of_the_same(acme: World, script: Script, count: int) -> None:
    source = destroying(acme)
    acme.runner.script = script
    for _ in range(6):
        acme.settle()
        acme.clock.forward(timedelta(minutes=1))
    rows = acme.deployments()[1:]
    assert [(row.mode, row.status, row.source_deployment) for row in rows] == [
        (Mode.DESTROY, Status.FAILED, source)
    ] * count
    assert {job.mode for job in acme.runner.jobs[2:]} == {Mode.DESTROY}


def test_an_engine_is_not_given_up_because_nobody_can_be_started_to_hear_it(acme: World) -> None:
    """The disk was full when its supervisor had been killed: after three tries the engine was killed as well."""
    id = opened(acme, Script(dies_in=Phase.APPLY))
    acme.claim()
    while Phase.APPLY not in phases(acme, id):
        acme.step(id)
    acme.doors = dataclasses.replace(acme.doors, runner=FullDisk(acme.runner))
    for _ in range(6):
        acme.settle()
        acme.clock.forward(timedelta(minutes=3))
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.INTERRUPTED,
        "supervisor: it cannot be started: No space left on device; make room on the machine",
    )
    assert work.work(acme.doors.store, id).attempts == 0
    acme.doors = dataclasses.replace(acme.doors, runner=acme.doors.runner.whole)  # type: ignore[attr-defined]
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED


class FullDisk:
    """A runner on whose disk is no room for the files of another start."""

    def __init__(self, whole: ScriptedRunner) -> None:
        self.whole = whole

    def start(self, *_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)


def test_where_nothing_can_be_found_out_nothing_is_made_once_more_unseen(acme: World) -> None:
    """The follow-up made everything a second time, and nobody was asked."""
    address = "module.thing.terraform_data.it"
    creates = ({"action": "create", "address": address, "module": "thing.default#x"},)
    id = opened(acme, Script(changes=creates))
    acme.runner.scripts[id] = Script(changes=creates, dies_in=Phase.APPLY)
    acme.claim()
    while Phase.APPLY not in phases(acme, id):
        acme.step(id)
    acme.runner.scripts[id] = Script(dies_in=Phase.RECOVER)
    for _ in range(3):
        acme.settle()
        acme.clock.forward(timedelta(minutes=1))
    first, second = acme.deployments()
    assert first.message.startswith(
        f"failed (interrupted): what it did could not be found out; possibly orphaned, its id not known: {address}"
    )
    assert (second.status, second.message) == (
        Status.AWAITING_APPROVAL,
        f"it would create {address}, which an interrupted apply may have made already: "
        "its id is not known, so look for it before you approve",
    )


@pytest.mark.parametrize("phase", [Phase.PLAN, Phase.APPLY])
def test_a_restarted_controller_goes_on_listening(acme: World, phase: Phase) -> None:
    id = opened(acme, Script(hangs_in=phase))
    acme.settle()
    acme = acme.restarted()
    acme.settle()
    before = phases(acme, id)
    assert before[-1] is phase
    acme.runner.lose(id)
    acme.runner.script = Script()
    acme.settle()
    assert acme.last("development").status is Status.SUCCEEDED
    assert phases(acme, id)[: len(before)] == before


class Killed(BaseException):
    """The controller dies here."""


class Killing:
    """A runner behind which the controller dies at the n-th call, before the call has any effect or just after."""

    def __init__(self, inner: ScriptedRunner, at: int, *, after: bool) -> None:
        self.inner = inner
        self.left = at
        self.after = after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.inner, name)

        def dying(*given: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            found = call(*given, **named)
            if self.left == 0:
                raise Killed
            return found

        return dying if name in ("deliver", "start", "observe", "cancel") else call


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("script", [Script(), Script(counts={}), Script(plan=Ended.FAILED, message="no")])
def test_a_controller_that_dies_at_any_call_goes_on_where_it_was(acme: World, script: Script, after: bool) -> None:
    """Kill points at every call of the runner; a plan is handed to at most one apply that may have begun."""
    expected = Status.FAILED if script.plan is Ended.FAILED else Status.SUCCEEDED
    acme.runner.script = script
    acme.push(project(development=sized(1)))
    acme.poll()
    inner, size, died = acme.runner, 1, True
    point = 1
    while died:
        killing = Killing(inner, point, after=after)
        dying = World(acme.repo, dataclasses.replace(acme.doors, runner=killing), acme.clock)
        try:
            dying.settle()
            died = False
        except Killed:
            acme = acme.restarted()
            acme.settle()
        row = acme.last("development")
        assert row.status is expected
        applies = [of for phase, of in inner.started if phase is Phase.APPLY]
        assert applies.count(row.id) == (1 if script == Script() else 0)
        assert not list((acme.doors.data / "runs").iterdir())
        size, point = size + 1, point + 1
        acme.push({"projects/shop/development/app.manifest.yaml": sized(size)})
        acme.poll()
    assert point > 5


def test_a_refused_start_of_an_apply_that_has_begun_is_not_taken_for_its_end(acme: World) -> None:
    """Two controllers: the other one's apply began between our look and our start."""
    id = opened(acme, Script(dies_in=Phase.APPLY, more={"started": False}))
    acme.claim()
    while Phase.APPLY not in phases(acme, id):
        acme.step(id)
    inner = acme.runner

    class Overtaken:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        def start(self, job: Any, directory: Path, environment: Any) -> None:
            from controller.errors import ConflictError

            inner.alive.add(job.deployment)
            raise ConflictError("a supervisor is at work there; wait for it to end")

    acme.doors = dataclasses.replace(acme.doors, runner=Overtaken())  # type: ignore[arg-type]
    with pytest.raises(RetryableError, match="a supervisor is at work there"):
        acme.step(id)
    assert read.deployment(acme.doors.store, id).status is Status.APPLYING
