"""Who may use the API, and who changed what? Views on tokens and the audit trail."""

from __future__ import annotations

from controller.errors import ManifestError, Problem
from controller.history import access as history
from controller.history import deliveries, read
from controller.history.audit import Act
from webui import access
from webui.api import administration_objects, requests
from webui.api.routes import Call, Reply


def whoami(call: Call) -> Reply:
    return administration_objects.Whoami.model_validate(call.caller)


def create_token(call: Call) -> Reply:
    asked: requests.CreateToken = call.body
    now = call.doors.now()
    secret = access.new_secret()
    made = history.create_token(
        call.doors.store,
        name=asked.name,
        secret_hash=access.digest(secret),
        role=asked.role,
        projects=asked.projects,
        act=Act(call.caller.name, now, origin=call.doors.origin),
        expires_at=now + asked.lifetime if asked.lifetime else None,
    )
    shown = administration_objects.Token.model_validate(made)
    return administration_objects.NewToken(**shown.model_dump(), secret=secret)


def tokens(call: Call) -> Reply:
    return administration_objects.Tokens(
        items=[administration_objects.Token.model_validate(row) for row in history.tokens(call.doors.store)]
    )


def revoke_token(call: Call) -> Reply:
    act = Act(call.caller.name, call.doors.now(), origin=call.doors.origin)
    history.revoke_token(call.doors.store, call.path["name"], act)
    return None


def audit(call: Call) -> Reply:
    asked: requests.Audit = call.query
    found = read.audit(
        call.doors.store,
        _number(asked.before),
        asked.limit,
        subject=asked.subject,
        actor=asked.actor,
        action=asked.action,
    )
    return administration_objects.AuditTrail(
        items=[administration_objects.AuditEntry.model_validate(row) for row in found],
        next=str(found[-1].number) if len(found) == asked.limit else None,
    )


def webhook_deliveries(call: Call) -> Reply:
    asked: requests.WebhookDeliveries = call.query
    found = deliveries.newest(call.doors.store, asked.repository, asked.limit)
    return administration_objects.WebhookDeliveries(
        items=[administration_objects.WebhookDelivery.model_validate(row) for row in found]
    )


_DIGITS = 18  # every database counts as far


def _number(before: str | None) -> int | None:
    if before is None:
        return None
    if before.isascii() and before.isdecimal() and len(before) <= _DIGITS:
        return int(before)
    raise ManifestError(
        [
            Problem(
                "query",
                f"`before` is `{before}`, which is not the number of a line",
                "give the `next` of the page before",
            )
        ]
    )
