"""How is a plan made that may be applied later? Prepare, init, plan to a file, and a summary without values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controller.model.deployment import Mode
from controller.runner import applied, durable, errored, initialised, preparing, protocol, pulled, steps
from controller.runner.protocol import Ended, Result
from controller.runner.session import Session
from controller.runner.steps import Finished
from controller.tofu import plan as plans

_LEFTOVER_SECONDS = 10.0  # for an engine whose plan nobody waits for any more


def plan(session: Session) -> Result:
    running = steps.read_running(session.directory)
    if running:
        # An earlier attempt's, whose supervisor was lost: it may hold the state's lock.
        steps.end_quickly(running.process, _LEFTOVER_SECONDS)
    session.must_go_on("prepare")
    with preparing.alone(session):
        _prepare(session)
        finished = run(session)
        if finished.code == 1 and initialised.is_needed(session.held):
            # Somebody emptied a cache, or the engine looks at more than we know of.
            session.held.clear()
            preparing.prepare(session, anew=True)
            finished = run(session)
        check(session, finished)
        return _planned(session, is_empty=finished.code == 0)


def digest(path: Path) -> str | None:
    """sha256 of a plan file in hex; None where there is none."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _prepare(session: Session) -> None:
    """Make everything ready, the state among it: what an earlier apply could not save comes first."""
    is_unsaved = errored.is_there(session)
    # Working with states needs what init makes, and would not say so in words that we know.
    preparing.prepare(session, anew=is_unsaved)
    if is_unsaved:
        errored.put_back(session)
    elif session.job.refuses_state:
        pulled.refuse(session)


def run(session: Session) -> Finished:
    job = session.job
    arguments = ["plan", "-input=false", "-json", "-detailed-exitcode", f"-out={session.directory / protocol.PLAN}"]
    arguments.append(f"-lock-timeout={job.lock_seconds}s" if job.takes_lock else "-lock=false")
    if job.mode is Mode.DESTROY:
        arguments.append("-destroy")
    arguments += [f"-replace={address}" for address in job.replaces]
    return session.step("plan", *arguments)


def check(session: Session, finished: Finished) -> None:
    """Raise unless there is a plan."""
    path = session.directory / protocol.PLAN
    # A crash of the engine's own run-time ends it with 2 as well, and without a plan.
    if finished.code in (0, 2) and path.is_file() and path.stat().st_size:
        return

    def learn() -> None:
        if session.held:
            applied.learn_from_state(session)

    raise preparing.ending(session, "plan", finished, learn)


def shown(session: Session) -> tuple[dict[str, Any], Any]:
    """The public summary of the plan file, and all that the engine shows of it."""
    path = session.directory / protocol.PLAN
    path.chmod(durable.PRIVATE_FILE)
    durable.sync(path)
    finished, show = session.document("show", "show", "-json", str(path))
    if finished.stopped:
        raise session.stopped(finished.stopped, "show", forced=finished.forced)
    if not isinstance(show, dict):
        raise session.failed("show", finished)
    applied.learn_from_plan(session, show)
    session.publish("plan")
    return plans.summarize(show, session.mask), show


def _planned(session: Session, *, is_empty: bool) -> Result:
    job, path = session.job, session.directory / protocol.PLAN
    summary, show = shown(session)
    durable.write_json(session.directory / protocol.SUMMARY, summary)
    if is_empty and job.takes_state:
        pulled.take(session)
    notes = applied.keep_outputs(session) if is_empty and not job.only_plans else ()
    result = session.result(
        Ended.SUCCEEDED,
        sentence(summary, is_empty=is_empty),
        plan_digest=digest(path),
        empty=is_empty,
        fingerprint=plans.fingerprint(show, session.fingerprint_key) if session.fingerprint_key else None,
        notes=notes,
    )
    if result.ends_run(job):
        path.unlink()
    return result


def sentence(summary: Mapping[str, Any], *, is_empty: bool) -> str:
    if is_empty:
        return "nothing to change"
    counts = {"import": summary.get("imports", 0), **summary["counts"]}
    said = [f"{count} to {what}" for what, count in counts.items() if count]
    return f"planned: {', '.join(said) or 'no resource changes, but outputs or addresses do'}"
