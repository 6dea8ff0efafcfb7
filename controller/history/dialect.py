"""What do SQLite and PostgreSQL say differently, or bound differently? The same words for both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

_T = TypeVar("_T")
_NAMED = 10_000  # values in one statement; SQLite takes 32,766 of them, PostgreSQL 65,535


def insert(session: Session, table: Any) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_of(session.get_bind().dialect.name, table)


def insert_of(dialect: str, table: Any) -> Any:
    """The same for whoever makes a statement once and keeps it."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def batches(values: Sequence[_T]) -> Iterator[list[_T]]:
    """So many of them as one statement may name, until there are no more."""
    left = iter(values)
    while batch := list(islice(left, _NAMED)):
        yield batch
