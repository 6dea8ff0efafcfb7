"""How are processes killed again and again, and everything brought to rest again? In rounds, on several environments.

A round begins one act on each of its environments, kills at the points that were drawn for them, starts the controller
anew whenever it was killed, and acts as the person who is needed: approves, and tries again what ended for good.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controller.deployments.doors import Doors
from controller.history import read, watching
from controller.model.deployment import FINAL, Status
from controller.runner.processes import Process, identify, is_alive
from controller.runner.protocol import Engine
from tests.deploy_factories import CONTROLLER
from tests.kills import acts, company, laws, ledger, moments, victims
from tests.kills.acts import Act
from tests.kills.company import Folder
from tests.kills.points import INSTANT, Point
from tests.kills.traps import write_traps
from tests.kills.victims import Victim
from tests.kills.zygote import Zygote, forking

_LOOK = 0.002  # seconds between two looks for a moment
_REST = 0.03  # the same for the end of the round
_PATIENCE = 180.0
_DOWN = (0.0, 0.0, 0.05, 0.3)  # seconds that nobody starts the controller
_QUIET_TICKS = 3
_TRIES = 6  # of one act, by a person; more are no accident
_OPEN = "SELECT * FROM deployments WHERE number > :since ORDER BY number"


@dataclass
class Rounds:
    """A company under fire. `broken` are sentences about what was not true after a round."""

    folder: Folder
    doors: Doors
    zygote: Zygote
    chance: random.Random
    typical: float = 4.0  # seconds that an act takes
    points: list[Point] = field(default_factory=list)  # that were reached
    broken: list[str] = field(default_factory=list)
    controller: Process | None = None
    _ledger: ledger.Ledger = field(init=False)
    _start_at: float = 0.0
    _doubled: set[str] = field(default_factory=set)
    _sprung: int = 0  # bytes that were read

    def __post_init__(self) -> None:
        self._ledger = ledger.Ledger(self.folder.ledger)
        self._database = self.folder.rows()

    def close(self) -> None:
        self._database.close()

    def round(self, planned: Sequence[Act]) -> None:
        """Carry these acts out, each on an environment of its own, until nothing is left to do."""
        since = self._newest()
        for act in planned:
            act.since = since
            acts.prepare(self.folder, act)
        self._arm(planned)
        for act in planned:
            acts.begin(self.doors, self.folder, act)
        self._tell()
        self._until_rest(planned)
        self._judge(planned)

    def _until_rest(self, planned: Sequence[Act]) -> None:
        began = time.monotonic()
        for act in planned:
            act.began = began
        looked = 0.0
        while True:
            self._look(planned)
            now = time.monotonic()
            if self.controller is None and now >= self._start_at:
                self._start()
            if now - looked > _REST:
                looked = now
                if all(self._is_done(act) for act in planned) and self._has_decided():
                    break
            if now - began > _PATIENCE:
                raise AssertionError(f"it does not come to rest: {self._told(planned)}")
            time.sleep(_LOOK)
        self.typical += (time.monotonic() - began - self.typical) / 8

    def _look(self, planned: Sequence[Act]) -> None:
        """Kill where a moment has come."""
        with contextlib.suppress(FileNotFoundError):
            if self.folder.sprung.stat().st_size > self._sprung:
                self._read_sprung(planned)
        waiting = [act for act in planned if act.armed is not None and not act.armed.is_trap]
        if not waiting:
            return
        rows = self.rows(planned)
        lines = self._ledger.lines()
        for act in waiting:
            row = rows[act.environment][-1] if rows[act.environment] else None
            point = act.armed
            if point is None or not self._has_come(point, act, row, lines):
                continue
            run = self.folder.run(row["id"]) if row else None
            pid = self.controller.pid if self.controller else None
            self._hit(act, victims.kill(point.victim, pid, run), planned)

    def _has_come(self, point: Point, act: Act, row: Mapping[str, Any] | None, lines: Sequence[ledger.Line]) -> bool:
        if self.controller is None and point.victim is Victim.CONTROLLER:
            return False
        if point.moment == INSTANT:
            run = self.folder.run(row["id"]) if row else None
            is_time = time.monotonic() - act.began >= point.share * self.typical
            return is_time and victims.is_there(point.victim, run)
        if row is None:
            return False
        seen = moments.Seen(self.folder, row, lines)
        moment = moments.MOMENTS.get(point.moment) or moments.RECOVERY[point.moment]
        return moment.has_come(seen)

    def _read_sprung(self, planned: Sequence[Act]) -> None:
        text = self.folder.sprung.read_text()[self._sprung :]
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):
                return
            self._sprung += len(line)
            id, *killed = line.split()
            for act in planned:
                if act.armed is not None and act.armed.id == int(id):
                    self._hit(act, killed, planned)

    def _hit(self, act: Act, killed: Sequence[str], planned: Sequence[Act]) -> None:
        """Take note of who was killed, and perhaps wait for the same act once more."""
        point, act.armed = act.armed, None
        assert point is not None
        if killed:
            point.killed = list(killed)
            act.points.append(point)
            self.points.append(point)
        if "controller" in killed and self.controller is not None:
            self.zygote.reap(self.controller.pid)
            self.controller = None
            self._start_at = time.monotonic() + self.chance.choice(_DOWN)
            point.restarts += 1
        if killed and act.more:
            act.armed = act.more.pop(0)
            act.began = time.monotonic()
        self._arm(planned)

    def _arm(self, planned: Sequence[Act]) -> None:
        armed = [act for act in planned if act.armed is not None and act.armed.is_trap]
        write_traps(self.folder, [acts.trap(act) for act in armed])

    def _start(self) -> None:
        self.controller = identify(self.zygote.start())

    def _is_done(self, act: Act) -> bool:
        """Whether nothing is left to do for this act; acts as a person where one is asked."""
        rows = self.rows([act])[act.environment]
        if self.controller is not None and not is_alive(self.controller) and not self._is_killed_by_trap():
            raise AssertionError(f"the controller ended by itself:\n{self.folder.log.read_text()[-4000:]}")
        if not rows:
            return False
        last = rows[-1]
        if last["status"] == Status.AWAITING_APPROVAL and not last["approved_by"]:
            self._answer(act, last)
        if Status(last["status"]) not in FINAL or not last["cleared"]:
            return False
        if last["status"] == Status.SUCCEEDED:
            return all(row["cleared"] for row in rows)
        if last["id"] not in act.retried and self._has_decided():
            self._try_again(act, last)
        return False

    def _is_killed_by_trap(self) -> bool:
        try:
            return self.folder.sprung.stat().st_size > self._sprung
        except FileNotFoundError:
            return False

    def _answer(self, act: Act, row: Mapping[str, Any]) -> None:
        self._count(act, acts.answer(self.doors, self.folder, row))
        self._tell()

    def _try_again(self, act: Act, last: Mapping[str, Any]) -> None:
        act.retried.append(last["id"])
        if len(act.retried) > _TRIES:
            raise AssertionError(f"it fails again and again: {self._told([act])}")
        acts.retry(self.doors, last)
        self._count(act, "retries")
        self._tell()

    def _count(self, act: Act, what: str, more: int = 1) -> None:
        if act.points:
            setattr(act.points[-1], what, getattr(act.points[-1], what) + more)

    def _tell(self) -> None:
        if self.controller is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.controller.pid, signal.SIGUSR1)

    def _has_decided(self) -> bool:
        (repository,) = read.repositories(self.doors.store)
        is_newest = repository.decided_tip == acts.tip(self.folder)
        return is_newest and not watching.undecided(self.doors.store) and self.controller is not None

    def _judge(self, planned: Sequence[Act]) -> None:
        """Nothing happens any more by itself; then look at what is there."""
        before = self._newest()
        for _ in range(_QUIET_TICKS):
            self._await_poll()
        if self._newest() != before:
            self.broken.append(f"I9: {self._newest() - before} deployments opened though nothing was new")
        lines = self._ledger.lines()
        rows = [row for act in planned for row in read.deployments(self.doors.store, environment=act.environment)]
        self.broken += laws.broken(self.folder, rows, lines)
        new = set(ledger.doubled(lines)) - self._doubled
        self._doubled |= new
        for act in planned:
            opened = self.rows([act])[act.environment]
            self._count(act, "deployments", len(opened))
            twice = [said for said in new if opened[0]["environment_uuid"] in said]
            gone = laws.lost(self.folder, self.doors, act.environment, act.wanted, lines)
            self._count(act, "doubled", len(twice))
            self._count(act, "lost", len(gone))
            self.broken += [f"doubled: {said}" for said in twice] + [f"lost: {said}" for said in gone]
        if self.broken:
            self.broken.append(self._told(planned))

    def _await_poll(self) -> None:
        polled = read.repositories(self.doors.store)[0].polled_at
        until = time.monotonic() + _PATIENCE
        while read.repositories(self.doors.store)[0].polled_at == polled:
            assert time.monotonic() < until, "nobody polls"
            time.sleep(_LOOK * 5)

    def _newest(self) -> int:
        return int(self._database("SELECT coalesce(max(number), 0) AS newest FROM deployments")[0]["newest"])

    def rows(self, planned: Sequence[Act]) -> dict[str, list[Mapping[str, Any]]]:
        """Deployments that these acts opened, oldest first, by environment."""
        found: dict[str, list[Mapping[str, Any]]] = {act.environment: [] for act in planned}
        for row in self._database(_OPEN, since=planned[0].since):
            if row["environment"] in found:
                found[row["environment"]].append(row)
        return found

    def _told(self, planned: Sequence[Act]) -> str:
        found = []
        for act in planned:
            rows = self.rows([act])[act.environment]
            told = [f"  {row['id']} {row['mode']} {row['status']} {row['message']!r} {row['reason']!r}" for row in rows]
            points = [f"  killed {' '.join(point.killed)} at {point}" for point in act.points]
            found += [f"{act.environment} {act.mode} -> {act.wanted}, armed {act.armed}", *points, *told]
        return "\n".join(found)


@contextlib.contextmanager
def under_fire(path: Path, engine: Engine, seed: int) -> Iterator[Rounds]:
    """A company whose controller is not started yet; no process of it is left afterwards."""
    folder, _ = company.found(path, engine)
    write_traps(folder, [])
    with company.doors(folder) as doors, forking(folder, CONTROLLER.recipient) as zygote:
        made = Rounds(folder, doors, zygote, random.Random(seed))
        try:
            yield made
        finally:
            made.close()
            acts.end_all(folder)
