"""What may an apply have made that no state knows, and what of it can be taken over?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controller.model.document import Json
from controller.runner import applied, durable, errored, journal, local_state, protocol
from controller.runner.session import Session
from controller.secrets.masking import MASKED
from controller.tofu import imports

_CREATING = frozenset({"create", "replace"})
_ENDS = frozenset({"apply_complete", "apply_errored"})
_SAID = """
These may have been made, and no state knows them. Deploy with these blocks to take them over instead of making them
once more, or let `lockstep approve ID --import` do so for the deployment that waits:

"""


def found(session: Session) -> tuple[str, ...]:
    """Addresses that the engine began to make and that the state knows nothing of; imports are offered of some."""
    heard = applied.events(session)
    begun = {event["address"] for event in heard if _is_creation(event)}
    if any(_is_deaf(event) for event in heard):
        begun |= _planned(session)
    if not begun:
        return ()
    orphans = tuple(sorted(begun - {session.address(address) for address in _known(session)}))
    _offer(session, orphans)
    return orphans


def unfinished(session: Session) -> tuple[str, ...]:
    """Addresses that the state knows, though nobody heard that their provisioners had ended, nor that the engine had.

    ⚙ Whenever it is done with one thing it writes down all that it has made, also what is not provisioned yet; a plan
    made of that state finds nothing left to do there.
    """
    if local_state.is_unlocked(session.job.state):
        return ()
    heard = applied.events(session)
    created = {event["address"] for event in heard if _is_creation(event)}
    begun = {event["address"] for event in heard if event["type"] == "provision_start"} & created
    begun -= {event["address"] for event in heard if event["type"] in _ENDS and event["action"] in _CREATING}
    if not begun:
        return ()
    return tuple(sorted(begun & {session.address(address) for address in _known(session)}))


def _is_creation(event: Mapping[str, Json]) -> bool:
    return event.get("type") == "apply_start" and event.get("action") in _CREATING


def _is_deaf(event: Mapping[str, Json]) -> bool:
    """Whether the engine had ended with nobody listening: what it said last died with it in the pipe."""
    return event["type"] == "step_resumed" and event["step"] == "apply" and not event["alive"]


def _planned(session: Session) -> set[str]:
    """Everything that the plan was to make."""
    summary = durable.read_json(session.directory / protocol.SUMMARY) or {}
    return {change["address"] for change in summary.get("changes", ()) if change["action"] in _CREATING}


def _known(session: Session) -> Sequence[str]:
    """The addresses in the state; in the one that could not be saved, if there is one."""
    unsaved = errored.instances(session)
    if unsaved is not None:
        return unsaved
    finished = session.step("state list", "state", "list", capture=True, last_words=True)
    # A state that cannot be read, or is not there yet, knows of nothing.
    return finished.captured.decode(errors="replace").split("\n") if finished.code == 0 else []


def _offer(session: Session, orphans: Sequence[str]) -> None:
    """Keep what it takes to import them, and write it out for those who read the log; nobody else sees an id."""
    ids = {made["address"]: made["value"] for made in journal.read_ids(session.directory) if _is_sure(made)}
    offered = {address: ids[address] for address in orphans if address in ids}
    if offered:
        durable.write_json(session.directory / protocol.IMPORTS, offered)
        session.journal.say(_SAID + imports.blocks(offered))


def _is_sure(made: Mapping[str, Json]) -> bool:
    """Whether the engine said what the new thing's id is, and the address is the whole one."""
    is_new = made["action"] in _CREATING and made["key"] == "id"
    return bool(is_new and made["value"] and MASKED not in made["address"])
