"""What has to be looked after when nothing happens?"""

from __future__ import annotations

from controller.deployments.doors import Doors
from controller.history import watching


def tidy(doors: Doors) -> None:
    """End holds that have run out."""
    watching.end_expired_holds(doors.store, doors.now())
