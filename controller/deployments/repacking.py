"""Which mirrors are to be repacked now? Each once a day, and sooner where fetches have left very many packs.

A mirror lies in the data directory, which one controller holds alone: when it was repacked stands in the mirror itself,
and no other controller could do it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, MutableMapping
from datetime import datetime, timedelta

from controller import machine
from controller.deployments.doors import Connection, Doors
from controller.errors import LockstepError
from controller.git.packing import Packs, StoppedError

log = logging.getLogger(__name__)

MOST = 100  # packs; a mirror that has more is not left until its day is over
_EVERY = timedelta(hours=24)
_SOONER = timedelta(hours=2)  # by how much, at most: mirrors that were made together are not repacked together
_AGAIN = timedelta(hours=1)  # after a failure


def repack_where_due(doors: Doors, failed: MutableMapping[str, datetime], is_stopped: Callable[[], bool]) -> None:
    """One after the other; one that fails is said, left for an hour, and does not keep the others waiting."""
    for connection in list(doors.connections.values()):
        if is_stopped():
            return
        now = doors.now()
        last = failed.get(connection.id)
        if (last is not None and last <= now < last + _AGAIN) or not _is_due(connection.id, _packs(connection), now):
            continue
        try:
            _repack(doors, connection, now, is_stopped)
            failed.pop(connection.id, None)
        except StoppedError:
            return
        except (LockstepError, OSError) as e:
            failed[connection.id] = now
            log.warning("connection `%s`: its mirror was not repacked: %s", connection.id, e)


def _repack(doors: Doors, connection: Connection, now: datetime, is_stopped: Callable[[], bool]) -> None:
    if lacks := machine.lacks_disk(doors.data):
        raise LockstepError(lacks)
    before = _packs(connection)
    connection.mirror.repack(now, is_stopped)
    after = _packs(connection)
    if before.count != after.count:
        log.info(
            "connection `%s`: repacked, %d packs of %d KiB are %d of %d KiB",
            connection.id,
            before.count,
            before.size // 1024,
            after.count,
            after.size // 1024,
        )


def _packs(connection: Connection) -> Packs:
    return connection.mirror.packs()


def _is_due(id: str, packs: Packs, now: datetime) -> bool:
    since = packs.repacked_at or packs.made_at
    share = int.from_bytes(hashlib.sha256(f"{id} {since}".encode()).digest()[:4]) / 2**32
    is_over = not since <= now < since + _EVERY - share * _SOONER  # a clock that was set back ends the day as well
    return is_over or packs.count - len(packs.lost) > MOST
