"""What becomes of an environment whose directory disappears from Git? Its `on_removal`, and the destroy it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from controller import reconcile
from controller.deployments import again, guard, guarding
from controller.deployments.doors import Doors
from controller.deployments.evaluate import Evaluated
from controller.history import work as history
from controller.history.audit import Act
from controller.history.opening import NewDeployment
from controller.history.standing import Standing
from controller.model.deployment import REPLACEABLE, EnvironmentStatus, Rank
from controller.model.manifest import Follow, OnRemoval
from controller.model.record import Environment, OpenDeployment

GONE = "its directory is gone from Git"
_GIT = "git"


@dataclass(frozen=True, slots=True)
class Vanished:
    """What a decision says of an environment that is not declared."""

    on_removal: OnRemoval
    marked: bool
    note: str
    opening: NewDeployment | None = None
    forgotten: bool = False  # it had nothing that could be destroyed


def declared(answers: Sequence[Mapping[str, Evaluated]], slug: str, environment: Environment | None) -> OnRemoval:
    """What the newest valid of these commits, oldest first, says; else what is known of earlier ones.

    Nothing of an environment that is only observed is destroyed without a person.
    """
    for answer in reversed(answers):
        found = answer.get(slug)
        if found is not None and found.digest is not None and found.config is not None:
            is_observed = found.config.mode is Follow.OBSERVE
            return guard.stricter_removal(
                found.config.on_removal, OnRemoval.APPROVE if is_observed else OnRemoval.DESTROY
            )
    return (environment.on_removal if environment else None) or OnRemoval.APPROVE


def vanished(doors: Doors, standing: Standing, said: OnRemoval, commit: str, *, nothing_goes: bool) -> Vanished:
    """Only at the moment that it disappears is anything destroyed, and only once."""
    environment = standing.environment
    effective = _effective(doors, environment, said) if environment.declared else said
    if nothing_goes and not is_settled(environment):
        return Vanished(effective, False, f"{GONE}, with many others at once; nothing is removed")
    if effective is OnRemoval.KEEP:
        return Vanished(effective, False, f"{GONE}; it stays as it is (on_removal: keep)")
    if effective is OnRemoval.DESTROY and any(one.who == _GIT for one in _destroys(standing.open)):
        return Vanished(effective, True, _destroyed())
    if effective is OnRemoval.DESTROY and environment.declared and not _destroys(standing.open):
        return _destroying(doors, standing, effective, commit)
    return Vanished(effective, True, _waits())


def foretold(doors: Doors, environment: Environment | None) -> str:
    """What would become of it if its directory were gone, as a phrase."""
    said = environment.on_removal if environment else None
    return _effective(doors, environment, said or OnRemoval.APPROVE).foretold


def is_settled(environment: Environment) -> bool:
    """Whether what becomes of it was said when it disappeared: it is not among those that vanish at once now."""
    is_kept = environment.on_removal is OnRemoval.KEEP
    return not environment.declared and (is_kept or environment.status is not EnvironmentStatus.ACTIVE)


def dropped(opened: Sequence[OpenDeployment]) -> tuple[str, ...]:
    """Ids of destroys from Git that have not begun to change anything: the directory is back."""
    return tuple(one.id for one in _destroys(opened) if one.who == _GIT and one.status in REPLACEABLE)


def _effective(doors: Doors, environment: Environment | None, said: OnRemoval) -> OnRemoval:
    """The stricter of what it says and of what was deployed last."""
    last = guarding.last(doors, environment)
    return guard.stricter_removal(said, last.on_removal) if last else said


def _destroying(doors: Doors, standing: Standing, effective: OnRemoval, commit: str) -> Vanished:
    environment = standing.environment
    if standing.holds:
        held = standing.holds[0]
        return Vanished(effective, True, f"{_waits()}: it was {held.kind} by {held.who} when that happened")
    attempts = history.attempts_since(doors.store, environment.uuid, environment.last_success)
    if not attempts and not standing.open:
        return Vanished(effective, True, _destroyed(), forgotten=True)
    if not attempts:
        return Vanished(effective, True, f"{_waits()}: it was being deployed for the first time when that happened")
    last = history.work(doors.store, attempts[-1])
    act = Act(_GIT, doors.now(), "")
    made = again.destroy(doors, last, environment, act, again.readers(doors, last))
    opening = replace(
        made,
        reason=f"{GONE} at commit {commit[:10]} (on_removal: destroy)",
        superseded=reconcile.replaced_by(Rank.DESTROY, standing.open),
    )
    return Vanished(effective, True, _destroyed(), opening)


def _destroys(opened: Sequence[OpenDeployment]) -> list[OpenDeployment]:
    return [one for one in opened if one.rank is Rank.DESTROY]


def _destroyed() -> str:
    return f"{GONE}; it is destroyed (on_removal: destroy)"


def _waits() -> str:
    return f"{GONE}; it stays as it is until somebody deletes it (`lockstep delete environment`)"
