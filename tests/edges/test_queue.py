"""One line per environment: who is claimed next, by whom, and what takes whose place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.history import decide, person, queue, read, record, watching, work
from controller.history.decision import Decided
from controller.history.record import Finish
from controller.history.store import Store
from controller.model.deployment import Mode, Rank, Status
from tests.databases import both_databases
from tests.history_factories import (
    LEASE,
    ME,
    REPOSITORY,
    act,
    after,
    carried,
    claim,
    commit,
    decided_on,
    deployment,
    environment,
    now,
    opened_environment,
    plan,
    watched,
)

pytestmark = both_databases


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with watched(tmp_path) as opened:
        yield opened


def by_person(store: Store, uuid: str, digest: str, **changes: object) -> str:
    new = deployment(uuid, digest, rank=Rank.PERSON, created_by="ann", **changes)
    return person.opened(store, new, act()).id


def status(store: Store, id: str) -> Status:
    return read.deployment(store, id).status


def test_a_claimed_deployment_is_planning_since_then(store: Store) -> None:
    _, first = opened_environment(store)
    assert claim(store, 10) == first
    row = read.deployment(store, first)
    assert (row.status, row.started_at) == (Status.PLANNING, after(10))


def test_a_deployment_is_claimed_once_however_many_ask(store: Store) -> None:
    _, first = opened_environment(store)
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(claim(store))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=str) == [first, *[None] * 7] or sorted(found, key=str) == [*[None] * 7, first]


def test_the_line_of_an_environment_moves_only_when_its_head_has_ended_and_is_cleared(store: Store) -> None:
    uuid, first = opened_environment(store)
    claim(store)
    second = by_person(store, uuid, "d2")
    assert claim(store) is None
    record.finished(store, first, Finish(Status.FAILED, "no"), after(20))
    assert claim(store) is None
    record.cleared(store, first)
    assert claim(store) == second


def test_environments_do_not_wait_for_each_other(store: Store) -> None:
    _, first = opened_environment(store)
    new = deployment("other-uuid", "d9", environment="staging")
    environment(store, "staging", opening=new, at=2)
    assert {claim(store), claim(store)} == {first, new.id}


@pytest.mark.parametrize("higher", [Rank.PERSON, Rank.ROLLBACK, Rank.DESTROY])
def test_the_higher_rank_goes_first(store: Store, higher: Rank) -> None:
    uuid, _ = opened_environment(store)
    second = person.opened(store, deployment(uuid, "d2", rank=higher), act()).id
    assert claim(store) == second


def test_of_equal_rank_the_older_one_goes_first(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    second = by_person(store, uuid, "d2")
    by_person(store, uuid, "d3")
    assert claim(store) == second


def test_plans_of_persons_stand_outside_the_line(store: Store) -> None:
    uuid, first = opened_environment(store)
    aside = by_person(store, uuid, "d2", mode=Mode.PLAN_ONLY)
    assert {claim(store), claim(store)} == {first, aside}
    assert work.claim_queued(store, ME, after(10), LEASE) is None


def test_a_deployment_that_is_to_be_tried_later_is_not_claimed_before(store: Store) -> None:
    _, first = opened_environment(store, not_before=after(100))
    assert claim(store, 99) is None
    assert claim(store, 100) == first


def test_a_target_waits_until_its_source_is_deployed_and_what_follows_is_decided(store: Store) -> None:
    uuid, first = opened_environment(store)
    target = deployment("target-uuid", "d9", environment="production", waits_for=(uuid,))
    environment(store, "production", opening=target, at=2)
    carried(store, first)
    assert claim(store) is None  # the success has woken the repository
    assert decided_on(store, [], at=2, woken=now(store).wake)
    assert claim(store) == target.id


def test_whoever_waits_for_a_person_or_time_is_not_carried(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    record.planned(store, first, plan())
    record.awaits_approval(store, first, "look at it", after(100))
    assert work.claim_open(store, ME, after(50), LEASE) == []
    assert work.claim_open(store, ME, after(100), LEASE) == [first]


def test_an_approved_deployment_is_carried_on(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    record.planned(store, first, plan())
    record.awaits_approval(store, first, "look at it", after(100))
    person.approved(store, first, act("bob"))
    assert work.claim_open(store, ME, after(50), LEASE) == [first]


def test_a_claim_is_taken_over_when_it_has_run_out(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store, 10)
    assert work.claim_open(store, "controller-2", after(69), LEASE) == []
    assert work.renew(store, first, ME, after(120))
    assert work.claim_open(store, "controller-2", after(119), LEASE) == []
    assert work.claim_open(store, "controller-2", after(121), LEASE) == [first]
    assert not work.renew(store, first, ME, after(200))


def test_a_controller_that_starts_anew_gives_its_old_claims_back(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store, 10)
    work.release(store, ME)
    assert work.claim_open(store, ME, after(11), LEASE) == [first]


def test_what_has_ended_is_carried_until_its_run_is_cleared_away(store: Store) -> None:
    _, first = opened_environment(store)
    claim(store)
    record.finished(store, first, Finish(Status.FAILED, "no"), after(20))
    work.release(store, ME)
    assert work.claim_open(store, ME, after(30), LEASE) == [first]
    record.cleared(store, first)
    assert work.claim_open(store, ME, after(31), LEASE) == []


def test_a_newer_deployment_takes_the_place_of_what_it_names_and_of_no_apply(store: Store) -> None:
    uuid, first = opened_environment(store)
    claim(store)
    second = by_person(store, uuid, "d2", superseded=(first,))
    row = read.deployment(store, first)
    assert (row.status, row.superseded_by) == (Status.SUPERSEDED, second)
    assert row.message == f"superseded by deployment {second}"
    assert claim(store) is None  # the plan of the first one may still be running
    record.cleared(store, first)
    claim(store)
    record.planned(store, second, plan())
    record.begin_apply(store, second, after(30))
    by_person(store, uuid, "d3", superseded=(second,))
    assert status(store, second) is Status.APPLYING


def test_one_that_was_superseded_before_it_began_leaves_nothing_to_clear(store: Store) -> None:
    uuid, first = opened_environment(store)
    second = by_person(store, uuid, "d2", superseded=(first,))
    assert claim(store) == second


def test_git_going_back_ends_what_waits_without_a_successor(store: Store) -> None:
    uuid, first = opened_environment(store)
    decided = Decided(uuid, "shop", "development", None, "development", superseded=(first,))
    assert decided_on(store, [decided], at=2)
    row = read.deployment(store, first)
    assert (row.status, row.superseded_by, row.message) == (Status.SUPERSEDED, None, "Git wants what is applied")


def test_the_expected_last_deployment_is_compared_before_anything_opens(store: Store) -> None:
    uuid, first = opened_environment(store)
    new = deployment(uuid, "d2", rank=Rank.PERSON)
    with pytest.raises(ConflictError) as e:
        person.opened(store, new, act(), expect_last="another")
    assert str(e.value) == (
        f"the last deployment of shop/development is {first}, not another; look at what was deployed, then deploy again"
    )
    assert person.opened(store, new, act(), expect_last=first).id == new.id


def test_an_unmoved_repository_is_decided_once(store: Store) -> None:
    assert watching.undecided(store) == []
    watching.polled(store, REPOSITORY, after(1), head="a" * 40)
    assert watching.undecided(store) == [REPOSITORY]
    opened_environment(store)
    watching.polled(store, REPOSITORY, after(1), head=now(store).repository.decided_tip)
    assert decided_on(store, [], at=1, woken=now(store).wake)
    assert watching.undecided(store) == []
    watching.wake(store, REPOSITORY)
    assert watching.undecided(store) == [REPOSITORY]


def test_a_decision_on_what_has_changed_meanwhile_is_not_written(store: Store) -> None:
    uuid, first = opened_environment(store)
    seen = now(store)
    claim(store)
    record.finished(store, first, Finish(Status.FAILED, "no"), after(20))
    stale = Decided(uuid, "shop", "development", seen.environments["shop/development"].version, "production")
    decision = decide.DecidedRepository(
        REPOSITORY, seen.repository.decided_tip, "b" * 40, seen.wake, "0", after(30), environments=(stale,)
    )
    assert not decide.record(store, decision)
    assert read.environment(store, "shop", "development").type == "development"
    assert now(store).repository.decided_tip == seen.repository.decided_tip


def test_a_project_that_opened_many_keeps_no_other_waiting(store: Store) -> None:
    for n in range(6):
        opened_environment(store, project="big", environment=f"e{n}")
    opened_environment(store, project="small", environment="one")
    opened_environment(store, project="tiny", environment="one")
    found = [read.deployment(store, str(claim(store))).project for _ in range(8)]
    assert found == ["big", "small", "tiny", "big", "big", "big", "big", "big"]


def test_projects_take_turns_also_after_a_restart(tmp_path: Path) -> None:
    with watched(tmp_path) as before:
        for n in range(3):
            opened_environment(before, project="big", environment=f"e{n}")
            opened_environment(before, project="small", environment=f"e{n}")
        first = read.deployment(before, str(claim(before))).project
    with watched(tmp_path) as again:
        rest = [read.deployment(again, str(claim(again))).project for _ in range(5)]
    assert [first, *rest] == ["big", "small"] * 3


def test_within_a_project_the_higher_rank_begins_first_whatever_its_environment(store: Store) -> None:
    _, first = opened_environment(store, environment="one")
    _, second = opened_environment(store, environment="two", rank=Rank.PERSON)
    assert [claim(store), claim(store)] == [second, first]


def test_of_one_commit_only_so_many_are_at_work_and_who_waits_for_a_person_is_not(store: Store) -> None:
    ids = [opened_environment(store, environment=f"e{n}")[1] for n in range(4)]

    def begin() -> str | None:
        return work.claim_queued(store, ME, after(10), LEASE, batch=2)

    assert [begin(), begin(), begin()] == [ids[0], ids[1], None]
    record.planned(store, ids[0], plan())
    record.awaits_approval(store, ids[0], "look at it", after(100))
    assert [begin(), begin()] == [ids[2], None]
    record.finished(store, ids[1], Finish(Status.FAILED, "no"), after(20))
    assert [begin(), begin()] == [ids[3], None]


def test_a_batch_holds_nobody_up_but_what_its_own_commit_changed(store: Store) -> None:
    _, first = opened_environment(store, environment="one")
    _, other = opened_environment(store, environment="two", commit=commit(2))
    _, by_ann = opened_environment(store, environment="three", rank=Rank.PERSON)
    found = {work.claim_queued(store, ME, after(10), LEASE, batch=1) for _ in range(4)}
    assert found == {first, other, by_ann, None}


def test_a_queued_deployment_says_what_it_waits_for_and_is_written_only_when_that_changes(store: Store) -> None:
    uuid, first = opened_environment(store, environment="one")
    claim(store)
    second = by_person(store, uuid, "d2", environment="one")
    _, third = opened_environment(store, environment="two")
    _, fourth = opened_environment(store, environment="three", waits_for=(uuid,))
    _, later = opened_environment(store, environment="four", not_before=after(100))
    assert queue.say_why_queued(store, after(20), "waits for a free slot", batch=1) == 3
    assert [read.deployment(store, id).message for id in (first, second, third, fourth, later)] == [
        "",
        "waits for another deployment of its environment",
        "waits for others of its commit: 1 of them are at work at a time",
        "waits for deployments of environments that go first",
        "",
    ]
    store.written.clear()
    assert queue.say_why_queued(store, after(21), "waits for a free slot", batch=1) == 0
    assert not store.written.is_set()
    assert queue.say_why_queued(store, after(22), "waits for a free slot", batch=2) == 1
    assert read.deployment(store, third).message == "waits for a free slot"
    assert claim(store, 23) == third
    assert read.deployment(store, third).message == ""


def test_times_of_a_clock_that_was_ahead_hold_nobody_up(store: Store) -> None:
    """The clock was set back by an hour: whatever was to be tried in a moment was tried in an hour."""
    _, first = opened_environment(store, not_before=after(3605))
    assert claim(store, 0) == first
    work.renew(store, first, ME, after(3660))
    assert work.claim_open(store, "controller-2", after(0), LEASE) == [first]
