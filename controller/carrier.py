"""How does a claimed deployment get on? A thread of its own carries it from step to step until it rests."""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import partial

from controller import machine
from controller.deployments import lifecycle
from controller.deployments.doors import Doors
from controller.deployments.lifecycle import Next
from controller.errors import LockstepError
from controller.guarded import guarded, is_passing
from controller.history import queue as history
from controller.room import Room

_SOON = 0.06  # between two looks at a run
_RENEWALS = 4  # in the time that a lease lasts
_LONGEST = 60.0  # seconds between two tries of a step that fails
_TRIES = 3  # of a step that fails for no passing reason, before a deployment that changed nothing yet is given up


class Carrier:
    """Carries one deployment; nothing new begins when the loop is `draining`, and it is let go when that is `stopping`.

    `failures`: in a row, of each deployment that is carried here; they outlast the carrier.
    """

    def __init__(
        self,
        id: str,
        doors: Doors,
        room: Room,
        failures: Counter[str],
        *,
        draining: threading.Event,
        stopping: threading.Event,
    ) -> None:
        self._id = id
        self._doors = doors
        self._room = room
        self._failures = failures
        self._draining = draining
        self._stopping = stopping
        self._renewed = time.monotonic()
        self._lacks = ""  # for what it waits before it may apply
        # Taken here, by the dispatcher: its next look sees that there is less room.
        self._room.let_in(id)

    def run(self) -> None:
        name = f"deployment {self._id}"
        try:
            while not self._stopping.is_set() and self._is_mine():
                step = guarded(name, self._advance, self._failed)
                if step in (Next.LATER, Next.DONE):
                    guarded(name, partial(history.release, self._doors.store, self._doors.controller, self._id))
                    return
        finally:
            self._room.leave(self._id)

    def _advance(self) -> Next:
        step = lifecycle.advance(self._doors, self._id, may_apply=self._room.is_applying(self._id))
        if step is not Next.LATER:
            self._failures.pop(self._id, None)
        if step is Next.APPLY and self._draining.is_set():
            return Next.LATER  # an apply is something new: the next start begins it
        if step is Next.APPLY:
            self._wait_for_room()
        if step is Next.SOON or (step is Next.APPLY and self._lacks):
            self._stopping.wait(_SOON)
        return step

    def _wait_for_room(self) -> None:
        before, self._lacks = self._lacks, machine.lacks_disk(self._doors.data) or self._room.may_apply(self._id)
        if self._lacks and self._lacks != before:
            history.say(self._doors.store, self._id, self._lacks)

    def _is_mine(self) -> bool:
        """Keep the claim alive; whoever lets it run out loses it."""
        lease = self._doors.limits.lease
        if time.monotonic() - self._renewed < lease.total_seconds() / _RENEWALS:
            return True
        self._renewed = time.monotonic()
        renew = partial(history.renew, self._doors.store, self._id, self._doors.controller, self._doors.now() + lease)
        return guarded(f"claim of {self._id}", renew) is not False

    def _failed(self, error: Exception) -> None:
        """Wait a little; give up what has changed nothing yet and fails again and again for no passing reason."""
        self._failures[self._id] += 1
        failures = self._failures[self._id]
        if not is_passing(error) and failures >= _TRIES:
            said = str(error) if isinstance(error, LockstepError) else f"{type(error).__name__}, a bug of Lockstep"
            give_up = partial(lifecycle.give_up, self._doors, self._id, f"{said}; details are in the controller's log")
            guarded(f"end of {self._id}", give_up)
        pause = self._doors.limits.pause(failures).total_seconds()
        self._stopping.wait(min(pause, _LONGEST))
