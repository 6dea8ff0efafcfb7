"""Is a delivery really from the forge, and does it say that a ref may have moved? Nothing else in it is believed.

The forge is that of the connection, never that of a header. A signature is over the bytes as they came. What has moved
is read from Git afterwards: a payload is cut short by every forge.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from controller.errors import NotAllowedError
from controller.model.document import Json
from controller.secrets.secret import Secret

LARGEST = 26 * 2**20  # bytes; what forges send is smaller, or not sent at all
_FRESH = timedelta(minutes=5)  # how far the time of a signed delivery may be from ours
_LONGEST_ID = 200
_LONGEST_NAME = 200  # of an event or a ref, as it is shown
_LONGEST_TIME = 15  # digits; of more than some hundred no number is made
_SIGNING = "whsec_"  # how a secret of Standard Webhooks begins


class Forge(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"  # and Forgejo
    BITBUCKET = "bitbucket"  # Cloud and Data Center


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came. `headers` by name in lower case."""

    headers: Mapping[str, str]
    body: bytes

    def header(self, *names: str) -> str:
        """The first of these headers that is there and not empty."""
        return next(filter(None, (self.headers.get(name, "").strip() for name in names)), "")


@dataclass(frozen=True, slots=True)
class Hint:
    """What a delivery comes to. `refs` are for the log alone; `moves`: the repository is asked at once."""

    id: str  # the same for the same delivery, however often it comes
    event: str
    moves: bool
    refs: tuple[str, ...] = ()


def read(forge: Forge, secrets: Sequence[Secret], delivery: Delivery, now: datetime) -> Hint:
    """What a delivery says; NotAllowedError where it is not from the forge, or cannot be told to be."""
    if not any(_is_signed(forge, secret.reveal(), delivery, now) for secret in secrets):
        raise NotAllowedError(_why(forge, secrets, delivery, now))
    event = delivery.header(*_EVENTS[forge])
    moves = event in _MOVES[forge]
    return Hint(_id(forge, delivery), event[:_LONGEST_NAME] or "unknown", moves, _refs(delivery.body) if moves else ())


def _is_signed(forge: Forge, secret: str, delivery: Delivery, now: datetime) -> bool:
    return bool(secret) and _SIGNED[forge](secret, delivery, now)


def _hex(*names: str, prefix: str = "") -> Callable[[str, Delivery, datetime], bool]:
    """A signature as hexadecimal digits in one of these headers."""

    def is_signed(secret: str, delivery: Delivery, _now: datetime) -> bool:
        given = delivery.header(*names)
        if not given.startswith(prefix):
            return False
        wanted = hmac.new(secret.encode(), delivery.body, hashlib.sha256).hexdigest()
        return _is_same(given.removeprefix(prefix), wanted)

    return is_signed


def _gitlab(secret: str, delivery: Delivery, now: datetime) -> bool:
    """A secret that signs (Standard Webhooks), or the older one that is sent along as it is."""
    if not secret.startswith(_SIGNING):
        return _is_same(delivery.header("x-gitlab-token"), secret)
    id, at = delivery.header("webhook-id"), delivery.header("webhook-timestamp")
    if not id or not _is_fresh(at, now):
        return False
    try:
        key = base64.b64decode(secret.removeprefix(_SIGNING), validate=True)
    except binascii.Error:
        return False
    signed = b".".join((id.encode(), at.encode(), delivery.body))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.removeprefix("v1,") for part in delivery.header("webhook-signature").split() if part[:3] == "v1,"]
    return any(_is_same(one, wanted) for one in given)


def _is_fresh(at: str, now: datetime) -> bool:
    is_time = at.isascii() and at.isdecimal() and len(at) <= _LONGEST_TIME
    return is_time and abs(int(at) - now.timestamp()) <= _FRESH.total_seconds()


def _is_same(given: str, wanted: str) -> bool:
    """Compare what a header says, whose bytes come as Latin-1, in a time that tells nothing."""
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted.encode())


_SIGNED: Mapping[Forge, Callable[[str, Delivery, datetime], bool]] = {
    Forge.GITHUB: _hex("x-hub-signature-256", prefix="sha256="),
    Forge.GITLAB: _gitlab,
    Forge.GITEA: _hex("x-forgejo-signature", "x-gitea-signature"),
    Forge.BITBUCKET: _hex("x-hub-signature", prefix="sha256="),
}
_PROOFS: Mapping[Forge, tuple[str, ...]] = {
    Forge.GITHUB: ("X-Hub-Signature-256",),
    Forge.GITLAB: ("webhook-signature", "X-Gitlab-Token"),
    Forge.GITEA: ("X-Forgejo-Signature", "X-Gitea-Signature"),
    Forge.BITBUCKET: ("X-Hub-Signature",),
}
_EVENTS: Mapping[Forge, tuple[str, ...]] = {
    Forge.GITHUB: ("x-github-event",),
    Forge.GITLAB: ("x-gitlab-event",),
    Forge.GITEA: ("x-forgejo-event", "x-gitea-event"),
    Forge.BITBUCKET: ("x-event-key",),
}
_IDS: Mapping[Forge, tuple[str, ...]] = {
    Forge.GITHUB: ("x-github-delivery",),
    Forge.GITLAB: ("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    Forge.GITEA: ("x-forgejo-delivery", "x-gitea-delivery"),
    Forge.BITBUCKET: ("x-request-uuid", "x-request-id"),
}
# Events after which a ref may be elsewhere; all others are noted and nothing more.
_MOVES: Mapping[Forge, frozenset[str]] = {
    Forge.GITHUB: frozenset({"push", "create", "delete", "pull_request"}),
    Forge.GITLAB: frozenset({"Push Hook", "Tag Push Hook", "Merge Request Hook"}),
    Forge.GITEA: frozenset({"push", "create", "delete", "pull_request"}),
    Forge.BITBUCKET: frozenset(
        {
            *("repo:push", "repo:refs_changed"),
            *("pullrequest:created", "pullrequest:updated", "pullrequest:fulfilled", "pullrequest:rejected"),
            *("pr:opened", "pr:reopened", "pr:from_ref_updated", "pr:to_ref_updated", "pr:merged", "pr:declined"),
            "pr:deleted",
        }
    ),
}


def _id(forge: Forge, delivery: Delivery) -> str:
    """As the forge calls it; one that has no name is known by what it says."""
    given = delivery.header(*_IDS[forge])
    return given[:_LONGEST_ID] or f"sha256:{hashlib.sha256(delivery.body).hexdigest()}"


def _refs(body: bytes) -> tuple[str, ...]:
    """The refs that a push names, as far as they can be read; it is no error if they cannot."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    return tuple(dict.fromkeys(name[:_LONGEST_NAME] for name in _named(payload) if name.isprintable()))[:10]


def _named(payload: Json) -> Iterator[str]:
    if not isinstance(payload, dict):
        return
    if isinstance(payload.get("ref"), str):
        yield payload["ref"]
    pushed = payload.get("push")
    cloud = pushed.get("changes") if isinstance(pushed, dict) else None
    for change in [*_list(cloud), *_list(payload.get("changes"))]:
        if not isinstance(change, dict):
            continue
        for part in (change.get("new"), change.get("old"), change.get("ref")):
            name = (part.get("id") or part.get("name")) if isinstance(part, dict) else None
            if isinstance(name, str):
                yield name
                break


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _why(forge: Forge, secrets: Sequence[Secret], delivery: Delivery, now: datetime) -> str:
    names = " or ".join(f"`{name}`" for name in _PROOFS[forge])
    if not secrets:
        return "this connection has no webhook secret; name one in the settings (`webhook_secret_env`, or `…_file`)"
    if not delivery.header(*(name.lower() for name in _PROOFS[forge])):
        return f"the delivery is not signed: {names} is missing or empty; set the secret in the forge's webhook, too"
    at = delivery.header("webhook-timestamp")
    if forge is Forge.GITLAB and at and not _is_fresh(at, now):
        return (
            "the delivery was signed more than 5 minutes ago, or by another clock; set the clocks, then send it again"
        )
    return f"{names} is not what this body and the secret give; set the same secret in the forge and in the settings"
