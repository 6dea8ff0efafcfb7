"""One line per environment: who is claimed next, by whom, and what takes whose place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.history import decide, person, read, record, watching, work
from controller.history.decide import Decided
from controller.history.record import Finish
from controller.history.store import Store
from controller.model.deployment import Mode, Rank, Status
from tests.history_factories import (
    LEASE,
    ME,
    REPOSITORY,
    act,
    after,
    carried,
    claim,
    decided_on,
    deployment,
    environment,
    now,
    opened_environment,
    plan,
    watched,
)


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
