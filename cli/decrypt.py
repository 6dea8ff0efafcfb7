"""How are a deployment's log and outputs read? Fetched encrypted, opened here with a key that never leaves."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

from cli.client import Client
from controller.errors import ConflictError, NotFoundError
from controller.secrets import age, logs
from controller.secrets.secret import Secret

_EVERY = 1.0  # seconds between looks at a log that is still being written
_LOOKS = 5  # at the log of a deployment that has just ended, until its end is there


def read_log(client: Client, deployment: str, key: Secret, *, follow: bool) -> Iterator[str]:
    """The text of a log, part by part: what is there by now, or with `follow` all until the deployment has ended."""
    known, looks = 0, 0
    while True:
        page = client.get("deployments", deployment, "logs", after=known)
        chunks = _chunks(page, key)
        looks += not page["is_open"]
        ended = bool(chunks) and logs.is_end(chunks[-1])
        is_last = ended or looks == _LOOKS or (page["is_open"] and not follow)
        if not known and not chunks:
            _refuse_nothing(page, deployment, follow)
        must_be_whole = is_last and not page["is_open"]
        yield logs.read_chunks(chunks, deployment, following=not must_be_whole, first=known + 1)
        if is_last:
            return
        known += len(chunks)
        time.sleep(_EVERY)


def read_outputs(client: Client, deployment: str, key: Secret) -> bytes:
    """The outputs as JSON text."""
    page = client.get("deployments", deployment, "outputs")
    return age.decrypt(base64.b64decode(page["content"]), _identity(page, key).reveal())


def _chunks(page: dict[str, Any], key: Secret) -> list[bytes]:
    if not page["items"]:
        return []
    identity = _identity(page, key).reveal()
    return [age.decrypt(base64.b64decode(item["content"]), identity) for item in page["items"]]


def _identity(page: dict[str, Any], key: Secret) -> Secret:
    """The deployment's own identity: what the key opens as one of its recipients, else the key itself."""
    if page["key"] is None:
        return key
    try:
        return Secret(age.decrypt(base64.b64decode(page["key"]), key.reveal()).decode())
    except ConflictError:
        return key


def _refuse_nothing(page: dict[str, Any], deployment: str, follow: bool) -> None:
    if page["recipient"] is None:
        why = "nobody was named to read it when it was started"
    elif not page["is_open"]:
        why = "it ended before the engine was started, `lockstep get deployment` says why"
    elif follow:
        return
    else:
        why = "nothing was written yet, give --follow to wait for it"
    raise NotFoundError(f"deployment `{deployment}` has no log; {why}")
