"""Which point comes next? Every moment with every victim in turn, instants of chance, and moments before the state."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from controller.model.deployment import Mode
from tests.kills import moments, traps
from tests.kills.victims import Victim

INSTANT = "random instant"


class Kind(StrEnum):
    STEP = "step boundary"
    INSTANT = "random instant"
    BETWEEN = "made, not in the state"


@dataclass(slots=True)
class Point:
    """Where somebody is killed, and what came of it."""

    id: int
    kind: Kind
    moment: str
    victim: Victim
    mode: Mode
    share: float = 0.0  # of the time that such an act takes; when, for an instant of chance
    killed: list[str] = field(default_factory=list)
    restarts: int = 0
    deployments: int = 0
    approvals: int = 0
    imports: int = 0
    retries: int = 0
    lost: int = 0
    doubled: int = 0

    @property
    def is_trap(self) -> bool:
        """Whether the controller comes to it by itself."""
        return self.moment in traps.MOMENTS or self.moment in traps.RECOVERY

    def __str__(self) -> str:
        return f"#{self.id} {self.mode}: {self.victim} at {self.moment} {self.share:.3f}"


def steps(mode: Mode) -> list[tuple[str, Victim]]:
    """Every step boundary of a deployment that nobody disturbed, with everybody who may be killed there."""
    seen = [(name, moment.victims) for name, moment in moments.MOMENTS.items() if mode in moment.modes]
    found = itertools.chain(traps.MOMENTS.items(), seen)
    return [(name, victim) for name, victims in found for victim in victims if name != moments.BETWEEN]


def recovery_steps() -> list[tuple[str, Victim]]:
    """Those of a deployment whose apply lost its supervisor."""
    found = itertools.chain(
        traps.RECOVERY.items(), ((name, moment.victims) for name, moment in moments.RECOVERY.items())
    )
    return [(name, victim) for name, victims in found for victim in victims]


class Points:
    """Draws points: of each mode every step boundary comes once before any comes again."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._ids = itertools.count(1)
        self._decks = {mode: self._deck(steps(mode)) for mode in (Mode.DEPLOY, Mode.DESTROY, Mode.ROLLBACK)}
        self._recovery = self._deck(recovery_steps())

    def step(self, mode: Mode) -> Point:
        moment, victim = next(self._decks[mode])
        return Point(next(self._ids), Kind.STEP, moment, victim, mode)

    def recovery_step(self, mode: Mode) -> Point:
        moment, victim = next(self._recovery)
        return Point(next(self._ids), Kind.STEP, moment, victim, mode)

    def instant(self, mode: Mode) -> Point:
        victim, share = self._chance.choice(list(Victim)), self._chance.random()
        return Point(next(self._ids), Kind.INSTANT, INSTANT, victim, mode, share)

    def between(self, mode: Mode) -> Point:
        # Whoever goes on hears of what was made: mostly nobody does.
        victim = self._chance.choice((*Victim, Victim.ENGINE, Victim.ALL))
        return Point(next(self._ids), Kind.BETWEEN, moments.BETWEEN, victim, mode)

    def any(self, mode: Mode) -> Point:
        """Half of them step boundaries."""
        kinds = (self.step, self.step, self.step, self.step, self.instant, self.instant, self.between, self.between)
        return self._chance.choice(kinds)(mode)

    def _deck(self, cards: list[tuple[str, Victim]]) -> Iterator[tuple[str, Victim]]:
        while True:
            yield from self._chance.sample(cards, len(cards))
