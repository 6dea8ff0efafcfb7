"""Was this very request made before? Then its first reply is given again, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response

from controller.deployments.doors import Doors
from controller.errors import ConflictError, ManifestError, Problem
from controller.history import access
from controller.model.access import Remembered

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with an idempotency key; `digest` covers method, address and body."""

    caller: str
    key: str
    digest: str


def once(doors: Doors, asked: Asked, act: Callable[[], Response]) -> Response:
    """Do it, or repeat what was replied to the first request with this key. A request that is refused frees its key."""
    if not 0 < len(asked.key) <= LONGEST:
        raise ManifestError(
            [Problem("header", f"`Idempotency-Key` has {len(asked.key)} characters", f"give 1 to {LONGEST}")]
        )
    first = access.begin_request(doors.store, asked.caller, asked.key, asked.digest, doors.now())
    if first is not None:
        return _again(asked, first)
    is_done = False
    try:
        response = act()
        access.finish_request(doors.store, asked.caller, asked.key, response.status_code, response.get_data())
        is_done = True
    finally:
        if not is_done:
            access.forget_request(doors.store, asked.caller, asked.key)
    return response


def _again(asked: Asked, first: Remembered) -> Response:
    if first.request_digest != asked.digest:
        raise ConflictError(f"the idempotency key `{asked.key}` was used for another request; take a new one")
    if first.status is None:
        raise ConflictError(
            f"the first request with the idempotency key `{asked.key}` is still at work; ask again in a moment"
        )
    response = Response(first.response, status=first.status, mimetype="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    return response
