"""What has to be looked after when nothing happens?"""

from __future__ import annotations

import logging

from controller.deployments import creating, drifting
from controller.deployments.doors import Doors
from controller.history import deliveries, prune, suspending

log = logging.getLogger(__name__)

_MOST = 1000  # deployments of each kind whose leftovers are removed at a time


def tidy(doors: Doors) -> None:
    """End holds and environments whose time is over; look for drift and heal it; forget old deliveries."""
    creating.end_expired(doors)
    drifting.look_where_due(doors)
    drifting.heal_where_due(doors)
    suspending.expired(doors.store, doors.now())
    deliveries.forget(doors.store, doors.now())


def retain(doors: Doors) -> None:
    """Remove logs, outputs and plans that are older than they are to be kept; the rest of very many next time."""
    gone = prune.prune(doors.store, doors.retention, doors.now(), most=_MOST)
    if gone != prune.Pruned():
        log.info("removed by age: %d logs, outputs of %d deployments, %d plans", gone.logs, gone.outputs, gone.plans)
