"""In which order are environments deployed, rolled back and destroyed while processes are killed?"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.history import read
from controller.model.deployment import Mode, Status
from tests.kills.acts import Act
from tests.kills.points import Point, Points
from tests.kills.rounds import Rounds

# Made, changed, rolled back, changed, destroyed, and so on.
_CYCLE = (Mode.DEPLOY, Mode.DEPLOY, Mode.ROLLBACK, Mode.DESTROY)
_AGAIN = 0.4  # of the acts are disturbed a second time, perhaps in the recovery
Draw = Callable[[Mode], Point]


@dataclass
class Environment:
    """What a campaign knows of one: how far in the cycle it is, what it was, and under which deployments."""

    name: str
    place: int
    size: int = 0
    wanted: Mapping[str, int] = field(default_factory=dict)
    before: tuple[str, Mapping[str, int]] | None = None  # deployment before the last success, and what it wanted


def settle(rounds: Rounds, count: int) -> list[Environment]:
    """Deploy so many environments twice, and nobody is killed."""
    found = [Environment(f"env-{place}", place) for place in range(count)]
    for _ in range(2):
        planned = [_deploy(each) for each in found]
        rounds.round(planned)
        _learn(rounds, found, planned)
    return found


def campaign(rounds: Rounds, environments: Sequence[Environment], count: int, draw: Draw | None = None) -> None:
    """Kill until so many points were reached, or something is not true any more."""
    points = Points(rounds.chance)
    enough = len(rounds.points) + count
    while len(rounds.points) < enough and not rounds.broken:
        planned = [_next(each) for each in environments]
        for act in planned:
            act.armed = (draw or points.any)(act.mode)
            act.more = list(_more(points, act.mode, rounds.chance))
        rounds.round(planned)
        _learn(rounds, environments, planned)


def _more(points: Points, mode: Mode, chance: random.Random) -> Iterator[Point]:
    while chance.random() < _AGAIN:
        yield chance.choice((points.recovery_step, points.recovery_step, points.instant))(mode)


def _next(environment: Environment) -> Act:
    environment.place += 1
    mode = _CYCLE[environment.place % len(_CYCLE)]
    if mode is Mode.DESTROY and environment.wanted:
        return Act(environment.name, mode, {})
    if mode is Mode.ROLLBACK and environment.before is not None:
        id, sizes = environment.before
        return Act(environment.name, mode, sizes, target=id)
    return _deploy(environment)


def _deploy(environment: Environment) -> Act:
    environment.size += 1
    return Act(environment.name, Mode.DEPLOY, {"db": environment.size, "cache": 1000 + environment.size})


def _learn(rounds: Rounds, environments: Sequence[Environment], planned: Sequence[Act]) -> None:
    for environment, act in zip(environments, planned, strict=True):
        rows = read.deployments(rounds.doors.store, environment=environment.name, limit=50)
        own = {row["id"] for row in rounds.rows([act])[act.environment]}
        older = [row for row in rows if row.status is Status.SUCCEEDED and row.id not in own]
        is_there = bool(older) and older[0].mode is not Mode.DESTROY
        environment.before = (older[0].id, environment.wanted) if is_there else None
        environment.wanted = act.wanted
