"""What did interrupted applies leave behind, and how is it taken up again? Orphans, imports, and states unsaved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.deployments import parts
from controller.deployments.doors import Doors
from controller.errors import NotFoundError
from controller.history import audit, opening, read, record
from controller.history import work as history
from controller.history.audit import Act
from controller.history.store import Store
from controller.history.work import Work
from controller.secrets.masking import MASKED
from controller.secrets.sealing import Sealer
from controller.tofu import plan as plans

_MADE = ("create", "replace")


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A state that an apply could not save, and which deployment's it was."""

    deployment: str
    content: bytes


def orphans(doors: Doors, work: Work) -> Mapping[str, str]:
    """What interrupted applies may have made, unknown to the state, and what to do about it."""
    ids, found = _ids(doors, work), _orphaned(doors, work)
    take = f"`lockstep approve {work.deployment.id} --import` takes it over instead"
    look = "its id is not known, so look for it before you approve"
    keep = (
        "nobody heard the end of its provisioners, so it is made anew; "
        f"`lockstep approve {work.deployment.id} --import` keeps it as it is"
    )
    half = {} if work.imports else dict.fromkeys(unfinished(doors, work), keep)
    return {address: take if address in ids else look for address in sorted(found)} | half


def unfinished(doors: Doors, work: Work) -> tuple[str, ...]:
    """Addresses whose provisioners may not have come to their end since the last success, and were not made since."""
    found: set[str] = set()
    for id in _attempts(doors, work):
        found -= _ended(doors, id)
        part = opening.parts(doors.store, id, (parts.UNFINISHED,)).get(parts.UNFINISHED)
        found.update(parts.read(part) if part else ())
    return tuple(sorted(address for address in found if MASKED not in address))


def takes_over(doors: Doors, work: Work) -> tuple[str, ...]:
    """Addresses that this deployment would make, and could take over or keep instead."""
    return tuple(sorted({*imports(doors, work), *unfinished(doors, work)}))


def imports(doors: Doors, work: Work) -> Mapping[str, str]:
    """The ids of what this deployment can take over, by address: its plan would make it, or imports it already."""
    found = opening.parts(doors.store, work.deployment.id, (parts.SUMMARY,))
    changes = parts.read(found[parts.SUMMARY])["changes"] if found else []
    ours = {change["address"] for change in changes if change["action"] == "create" or plans.is_import(change)}
    return {address: id for address, id in _ids(doors, work).items() if address in ours}


def begun(doors: Doors, id: str) -> tuple[str, ...]:
    """What an apply had begun to make, as far as anybody heard of it."""
    events = read.details(doors.store, id).events
    found = {event["address"] for event in events if event["type"] == "apply_start" and event["action"] in _MADE}
    return tuple(sorted(found))


def unsaved(doors: Doors, work: Work) -> Unsaved | None:
    """The state that the environment's storage lacks. Plans of requests put nothing there: they only look."""
    id = _unsaved_by(doors, work) if work.request is None else None
    if id is None:
        return None
    return Unsaved(id, doors.sealer.open(opening.parts(doors.store, id, (parts.UNSAVED,))[parts.UNSAVED].content))


def doubts(doors: Doors, work: Work) -> tuple[str, ...]:
    """What is to be said of a plan that is made without the state that could not be saved."""
    id = _unsaved_by(doors, work) if work.request is not None else None
    return () if id is None else (f"deployment {id} could not save its state: what it made may be shown as new here",)


def content(store: Store, sealer: Sealer, id: str) -> bytes:
    """The state that a deployment could not save, whether it was put back or not."""
    part = opening.parts(store, read.deployment(store, id).id, (parts.UNSAVED,)).get(parts.UNSAVED)
    if part is None:
        raise NotFoundError(f"deployment {id} has saved its state; there is no other one to be shown")
    return sealer.open(part.content)


def forget(store: Store, id: str, now: datetime) -> None:
    """Never put back the state that a deployment could not save."""
    found = opening.parts(store, read.deployment(store, id).id, (parts.UNSAVED, parts.PUT_BACK))
    if parts.UNSAVED not in found or parts.PUT_BACK in found:
        raise NotFoundError(f"deployment {id} has no state that would still be put back")
    audit.note(store, Act("db", now, origin="the controller's host"), "forget unsaved state", id)
    record.kept(store, id, {parts.PUT_BACK: parts.document({"by": None, "at": now.isoformat()})})


def _unsaved_by(doors: Doors, work: Work) -> str | None:
    if work.environment is None:
        return None
    return history.unsaved_state(doors.store, work.deployment.environment_uuid, work.environment.last_success)


def _orphaned(doors: Doors, work: Work) -> set[str]:
    found: set[str] = set()
    for id, is_seen in _in_doubt(doors, work):
        found -= _made(doors, id) if is_seen else set()
        part = opening.parts(doors.store, id, (parts.ORPHANS,)).get(parts.ORPHANS)
        found.update(parts.read(part) if part else ())
    return found


def _ids(doors: Doors, work: Work) -> Mapping[str, str]:
    """What is known to be there by its id; of what was made more than once, the one made last."""
    found: dict[str, str] = {}
    for id, is_seen in _in_doubt(doors, work):
        made = _made(doors, id) if is_seen else set()
        part = opening.parts(doors.store, id, (parts.IMPORTS,)).get(parts.IMPORTS)
        found = {address: known for address, known in found.items() if address not in made}
        found |= parts.read_sealed(doors.sealer, part) if part else {}
    return found


def _in_doubt(doors: Doors, work: Work) -> Iterator[tuple[str, bool]]:
    attempts = history.attempts_in_doubt(doors.store, work.deployment.environment_uuid)
    return ((id, is_seen) for id, is_seen in attempts if id != work.deployment.id)


def _made(doors: Doors, id: str) -> set[str]:
    """What a plan that somebody had looked at made once more, or took over: nobody need be asked about it again."""
    found = opening.parts(doors.store, id, (parts.SUMMARY,))
    changes = parts.read(found[parts.SUMMARY])["changes"] if found else []
    return {change["address"] for change in changes if change["action"] in _MADE or plans.is_import(change)}


def _attempts(doors: Doors, work: Work) -> Iterator[str]:
    success = work.environment.last_success if work.environment else None
    since = history.attempts_since(doors.store, work.deployment.environment_uuid, success)
    return (id for id in since if id != success)


def _ended(doors: Doors, id: str) -> set[str]:
    """What an apply has made, removed, or failed to make, and said so."""
    events = read.details(doors.store, id).events
    return {event["address"] for event in events if event["type"] in ("apply_complete", "apply_errored")}
