"""What keeps a repository from being polled or decided? It is said on the system page until that succeeds."""

from __future__ import annotations

import contextlib

from controller.deployments.doors import Doors
from controller.errors import LockstepError, RetryableError
from controller.history import watching

_CANNOT = "its commits cannot be decided on: "


def decided(doors: Doors, repository: str) -> None:
    """A decision succeeded: what was said of earlier ones is over."""
    if repository in doors.memory.undecided:
        watching.mended(doors.store, repository, doors.memory.undecided[repository])
        del doors.memory.undecided[repository]


def failed(doors: Doors, repository: str, error: Exception) -> None:
    """A decision failed, and is tried again; the page says why nothing happens meanwhile."""
    said = f"{_CANNOT}{_why(error)}"
    doors.memory.undecided[repository] = said
    with contextlib.suppress(RetryableError):  # where nothing can be written, that was said by the decision itself
        watching.failing(doors.store, repository, said)


def poll_failed(doors: Doors, repository: str, error: Exception) -> None:
    """A poll failed as nobody thought of: it is one that failed all the same."""
    with contextlib.suppress(RetryableError):
        watching.polled(doors.store, repository, doors.now(), error=f"it cannot be polled: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, LockstepError):
        return str(error)
    return f"{type(error).__name__}, a bug of Lockstep; details are in the controller's log"
