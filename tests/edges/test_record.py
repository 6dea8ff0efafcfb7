"""Each step of a deployment's life is one transaction; what it says of the environment is true at every moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.history import decided, person, pins, read, record, suspending, work
from controller.history.decision import Decided
from controller.history.opening import Part
from controller.history.pins import Rewritten
from controller.history.record import Finish
from controller.history.store import Store
from controller.history.tables import ArtifactRow, HoldRow, PartRow
from controller.model.bundle import ProviderPin
from controller.model.deployment import EnvironmentStatus, HoldKind, Mode, Rank, Status, VerdictKind
from controller.model.record import CommitRange, Decision, Deployment
from controller.model.ruling import Ruling
from tests.history_factories import (
    REPOSITORY,
    act,
    after,
    carried,
    claim,
    commit,
    decided_on,
    deployment,
    now,
    opened_environment,
    plan,
    the_environment,
    verdicts,
    watched,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with watched(tmp_path) as opened:
        yield opened


def by_person(store: Store, uuid: str, digest: str = "x", **changes: object) -> str:
    new = deployment(uuid, digest, rank=Rank.PERSON, created_by="ann", reason="hot fix", **changes)
    return person.opened(store, new, act()).id


def changed(uuid: str, digest: str, at: int, **more: object) -> Decided:
    """A commit that wants another digest, and nothing opens."""
    told = Ruling(commit(at).id, VerdictKind.HELD, digest, changed=True, reason="pinned by ann")
    given = {"told": (told,), "tip": digest, "desired": digest, "desired_commit": commit(at).id} | more
    return Decided(uuid, "shop", "development", None, "development", **given)  # type: ignore[arg-type]


def test_the_first_deployment_binds_the_environment(store: Store) -> None:
    uuid, first = opened_environment(store)
    found = the_environment(store)
    assert (found.binding, found.uuid) == (deployment(uuid).binding, uuid)
    assert found.decided == Decision("d1", first, None)
    assert found.applied is None


def test_a_success_is_what_is_applied_decided_and_live(store: Store) -> None:
    _, first = opened_environment(store)
    ended = carried(store, first)
    found = the_environment(store)
    assert (ended.status, ended.completed_at) == (Status.SUCCEEDED, after(12))
    assert (found.applied, found.applied_deployment, found.last_success) == ("d1", first, first)
    assert found.decided == Decision("d1", first, Status.SUCCEEDED)
    assert found.live_commit == commit(1).id


def test_whoever_begins_an_apply_knows_nothing_of_what_is_applied(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    second = by_person(store, uuid)
    claim(store)
    record.planned(store, second, plan())
    assert the_environment(store).applied == "d1"
    record.begin_apply(store, second, after(30))
    found = the_environment(store)
    assert (found.applied, found.live_commit, found.last_success) == (None, None, first)
    record.finished(store, second, Finish(Status.FAILED, "no"), after(31))
    assert the_environment(store).applied is None


def test_an_apply_that_did_nothing_leaves_what_was_applied(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    second = by_person(store, uuid)
    claim(store)
    record.planned(store, second, plan())
    record.begin_apply(store, second, after(30))
    record.not_begun(store, second, after(31))
    assert the_environment(store).applied == "d1"
    assert (read.deployment(store, second).status, read.deployment(store, second).plan_digest) == (
        Status.PLANNING,
        None,
    )


def test_an_apply_begins_only_from_a_plan_that_nobody_stopped(store: Store) -> None:
    _, first = opened_environment(store)
    with pytest.raises(ConflictError) as e:
        record.begin_apply(store, first, after(1))
    assert str(e.value) == (f"deployment {first} is queued, not planning or awaiting_approval; look at it again")
    claim(store)
    record.planned(store, first, plan())
    person.cancelled(store, first, act("bob"))
    with pytest.raises(ConflictError) as e:
        record.begin_apply(store, first, after(1))
    assert str(e.value) == f"deployment {first} was cancelled by bob"


def test_an_apply_does_not_begin_before_approval(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    record.planned(store, first, plan())
    record.awaits_approval(store, first, "it would destroy 1 resource", after(100))
    with pytest.raises(ConflictError) as e:
        record.begin_apply(store, first, after(1))
    assert str(e.value) == f"deployment {first} was not approved; run `lockstep approve {first}`"
    person.approved(store, first, act("bob"))
    record.begin_apply(store, first, after(2))
    assert read.deployment(store, first).status is Status.APPLYING


def test_an_empty_plan_counts_as_success(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    record.planned(store, first, plan(empty=True))
    record.finished(store, first, Finish(Status.SUCCEEDED, "nothing to change", applied=True), after(20))
    row = read.deployment(store, first)
    assert (row.no_changes, row.status, the_environment(store).applied) == (True, Status.SUCCEEDED, "d1")


def test_a_deployment_ends_once(store: Store) -> None:
    _, first = opened_environment(store)
    carried(store, first)
    with pytest.raises(ConflictError) as e:
        record.finished(store, first, Finish(Status.FAILED, "no"), after(20))
    assert str(e.value) == f"deployment {first} has ended already, succeeded"


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.REJECTED])
def test_how_the_decided_deployment_ended_is_known(store: Store, status: Status) -> None:
    _, first = opened_environment(store)
    claim(store)
    record.finished(store, first, Finish(status, "no"), after(20))
    assert the_environment(store).decided == Decision("d1", first, status)


def test_a_plan_only_deployment_changes_nothing(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    before = the_environment(store)
    second = by_person(store, uuid, mode=Mode.PLAN_ONLY)
    claim(store)
    record.planned(store, second, plan())
    record.finished(store, second, Finish(Status.PLANNED, ""), after(20))
    assert the_environment(store) == before


def test_what_a_person_deploys_and_git_does_not_want_pins_the_environment(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    second = by_person(store, uuid)
    claim(store)
    record.planned(store, second, plan())
    assert the_environment(store).holds == ()
    record.begin_apply(store, second, after(30))
    (hold,) = the_environment(store).holds
    assert (hold.kind, hold.scope, hold.who, hold.why) == (HoldKind.PINNED, "shop/development", "ann", "hot fix")
    assert (hold.since, hold.desired_digest) == (after(30), "d1")
    record.finished(store, second, Finish(Status.SUCCEEDED, "", applied=True), after(31))
    assert the_environment(store).holds == (hold,)


def test_what_equals_the_wish_of_git_makes_no_hold(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    carried(store, by_person(store, uuid, "d1"), at=40)
    assert the_environment(store).holds == ()


def test_resuming_ends_the_hold_and_asks_git_anew(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    carried(store, by_person(store, uuid), at=40)
    before = now(store).wake
    person.resumed(store, "shop", "development", act("bob"))
    found = the_environment(store)
    assert (found.holds, found.decided) == ((), None)
    assert now(store).wake > before
    with pytest.raises(ConflictError) as e:
        person.resumed(store, "shop", "development", act("bob"))
    assert str(e.value) == "shop/development is not held; it follows Git already"


def test_a_commit_that_ends_a_pin_is_noted_until_it_does(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    carried(store, by_person(store, uuid), at=40)
    decided_on(store, [changed(uuid, "d2", 2, releases_pin=commit(2).id)], at=2)
    found = now(store).environments["shop/development"]
    assert (found.released, len(found.holds)) == (commit(2).id, 1)
    decided_on(store, [changed(uuid, "d2", 2, ends_pin=commit(2).id)], at=2)
    assert the_environment(store).holds == ()


def test_a_hold_that_has_run_out_ends_and_wakes_what_it_held(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    carried(store, by_person(store, uuid), at=40)
    with store.writing() as session:
        session.query(HoldRow).update({"until": after(100)})
    before = now(store).wake
    assert suspending.expired(store, after(99)) == 0
    assert suspending.expired(store, after(100)) == 1
    assert the_environment(store).holds == ()
    assert now(store).wake > before


def test_changes_that_are_held_are_pending_with_what_was_before_them(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    decided_on(store, [changed(uuid, "d2", 2)], at=2)
    decided_on(store, [changed(uuid, "d3", 3)], at=3)
    found = now(store).environments["shop/development"]
    assert [(each.commit, each.digest) for each in found.pending] == [(commit(2).id, "d2"), (commit(3).id, "d3")]
    assert (found.base, found.desired) == ("d1", "d3")


def test_a_verdict_is_replaced_and_never_doubled(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    decided_on(store, [changed(uuid, "d2", 2)], at=2)
    new = deployment(uuid, "d2", commit=commit(2))
    told = Ruling(commit(2).id, VerdictKind.DEPLOYED, "d2", changed=True)
    decided_on(store, [changed(uuid, "d2", 2, told=(told,), opening=new)], at=2)
    (verdict,) = decided.commit(store, commit(2).id).verdicts
    assert (verdict.kind, verdict.deployment, verdict.reason) == (VerdictKind.DEPLOYED, new.id, "")
    assert verdicts(store) == {"1": "deployed", "2": "deployed"}


def test_commits_that_left_the_branch_stay_and_say_so(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    decided_on(store, [changed(uuid, "d2", 2)], at=2)
    decided_on(store, [changed(uuid, "d1", 3)], at=3, rewritten=True, ancestor=commit(1).id)
    assert {found.id: found.on_branch for found in decided.commits(store, REPOSITORY)} == {
        commit(1).id: True,
        commit(2).id: False,
        commit(3).id: True,
    }
    assert [each.commit for each in now(store).environments["shop/development"].pending] == [commit(3).id]


def test_the_live_commit_is_on_the_branch(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    decided_on(store, [changed(uuid, "d1", 2)], at=2, rewritten=True)
    assert the_environment(store).live_commit == commit(2).id


def test_what_came_before_is_one_range(store: Store) -> None:
    opened_environment(store)
    before = CommitRange(None, commit(1).id, "before Lockstep")
    decided_on(store, [], at=1, ranges=(before,))
    assert decided.ranges(store, REPOSITORY) == [before]


def test_an_environment_that_vanished_is_marked_and_back_when_it_is_declared_again(store: Store) -> None:
    uuid, _ = opened_environment(store)
    gone = Decided(uuid, "shop", "development", None, "development", declared=False, marked=True)
    decided_on(store, [gone], at=2)
    assert the_environment(store).status is EnvironmentStatus.MARKED_FOR_REMOVAL
    decided_on(store, [changed(uuid, "d1", 3)], at=3)
    assert the_environment(store).status is EnvironmentStatus.ACTIVE


def test_a_follow_up_opens_with_the_end_of_what_it_follows(store: Store) -> None:
    uuid, first = opened_environment(store)
    claim(store)
    again = deployment(uuid, follow_up_of=first)
    record.finished(store, first, Finish(Status.FAILED, "interrupted", follow_up=again), after(20))
    assert read.deployment(store, again.id).status is Status.QUEUED
    assert the_environment(store).decided == Decision("d1", again.id, None)


def test_no_follow_up_opens_where_something_newer_waits(store: Store) -> None:
    uuid, first = opened_environment(store)
    claim(store)
    second = by_person(store, uuid)
    again = deployment(uuid, follow_up_of=first)
    record.finished(store, first, Finish(Status.FAILED, "interrupted", follow_up=again), after(20))
    assert [row.id for row in read.deployments(store)] == [second, first]
    assert the_environment(store).decided == Decision("d1", first, Status.FAILED)


def test_a_lock_file_that_was_found_rewrites_every_digest_of_its_wish(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    pin = ProviderPin("1.2.3", ">= 1.0", ("h1:abc",))
    document = Part.public(b'{"pins": {}}')
    rewritten = {first: Rewritten("d1", "d1+pins", document)}
    pins.pinned(store, first, {"example.com/acme/thing": pin}, rewritten, after(15))
    record.planned(store, first, plan())
    record.begin_apply(store, first, after(16))
    record.finished(store, first, Finish(Status.SUCCEEDED, "", applied=True), after(17))
    found, standing = the_environment(store), now(store).environments["shop/development"]
    assert read.deployment(store, first).desired_digest == "d1+pins"
    assert (found.applied, found.desired, standing.desired) == ("d1+pins", "d1+pins", "d1+pins")
    assert found.decided == Decision("d1+pins", first, Status.SUCCEEDED)
    assert (found.live_commit, standing.providers) == (commit(1).id, {"example.com/acme/thing": pin})


def test_the_first_key_of_an_environment_stays(store: Store) -> None:
    uuid, _ = opened_environment(store)
    assert pins.environment_key(store, uuid, "state", b"one", after(1)) == b"one"
    assert pins.environment_key(store, uuid, "state", b"two", after(2)) == b"one"
    assert pins.environment_key(store, uuid, "fingerprint", b"two", after(2)) == b"two"


def test_events_and_chunks_are_kept_once(store: Store) -> None:
    _, first = opened_environment(store)
    for _ in range(2):
        record.progressed(store, first, [{"n": 1, "type": "a"}, {"n": 2, "type": "b"}], [(1, b"x"), (2, b"y")])
    found = work.work(store, first)
    assert (found.events, found.chunks) == (2, 2)
    assert read.details(store, first).events == ({"n": 1, "type": "a"}, {"n": 2, "type": "b"})
    assert read.log_chunks(store, first, 1) == [(2, b"y")]


def test_only_a_waiting_deployment_is_approved_or_discarded(store: Store) -> None:
    _, first = opened_environment(store)
    for decide_on in (person.approved, person.discarded):
        with pytest.raises(ConflictError) as e:
            decide_on(store, first, act())
        assert str(e.value) == (f"deployment {first} is queued; only one that is awaiting_approval can be decided on")


def waiting(store: Store) -> str:
    _, first = opened_environment(store)
    claim(store)
    record.planned(store, first, plan())
    record.awaits_approval(store, first, "look at it", after(100))
    return first


def test_an_approval_comes_in_time_or_not_at_all(store: Store) -> None:
    first = waiting(store)
    with pytest.raises(ConflictError) as e:
        person.approved(store, first, act(at=100))
    assert str(e.value) == f"deployment {first} waited for approval too long; deploy it again"


def test_a_discarded_deployment_ends_with_who_and_why(store: Store) -> None:
    first = waiting(store)
    row = person.discarded(store, first, act("bob", reason="not today"))
    assert (row.status, row.message) == (Status.DISCARDED, "discarded by bob: not today")
    assert the_environment(store).decided == Decision("d1", first, Status.DISCARDED)


def cancelled(store: Store, id: str) -> Deployment:
    return person.cancelled(store, id, act("bob"))


def test_what_is_at_rest_is_cancelled_at_once(store: Store) -> None:
    assert cancelled(store, waiting(store)).status is Status.CANCELLED


def test_what_is_at_work_is_asked_to_end(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    assert cancelled(store, first).status is Status.PLANNING
    assert work.work(store, first).cancelled_by == "bob"
    record.finished(store, first, Finish(Status.CANCELLED, "cancelled by bob"), after(30))
    with pytest.raises(ConflictError) as e:
        cancelled(store, first)
    assert str(e.value) == f"deployment {first} has ended, it is cancelled; there is nothing left to change"


def test_every_act_of_a_person_is_in_the_audit_trail(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    second = by_person(store, uuid)
    carried(store, second, at=40)
    person.resumed(store, "shop", "development", act("bob", reason="all is well"))
    third = by_person(store, uuid, "y")
    cancelled(store, third)
    found = [(line.actor, line.action, line.subject, line.reason) for line in read.audit(store)]
    assert found == [
        ("bob", "cancel", third, ""),
        ("ann", "deploy", "shop/development", ""),
        ("bob", "resume", "shop/development", "all is well"),
        ("ann", "deploy", "shop/development", ""),
    ]


def test_the_same_document_is_kept_once(store: Store) -> None:
    uuid, _ = opened_environment(store)
    by_person(store, uuid)
    with store.reading() as session:
        assert (session.query(PartRow).count(), session.query(ArtifactRow).count()) == (2, 1)
