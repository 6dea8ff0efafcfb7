"""Which commits are the tags and branches that modules name, and which of them could not be asked for?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from controller.history.store import Store
from controller.history.tables import ModulePinRow
from controller.history.watching import wake_within
from controller.model.catalog import GitRef, ModuleSource, SourceKind
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class ModulePin:
    """A source of a module with a tag or branch; `commit` None: it was never found."""

    source: str
    commit: str | None
    created_at: datetime
    moved_at: datetime | None
    checked_at: datetime
    failures: int
    error: str | None

    @property
    def ref(self) -> GitRef | None:
        return ModuleSource(SourceKind.GIT, self.source, "").ref

    def is_due(self, now: datetime, every: timedelta, patience: timedelta) -> bool:
        """Whether it may be asked for again: where its remote failed it is left in peace, ever longer."""
        if not self.failures:
            return True
        pause: timedelta = min(every * 2 ** min(self.failures, 10), max(patience, every))
        # A time that is still to come was recorded by a clock that has been set back since.
        return self.checked_at > now or now - self.checked_at >= pause


@dataclass(frozen=True, slots=True)
class Found:
    """What came of asking: a commit, or why there is none; `failed` where that is the remote's doing."""

    commit: str | None = None
    error: str | None = None
    failed: bool = False


def recorded(store: Store, repository: str) -> dict[str, ModulePin]:
    """By source; sorted."""
    query = sa.select(ModulePinRow).where(ModulePinRow.repository == repository).order_by(ModulePinRow.source)
    with store.reading() as session:
        return {row.source: _pin(row) for row in session.scalars(query)}


def shown(store: Store, repository: str, modules: Iterable[Mapping[str, Json]]) -> dict[str, ModulePin]:
    """Of modules, as a catalogue shows them, those with a tag or branch: id -> what is known of it; sorted."""
    known = recorded(store, repository)
    sources = {str(module["id"]): str((module.get("source") or {}).get("address")) for module in modules}
    return {id_: known[source] for id_, source in sorted(sources.items()) if source in known}


def record(store: Store, repository: str, found: Mapping[str, Found], named: Collection[str], now: datetime) -> None:
    """Keep what was found. What was found before stays where it cannot be found now.

    The repository is decided again where that may come to something else. `named`: all that its newest commit names;
    of others nothing is asked any more, so nothing is wrong with them.
    """
    with store.writing() as session:
        query = sa.select(ModulePinRow).where(ModulePinRow.repository == repository)
        known = {row.source: row for row in session.scalars(query)}
        may_change = False
        for source, row in known.items():
            if source not in named and row.commit is not None:
                row.error, row.failures = None, 0
        for source, answer in sorted(found.items()):
            is_new = source not in known
            row = known.get(source) or ModulePinRow(repository=repository, source=source, created_at=now, failures=0)
            session.add(row)
            moved = answer.commit is not None and answer.commit != row.commit
            may_change |= is_new or moved or (row.commit is None and row.error != answer.error)
            if moved:
                row.moved_at = None if row.commit is None else now
                row.commit = answer.commit
            row.checked_at, row.error = now, answer.error
            row.failures = row.failures + 1 if answer.failed else 0
        if may_change:
            wake_within(session, repository)


def _pin(row: ModulePinRow) -> ModulePin:
    return ModulePin(row.source, row.commit, row.created_at, row.moved_at, row.checked_at, row.failures, row.error)
