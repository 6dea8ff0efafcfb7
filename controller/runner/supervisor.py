"""What does a supervisor do? One phase of one deployment: plan, apply, or recover an apply that lost its supervisor."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

from controller import __version__, clock
from controller.runner import durable, local_state, processes, protocol, steps
from controller.runner.applying import apply, recover
from controller.runner.journal import Journal
from controller.runner.moving import move
from controller.runner.planning import plan
from controller.runner.protocol import Ended, Extent, Handed, Job, Phase, Result
from controller.runner.session import EndingError, Session
from controller.runner.steps import Stop

DONE, REFUSED, BUG = 0, 3, 70

_PHASES: Mapping[Phase, Callable[[Session], Result]] = {
    Phase.PLAN: plan,
    Phase.APPLY: apply,
    Phase.MOVE: move,
    Phase.RECOVER: recover,
}


def supervise(directory: Path, job: Job, handed: Handed) -> int:
    """Carry out the job's phase and write down how it ended. Who calls this holds the directory's lock."""
    stop = Stop(directory, _seconds(directory, job), job.grace_seconds)
    _listen(stop)
    journal = Journal(directory, job.deployment, job.log_recipients)
    try:
        why = protocol.refusal(directory, job.phase)
        if why:
            journal.event("refused", phase=job.phase, why=why)
            return REFUSED
        return _carry_out(Session(directory, job, handed, journal, stop))
    finally:
        journal.close()


def _carry_out(session: Session) -> int:
    began = time.monotonic()
    job, journal = session.job, session.journal
    journal.event("phase_started", phase=job.phase, engine=str(job.engine))
    journal.say(f"Lockstep {__version__}: {job.phase} of deployment {job.deployment} with {job.engine}\n")
    try:
        result = _PHASES[job.phase](session)
    except EndingError as e:
        result = session.result(e.status, e.message, **e.more)
    except Exception as e:  # this process has no loop above it: here is where a bug of ours must not go unsaid
        found = _surprised(session, e)
        if found is None:
            return BUG
        result = found
    _conclude(session, result, time.monotonic() - began)
    return DONE


def _conclude(session: Session, result: Result, seconds: float) -> None:
    job, journal = session.job, session.journal
    if job.phase is Phase.APPLY and not (session.directory / protocol.APPLY_STARTED).exists():
        result = dataclasses.replace(result, extent=Extent.NOT_BEGUN)
    journal.say(f"\n{result.message}\n")
    journal.event("phase_finished", phase=job.phase, status=result.status, message=result.message, extent=result.extent)
    ends_log = result.ends_run(job)
    if ends_log:
        journal.end()
    journal.flush()
    whole = dataclasses.replace(
        result,
        at=clock.now().isoformat(),
        seconds=round(seconds, 3),
        state=local_state.mark(job.state),
        lock_changed=session.lock_changed,
        put_back=session.put_back,
        log_ended=ends_log,
        diagnostics=tuple(session.public),
    )
    durable.persist(partial(protocol.write_result, session.directory, whole))


def _surprised(session: Session, error: Exception) -> Result | None:
    """The result of a phase in which something happened that nobody thought of; None where it is for `recover`."""
    import traceback  # not needed on a good day

    session.journal.say(traceback.format_exc())
    if protocol.read_started(session.directory) and session.job.phase is not Phase.PLAN:
        # The engine may be at work. It goes on, and a second supervisor finds out what it did.
        session.journal.event("phase_lost", phase=session.job.phase)
        return None
    running = steps.read_running(session.directory)
    if running:
        processes.kill(running.process)
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        what = f"the runner's machine refused: {error.strerror}{where}; make room or mend it, then try again"
        return session.result(Ended.FAILED, session.mask(what), transient=True)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    what = f"{type(error).__name__} at {where} in the supervisor; this is a bug of Lockstep, report it with the log"
    return session.result(Ended.FAILED, what)


def _seconds(directory: Path, job: Job) -> float:
    if job.phase is Phase.PLAN:
        return job.plan_seconds
    started = protocol.read_started(directory)
    if job.phase is Phase.APPLY or started is None or not started.at:
        return job.apply_seconds
    # An apply that is recovered has no more time than it had; nor longer, where the clock was set back.
    gone = clock.now() - datetime.fromisoformat(started.at)
    return job.apply_seconds - max(gone.total_seconds(), 0)


def _listen(stop: Stop) -> None:
    """A signal to the supervisor is a request to stop in good order, whoever sends it."""

    def told(*_: object) -> None:
        stop.signalled = True

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
