"""How does a state come to its new place, and is everything there as before? Put it there, plan, and look.

Whatever of it was done before is found done: a supervisor that is lost in the middle is simply started once more.
"""

from __future__ import annotations

from controller.runner import durable, errored, planning, preparing, protocol
from controller.runner.protocol import Ended, Result
from controller.runner.session import Session

_UNUSED = "the copy of the state at the new place is not used, and may stay there"


def move(session: Session) -> Result:
    """The phase that moves: the state is put where it is to be, and a plan made there must be empty."""
    session.must_go_on("move")
    with preparing.alone(session):
        preparing.prepare(session, anew=True)
        errored.put_in_place(session, session.directory / protocol.MOVED)
        finished = planning.run(session)
        planning.check(session, finished)
        summary, _ = planning.shown(session)
        durable.write_json(session.directory / protocol.SUMMARY_AFTER, summary)
        (session.directory / protocol.PLAN).unlink()
    if finished.code == 0:
        return session.result(Ended.SUCCEEDED, "nothing to change before, and nothing after")
    said = planning.sentence(summary, is_empty=False)
    unused = f"; {_UNUSED}" if (session.directory / protocol.MOVED).exists() else ""
    message = f"nothing to change before, but after the move the plan is not empty ({said}){unused}"
    return session.result(Ended.FAILED, message)
