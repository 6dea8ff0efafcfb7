"""What does the state storage hold? Asked before a first plan, and where a state is to be moved."""

from __future__ import annotations

from controller.runner import durable, preparing, protocol
from controller.runner.protocol import Ended
from controller.runner.session import EndingError, Session
from controller.tofu import states
from controller.tofu.states import State


def refuse(session: Session) -> None:
    """Raise where there is a state in a storage that can hold none of ours yet: nobody knows what is in it."""
    content, found = _pull(session)
    if (content.strip() and found is None) or (found is not None and not found.is_empty):
        raise EndingError(Ended.FAILED, session.job.refuses_state)


def take(session: Session) -> None:
    """Keep the state as the engine prints it, in clear, for the controller to seal."""
    content, found = _pull(session)
    if content.strip() and found is None:
        raise EndingError(Ended.FAILED, "the state cannot be moved: what the state storage has is no state; mend it")
    if found is not None and not found.is_none:
        durable.write(session.directory / protocol.MOVED, content)


def _pull(session: Session) -> tuple[bytes, State | None]:
    finished = session.step("state pull", "state", "pull", capture=True)
    if finished.stopped or finished.code != 0 or finished.lacks:
        raise preparing.ending(session, "state pull", finished)
    return finished.captured, states.read(finished.captured) if finished.captured.strip() else None
