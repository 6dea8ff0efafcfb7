"""How does an environment follow Git? The remote is asked where its branch is; what that means is decided at once."""

from __future__ import annotations

from datetime import timedelta

import controller
from controller.deployments import rehash
from controller.deployments.deciding import Deciding
from controller.deployments.doors import Connection, Doors
from controller.errors import LockstepError, RetryableError
from controller.history import decide as history
from controller.history import standing as picture
from controller.history.opening import NewDeployment

_TRIES = 5  # to decide on what changes meanwhile


def poll(doors: Doors, repository: str, *, patience: timedelta | None = None) -> None:
    """Ask where the watched branch is, and fetch it if it has moved. One that does not answer is asked less often.

    `patience` is the longest pause between two questions; without it the remote is asked now, in any case.
    """
    connection = doors.connections[repository]
    now = doors.now()
    if patience is not None and not history.is_due(doors.store, repository, now, connection.poll, patience):
        return
    try:
        head = _head(connection)
    except LockstepError as e:
        history.polled(doors.store, repository, doors.now(), error=str(e))
        return
    history.polled(doors.store, repository, doors.now(), head=head)


def decide(doors: Doors, repository: str) -> None:
    """Decide on everything up to the newest commit that was fetched; what changes meanwhile is decided again."""
    connection = doors.connections[repository]
    for _ in range(_TRIES):
        now = picture.standing(doors.store, repository, doors.now())
        if now.repository.head is None:
            return
        if now.release not in (None, controller.__version__):
            rehash.rehash(doors, connection, now)
            now = picture.standing(doors.store, repository, doors.now())
        decision = Deciding(doors, connection, now).decision()
        openings = [found.opening for found in decision.environments if found.opening]
        for opening in openings:
            _keep(connection, opening)
        if history.record(doors.store, decision):
            return
        for opening in openings:
            connection.mirror.forget(opening.id)
    raise RetryableError(f"repository `{repository}`: its environments change faster than they are decided")


def _head(connection: Connection) -> str:
    mirror = connection.mirror
    head = mirror.heads().get(mirror.ref)
    if head is not None and head != mirror.known():
        head = mirror.fetch().get(mirror.ref)
    if head is None:
        raise RetryableError(f"{connection.url}: there is no branch `{connection.branch}`; push it, or watch another")
    return head


def _keep(connection: Connection, opening: NewDeployment) -> None:
    if opening.commit is not None:
        connection.mirror.keep(opening.commit.id, opening.id)
