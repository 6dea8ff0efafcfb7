"""What makes it all turn? Timers that poll, a dispatcher that claims work, threads that carry it through."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler

from controller import machine
from controller.carrier import Carrier
from controller.deployments import follow, leftovers, repacking, runs, undecided, upkeep
from controller.deployments.doors import Connection, Doors
from controller.errors import EndingError
from controller.guarded import guarded
from controller.history import deliveries, reconnecting, watching
from controller.history import queue as history
from controller.history.audit import Act
from controller.polls import Polls
from controller.retries import Retries
from controller.room import Room

log = logging.getLogger(__name__)

_TICK = 0.1  # seconds between two looks for work, where there is much of it
_IDLE = 1.0  # the same where nobody here wrote anything; another controller may have, or a time may have come
_TIDY = 30.0  # between two times of upkeep
_RETAIN = 600.0  # between two times of removing what is old
_REPACK = 600.0  # between two looks for mirrors that are to be repacked
_REPACKING = "repack of mirrors"
_PARTING = 5.0  # seconds that a repack is waited for at the end; it may be cut off anywhere
_SAY = 5.0  # between two looks at what those wait for that are queued
_JITTER = 0.1  # of the interval between two polls, either way
_PATIENCE = timedelta(minutes=10)  # longest pause between polls of a repository that does not answer
_HANGING = 3.0  # seconds that polls which are under way may still take at the end
_SLIP = timedelta(seconds=1)  # by which a clock may go back without anybody's doing


class Loop:
    """Everything that happens by itself; `start` returns at once, `stop` when all threads are at rest.

    Runs that are at work when it stops go on: their supervisors do not need it, and the next start goes on reading.
    """

    def __init__(self, doors: Doors) -> None:
        self._draining = threading.Event()
        self._stopping = threading.Event()
        self._doors = doors = replace(doors, ends=self._stopping.is_set)
        limits = doors.limits
        self._room = Room(limits.plans, limits.applies, limits.memory_per_run, doors.available_memory)
        self._threads: dict[str, threading.Thread] = {}
        self._carriers: set[str] = set()  # deployments that threads were started for
        self._failures: Counter[str] = Counter()  # in a row, of deployments that are carried
        self._unpacked: dict[str, datetime] = {}  # when that failed last, by connection
        self._scheduled: dict[str, Connection] = {}
        self._seen = doors.now()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._polls = Polls()
        self._retries = Retries()
        self._dispatcher = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Take up what was under way, then poll, decide and deploy."""
        doors = self._doors
        guarded("cleaning up", partial(leftovers.clean, doors))
        history.release(doors.store, doors.controller)
        self._follow_connections()
        self._scheduler.start()
        self._dispatcher.start()

    def stop(self, drain: timedelta = timedelta(0), *, interrupt: bool = False) -> None:
        """Claim nothing more, let what runs end for as long as `drain`, then leave it to its supervisors.

        `interrupt`: they end with this process, as in a container. So engines that still apply are asked to stop, which
        saves their state, and that is waited for; the next start opens what they did not finish once more.
        """
        self._draining.set()
        self._wait(drain)
        if interrupt and (applying := [id for id in self._carried() if self._room.is_applying(id)]):
            log.warning("asking %d applies to stop and save their state", len(applying))
            for id in applying:
                guarded(f"stop of {id}", partial(self._doors.runner.cancel, runs.directory(self._doors, id)))
            self._wait(self._doors.limits.grace, applying)
        self._stopping.set()
        self._doors.store.written.set()
        if self._scheduler.running:
            self._scheduler.shutdown()
        self._polls.wait(_HANGING)
        if self._dispatcher.is_alive():
            self._dispatcher.join()  # first: it may be starting another thread just now
        for name, thread in self._threads.items():
            thread.join(_PARTING if name == _REPACKING else None)
        history.release(self._doors.store, self._doors.controller)

    def _wait(self, patience: timedelta, ids: Sequence[str] | None = None) -> None:
        """Until those deployments, or all, are carried no more; not for ever."""
        until = time.monotonic() + patience.total_seconds()
        while time.monotonic() < until and any(ids is None or id in ids for id in self._carried()):
            time.sleep(_TICK)

    def _carried(self) -> list[str]:
        return [id for id in list(self._carriers) if self._is_running(f"deployment {id}")]

    def is_alive(self) -> bool:
        """Whether work is being looked for: what a health check asks."""
        return self._dispatcher.is_alive()

    def _follow_connections(self) -> None:
        """Poll those that are connected, each as it says, and none that is not any more."""
        connected = dict(self._doors.connections)
        if connected == self._scheduled:
            return
        for id in self._scheduled.keys() - connected.keys():
            self._scheduler.remove_job(f"poll {id}")
        known = [(id, connection.url, connection.branch) for id, connection in connected.items()]
        for new, old in reconnecting.take_over(self._doors.store, known, Act("settings", self._doors.now())).items():
            log.info("repository `%s` is what `%s` was", new, old)
        for id, connection in connected.items():
            if self._scheduled.get(id) != connection:
                watching.ensure_repository(self._doors.store, id, connection.url, connection.branch)
                self._schedule(connection)
        self._scheduled = connected

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
            replace_existing=True,
            next_run_time=self._doors.now(),
        )

    def _poll(self, repository: str) -> None:
        if not self._draining.is_set():
            self._ask_remote(repository, patience=_PATIENCE)

    def _ask_remote(self, repository: str, patience: timedelta | None = None) -> None:
        name = f"poll of {repository}"

        def failed(error: Exception) -> None:
            guarded(f"{name}, which failed", partial(undecided.poll_failed, self._doors, repository, error))

        act = partial(follow.poll, self._doors, repository, patience=patience)
        self._polls.start(repository, partial(guarded, name, act, failed))

    def _dispatch(self) -> None:
        """Look for work whenever something was written, and now and then; only this thread starts others."""
        written = self._doors.store.written
        timed = [
            _Timed(_TIDY, "upkeep", partial(upkeep.tidy, self._doors)),
            _Timed(_RETAIN, "retention", partial(upkeep.retain, self._doors)),
            _Timed(_REPACK, _REPACKING, self._repack),
            _Timed(_SAY, "look at what waits", self._say),
        ]
        while not self._stopping.is_set():
            written.clear()
            self._threads = {name: thread for name, thread in self._threads.items() if thread.is_alive()}
            self._carriers = set(self._carried())
            if not self._draining.is_set():
                guarded("look for connections", self._follow_connections)
                guarded("look for deployments", self._claim)
                guarded("look for what forges said", self._ask)
                guarded("look for decisions", self._decide)
                for act in timed:
                    act.act_if_due()
                self._mind_the_clock()
            self._stopping.wait(_TICK)
            written.wait(_IDLE)

    def _claim(self) -> None:
        doors, limits = self._doors, self._doors.limits
        for id in history.claim_open(doors.store, doors.controller, doors.now(), limits.lease):
            self._carry(id)
        while not self._lacks_for_plan():
            found = history.claim_queued(doors.store, doors.controller, doors.now(), limits.lease, batch=limits.batch)
            if found is None:
                return
            self._carry(found)

    def _say(self) -> None:
        """Let those that are queued say what they wait for."""
        doors = self._doors
        history.say_why_queued(doors.store, doors.now(), self._lacks_for_plan(), batch=doors.limits.batch)

    def _lacks_for_plan(self) -> str:
        return self._room.lacks_for_plan() or machine.lacks_disk(self._doors.data)

    def _mind_the_clock(self) -> None:
        """Timers go by the clock on the wall: where it was set back, they would do nothing until it has caught up."""
        before, self._seen = self._seen, self._doors.now()
        if self._seen < before - _SLIP:
            back = (before - self._seen).total_seconds()
            log.warning("the clock was set back by %d s: repositories are polled anew from now on", back)
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=self._seen)

    def _ask(self) -> None:
        """Poll at once what a forge says has moved; whatever it says during a poll makes another one."""
        for repository in deliveries.hinted(self._doors.store):
            if repository in self._doors.connections:
                self._ask_remote(repository)

    def _decide(self) -> None:
        for repository in watching.undecided(self._doors.store):
            name = f"decision on {repository}"
            if repository in self._doors.connections and self._retries.is_due(name):
                self._start(name, partial(self._decide_on, name, repository))

    def _decide_on(self, name: str, repository: str) -> None:
        def failed(error: Exception) -> None:
            self._retries.failed(name)
            guarded(f"{name}, which failed", partial(undecided.failed, self._doors, repository, error))

        def decide() -> None:
            with contextlib.suppress(EndingError):
                follow.decide(self._doors, repository)
                self._retries.succeeded(name)

        guarded(name, decide, failed)

    def _repack(self) -> None:
        """In a thread of its own, which may take its time: one mirror after the other."""
        act = partial(repacking.repack_where_due, self._doors, self._unpacked, self._draining.is_set)
        self._start(_REPACKING, partial(guarded, _REPACKING, act))

    def _carry(self, id: str) -> None:
        name = f"deployment {id}"
        if not self._is_running(name):
            carrier = Carrier(
                id, self._doors, self._room, self._failures, draining=self._draining, stopping=self._stopping
            )
            self._carriers.add(id)
            self._start(name, carrier.run)

    def _start(self, name: str, target: Callable[[], object]) -> None:
        if not self._is_running(name):
            self._threads[name] = threading.Thread(target=target, name=name, daemon=True)
            self._threads[name].start()

    def _is_running(self, name: str) -> bool:
        thread = self._threads.get(name)  # once: the dispatcher may take it out while others ask
        return thread is not None and thread.is_alive()


class _Timed:
    """Something that is done now and then; how often goes by a clock that nobody sets."""

    def __init__(self, every: float, name: str, act: Callable[[], object]) -> None:
        self._every, self._name, self._act = every, name, act
        self._last = -every

    def act_if_due(self) -> None:
        if time.monotonic() - self._last >= self._every:
            self._last = time.monotonic()
            guarded(self._name, self._act)
