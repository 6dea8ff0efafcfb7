"""One database, short transactions that are what they are from their first statement."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.errors import ConflictError, LockstepError, RetryableError
from controller.history import store
from controller.history.tables import ProjectRow, RepositoryRow
from tests import databases


def test_a_database_in_a_new_folder_is_made(tmp_path: Path) -> None:
    opened = store.open_store(f"sqlite:///{tmp_path / 'a' / 'b' / 'x.sqlite3'}")
    assert not store.is_current(opened)
    store.upgrade(opened)
    assert store.is_current(opened)


@databases.only_sqlite
def test_pragmas_hold_in_every_connection(tmp_path: Path) -> None:
    opened = databases.opened(tmp_path)
    with opened.reading() as session:
        found = [session.scalar(sa.text(f"PRAGMA {name}")) for name in ("journal_mode", "foreign_keys", "synchronous")]
    assert found == ["wal", 1, 2]


def test_an_error_undoes_the_whole_transaction(tmp_path: Path) -> None:
    opened = databases.opened(tmp_path)

    def fail() -> None:
        with opened.writing() as session:
            session.add(RepositoryRow(id="a", url="u", branch="main"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with opened.reading() as session:
        assert session.get(RepositoryRow, "a") is None


def test_foreign_keys_are_kept(tmp_path: Path) -> None:
    opened = databases.opened(tmp_path)
    with pytest.raises(sa.exc.IntegrityError), opened.writing() as session:
        session.execute(sa.text("INSERT INTO projects VALUES ('p', 'nowhere', 'P', '2026-01-01')"))


def test_writers_that_read_first_lose_nothing(tmp_path: Path) -> None:
    """A deferred transaction that turns writer fails at once, whatever the timeout; these wait for each other."""
    opened = databases.opened(tmp_path)
    with opened.writing() as session:
        session.add(RepositoryRow(id="a", url="u", branch="main", wake=0, woken=0))

    def count() -> None:
        for _ in range(25):
            with opened.writing() as session:
                row = session.get_one(RepositoryRow, "a")
                row.wake += 1

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opened.reading() as session:
        assert session.get_one(RepositoryRow, "a").wake == 200


def test_a_reader_sees_one_moment_while_another_writes(tmp_path: Path) -> None:
    opened = databases.opened(tmp_path)
    with opened.writing() as session:
        session.add(RepositoryRow(id="a", url="u", branch="main"))
    with opened.reading() as reader:
        before = reader.scalar(sa.select(sa.func.count()).select_from(ProjectRow))
        with opened.writing() as writer:
            writer.execute(sa.text("INSERT INTO projects VALUES ('p', 'a', 'P', '2026-01-01')"))
        after = reader.scalar(sa.select(sa.func.count()).select_from(ProjectRow))
    assert (before, after) == (0, 0)


def test_an_address_that_is_none_is_refused_without_being_repeated() -> None:
    with pytest.raises(LockstepError) as e:
        store.open_store("://:secret@@")
    assert str(e.value) == (
        "the database's address cannot be read; write `sqlite:///file` or `postgresql://user@host/name`"
    )


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    opened = databases.opened(tmp_path)
    with opened.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ConflictError) as e:
        store.upgrade(opened)
    assert str(e.value) == (
        "the database is at revision `9999`, which this release does not know; "
        "run the release that wrote it, or a newer one"
    )


def test_a_database_that_does_not_answer_is_tried_again(tmp_path: Path) -> None:
    opened = store.open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    why = "the database does not answer: no such table: projects"
    with pytest.raises(RetryableError, match=why), opened.reading() as session:
        session.scalars(sa.select(ProjectRow)).all()


def test_whoever_waits_for_something_written_hears_of_that_and_of_nothing_else(tmp_path: Path) -> None:
    opened = databases.opened(tmp_path)
    opened.written.clear()
    with opened.reading() as session:
        session.scalars(sa.select(ProjectRow)).all()
    with pytest.raises(ZeroDivisionError), opened.writing() as session:
        raise ZeroDivisionError
    assert not opened.written.is_set()
    with opened.writing() as session:
        session.add(RepositoryRow(id="a", url="u", branch="main"))
    assert opened.written.is_set()
