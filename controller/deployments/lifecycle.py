"""What comes next for this deployment? One idempotent step: look at its row and its run, do the next thing.

    queued → planning → (awaiting_approval) → applying → succeeded | failed

The same steps carry on after a restart: whatever was intended is in the database, whatever was done is in the run
directory. A supervisor that lives is listened to; a result is recorded; one that is lost is started once more, but an
apply that may have begun is never repeated: what it did is found out instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from controller.deployments import ending, guarding, moving, parts, planned, runs
from controller.deployments.doors import Doors
from controller.deployments.runs import Run
from controller.errors import ConflictError, NotAllowedError, NotFoundError, RetryableError
from controller.history import person, record
from controller.history import work as history
from controller.history.audit import Act
from controller.history.record import Finish
from controller.history.work import Work
from controller.model.deployment import FINAL, Mode, Status
from controller.runner.protocol import Ended, Extent, Observation, Phase, Result

_LOST = "its supervisor was lost; it is started again later"
_PLANS = (Mode.PLAN_ONLY, Mode.DRIFT)


class Next(Enum):
    """When to look at the deployment again."""

    NOW = "now"
    SOON = "soon"  # its runner is at work
    APPLY = "apply"  # as soon as there is room for another apply
    LATER = "later"  # whoever looks for work will find it again, when it is due
    DONE = "done"


def advance(doors: Doors, id: str, *, may_apply: bool = True) -> Next:
    """Take a deployment one step further."""
    work = history.work(doors.store, id)
    status = work.deployment.status
    if status in FINAL:
        return _after_the_end(doors, work)
    if status is Status.QUEUED:
        return Next.LATER
    if status is Status.AWAITING_APPROVAL:
        return _waiting(doors, work, may_apply)
    if status is Status.PLANNING and work.deployment.plan_digest is not None:
        return _planned(doors, work, may_apply)
    return _RUNNING[status](doors, work, _looked(doors, work))


def give_up(doors: Doors, id: str, why: str) -> None:
    """End a deployment that cannot be carried on, if it has changed nothing; otherwise it is tried for ever."""
    work = history.work(doors.store, id)
    if work.deployment.status in (Status.PLANNING, Status.AWAITING_APPROVAL):
        doors.runner.cancel(runs.directory(doors, id))
        record.finished(doors.store, id, Finish(Status.FAILED, why), doors.now())


def _looked(doors: Doors, work: Work) -> Observation:
    """Look at the run, and keep what it said since the last time."""
    folder = runs.directory(doors, work.deployment.id)
    seen = doors.runner.observe(folder, work.events, work.chunks)
    record.progressed(doors.store, work.deployment.id, seen.events, seen.chunks)
    if seen.alive and work.cancelled_by is not None and not seen.cancel_requested:
        doors.runner.cancel(folder)
    return seen


def _planning(doors: Doors, work: Work, seen: Observation) -> Next:
    if seen.plan_result is not None and not _is_older(work, seen):
        planned.record_plan(doors, work, seen, seen.plan_result)
        return Next.NOW
    if seen.alive:
        return Next.SOON
    if work.cancelled_by is not None:
        return _finish(doors, work, seen, Finish(Status.CANCELLED, f"cancelled by {work.cancelled_by}"))
    if work.attempts >= doors.limits.attempts:
        why = f"the plan could not be made: {_why_not(work, seen)}"
        return _finish(doors, work, seen, Finish(Status.FAILED, why))
    return _attempt(doors, work, seen, runs.plan)


def _is_older(work: Work, seen: Observation) -> bool:
    """Whether the plan has to be made again: an apply refused it, or it was made before anybody asked for imports."""
    is_without_imports = work.imports and seen.job is not None and not seen.job.imports
    return is_without_imports or (seen.apply_result is not None and seen.apply_result.stale)


def _planned(doors: Doors, work: Work, may_apply: bool) -> Next:
    """Stand between plan and apply: nothing, a person, or the next step."""
    seen = _looked(doors, work)
    if work.cancelled_by is not None:
        return _finish(doors, work, seen, Finish(Status.CANCELLED, f"cancelled by {work.cancelled_by}"))
    if work.deployment.mode is Mode.REBIND:
        return _moves(doors, work, seen, may_apply)
    if work.deployment.mode in _PLANS:
        return _finish(doors, work, seen, Finish(Status.PLANNED, seen.plan_result.message if seen.plan_result else ""))
    if work.deployment.no_changes:
        return _succeeded(doors, work, seen, seen.plan_result, "nothing to change")
    judgement = guarding.judged(doors, work)
    if judgement.refusals:
        return _finish(doors, work, seen, Finish(Status.REJECTED, "; ".join(judgement.refusals)))
    if judgement.reasons and not _is_approved(work):
        expires = doors.now() + doors.limits.approval
        record.awaits_approval(doors.store, work.deployment.id, "; ".join(judgement.reasons), expires)
        return Next.LATER
    return _begin(doors, work, may_apply)


def _is_approved(work: Work) -> bool:
    """Whether somebody has seen this plan, or an earlier one that said the same."""
    return work.approved_by is not None and work.fingerprint == work.approved_fingerprint


def _waiting(doors: Doors, work: Work, may_apply: bool) -> Next:
    if work.cancelled_by is not None:  # at the very moment when it stopped to wait
        return _finish(doors, work, None, Finish(Status.CANCELLED, f"cancelled by {work.cancelled_by}"))
    if work.approved_by is not None:
        return _begin(doors, work, may_apply)
    if work.approval_expires_at is not None and work.approval_expires_at <= doors.now():
        act = Act("lockstep", doors.now(), "nobody approved it in time")
        person.discarded(doors.store, work.deployment.id, act, message="discarded (expired)")
        return Next.NOW
    return Next.LATER


def _begin(doors: Doors, work: Work, may_apply: bool) -> Next:
    if not runs.is_at_hand(doors, work):
        record.planned_again(doors.store, work.deployment.id, "its run directory is gone; planning again")
        return Next.NOW
    if not may_apply:
        return Next.APPLY
    try:
        record.begin_apply(doors.store, work.deployment.id, doors.now())
    except ConflictError:
        return Next.SOON  # somebody superseded or cancelled it this very moment
    return Next.NOW


def _applying(doors: Doors, work: Work, seen: Observation) -> Next:
    if seen.apply_result is not None:
        return _applied(doors, work, seen, seen.apply_result)
    if seen.alive:
        return Next.SOON
    if seen.job is None and work.deployment.mode is not Mode.REBIND:
        return _without_trace(doors, work, seen)
    if seen.apply_started is not None:
        record.lost(doors.store, work.deployment.id, "the runner was lost; finding out what it did")
        return Next.NOW
    if work.cancelled_by is not None:
        end = Finish(Status.CANCELLED, f"cancelled by {work.cancelled_by} before anything was changed", untouched=True)
        return _finish(doors, work, seen, end)
    if work.attempts >= doors.limits.attempts:
        never = moving.UNFINISHED if work.deployment.mode is Mode.REBIND else "the apply never began"
        why = f"{never}: {_why_not(work, seen)}"
        return _finish(doors, work, seen, Finish(Status.FAILED, why, untouched=True))
    return _attempt(doors, work, seen, runs.move if work.deployment.mode is Mode.REBIND else runs.apply)


def _moves(doors: Doors, work: Work, seen: Observation, may_apply: bool) -> Next:
    """Begin to move an environment whose plan is empty: it could not be told otherwise that nothing was lost."""
    why = moving.refusal(work)
    if why:
        return _finish(doors, work, seen, Finish(Status.FAILED, why))
    if not may_apply:
        return Next.APPLY
    try:
        record.begin_move(doors.store, work.deployment.id)
    except ConflictError:
        return Next.SOON  # somebody superseded or cancelled it this very moment
    return Next.NOW


def _interrupted(doors: Doors, work: Work, seen: Observation) -> Next:
    if seen.apply_result is not None:
        return _applied(doors, work, seen, seen.apply_result)
    if seen.alive:
        return Next.SOON
    if seen.job is None:
        return _without_trace(doors, work, seen)
    if work.attempts < doors.limits.attempts:
        return _attempt(doors, work, seen, runs.recover)
    folder = runs.directory(doors, work.deployment.id)
    if not doors.runner.group_is_empty(folder):
        doors.runner.kill_group(folder)
        return Next.SOON
    return _cut_short(doors, work, seen, None, "what it did could not be found out")


def _applied(doors: Doors, work: Work, seen: Observation, result: Result) -> Next:
    if work.deployment.mode is Mode.REBIND:
        return _finish(doors, work, seen, moving.end(doors, work, result))
    if result.status is Ended.SUCCEEDED or result.extent is Extent.FINISHED:
        return _succeeded(doors, work, seen, result, "")
    if result.stale and work.replans >= doors.limits.attempts:
        end = Finish(Status.FAILED, f"{result.message}, which it did every time", untouched=True)
        return _finish(doors, work, seen, end)
    if result.stale:
        record.not_begun(doors.store, work.deployment.id, doors.now())
        return Next.NOW
    if result.status is Ended.INTERRUPTED:
        return _cut_short(doors, work, seen, result, result.message)
    if result.status is Ended.CANCELLED and work.cancelled_by is None:
        return _cut_short(doors, work, seen, result, "it was stopped with the controller")
    status = Status.CANCELLED if result.status is Ended.CANCELLED else Status.FAILED
    untouched = result.status is Ended.REFUSED or result.extent is Extent.NOT_BEGUN
    kept = ending.outcome_parts(doors, work, result)
    is_passing = result.transient and result.extent is Extent.NOT_BEGUN
    again = ending.tried_again(doors, work) if is_passing and status is Status.FAILED else None
    message = result.message + ending.left_over(doors, kept)
    end = Finish(status, message, parts=kept, untouched=untouched, follow_up=again)
    return _finish(doors, work, seen, end)


def _succeeded(doors: Doors, work: Work, seen: Observation, result: Result | None, message: str) -> Next:
    kept = ending.outcome_parts(doors, work, result) if result else {}
    said = "; ".join(filter(None, (message, *(result.notes if result else ()))))
    outputs = ending.outputs(doors, work)
    return _finish(doors, work, seen, Finish(Status.SUCCEEDED, said, applied=True, parts=kept, outputs=outputs))


def _without_trace(doors: Doors, work: Work, seen: Observation) -> Next:
    """Its run directory is gone: the database is older than what happened since, so all of it may have been done."""
    feared = ending.feared(doors, work)
    kept = {parts.ORPHANS: parts.document(feared)} if feared else {}
    lost = {"n": work.events + 1, "at": doors.now().isoformat(), "type": "run_lost", "phase": Phase.APPLY}
    record.progressed(doors.store, work.deployment.id, [lost], ())
    message = "failed (interrupted): its run directory is gone, so what it did cannot be found out"
    end = Finish(Status.FAILED, message, parts=kept, follow_up=ending.followed_up(doors, work))
    return _finish(doors, work, seen, end)


def _cut_short(doors: Doors, work: Work, seen: Observation, result: Result | None, message: str) -> Next:
    kept = ending.outcome_parts(doors, work, result)
    left = ending.left_over(doors, kept)
    follow_up = ending.followed_up(doors, work)
    end = Finish(Status.FAILED, f"failed (interrupted): {message}{left}", parts=kept, follow_up=follow_up)
    return _finish(doors, work, seen, end)


def _attempt(doors: Doors, work: Work, seen: Observation, prepared: Callable[[Doors, Work], Run]) -> Next:
    """Start a phase; the attempt is counted before it is made. What is refused for good ends the deployment."""
    if work.attempts > 1 and work.not_before is None:
        until = doors.now() + doors.limits.pause(work.attempts - 1)
        record.postponed(doors.store, work.deployment.id, until, _LOST)
        return Next.LATER
    attempts: int | None = work.attempts
    try:
        run = prepared(doors, work)
        attempts = record.attempted(doors.store, work.deployment.id, work.deployment.status, doors.controller)
        if attempts is None:
            return Next.SOON
        runs.start(doors, run)
    except RetryableError as e:
        until = doors.now() + doors.limits.pause(work.attempts + 1)
        # The engine that nobody hears goes on meanwhile: it is not given up because a disk is full.
        uncounted = work.attempts if work.deployment.status is Status.INTERRUPTED else None
        record.postponed(doors.store, work.deployment.id, until, str(e), attempts=uncounted)
        return Next.LATER
    except (ConflictError, NotAllowedError, NotFoundError) as e:
        if work.deployment.status is Status.INTERRUPTED or _has_moved_on(doors, work, attempts):
            raise RetryableError(str(e)) from e
        untouched = work.deployment.status is Status.APPLYING
        return _finish(doors, work, seen, Finish(Status.FAILED, str(e), untouched=untouched))
    return Next.SOON


def _why_not(work: Work, seen: Observation) -> str:
    said = work.deployment.message if work.deployment.message != _LOST else ""
    return seen.trouble or said or "its supervisor was lost every time"


def _has_moved_on(doors: Doors, work: Work, attempts: int | None) -> bool:
    """Whether what is refused here is so because somebody else went on with it."""
    now = history.work(doors.store, work.deployment.id)
    if (now.deployment.status, now.attempts) != (work.deployment.status, attempts):
        return True
    seen = doors.runner.observe(runs.directory(doors, work.deployment.id), work.events, work.chunks)
    return seen.alive or (work.deployment.status is Status.APPLYING and seen.apply_started is not None)


def _finish(doors: Doors, work: Work, seen: Observation | None, end: Finish) -> Next:
    ending.finish(doors, work, seen, end)
    return Next.NOW


def _after_the_end(doors: Doors, work: Work) -> Next:
    if work.cleared:
        return Next.DONE
    return Next.DONE if ending.is_cleared(doors, work, _looked(doors, work)) else Next.SOON


_RUNNING: Mapping[Status, Callable[[Doors, Work, Observation], Next]] = {
    Status.PLANNING: _planning,
    Status.APPLYING: _applying,
    Status.INTERRUPTED: _interrupted,
}
