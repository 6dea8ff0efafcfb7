"""What makes it all turn? Timers that poll, a dispatcher that claims work, threads that carry it through."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, timedelta
from functools import partial
from typing import TypeVar

from apscheduler.schedulers.background import BackgroundScheduler

from controller.deployments import follow, lifecycle, upkeep
from controller.deployments.doors import Connection, Doors
from controller.deployments.lifecycle import Next
from controller.errors import LockstepError, RetryableError
from controller.history import watching
from controller.history import work as history

log = logging.getLogger(__name__)

_TICK = 0.1  # seconds between two looks for work, where there is much of it
_IDLE = 1.0  # the same where nobody here wrote anything; another controller may have, or a time may have come
_TIDY = 30.0  # between two times of upkeep
_SOON = 0.06  # between two looks at a run
_RENEWALS = 4  # in the time that a lease lasts
_JITTER = 0.1  # of the interval between two polls, either way
_PATIENCE = timedelta(minutes=10)  # longest pause between polls of a repository that does not answer
_LONGEST = 60.0  # seconds between two tries of a step that fails
_TRIES = 3  # of a step that fails for no passing reason, before a deployment that changed nothing yet is given up
T = TypeVar("T")


class Loop:
    """Everything that happens by itself; `start` returns at once, `stop` when all threads are at rest.

    Runs that are at work when it stops go on: their supervisors do not need it, and the next start goes on reading.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._draining = threading.Event()
        self._stopping = threading.Event()
        self._plans = _Slots(doors.limits.plans)
        self._applies = _Slots(doors.limits.applies)
        self._threads: dict[str, threading.Thread] = {}
        self._failures: Counter[str] = Counter()  # in a row, of deployments that are carried
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Take up what was under way, then poll, decide and deploy."""
        doors = self._doors
        history.release(doors.store, doors.controller)
        for connection in doors.connections.values():
            watching.ensure_repository(doors.store, connection.id, connection.url, connection.branch)
            self._schedule(connection)
        self._scheduler.start()
        self._dispatcher.start()

    def stop(self, drain: timedelta = timedelta(0)) -> None:
        """Claim nothing more, let what runs end for as long as `drain`, then leave it to its supervisors."""
        self._draining.set()
        until = time.monotonic() + drain.total_seconds()
        while time.monotonic() < until and any(thread.is_alive() for thread in list(self._threads.values())):
            time.sleep(_TICK)
        self._stopping.set()
        self._doors.store.written.set()
        if self._scheduler.running:
            self._scheduler.shutdown()
        for thread in [self._dispatcher, *self._threads.values()]:
            if thread.is_alive():
                thread.join()
        history.release(self._doors.store, self._doors.controller)

    def is_alive(self) -> bool:
        """Whether work is being looked for: what a health check asks."""
        return self._dispatcher.is_alive()

    def _schedule(self, connection: Connection) -> None:
        seconds = connection.poll.total_seconds()
        self._scheduler.add_job(
            self._poll,
            "interval",
            args=[connection.id],
            id=f"poll {connection.id}",
            seconds=seconds,
            jitter=seconds * _JITTER,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=None,
            next_run_time=self._doors.now(),
        )

    def _poll(self, repository: str) -> None:
        if not self._draining.is_set():
            _guarded(f"poll of {repository}", partial(follow.poll, self._doors, repository, patience=_PATIENCE))

    def _dispatch(self) -> None:
        """Look for work whenever something was written, and now and then; only this thread starts others."""
        written, tidied = self._doors.store.written, -_TIDY
        while not self._stopping.is_set():
            written.clear()
            self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
            if not self._draining.is_set():
                _guarded("look for deployments", self._claim)
                _guarded("look for decisions", self._decide)
                if time.monotonic() - tidied >= _TIDY:
                    tidied = time.monotonic()
                    _guarded("upkeep", partial(upkeep.tidy, self._doors))
            self._stopping.wait(_TICK)
            written.wait(_IDLE)

    def _claim(self) -> None:
        doors, lease = self._doors, self._doors.limits.lease
        for id in history.claim_open(doors.store, doors.controller, doors.now(), lease):
            self._carry(id)
        while self._plans.has_room():
            found = history.claim_queued(doors.store, doors.controller, doors.now(), lease)
            if found is None:
                return
            self._carry(found)

    def _decide(self) -> None:
        for repository in watching.undecided(self._doors.store):
            if repository in self._doors.connections:
                name = f"decision on {repository}"
                self._start(name, partial(_guarded, name, partial(follow.decide, self._doors, repository)))

    def _carry(self, id: str) -> None:
        name = f"deployment {id}"
        if not self._is_running(name):
            carrier = _Carrier(self, id)
            self._start(name, carrier.run)

    def _start(self, name: str, target: Callable[[], object]) -> None:
        if not self._is_running(name):
            self._threads[name] = threading.Thread(target=target, name=name, daemon=True)
            self._threads[name].start()

    def _is_running(self, name: str) -> bool:
        return name in self._threads and self._threads[name].is_alive()


class _Slots:
    """How many may be at work at once. What was at work before a restart is let in even where there is no room."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._lock = threading.Lock()

    def has_room(self) -> bool:
        return self._taken < self._size

    def take(self, *, force: bool = False) -> bool:
        with self._lock:
            if self._taken >= self._size and not force:
                return False
            self._taken += 1
            return True

    def give(self) -> None:
        with self._lock:
            self._taken -= 1


class _Carrier:
    """Carries one claimed deployment from step to step until it rests, in a thread of its own."""

    def __init__(self, loop: Loop, id: str) -> None:
        self._id = id
        self._doors = loop._doors
        self._applies = loop._applies
        self._draining = loop._draining
        self._stopping = loop._stopping
        self._failures = loop._failures
        self._renewed = time.monotonic()
        # Taken here, by the dispatcher: its next look sees that there is less room.
        self._slots: _Slots | None = loop._plans
        loop._plans.take(force=True)

    def run(self) -> None:
        name = f"deployment {self._id}"
        try:
            while not self._stopping.is_set() and self._is_mine():
                step = _guarded(name, self._advance, self._failed)
                if step in (Next.LATER, Next.DONE):
                    _guarded(name, partial(history.release, self._doors.store, self._doors.controller, self._id))
                    return
        finally:
            self._change_slots(None)

    def _advance(self) -> Next:
        may_apply = self._slots is self._applies
        step = lifecycle.advance(self._doors, self._id, may_apply=may_apply)
        if step is not Next.LATER:
            self._failures.pop(self._id, None)
        if step is Next.APPLY and self._draining.is_set():
            return Next.LATER  # an apply is something new: the next start begins it
        if step is Next.APPLY:
            # Whoever waits to apply keeps nobody from planning.
            self._change_slots(self._applies if self._applies.take() else None)
        if step is Next.SOON or (step is Next.APPLY and self._slots is None):
            self._stopping.wait(_SOON)
        return step

    def _change_slots(self, slots: _Slots | None) -> None:
        if self._slots is not None:
            self._slots.give()
        self._slots = slots

    def _is_mine(self) -> bool:
        """Keep the claim alive; whoever lets it run out loses it."""
        lease = self._doors.limits.lease
        if time.monotonic() - self._renewed < lease.total_seconds() / _RENEWALS:
            return True
        self._renewed = time.monotonic()
        renew = partial(history.renew, self._doors.store, self._id, self._doors.controller, self._doors.now() + lease)
        return _guarded(f"claim of {self._id}", renew) is not False

    def _failed(self, error: Exception) -> None:
        """Wait a little; give up what has changed nothing yet and fails again and again for no passing reason."""
        self._failures[self._id] += 1
        failures = self._failures[self._id]
        if not isinstance(error, RetryableError) and failures >= _TRIES:
            said = str(error) if isinstance(error, LockstepError) else f"{type(error).__name__}, a bug of Lockstep"
            give_up = partial(lifecycle.give_up, self._doors, self._id, f"{said}; details are in the controller's log")
            _guarded(f"end of {self._id}", give_up)
        pause = self._doors.limits.pause(failures).total_seconds()
        self._stopping.wait(min(pause, _LONGEST))


def _guarded(what: str, act: Callable[[], T], failed: Callable[[Exception], None] | None = None) -> T | None:
    """Act, and live on whatever happens: what is passing is tried again, all else is said with its traceback."""
    try:
        return act()
    except Exception as e:
        if isinstance(e, RetryableError):
            log.warning("%s: %s", what, e)
        else:
            log.exception("%s failed", what)
        if failed is not None:
            failed(e)
        return None
