"""Does everything stay true whatever happens, in any order? Rules for hypothesis; `laws` says what is true."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from controller.deployments import upkeep
from controller.history import queue, store
from controller.runner import protocol
from tests import databases
from tests.machine.company import Killed, Template, manifest
from tests.machine.luck import (
    ACTS,
    HAPPENS,
    LUCK,
    PERSON,
    PICK,
    PUSHES,
    SIZES,
    SLUG,
    SLUGS,
    SLUGS_,
    TURN,
    TURNS,
    TWIST,
    WHO,
    WORLD,
    Luck,
    Turn,
    Twist,
)
from tests.machine.people import ACT, PUSH
from tests.machine.rest import Rest


class DeploymentMachine(RuleBasedStateMachine, Rest):
    """Many environments, two controllers, and people who do as they like."""

    made: Template  # set by whoever runs it
    figures: Any = None

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Rest.__init__(self, type(self).made)

    @rule(what=st.sampled_from(HAPPENS), data=st.data())
    def happens(self, what: str, data: st.DataObject) -> None:
        """One rule for all: hypothesis leaves whole rules out of many a history, and then nothing much happens."""
        method, given = _HAPPENS[what]
        method(self, **data.draw(st.fixed_dictionaries(given)))

    def push(
        self, what: str, slugs: list[str], sizes: dict[str, int], back: int, who: int, twist: Twist, turns: list[Turn]
    ) -> None:
        """A commit of some kind; mostly a controller sees it at once."""
        PUSH[what](self, slugs, sizes, back)
        if back != 3:
            self._guarded(who, twist, lambda: self._poll(self.workers[who].doors))
        self.carry(turns)

    def carry(self, turns: list[Turn]) -> None:
        """Look for work, and take it some steps further."""
        for turn in turns:
            self.runner.luck = list(turn.luck)
            worker = self.workers[turn.who]
            self._guarded(turn.who, turn.twist, lambda w=worker, t=turn: self._turn(w, t.pick, t.steps))
        self.runner.luck = []

    def let_a_run_end(self, pick: int, luck: Luck, turns: list[Turn]) -> None:
        if not self.runner.alive:
            return
        alive = sorted(self.runner.alive, key=lambda id: self.laws.seen[id].number)
        self.runner.run_on(alive[pick % len(alive)], luck)
        self.carry(turns)

    def world_turns(self, what: str | int, who: int, pick: int, slug: str, turns: list[Turn]) -> None:
        """Controllers die, time passes, somebody meddles."""
        row = self._open(pick)
        path = self.folder / "data" / "runs" / (row.id if row else "-") / protocol.PLAN
        if isinstance(what, int):
            self.clock.forward(timedelta(seconds=what))
            upkeep.tidy(self.plain)
        elif what.startswith("a controller"):
            self._crash(who)
            if what == "a controller is started again":
                queue.release(self.plain.store, self.workers[who].doors.controller)
        elif what == "a state is written" and row:
            self.runner.meddle(row.environment_uuid)
        elif what == "a plan is changed" and path.exists():
            path.write_bytes(path.read_bytes() + b" ")
        elif what == "a plan is lost":
            path.unlink(missing_ok=True)
        elif what == "suspended":
            self._suspend([slug, slug, "shop", "*"][pick % 4])
        self.carry(turns)

    def act(self, what: str, who: str, slug: str, pick: int, sizes: dict[str, int], turns: list[Turn]) -> None:
        """What a person does."""
        ACT[what](self, who, slug, pick, sizes)
        self.carry(turns)

    def approve(self, who: str, pick: int, turns: list[Turn]) -> None:
        self._approve(who, "", pick, {})
        self.carry(turns)

    def teardown(self) -> None:
        try:
            if self.laws.seen:
                self._end()
        finally:
            store.close(self.store)
            databases.dropped(self.folder)
            shutil.rmtree(self.folder.parent, ignore_errors=True)
        if self.figures is not None:
            self.figures(self)

    def _guarded(self, who: int, twist: Twist, act: Callable[[], None]) -> None:
        if twist.what:
            # One that stands still for longer than its claim is good must not start anything afterwards. It looks
            # before it does; between that look and the start nothing helps.
            doors = ("write", "look") if twist.what == "late" else ("read", "write", "look", "run")
            self.keeper.expect(twist.at, doors, lambda: self._twist(who, twist))
        try:
            act()
        except Killed:
            self._crash(who)
        finally:
            self.keeper.forget()

    def _twist(self, who: int, twist: Twist) -> None:
        note(f"    in the middle: {twist.what}")
        self.twists[twist.what] += 1
        if twist.what == "killed":
            raise Killed
        luck, self.runner.luck = self.runner.luck, []
        slug, sizes = SLUGS[twist.at % 5], {"db": 1 + twist.at % 3}
        if twist.what == "late":
            self.clock.forward(timedelta(seconds=61))
        if twist.what in ("other", "late"):
            self._carry_all(self.workers[1 - who], 2)
        elif twist.what == "decide":
            self._push({slug: manifest(sizes)})
            self._poll(self.workers[1 - who].doors)
        else:
            ACT[twist.what](self, "eve", slug, twist.at, sizes)
        self.runner.luck = luck


_HAPPENS: dict[str, tuple[Callable[..., None], dict[str, st.SearchStrategy[Any]]]] = {
    "push": (
        DeploymentMachine.push,
        {
            "what": st.sampled_from(PUSHES),
            "slugs": SLUGS_,
            "sizes": SIZES,
            "back": st.integers(1, 3),
            "who": WHO,
            "twist": TWIST,
            "turns": TURNS,
        },
    ),
    "act": (
        DeploymentMachine.act,
        {"what": st.sampled_from(ACTS), "who": PERSON, "slug": SLUG, "pick": PICK, "sizes": SIZES, "turns": TURNS},
    ),
    "approve": (DeploymentMachine.approve, {"who": PERSON, "pick": PICK, "turns": TURNS}),
    "carry": (DeploymentMachine.carry, {"turns": st.lists(TURN, min_size=1, max_size=4)}),
    "let a run end": (DeploymentMachine.let_a_run_end, {"pick": PICK, "luck": LUCK, "turns": TURNS}),
    "world turns": (
        DeploymentMachine.world_turns,
        {"what": st.sampled_from(WORLD), "who": WHO, "pick": PICK, "slug": SLUG, "turns": TURNS},
    ),
}
