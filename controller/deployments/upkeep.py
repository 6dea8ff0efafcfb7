"""What has to be looked after when nothing happens?"""

from __future__ import annotations

from controller.deployments.doors import Doors
from controller.history import decide


def tidy(doors: Doors) -> None:
    """End holds that have run out."""
    decide.end_expired_holds(doors.store, doors.now())
