"""How does a deployment end? Its log is closed, its end recorded, its run cleared away; some are opened once more."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace

from controller.deployments import again, parts, recovery, runs
from controller.deployments.doors import Doors
from controller.history import opening, reached, record
from controller.history.opening import NewDeployment, Part
from controller.history.record import Finish
from controller.history.work import Work
from controller.model.deployment import Mode, Status
from controller.model.record import Deployment
from controller.runner import durable, protocol
from controller.runner.protocol import Observation, Phase, Result
from controller.secrets import age, logs
from controller.tofu import progress

log = logging.getLogger(__name__)


def finish(doors: Doors, work: Work, seen: Observation | None, end: Finish) -> Deployment:
    """End a deployment: its log first, so that whoever sees the end can read it all."""
    if work.deployment.started_at is not None:
        close_log(doors, work, seen)
    end = replace(end, message="; ".join(filter(None, (end.message, _how_far(doors, work, end)))))
    row = record.finished(doors.store, work.deployment.id, end, doors.now())
    log.info("%s: deployment %s ended %s%s", _of(row), row.id, row.status, f": {row.message}" if row.message else "")
    return row


def _how_far(doors: Doors, work: Work, end: Finish) -> str:
    """What an apply did that did not succeed."""
    if work.deployment.status not in (Status.APPLYING, Status.INTERRUPTED) or end.applied or end.untouched:
        return ""
    return progress.sentence(reached.progress(doors.store, work.deployment.id, ending=end.status))


def _of(row: Deployment) -> str:
    return f"{row.project}/{row.environment}" + (f" at {row.commit[:10]}" if row.commit else "")


def close_log(doors: Doors, work: Work, seen: Observation | None) -> None:
    """Write the end marker where no supervisor did; nothing may write to the log any more."""
    if work.log_closed:
        return
    deployment = work.deployment
    results = (seen.plan_result, seen.apply_result) if seen else ()
    has_ended = any(result is not None and result.log_ended for result in results)
    if has_ended or deployment.log_recipient is None:
        record.log_closed(doors.store, deployment.id, None)
        return
    n = max([work.chunks, *(number for number, _ in seen.chunks)] if seen else [work.chunks]) + 1
    chunk = age.encrypt(logs.write_chunk(deployment.id, n, "", end=True), [deployment.log_recipient])
    record.log_closed(doors.store, deployment.id, (n, chunk))


def is_cleared(doors: Doors, work: Work, seen: Observation) -> bool:
    """Stop whatever is left of the run of a deployment that has ended, then take it away; whether that is done."""
    folder = runs.directory(doors, work.deployment.id)
    if seen.alive:
        if not seen.cancel_requested and not _is_ending(seen):
            doors.runner.cancel(folder)
        return False
    if not doors.runner.group_is_empty(folder):
        doors.runner.kill_group(folder)
        return False
    close_log(doors, work, seen)
    runs.clear(doors, work.deployment.id)
    record.cleared(doors.store, work.deployment.id)
    return True


def _is_ending(seen: Observation) -> bool:
    """Whether the supervisor has said its last word and is only about to go."""
    is_plan = seen.job is not None and seen.job.phase is Phase.PLAN
    return (seen.plan_result if is_plan else seen.apply_result) is not None


def outcome_parts(doors: Doors, work: Work, result: Result | None) -> dict[str, Part]:
    """What a phase left to be kept: diagnostics, metadata, what may be left over, a state that could not be saved."""
    folder = runs.directory(doors, work.deployment.id)
    found = {parts.DIAGNOSTICS: parts.document(list(result.diagnostics))} if result and result.diagnostics else {}
    orphans = result.possibly_orphaned if result else feared(doors, work)
    if orphans:
        found[parts.ORPHANS] = parts.document(list(orphans))
    if result and result.possibly_unfinished:
        found[parts.UNFINISHED] = parts.document(list(result.possibly_unfinished))
    if result and result.phase is not Phase.PLAN and result.state is not None:
        found[parts.STATE] = parts.document(asdict(result.state))
    metadata, ids = (durable.read_json(folder / name) for name in (protocol.METADATA, protocol.IMPORTS))
    if metadata is not None:
        found[parts.METADATA] = parts.document(metadata)
    if ids is not None:
        found[parts.IMPORTS] = parts.sealed_document(doors.sealer, ids)
    if (folder / protocol.ERRORED).exists():
        found[parts.UNSAVED] = Part.closed(doors.sealer.seal((folder / protocol.ERRORED).read_bytes()))
    return found


def feared(doors: Doors, work: Work) -> list[str]:
    """Everything that it was to make, by its plan and by what was heard, where nobody can tell what of it was."""
    found = opening.parts(doors.store, work.deployment.id, (parts.SUMMARY,))
    changes = parts.read(found[parts.SUMMARY])["changes"] if parts.SUMMARY in found else ()
    planned = {change["address"] for change in changes if change["action"] in ("create", "replace")}
    return sorted(planned.union(recovery.begun(doors, work.deployment.id)))


def left_over(doors: Doors, kept: Mapping[str, Part]) -> str:
    """What these parts say of a state that was not saved and of what may have been made, as the rest of a sentence."""
    orphans = parts.read(kept[parts.ORPHANS]) if parts.ORPHANS in kept else []
    known = parts.read_sealed(doors.sealer, kept[parts.IMPORTS]) if parts.IMPORTS in kept else {}
    offered = ", ".join(address for address in orphans if address in known)
    others = ", ".join(address for address in orphans if address not in known)
    offer = f"; possibly orphaned, with an import on offer (`lockstep approve ID --import`): {offered}"
    unknown = f"; possibly orphaned, its id not known: {others}"
    unsaved = (
        "; the unsaved state is kept with this deployment, nothing of it is lost: it is put back before the next plan"
    )
    half = ", ".join(parts.read(kept[parts.UNFINISHED])) if parts.UNFINISHED in kept else ""
    unfinished = f"; possibly unfinished, the end of its provisioners was not heard: {half}"
    told = {offer: offered, unknown: others, unfinished: half, unsaved: parts.UNSAVED in kept}
    return "".join(sentence for sentence, is_so in told.items() if is_so)


def outputs(doors: Doors, work: Work) -> bytes | None:
    """The outputs as the supervisor encrypted them."""
    path = runs.directory(doors, work.deployment.id) / protocol.OUTPUTS
    return path.read_bytes() if path.exists() else None


def tried_again(doors: Doors, work: Work) -> NewDeployment | None:
    """The same once more, later: it failed for a passing reason, and not too often."""
    if work.tries >= doors.limits.tries or work.request is not None or work.deployment.mode is Mode.REBIND:
        return None
    tries = work.tries + 1
    reason = f"deployment {work.deployment.id} failed for a passing reason; try {tries} of {doors.limits.tries}"
    not_before = doors.now() + doors.limits.pause(tries)
    return again.follow_up(doors, work, reason, tries=tries, not_before=not_before)


def followed_up(doors: Doors, work: Work) -> NewDeployment | None:
    """The same once more: an apply was cut short. Once, and not where this one is a follow-up already."""
    if work.follow_up_of is not None and work.tries == 0:
        return None
    return again.follow_up(doors, work, f"deployment {work.deployment.id} was interrupted")
