"""What a commit, an engine or a request may say is kept the same way in every database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.history import audit, decided, overview, read, record
from controller.history.audit import Act
from controller.history.columns import Base, Text
from controller.history.decision import Decided
from controller.history.record import Finish
from controller.history.store import Store
from controller.model.deployment import Status, VerdictKind
from controller.model.ruling import Ruling
from tests import databases
from tests.history_factories import START, claim, commit, decided_on, opened_environment, plan, the_environment, watched

pytestmark = databases.both_databases
TEXTS = {
    "nul": ("before\0after", "before\N{REPLACEMENT CHARACTER}after"),
    "half-a-pair": ("\ud83d is half", "\N{REPLACEMENT CHARACTER} is half"),
    "long": ("ä😀" * 500_000, "ä😀" * 500_000),
    "quotes": ("%s ' \" \\ :name {x} $1", "%s ' \" \\ :name {x} $1"),
    "controls": ("\x01\x1b[31m\x7f\u2028\ufeff", "\x01\x1b[31m\x7f\u2028\ufeff"),
    "empty": ("", ""),
}
TIMES = (datetime.min, datetime(1969, 12, 31, 23, 59, 59, 999_999), datetime.max)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Store]:
    with watched(tmp_path) as found:
        yield found


@pytest.mark.parametrize(("said", "kept"), TEXTS.values(), ids=TEXTS)
def test_every_text_of_a_commit_is_kept(opened: Store, said: str, kept: str) -> None:
    hard = replace(commit(1), author_name=said, author_email=said, committer_email=said, message=said)
    told = Ruling(hard.id, VerdictKind.REJECTED, None, reason=said, problems=(said,))
    one = Decided("u", "shop", "development", None, "development", told=(told,), problems=(said,), note=said)
    assert decided_on(opened, [one], commits=(hard,), projects={"shop": said}, problems=(said,))
    (found,) = decided.commits(opened, "acme")
    assert (found.author_name, found.author_email, found.committer_email, found.message) == (kept, kept, kept, kept)
    assert (found.verdicts[0].reason, found.verdicts[0].problems) == (kept, (said,))
    assert (the_environment(opened).note, the_environment(opened).problems) == (kept, (said,))


@pytest.mark.parametrize(("said", "kept"), TEXTS.values(), ids=TEXTS)
def test_a_deployment_ends_whatever_its_engine_says(opened: Store, said: str, kept: str) -> None:
    _, id = opened_environment(opened)
    claim(opened)
    event = {"n": 1, "type": "diagnostic", "summary": said, said: [None, said]}
    record.progressed(opened, id, [event], [(1, said.encode(errors="replace"))])
    record.bundled(opened, id, "b1", {}, [said])
    record.planned(opened, id, plan(engine_version=said))
    record.finished(opened, id, Finish(Status.FAILED, said), START)
    assert read.deployment(opened, id).message == kept
    assert read.details(opened, id).events == (event,)
    assert read.deployment(opened, id).warnings == (said,)


@pytest.mark.parametrize(("said", "kept"), TEXTS.values(), ids=TEXTS)
def test_every_word_of_a_person_is_kept_and_looked_up(opened: Store, said: str, kept: str) -> None:
    given = Act(said, START, said, said)
    audit.note(opened, given, "refresh", said, {"said": said})
    (line,) = read.audit(opened, subject=said, actor=said)
    assert (line.actor, line.subject, line.reason, line.origin, line.details) == (
        kept,
        kept,
        kept,
        kept,
        {"said": said},
    )
    assert read.audit(opened, subject=f"{said}.") == []
    assert read.deployments(opened, project=said, commit=said) == []
    assert overview.environments(opened, [said], f"{said}/{said}", 1) == []


@pytest.mark.parametrize("time", TIMES, ids=["first", "before-1970", "last"])
def test_every_time_that_python_knows_is_kept(opened: Store, time: datetime) -> None:
    at = time.replace(tzinfo=UTC)
    assert decided_on(opened, [], commits=(replace(commit(1), committed_at=at),))
    assert [found.committed_at for found in decided.commits(opened, "acme")] == [at]


def test_texts_are_sorted_by_code_point(opened: Store) -> None:
    names = ["Z", "a", "B", "_", "a-b", "ab", "ä", "\ufb01", "😀", "A", "10", "9"]
    assert decided_on(opened, [], projects=dict.fromkeys(names, ""))
    assert read.projects(opened) == sorted(names)


def test_every_text_of_the_database_is_compared_by_code_point(opened: Store, database: str, tmp_path: Path) -> None:
    """Whatever the locale of the server."""
    types = {
        f"{table.name}.{column.name}": type(column.type).__name__
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.String | Text)
    }
    assert len(types) > 100
    assert set(types.values()) == {"Text"}
    if database == databases.POSTGRESQL:
        rows = databases.Rows(tmp_path)
        query = """
            SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')
            AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version'
        """
        assert rows(query) == []
