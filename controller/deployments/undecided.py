"""What keeps a repository from being decided? It is said where its polls are said, until a decision succeeds."""

from __future__ import annotations

from controller.deployments.doors import Doors
from controller.errors import LockstepError
from controller.history import watching

_CANNOT = "its commits cannot be decided on: "


def decided(doors: Doors, repository: str) -> None:
    """A decision succeeded: what was said of earlier ones is over."""
    if repository in doors.memory.undecided:
        watching.mended(doors.store, repository, doors.memory.undecided[repository])
        del doors.memory.undecided[repository]


def failed(doors: Doors, repository: str, error: Exception) -> None:
    """A decision failed, and is tried again; the page says why nothing happens meanwhile."""
    why = str(error) if isinstance(error, LockstepError) else f"{type(error).__name__}, a bug of Lockstep"
    more = "" if isinstance(error, LockstepError) else "; details are in the controller's log"
    said = f"{_CANNOT}{why}{more}"
    doors.memory.undecided[repository] = said
    watching.failing(doors.store, repository, said)
