"""How is a plan applied once and never again, and what is made of an apply that lost its supervisor?"""

from __future__ import annotations

from controller import clock
from controller.runner import applied, bundle, errored, local_state, orphaned, planning, preparing, protocol, steps
from controller.runner.protocol import Ended, Extent, Result, Started
from controller.runner.session import EndingError, Session, killed
from controller.runner.steps import Finished

_STALE = "Saved plan is stale"
_PLAN_AGAIN = "the state has changed since the plan was made; plan again"


def apply(session: Session) -> Result:
    job, path = session.job, session.directory / protocol.PLAN
    session.must_go_on("apply")
    with preparing.alone(session):
        if (session.workdir / bundle.ERRORED).is_file():
            raise EndingError(Ended.REFUSED, _PLAN_AGAIN, stale=True)
        preparing.prepare(session)
        _check_state(session)
        session.must_go_on("apply")
        digest = planning.digest(path)
        if digest is None or digest != job.plan_digest:
            raise EndingError(Ended.REFUSED, "the plan file is not the one that was recorded; deploy again")
        # From here on this plan counts as applied, whatever happens.
        protocol.write_started(
            session.directory,
            Started(job.deployment, digest, clock.now().isoformat(), local_state.mark(job.state)),
        )
        finished = session.step(
            "apply", "apply", "-input=false", "-json", f"-lock-timeout={job.lock_seconds}s", str(path)
        )
        if errored.take(session):
            result = _unsaved(session, finished)
        else:
            result = _succeeded(session) if finished.code == 0 else _failed(session, finished)
    path.unlink()
    return result


def recover(session: Session) -> Result:
    """Hear the engine to its end if it still runs, then find out what it did."""
    with preparing.alone(session):
        finished = _heard(session)
        if finished is None:
            message = "interrupted before the engine began; nothing was changed"
            return session.result(Ended.INTERRUPTED, message, extent=Extent.NOT_BEGUN)
        # Before anything is laid out where it may lie.
        result = _unsaved(session, finished) if errored.take(session) else _looked_into(session, finished)
    (session.directory / protocol.PLAN).unlink(missing_ok=True)
    return result


def _looked_into(session: Session, finished: Finished) -> Result:
    try:
        preparing.prepare(session)
    except EndingError as e:
        # Whatever it did is as unknown as before.
        message = f"interrupted in the middle, and what it did could not be looked into: {e.message}"
        orphans = orphaned.found(session)
        return session.result(Ended.INTERRUPTED, message, extent=Extent.PARTIAL, possibly_orphaned=orphans)
    is_finished = finished.code == 0 or (finished.code is None and _has_finished(session))
    return _succeeded(session) if is_finished else _failed(session, finished)


def _heard(session: Session) -> Finished | None:
    """How the engine's apply ended, as far as anybody knows; None where it did not begin."""
    ends = [event for event in applied.events(session) if event["type"] == "step_finished" and event["step"] == "apply"]
    running = steps.read_running(session.directory)
    if running and running.step == "apply" and not ends:
        return session.attach(running)
    if running:
        # Of another step, which only reads.
        steps.end_quickly(running.process, 0.0)
    if not ends:
        return None
    stopped = Ended(ends[-1]["stopped"]) if ends[-1]["stopped"] else None
    return Finished(ends[-1]["exit_code"], ends[-1]["seconds"], stopped, ends[-1]["forced"])


def _check_state(session: Session) -> None:
    """Refuse a plan of another state than there is now, which the engine would do as well, but only once started."""
    planned = protocol.read_result(session.directory, protocol.PLAN_RESULT)
    if session.job.state and planned and planned.state != local_state.mark(session.job.state):
        raise EndingError(Ended.REFUSED, _PLAN_AGAIN, stale=True)


def _succeeded(session: Session) -> Result:
    notes = applied.keep_outputs(session)
    if session.held:
        applied.learn_from_state(session)
    session.publish("apply")
    return session.result(Ended.SUCCEEDED, "applied", notes=notes)


def _failed(session: Session, finished: Finished) -> Result:
    if any(held.get("summary") == _STALE for held in session.held):
        session.publish("apply")
        return session.result(Ended.REFUSED, _PLAN_AGAIN, stale=True, extent=Extent.NOT_BEGUN)
    if finished.stopped or finished.code is None or finished.code < 0:
        return _cut_short(session, finished)
    applied.learn_from_state(session)
    session.publish("apply")
    ending = session.failed("apply", finished)
    return session.result(ending.status, ending.message)


def _unsaved(session: Session, finished: Finished) -> Result:
    """The result where the engine could not save the state: what it did is done, and known to that state alone."""
    applied.learn_from_state(session, session.directory / protocol.ERRORED)
    session.publish("apply")
    orphans: tuple[str, ...] = ()
    ending = session.failed("apply", finished)
    if finished.stopped:
        ending, orphans = session.stopped(finished.stopped, "apply"), orphaned.found(session)
    return session.result(
        ending.status if finished.stopped else Ended.INTERRUPTED,
        f"{ending.message}; the state could not be saved",
        forced=finished.forced,
        extent=Extent.PARTIAL,
        possibly_orphaned=orphans,
    )


def _cut_short(session: Session, finished: Finished) -> Result:
    """The result where the engine did not come to its own end, or nobody knows whether it did."""
    applied.learn_from_state(session)
    session.publish("apply")
    orphans = orphaned.found(session)
    if finished.stopped:
        stopped = session.stopped(finished.stopped, "apply")
        status, message = stopped.status, stopped.message
    else:
        why = f": {killed(-finished.code)}" if finished.code is not None else ""
        status, message = Ended.INTERRUPTED, f"interrupted in the middle{why}; {session.see_log('how far it came')}"
    return session.result(
        status,
        message,
        forced=finished.forced,
        extent=Extent.PARTIAL,
        possibly_orphaned=orphans,
        possibly_unfinished=orphaned.unfinished(session),
    )


def _has_finished(session: Session) -> bool:
    """Whether the engine said so before or after its supervisor was lost, or else there is nothing left to do."""
    said = (event["type"] == "change_summary" and event["operation"] != "plan" for event in applied.events(session))
    return any(said) or (applied.is_done(session) and not orphaned.unfinished(session))
