"""The migrations make exactly the tables that the code knows, in both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from controller.history import decided, person, read, reconnecting, record, store, suspending, watching
from controller.history.columns import Base
from controller.history.store import Store
from controller.model.deployment import Rank, Status, VerdictKind
from tests import databases
from tests.history_factories import act, carried, deployment, opened_environment, the_environment, verdicts

pytestmark = databases.both_databases


@pytest.fixture
def opened(database: str, tmp_path: Path) -> Iterator[Store]:
    """A database of each kind, with all tables, that went through every migration."""
    found = databases.kept(databases.new_address(tmp_path))
    store.upgrade(found)
    yield found
    store.close(found)


def test_migrations_and_tables_agree(opened: Store) -> None:
    with opened.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_upgrading_twice_changes_nothing(opened: Store) -> None:
    store.upgrade(opened)
    assert store.is_current(opened)


def test_a_second_apply_in_an_environment_is_refused_by_the_database_itself(opened: Store) -> None:
    """I1, whatever the code does."""
    watching.ensure_repository(opened, "acme", "https://git.acme.example/acme.git", "main")
    uuid, first = opened_environment(opened)
    second = person.opened(opened, deployment(uuid, "d2", rank=Rank.PERSON), act()).id
    update = sa.text("UPDATE deployments SET status = :status WHERE id = :id")
    with opened.writing() as session:
        session.execute(update, {"status": "applying", "id": first})
    with pytest.raises(sa.exc.IntegrityError), opened.writing() as session:
        session.execute(update, {"status": "interrupted", "id": second})


def test_a_deployment_lives_from_opening_to_end_in_both_databases(opened: Store) -> None:
    watching.ensure_repository(opened, "acme", "https://git.acme.example/acme.git", "main")
    uuid, first = opened_environment(opened)
    assert carried(opened, first).status is Status.SUCCEEDED
    second = person.opened(opened, deployment(uuid, "d2", rank=Rank.PERSON, created_by="ann"), act()).id
    record.progressed(opened, second, [{"n": 1, "type": "a"}], [(1, b"x")])
    carried(opened, second, at=40)
    found = the_environment(opened)
    assert (found.applied, found.last_success, len(found.holds)) == ("d2", second, 1)
    assert [row.id for row in read.deployments(opened)] == [second, first]
    assert read.deployment(opened, second[:8]).created_at == act().now
    person.resumed(opened, "shop", "development", act())
    assert suspending.expired(opened, act().now) == 0
    assert verdicts(opened) == {"1": "deployed"}


def test_a_repository_gets_another_id_in_both_databases(opened: Store) -> None:
    url = "https://git.acme.example/acme.git"
    watching.ensure_repository(opened, "acme", url, "main")
    opened_environment(opened)
    assert reconnecting.take_over(opened, [("acme", url, "main")], act()) == {}
    assert reconnecting.take_over(opened, [("company", url, "main")], act()) == {"company": "acme"}
    assert [row.id for row in read.repositories(opened)] == ["company"]
    assert (the_environment(opened).repository, read.owner(opened, "shop")) == ("company", "company")
    (commit,) = decided.commits(opened, "company")
    assert [(one.repository, one.kind) for one in commit.verdicts] == [("company", VerdictKind.DEPLOYED)]
    assert [row.repository for row in read.deployments(opened)] == ["company"]
    with opened.reading() as session:
        left = [
            table.name
            for table in Base.metadata.sorted_tables
            if "repository" in table.c
            and session.execute(sa.select(sa.func.count()).where(table.c.repository == "acme")).scalar()
        ]
    assert left == []
