"""What does a commit mean for each environment? Verdicts as they are written: for thousands of environments at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.history.decision import Decided, DecidedRepository
from controller.history.dialect import batches, insert
from controller.history.tables import EnvironmentRow, VerdictRow
from controller.model.deployment import VerdictKind
from controller.model.document import Json
from controller.model.ruling import Ruling


def write(session: Session, decision: DecidedRepository) -> None:
    """Write down what every commit of the walk means for every environment, in the place of what was written before."""
    session.flush()
    unchanged: dict[str, list[str]] = {}  # commit -> uuids of environments that stand: of a thousand most
    found = []
    for decided in decision.environments:
        stands = decided.uuid in decision.standing
        for told in decided.told:
            if stands and told == Ruling(told.commit, VerdictKind.UNCHANGED, decided.tip):
                unchanged.setdefault(told.commit, []).append(decided.uuid)
            else:
                found.append(_verdict(told, decision, decided))
    for commit, uuids in unchanged.items():
        for batch in batches(uuids):
            columns, rows = _unchanged(decision, commit, batch)
            session.execute(_replacing(insert(session, VerdictRow.__table__).from_select(columns, rows)))
    if found:
        # One statement, executed for all rows: the database's driver takes them one after the other.
        session.connection().execute(_replacing(insert(session, VerdictRow.__table__)), found)


def _replacing(statement: Any) -> Any:
    """The INSERT of verdicts, where those of an earlier decision may be."""
    keys = ("environment_uuid", "repository", "commit")
    changed = {
        column.name: statement.excluded[column.name] for column in VerdictRow.__table__.c if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _unchanged(decision: DecidedRepository, commit: str, uuids: Sequence[str]) -> tuple[list[str], sa.Select[Any]]:
    """The rows of a commit that changes nothing for these environments, made of theirs: names of columns, and rows."""
    same = _said(Ruling(commit, VerdictKind.UNCHANGED, None), decision)
    types = VerdictRow.__table__.c
    columns: dict[str, Any] = {name: sa.literal(value, types[name].type) for name, value in same.items()}
    columns["environment_uuid"], columns["desired"] = EnvironmentRow.uuid, EnvironmentRow.desired
    columns["project"], columns["environment"] = EnvironmentRow.project, EnvironmentRow.name
    return list(columns), sa.select(*columns.values()).where(EnvironmentRow.uuid.in_(uuids))


def _verdict(told: Ruling, decision: DecidedRepository, decided: Decided) -> dict[str, Json]:
    names_one = told.kind in (VerdictKind.DEPLOYED, VerdictKind.SUPERSEDED)
    opened = decided.opening.id if decided.opening and names_one else None
    named = {"environment_uuid": decided.uuid, "project": decided.project, "environment": decided.name}
    return _said(told, decision) | named | {"deployment": told.deployment or opened}


def _said(told: Ruling, decision: DecidedRepository) -> dict[str, Json]:
    """What a row says that is not the environment's."""
    return {
        "repository": decision.id,
        "commit": told.commit,
        "kind": str(told.kind),
        "deployment": told.deployment,
        "other_commit": told.other_commit,
        "reason": told.reason,
        "problems": list(told.problems),
        "desired": told.digest,
        "changed": told.changed,
        "decided_at": decision.now,
    }
