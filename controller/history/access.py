"""Who may ask, what was asked already, and who changed what? Tokens, idempotency keys, the audit trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from controller.errors import ConflictError, NotFoundError, suggest
from controller.history import rows
from controller.history.store import Store
from controller.history.tables import AuditRow, IdempotencyRow, TokenRow
from controller.model.deployment import Role
from controller.model.document import Json
from controller.model.record import Remembered, TokenRecord

_KEYS_LIVE = timedelta(days=1)


def has_tokens(store: Store) -> bool:
    """Whether anybody can use the API: false at the very first start."""
    with store.reading() as session:
        return session.scalars(sa.select(TokenRow).limit(1)).first() is not None


def create_token(
    store: Store,
    *,
    name: str,
    secret_hash: str,
    role: Role,
    projects: Sequence[str] | None,
    actor: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> TokenRecord:
    """Record a token by the hash of its secret; a name is used once, also after it was revoked."""
    with store.writing() as session:
        if session.get(TokenRow, name) is not None:
            raise ConflictError(f"there is, or was, a token named `{name}`; choose another name")
        row = TokenRow(
            name=name,
            secret_hash=secret_hash,
            role=role,
            projects=None if projects is None else sorted(projects),
            created_by=actor,
            created_at=now,
            expires_at=expires_at,
        )
        session.add(row)
        audited(session, actor, "token.create", name, now, details={"role": str(role), "projects": row.projects})
        return rows.token(row)


def revoke_token(store: Store, name: str, actor: str, now: datetime) -> None:
    """Make a token useless from now on; nothing happens where it is already."""
    with store.writing() as session:
        row = session.get(TokenRow, name)
        if row is None:
            remedy = suggest(name, session.scalars(sa.select(TokenRow.name)), "list them with `lockstep token list`")
            raise NotFoundError(f"token `{name}` is unknown; {remedy}")
        if row.revoked_at is None:
            row.revoked_at = now
            audited(session, actor, "token.revoke", name, now)


def note(
    store: Store,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    *,
    reason: str = "",
    details: Mapping[str, Json] | None = None,
) -> None:
    """Record a change that leaves no row of its own."""
    with store.writing() as session:
        audited(session, actor, action, subject, now, reason=reason, details=details)


def begin_request(store: Store, actor: str, key: str, request_digest: str, now: datetime) -> Remembered | None:
    """Take an idempotency key: None where this request is the first, else what the first one was and got."""
    with store.writing() as session:
        session.execute(sa.delete(IdempotencyRow).where(IdempotencyRow.created_at < now - _KEYS_LIVE))
        row = session.get(IdempotencyRow, (actor, key))
        if row is not None:
            return Remembered(row.request_digest, row.status, row.response)
        session.add(IdempotencyRow(actor=actor, key=key, request_digest=request_digest, created_at=now))
        return None


def finish_request(store: Store, actor: str, key: str, status: int, response: bytes) -> None:
    """Keep the answer for whoever asks with the same key again."""
    with store.writing() as session:
        row = session.get_one(IdempotencyRow, (actor, key))
        row.status, row.response = status, response


def forget_request(store: Store, actor: str, key: str) -> None:
    """Give an idempotency key back: the request came to nothing and may be tried again."""
    with store.writing() as session:
        session.execute(sa.delete(IdempotencyRow).where(IdempotencyRow.actor == actor, IdempotencyRow.key == key))


def audited(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    *,
    reason: str = "",
    details: Mapping[str, Json] | None = None,
) -> None:
    """Add a line to the audit trail, in the transaction of the change that it tells of."""
    row = AuditRow(at=now, actor=actor, action=action, subject=subject, reason=reason, details=dict(details or {}))
    session.add(row)
