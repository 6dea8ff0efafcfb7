"""How is the database kept safe while it is at work? A copy of one moment, made by SQLite itself."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from controller.errors import NotAllowedError
from controller.history.store import Store


def copy(store: Store, target: Path) -> None:
    """Write a copy of the database to a new file; whoever writes meanwhile is not held up."""
    if not store.is_sqlite:
        raise NotAllowedError("the database is PostgreSQL; copy it with its own tools, such as `pg_dump`")
    source = store.engine.raw_connection()
    try:
        with contextlib.closing(sqlite3.connect(target)) as copied:
            source.driver_connection.backup(copied)  # type: ignore[union-attr]
            # A single file, without a journal beside it that could be left behind.
            copied.execute("PRAGMA journal_mode=DELETE")
            found = copied.execute("PRAGMA quick_check").fetchone()[0]
    finally:
        source.close()
    if found != "ok":
        raise NotAllowedError(f"the copy of the database is damaged ({found}); check the disk, and the database")
