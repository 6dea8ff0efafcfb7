"""What guards this deployment? Settings and content of what was applied last, beside its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from controller.deployments import guard, parts, recovery, runs
from controller.deployments.doors import Doors
from controller.deployments.guard import Guards, Judgement
from controller.history import opening
from controller.history import work as history
from controller.history.work import Work
from controller.model.deployment import BY_ITSELF, Mode
from controller.model.manifest import Limits
from controller.model.record import Environment
from controller.runner import protocol
from controller.runner.protocol import StateMark


def last(doors: Doors, environment: Environment | None) -> Guards | None:
    """The guards of what succeeded last."""
    if environment is None or environment.last_success is None:
        return None
    found = opening.parts(doors.store, environment.last_success, (parts.GUARDS,))
    return guard.read(found[parts.GUARDS].content) if parts.GUARDS in found else None


def own(doors: Doors, id: str) -> Guards:
    """The guards of a deployment's own commit."""
    return guard.read(opening.parts(doors.store, id, (parts.GUARDS,))[parts.GUARDS].content)


def effective(doors: Doors, work: Work) -> Guards:
    """The stricter of both."""
    return guard.stricter(own(doors, work.deployment.id), last(doors, work.environment))


def judged(doors: Doors, work: Work) -> Judgement:
    """May the plan that was recorded be applied?"""
    mine, before = own(doors, work.deployment.id), last(doors, work.environment)
    found = opening.parts(doors.store, work.deployment.id, (parts.SUMMARY,))
    success = work.environment.last_success if work.environment else None
    changed = guard.changed_content(
        runs.inputs(doors, work.deployment.id).desired,
        mine,
        runs.inputs(doors, success).desired if success else None,
        before,
    )
    attempts = history.attempts_since(doors.store, work.deployment.environment_uuid, success)
    return guard.judge(
        parts.read(found[parts.SUMMARY]),
        _consented(work, guard.stricter(mine, before)),
        must_approve="; ".join(filter(None, (work.must_approve, _older_state(doors, work, attempts)))),
        orphans=recovery.orphans(doors, work),
        changed=changed,
    )


def _consented(work: Work, found: Guards) -> Guards:
    """Whoever said when an environment ends has agreed to its destruction; protected types are none the less kept."""
    if work.deployment.mode is Mode.DESTROY and work.deployment.created_by in BY_ITSELF:
        return replace(found, limits=Limits(destroy=None, replace=None))
    return found


def _older_state(doors: Doors, work: Work, attempts: Sequence[str]) -> str:
    """Why a plan is doubtful that was made with another state than the newest that an apply left; empty: it is not."""
    known = [opening.parts(doors.store, id, (parts.STATE,)).get(parts.STATE) for id in attempts]
    marks = [StateMark(**parts.read(part)) for part in known if part]
    result = protocol.read_result(runs.directory(doors, work.deployment.id), protocol.PLAN_RESULT)
    return guard.older_state(result.state if result else None, marks[-1] if marks else None)
