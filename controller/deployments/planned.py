"""What did a plan find? Its file sealed, its summary kept, a lock file that it generated recorded as a pin."""

from __future__ import annotations

from collections.abc import Mapping

from controller.deployments import ending, parts, runs
from controller.deployments.doors import Doors
from controller.history import opening, pins, record
from controller.history.opening import Part
from controller.history.pins import Rewritten
from controller.history.record import Finish, Planned
from controller.history.work import Work
from controller.model.bundle import ProviderPin
from controller.model.deployment import Mode, Status
from controller.model.record import Counts
from controller.runner import durable, protocol
from controller.runner.protocol import Ended, Observation, Result
from controller.tofu import desired as documents
from controller.tofu import lock

_STATUSES = {Ended.CANCELLED: Status.CANCELLED}


def record_plan(doors: Doors, work: Work, seen: Observation, result: Result) -> None:
    """Record how the phase that plans has ended."""
    if result.put_back is not None:
        done = parts.document({"by": work.deployment.id, "at": result.at})
        record.kept(doors.store, result.put_back, {parts.PUT_BACK: done})
    if result.status is not Ended.SUCCEEDED or result.plan_digest is None:
        _failed(doors, work, seen, result)
        return
    if result.lock_changed and work.request is None and work.deployment.mode in (Mode.DEPLOY, Mode.ROLLBACK):
        _pin(doors, work)
    folder = runs.directory(doors, work.deployment.id)
    summary = durable.read_json(folder / protocol.SUMMARY)
    kept = {parts.SUMMARY: parts.document(summary), **ending.outcome_parts(doors, work, result)}
    path = folder / protocol.PLAN
    if path.exists():
        content = path.read_bytes()
        kept[parts.PLAN] = Part(result.plan_digest, doors.sealer.seal(content), sealed=True)
    if (folder / protocol.MOVED).exists():
        kept[parts.MOVED] = Part.closed(doors.sealer.seal((folder / protocol.MOVED).read_bytes()))
    record.planned(
        doors.store,
        work.deployment.id,
        Planned(
            plan_digest=result.plan_digest,
            engine_version=doors.engine.version,
            fingerprint=result.fingerprint,
            counts=Counts(**summary["counts"]),
            no_changes=result.empty,
            parts=kept,
        ),
    )


def _failed(doors: Doors, work: Work, seen: Observation, result: Result) -> None:
    again = ending.tried_again(doors, work) if result.transient and result.status is Ended.FAILED else None
    status = _STATUSES.get(result.status, Status.FAILED)
    kept = ending.outcome_parts(doors, work, result)
    ending.finish(doors, work, seen, Finish(status, result.message, parts=kept, follow_up=again))


def _pin(doors: Doors, work: Work) -> None:
    """Record the lock file; every wish of the environment that is still open gets the same versions.

    What was wanted before stays as it was: init may have learned of further hashes, which is no other wish.
    """
    text = (runs.directory(doors, work.deployment.id) / protocol.LOCK_FILE).read_text()
    wanted = documents.pins_of(runs.inputs(doors, work.deployment.id).desired)
    found = {**lock.parse(text), **wanted}
    ids = pins.open_deployments(doors.store, work.deployment.environment_uuid)
    rewritten = {id: _rewritten(doors, id, found) for id in {*ids, work.deployment.id}}
    pins.pinned(doors.store, work.deployment.id, found, rewritten, doors.now())


def _rewritten(doors: Doors, id: str, found: Mapping[str, ProviderPin]) -> Rewritten:
    before = opening.parts(doors.store, id, (parts.DESIRED,))[parts.DESIRED]
    after = documents.repinned(parts.read(before), found)
    return Rewritten(before.digest, after.digest, Part(after.digest, after.text.encode()))
