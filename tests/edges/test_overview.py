"""The list of environments: a page at a time, with what is beside each, for those who may see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.history import decided, overview, read, record
from controller.history.opening import insert_deployment
from controller.history.overview import Counts
from controller.history.record import Finish
from controller.history.store import Store
from controller.model.deployment import Mode, Status
from tests.databases import both_databases
from tests.history_factories import (
    after,
    carried,
    deployment,
    environment,
    opened_environment,
    the_environment,
    watched,
)

pytestmark = both_databases


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with watched(tmp_path) as opened:
        yield opened


def slugs(store: Store, **asked: object) -> list[str]:
    given = {"projects": None, "after": "", "limit": 10} | asked
    return [line.environment.slug for line in overview.lines(store, **given)]  # type: ignore[arg-type]


def many(store: Store) -> None:
    """shop/development and shop-old/development, which are deployed, and shop/staging, whose deployment is queued."""
    for name in ("shop", "shop-old"):
        record.finished(
            store, opened_environment(store, project=name)[1], Finish(Status.SUCCEEDED, "", applied=True), after(5)
        )
    opened_environment(store, environment="staging")


def test_environments_are_listed_a_page_at_a_time(store: Store) -> None:
    many(store)
    assert slugs(store) == ["shop/development", "shop/staging", "shop-old/development"]
    assert slugs(store, limit=2) == ["shop/development", "shop/staging"]
    assert slugs(store, after="shop/staging") == ["shop-old/development"]
    assert slugs(store, after="shop-old/development") == []
    assert slugs(store, after="shop/production") == ["shop/staging", "shop-old/development"]


def test_only_projects_that_may_be_seen_are_listed_and_counted(store: Store) -> None:
    many(store)
    assert slugs(store, projects=("shop",)) == ["shop/development", "shop/staging"]
    assert slugs(store, projects=()) == []
    assert overview.counts(store, None) == Counts(environments=3, projects=2, in_step=2, at_work=1)
    assert overview.counts(store, ("shop-old",)) == Counts(environments=1, projects=1, in_step=1, at_work=0)
    assert overview.counts(store, ()) == Counts(environments=0, projects=0, in_step=0, at_work=0)


def test_what_deployed_last_stands_beside_it_and_no_look(store: Store) -> None:
    uuid, first = opened_environment(store)
    carried(store, first)
    newest = deployment(uuid, "d2")
    with store.writing() as session:
        for new in (newest, deployment(uuid, mode=Mode.DRIFT), deployment(uuid, mode=Mode.PLAN_ONLY)):
            insert_deployment(session, new, after(20))
    (line,) = overview.lines(store, None, "", 10)
    assert line.latest == read.deployment(store, newest.id)
    assert line.queue == (read.deployment(store, newest.id),)


def test_the_live_commit_comes_without_its_verdicts(store: Store) -> None:
    _, first = opened_environment(store)
    environment(store, "staging")
    carried(store, first)
    line, other = overview.lines(store, None, "", 10)
    assert line.environment == the_environment(store)
    whole = decided.commit(store, str(line.environment.live_commit))
    assert whole.verdicts != ()
    assert line.live == replace(whole, verdicts=(), counts={})
    assert (other.live, other.latest, other.queue) == (None, None, ())
