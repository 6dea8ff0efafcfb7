"""Is there a state that is not ours, where the first one of an environment is to be? Then nothing is done with it."""

from __future__ import annotations

from pathlib import Path

from controller.deployments import states
from controller.deployments.doors import Doors
from controller.errors import ConflictError
from controller.history import work as history
from controller.history.work import Work
from controller.model.deployment import Mode
from controller.model.record import Environment
from controller.runner import durable


def mark(doors: Doors, work: Work, state: Path | None) -> None:
    """Say beside a local state whose it is; refuse one that was there before the environment was ever deployed."""
    if state is None or work.environment is None:
        return
    marker = state.with_name(states.MARKER)
    slug = work.environment.slug
    said = durable.read_json(marker) or {}
    if said.get("moved_to"):
        raise ConflictError(
            f"the state of {slug} was moved to {said['moved_to']}, and the database is older than that; bring back a "
            f"newer one, or remove `moved_to` from {states.MARKER} beside the state of uuid {work.binding.uuid}"
        )
    if said.get("environment") == slug:
        return
    is_others = states.holds_something(state) if said else state.exists()
    if is_others and work.environment.adoption is None and not _was_begun(doors, work.environment):
        raise ConflictError(_not_ours(work))
    durable.make_folder(state.parent)
    durable.write_json(marker, {"environment": slug, "uuid": work.binding.uuid})


def refusal(doors: Doors, work: Work, state: Path | None) -> str:
    """What to say if there is a state already, where there can be none of ours; empty: there may well be one.

    A local one was looked for already.
    """
    environment = work.environment
    is_change = work.request is None and work.deployment.mode in (Mode.DEPLOY, Mode.ROLLBACK)
    if environment is None or environment.adoption or not is_change or state is not None:
        return ""
    return "" if _was_begun(doors, environment) else _not_ours(work)


def adopts(work: Work) -> bool:
    """Whether the state that it reads may be one that somebody else wrote."""
    environment = work.environment
    return environment is not None and environment.adoption is not None and environment.last_success is None


def _was_begun(doors: Doors, environment: Environment) -> bool:
    """Whether the state is its own whatever the marker says: it may have had another name."""
    return bool(history.attempts_since(doors.store, environment.uuid, environment.last_success))


def _not_ours(work: Work) -> str:
    project, name, uuid = work.deployment.project, work.deployment.environment, work.binding.uuid
    return (
        f"there is a state for {project}/{name} already, with uuid {uuid}, that Lockstep did not write; "
        f"run `lockstep adopt {project} {name} --uuid {uuid}`"
    )
