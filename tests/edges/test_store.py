"""One database, short transactions that are what they are from their first statement."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from controller.errors import ConflictError, LockstepError, RetryableError
from controller.history import store
from controller.history.store import Store
from controller.history.tables import ProjectRow, RepositoryRow
from tests import databases


def test_a_database_in_a_new_folder_is_made(tmp_path: Path) -> None:
    opened = store.open_store(f"sqlite:///{tmp_path / 'a' / 'b' / 'x.sqlite3'}")
    assert not store.is_current(opened)
    store.upgrade(opened)
    assert store.is_current(opened)


@databases.only_sqlite
def test_pragmas_hold_in_every_connection(tmp_path: Path) -> None:
    opened = store.open_store(databases.address(tmp_path))
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


def holding(opened: Store, release: threading.Event) -> threading.Thread:
    """A thread that writes until it is told to end."""
    began = threading.Event()

    def hold() -> None:
        with opened.writing() as session:
            session.add(RepositoryRow(id="a", url="u", branch="main"))
            session.flush()
            began.set()
            assert release.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert began.wait(30)
    return thread


@databases.both_databases
def test_however_many_wait_to_write_whoever_reads_is_answered(tmp_path: Path, database: str) -> None:
    """Those who wait hold no connection: there are fewer of them than of those who may want one."""
    opened, other, release = databases.opened(tmp_path), databases.opened(tmp_path), threading.Event()
    holder = holding(other, release)

    def wake() -> None:
        with opened.writing() as session:
            session.get_one(RepositoryRow, "a").wake += 1

    waiting = [threading.Thread(target=wake) for _ in range(40)]
    for thread in waiting:
        thread.start()
    began = time.monotonic()
    with opened.reading() as session:
        assert session.scalars(sa.select(RepositoryRow)).all() == []
    assert time.monotonic() - began < 10
    release.set()
    for thread in (holder, *waiting):
        thread.join()
    with opened.reading() as session:
        assert session.get_one(RepositoryRow, "a").wake == 41


@databases.both_databases
def test_nobody_waits_for_ever_for_another_controller(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_BUSY_MILLISECONDS", 200)
    opened, other, release = databases.opened(tmp_path), databases.opened(tmp_path), threading.Event()
    holder = holding(other, release)
    why = "canceling statement due to lock timeout" if database == databases.POSTGRESQL else "database is locked"
    with pytest.raises(RetryableError) as e, opened.writing() as session:
        session.scalars(sa.select(RepositoryRow)).all()
    release.set()
    holder.join()
    assert str(e.value) == f"the database does not answer: {why}; it is tried again"


@databases.only_postgresql
def test_a_controller_that_stands_still_while_it_writes_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_SILENCE_MILLISECONDS", 200)
    stopped, opened = databases.opened(tmp_path), databases.opened(tmp_path)

    def write(url: str, meanwhile: Callable[[], None]) -> None:
        with (stopped if url == "stopped" else opened).writing() as session:
            session.add(RepositoryRow(id="a", url=url, branch="main"))
            session.flush()
            meanwhile()
            session.scalars(sa.select(RepositoryRow)).all()

    with pytest.raises(RetryableError) as e:
        write("stopped", lambda: write("another", lambda: None))
    assert str(e.value) == (
        "the database does not answer: terminating connection due to idle-in-transaction timeout; it is tried again"
    )
    with opened.reading() as session:
        assert session.get_one(RepositoryRow, "a").url == "another"


@databases.only_postgresql
def test_a_server_that_only_reads_is_waited_for(tmp_path: Path) -> None:
    """Another one leads now, and this one does not know it yet, or the address leads to it still."""
    opened = databases.opened(tmp_path)
    with opened.engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        connection.commit()
    with pytest.raises(RetryableError) as e, opened.writing() as session:
        session.add(RepositoryRow(id="a", url="u", branch="main"))
    assert str(e.value) == (
        "the database does not answer: cannot execute INSERT in a read-only transaction; it is tried again"
    )
