"""What do an environment's settings say that goes on counting, also while later ones cannot be read?"""

from __future__ import annotations

from collections.abc import Sequence

from controller.deployments.walking import Tip
from controller.model.manifest import EnvironmentConfig, Follow
from controller.model.record import Environment, Lasting


def readable(tips: Sequence[Tip], slug: str) -> EnvironmentConfig | None:
    """The settings of an environment at the newest of these commits, oldest first, where they can be read."""
    answers = [found for tip in tips if (found := tip.answers.get(slug))]
    return next((found.config for found in reversed(answers) if found.config), None)


def lasting(config: EnvironmentConfig | None, known: Environment | None) -> Lasting:
    """What counts: what they say, else what they said before. One that observes heals nothing."""
    if config is None:
        return known.lasting if known else Lasting()
    every, observes = config.drift_every, config.mode is Follow.OBSERVE
    return Lasting(
        observes, config.after, int(every.total_seconds()) if every else None, config.drift_heal and not observes
    )
