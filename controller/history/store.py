"""Where is the history kept? One database, opened once; short transactions, begun as what they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from controller.errors import ConflictError, LockstepError, RetryableError

_MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_MILLISECONDS = 30_000
_UPGRADE_LOCK, _WRITE_LOCK = 5_625_437_850, 5_625_437_851  # any two numbers that nobody else uses
# Errors that the same transaction, tried again, may not meet: no answer, a lock that was waited for too long.
_PASSING = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
# PostgreSQL's further ones: a server that only reads, for another one leads now; a transaction that stood still.
_PASSING_STATES = ("25006", "25P03")
# What SQLite does by itself: one that reads before it writes is never overtaken in between, and nobody waits for ever.
# A controller that is stopped while it writes, or cut off, lets go of the lock.
_TAKE_TURN = sa.text(
    "SELECT set_config('lock_timeout', :patience, true), set_config('idle_in_transaction_session_timeout', :silence, "
    "true), pg_advisory_xact_lock(:lock)"
)
_SILENCE_MILLISECONDS = 60_000
# A server that has gone without a word is missed within half a minute, not when TCP gives up. An address may say
# otherwise: `postgresql://user@host/name?connect_timeout=3`.
_POSTGRESQL = {
    "fallback_application_name": "lockstep",
    "connect_timeout": "10",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
    "tcp_user_timeout": "30000",
}


@dataclass(frozen=True, slots=True)
class Store:
    """An open database; one for all threads. `written` is set whenever one of them wrote something.

    `turn` is who of them writes: those that wait for it are woken one after the other, while SQLite lets them try
    again after longer and longer pauses; and they hold no connection meanwhile, which whoever reads may need.
    """

    engine: Engine
    written: threading.Event = field(default_factory=threading.Event, compare=False)
    turn: threading.RLock = field(default_factory=threading.RLock, compare=False)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that sees one moment and changes nothing."""
        with _translated(), Session(self.engine, autoflush=False) as session, session.begin():
            if not self.is_sqlite:
                session.connection(
                    execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                )
            yield session

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other thread of this process writes meanwhile; for what is overtaken again and again."""
        with self.turn:
            yield

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is a writer from its first statement, the only one at a time. No I/O belongs inside."""
        engine = self.engine.execution_options(immediate=True)
        with self.turn, _translated(), Session(engine, expire_on_commit=False) as session, session.begin():
            if not self.is_sqlite:
                patience, silence = f"{_BUSY_MILLISECONDS}ms", f"{_SILENCE_MILLISECONDS}ms"
                session.execute(_TAKE_TURN, {"patience": patience, "silence": silence, "lock": _WRITE_LOCK})
            yield session
        self.written.set()


def open_store(url: str) -> Store:
    """Open a database: `sqlite:///path/to/file` or `postgresql+psycopg://…`; `upgrade` makes its tables."""
    address = address_of(url)
    if address.get_backend_name() == "sqlite":
        return Store(_sqlite(address))
    try:
        return Store(_postgresql(address))
    except ModuleNotFoundError as e:
        raise LockstepError(
            f"the database needs the package `{e.name}`; install it with `pip install 'lockstep[postgres]'`"
        ) from e
    except sa.exc.NoSuchModuleError as e:
        raise LockstepError(
            f"no database of kind `{address.drivername}` is known; write `sqlite:///file` or `postgresql://user@host/name`"
        ) from e


def close(store: Store) -> None:
    """Give back every connection."""
    store.engine.dispose()


def upgrade(store: Store) -> None:
    """Bring the tables to this release's form; nothing happens where they have it."""
    if is_current(store):
        return
    with _translated(), store.engine.execution_options(immediate=True).begin() as connection:
        if not store.is_sqlite:  # SQLite's writers are alone anyway
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(store: Store) -> bool:
    """Whether the tables have this release's form. A database of a newer release is refused."""
    script = ScriptDirectory.from_config(_alembic())
    with _translated(), store.engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in {revision.revision for revision in script.walk_revisions()}:
        raise ConflictError(
            f"the database is at revision `{found}`, which this release does not know; "
            "run the release that wrote it, or a newer one"
        )
    return found == script.get_current_head()


def address_of(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise LockstepError(
            "the database's address cannot be read; write `sqlite:///file` or `postgresql://user@host/name`"
        ) from None
    if address.drivername in ("postgresql", "postgres"):
        return address.set(drivername="postgresql+psycopg")
    return address


def _sqlite(address: sa.URL) -> Engine:
    if address.database and address.database != ":memory:":
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        address, connect_args={"timeout": _BUSY_MILLISECONDS / 1000, "check_same_thread": False}, pool_size=10
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    return engine


def _postgresql(address: sa.URL) -> Engine:
    address = address.set(query=_POSTGRESQL | dict(address.query))
    engine = sa.create_engine(address, pool_pre_ping=True, pool_size=10, max_overflow=20)
    event.listen(engine, "connect", _on_connect_postgresql)
    return engine


def _on_connect_postgresql(connection: Any, _record: object) -> None:
    # Else times come in the server's zone, where the last ones that Python knows may be in the year 10,000.
    with connection.cursor() as cursor:
        cursor.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def _on_connect(connection: Any, _record: object) -> None:
    # The driver would begin transactions by itself, deferred: one that turns writer fails at once, whatever the
    # timeout. So it is told to keep out, and `_on_begin` says what kind of transaction it is.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_BUSY_MILLISECONDS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: sa.Connection) -> None:
    kind = "IMMEDIATE" if connection.get_execution_options().get("immediate") else "DEFERRED"
    connection.exec_driver_sql(f"BEGIN {kind}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (*_PASSING, sa.exc.InternalError) as e:
        if not isinstance(e, _PASSING) and getattr(e.orig, "sqlstate", None) not in _PASSING_STATES:
            raise
        why = (str(e.__cause__).splitlines() or [""])[0] or type(e).__name__
        raise RetryableError(f"the database does not answer: {why}; it is tried again") from e


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
