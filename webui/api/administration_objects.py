"""What does the API give out to administrators? Tokens, the audit trail, deliveries, what a reload changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import Field

from controller.model.deployment import Role
from webui.api.objects import Shown


class Whoami(Shown):
    """The holder of the token; `projects` null: all of them."""

    name: str
    role: Role
    projects: list[str] | None


class Token(Shown):
    """A token without its secret; its name is how it is told from others."""

    name: str
    role: Role
    projects: list[str] | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(Token):
    """The only time that the secret is shown."""

    secret: str


class Tokens(Shown):
    items: list[Token]
    next: str | None = None


class AuditEntry(Shown):
    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    origin: str = Field(description="an address and a program; empty: the controller by itself")
    reason: str
    before: dict[str, Any] | None = Field(description="what the act changed, as it was; null: there was nothing")
    after: dict[str, Any] | None
    details: dict[str, Any]


class AuditTrail(Shown):
    items: list[AuditEntry]
    next: str | None = None


class WebhookDelivery(Shown):
    """What a forge delivered, and what it came to. All that were not from the forge are one, with id `refused`."""

    repository: str
    id: str
    received_at: datetime
    event: str
    said: str
    origin: str
    times: int
    is_accepted: bool


class WebhookDeliveries(Shown):
    items: list[WebhookDelivery]
    next: str | None = None


class Reloaded(Shown):
    """Ids of connections that are other than before; `waiting`: settings that changed and wait for the next start."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    waiting: list[str]
