"""Logs, outputs and plans go by age; what something that lives stands on stays, and so does every row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.history import opening, person, prune, read, record
from controller.history.opening import Part
from controller.history.prune import Pruned, Retention
from controller.history.record import Finish
from controller.history.store import Store
from controller.history.tables import ArtifactRow
from controller.model.deployment import Rank, Status
from tests.databases import both_databases
from tests.history_factories import act, after, claim, deployment, opened_environment, plan, watched

pytestmark = both_databases


DAY = timedelta(days=1)
SHORT = Retention(logs=90 * DAY, outputs=30 * DAY, plans=7 * DAY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with watched(tmp_path) as opened:
        yield opened


def deployed(store: Store, id: str, status: Status = Status.SUCCEEDED, plan_file: bytes = b"") -> str:
    """Carry a queued deployment to its end, with a plan, a log and outputs."""
    assert claim(store) == id
    sealed = Part.closed(b"sealed " + (plan_file or id.encode()), plan_file or id.encode())
    record.planned(store, id, plan(parts={"plan": sealed, "summary": Part.public(b"{}")}))
    record.progressed(store, id, [{"n": 1, "type": "a"}], [(1, b"one"), (2, b"two")])
    record.begin_apply(store, id, after(11))
    record.log_closed(store, id, None)
    is_good = status is Status.SUCCEEDED
    record.finished(store, id, Finish(status, "", applied=is_good, outputs=b"out"), after(12))
    record.cleared(store, id)
    return id


def next_one(store: Store, uuid: str, digest: str) -> str:
    new = deployment(uuid, digest, rank=Rank.PERSON, log_recipient="age1x", outputs_recipient="age1x")
    return person.opened(store, new, act()).id


def first_of(store: Store, **changes: object) -> tuple[str, str]:
    return opened_environment(store, log_recipient="age1x", outputs_recipient="age1x", **changes)


def kept(store: Store, id: str) -> tuple[int, bool, list[str]]:
    """Chunks of its log, whether it has outputs, and its parts."""
    names = ("manifest", "plan", "summary")
    parts = sorted(opening.parts(store, id, names))
    return len(read.log_chunks(store, id)), read.outputs(store, id) is not None, parts


WHOLE = (2, True, ["manifest", "plan", "summary"])


def test_each_kind_goes_at_its_own_age_and_says_since_when(store: Store) -> None:
    uuid, first = first_of(store)
    deployed(store, first)
    deployed(store, next_one(store, uuid, "d2"))
    assert prune.prune(store, SHORT, after(12) + 7 * DAY) == Pruned()
    found = []
    for days in (8, 31, 91):
        now = after(12) + days * DAY
        assert prune.prunable(store, SHORT, now) == prune.prune(store, SHORT, now)
        found.append(kept(store, first))
    assert found == [
        (2, True, ["manifest", "summary"]),
        (2, False, ["manifest", "summary"]),
        (0, False, ["manifest", "summary"]),
    ]
    row = read.deployment(store, first)
    assert (row.status, row.outputs_removed_at, row.log_removed_at) == (
        Status.SUCCEEDED,
        after(12) + 31 * DAY,
        after(12) + 91 * DAY,
    )
    assert len(read.details(store, first).events) == 1


def test_what_succeeded_last_and_every_attempt_since_stay_whole(store: Store) -> None:
    uuid, first = first_of(store)
    ids = [deployed(store, first), deployed(store, next_one(store, uuid, "d2"))]
    ids.append(deployed(store, next_one(store, uuid, "d3"), Status.FAILED))
    _, never = first_of(store, environment="never")
    ids.append(deployed(store, never, Status.FAILED))
    assert prune.prune(store, SHORT, after(12) + 999 * DAY) == Pruned(logs=1, outputs=1, plans=1)
    assert [kept(store, id) == WHOLE for id in ids] == [False, True, True, True]


def test_open_deployments_keep_everything(store: Store) -> None:
    uuid, first = first_of(store)
    deployed(store, first)
    second = next_one(store, uuid, "d2")
    claim(store)
    record.planned(store, second, plan(parts={"plan": Part.closed(b"x")}))
    record.awaits_approval(store, second, "look", after(999))
    assert prune.prune(store, SHORT, after(12) + 999 * DAY) == Pruned()


def test_an_artifact_that_another_deployment_is_made_of_stays(store: Store) -> None:
    uuid, first = first_of(store)
    deployed(store, first, plan_file=b"the same")
    deployed(store, next_one(store, uuid, "d2"), plan_file=b"the same")
    assert prune.prune(store, SHORT, after(12) + 8 * DAY) == Pruned(plans=1)
    assert kept(store, first)[2] == ["manifest", "summary"]
    with store.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).where(ArtifactRow.content == b"sealed the same")) == 1
    deployed(store, next_one(store, uuid, "d3"))
    assert prune.prune(store, SHORT, after(12) + 8 * DAY) == Pruned(plans=1)
    with store.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).where(ArtifactRow.content == b"sealed the same")) == 0


def test_a_plan_that_was_made_again_leaves_nothing_of_the_one_before(store: Store) -> None:
    """Sealed plans that no deployment named any more were kept for ever."""
    _, first = first_of(store)
    claim(store)
    for text in (b"before", b"after"):
        record.planned(store, first, plan(parts={"plan": Part.closed(b"sealed " + text, text)}))
        record.planned_again(store, first, "its run directory is gone")
    with store.reading() as session:
        sealed = session.scalars(sa.select(ArtifactRow.content).where(ArtifactRow.sealed.is_(True)))
        assert list(sealed) == [b"sealed after"]


def test_by_default_everything_is_kept_for_ever(store: Store) -> None:
    uuid, first = first_of(store)
    deployed(store, first)
    deployed(store, next_one(store, uuid, "d2"))
    assert prune.prune(store, Retention(), after(12) + 9999 * DAY) == Pruned()


def test_of_very_many_only_so_many_are_removed_at_a_time(store: Store) -> None:
    uuid, first = first_of(store)
    deployed(store, first)
    for n in range(2, 6):
        deployed(store, next_one(store, uuid, f"d{n}"))
    later = after(12) + 8 * DAY
    assert [prune.prune(store, SHORT, later, most=3) for _ in range(3)] == [Pruned(plans=3), Pruned(plans=1), Pruned()]
