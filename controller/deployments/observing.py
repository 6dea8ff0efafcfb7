"""May what was opened by itself be tried once more, where an environment only observes since?"""

from __future__ import annotations

from controller.errors import ConflictError
from controller.model.deployment import Mode, Rank
from controller.model.record import Deployment, Environment


def check_retry(row: Deployment, environment: Environment) -> None:
    """Refuse to apply what Git wanted where the newest commit says `mode: observe`."""
    if environment.observes and row.mode is Mode.DEPLOY and row.rank in (Rank.GIT, Rank.HEAL):
        raise ConflictError(
            f"{environment.slug} is in `mode: observe`: what Git wants there is planned and never applied; "
            "push a commit that sets `mode: follow`"
        )
