"""Who may act, and what was done by whom? Tokens, the audit trail, and requests that are remembered, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.model.deployment import Role
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """`projects`: None where it is good for all."""

    name: str
    role: Role
    projects: tuple[str, ...] | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who changed what; `number` grows."""

    number: int
    at: datetime
    actor: str
    action: str  # deploy, approve, resume, token.create …
    subject: str  # of what: P/E, a deployment's id, a token's name
    origin: str  # from where: an address and a program; empty: the controller by itself
    reason: str
    before: Mapping[str, Json] | None  # what the act changed, as it was; None: there was nothing
    after: Mapping[str, Json] | None
    details: Mapping[str, Json]


def change(before: Mapping[str, Json] | None, after: Mapping[str, Json] | None) -> str:
    """What an act changed, in one line: `status: active → deleting; holds: none → pinned by ada`."""
    was = before or {}
    pairs = ((key, _word(was.get(key)), _word(value)) for key, value in sorted((after or {}).items()))
    return "; ".join(f"{key}: {old} → {new}" for key, old, new in pairs if old != new)


def _word(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else str(value)


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that came with an idempotency key; `status` None: the first one is still at work."""

    request_digest: str
    status: int | None
    response: bytes | None
