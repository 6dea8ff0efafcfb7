"""Who may ask, and what was asked already? Tokens and idempotency keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from controller.errors import ConflictError, NotFoundError, suggest
from controller.history import audit, rows
from controller.history.audit import Act
from controller.history.store import Store
from controller.history.tables import IdempotencyRow, TokenRow
from controller.model.access import Remembered, TokenRecord
from controller.model.deployment import Role

_KEYS_LIVE = timedelta(days=1)


def has_tokens(store: Store) -> bool:
    """Whether anybody can use the API: false at the very first start."""
    with store.reading() as session:
        return session.scalars(sa.select(TokenRow).limit(1)).first() is not None


def token(store: Store, secret_hash: str, now: datetime | None = None) -> TokenRecord | None:
    """The token with this hash; None where it is unknown or revoked, or has expired by `now`."""
    with store.reading() as session:
        row = session.scalars(sa.select(TokenRow).where(TokenRow.secret_hash == secret_hash)).one_or_none()
        if row is None or row.revoked_at is not None:
            return None
        if now is not None and row.expires_at is not None and row.expires_at <= now:
            return None
        return rows.token(row)


def tokens(store: Store) -> list[TokenRecord]:
    """Every token, also revoked ones, by name."""
    with store.reading() as session:
        return [rows.token(row) for row in session.scalars(sa.select(TokenRow).order_by(TokenRow.name))]


def create_token(
    store: Store,
    *,
    name: str,
    secret_hash: str,
    role: Role,
    projects: Sequence[str] | None,
    act: Act,
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
            created_by=act.actor,
            created_at=act.now,
            expires_at=expires_at,
        )
        session.add(row)
        until = expires_at.isoformat() if expires_at else None
        given = {"role": str(role), "projects": row.projects, "expires_at": until}
        audit.line(session, act, "token.create", name, after=given)
        return rows.token(row)


def revoke_token(store: Store, name: str, act: Act) -> None:
    """Make a token useless from now on; nothing happens where it is already."""
    with store.writing() as session:
        row = session.get(TokenRow, name)
        if row is None:
            remedy = suggest(name, session.scalars(sa.select(TokenRow.name)), "list them with `lockstep token list`")
            raise NotFoundError(f"token `{name}` is unknown; {remedy}")
        if row.revoked_at is None:
            row.revoked_at = act.now
            audit.line(session, act, "token.revoke", name, before={"revoked": False}, after={"revoked": True})


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
