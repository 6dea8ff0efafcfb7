"""What may happen? Fates of phases, what comes in between, and how often each is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st

SLUGS = ("shop/development", "shop/staging", "shop/production", "blog/live", "blog/draft")


class Fate(StrEnum):
    """What becomes of a phase."""

    DONE = "done"
    REFUSED = "refused"  # no supervisor can be started, for a passing reason
    HANGS = "hangs"  # it goes on until somebody says how it ends
    FAILS = "fails"
    PASSES = "passes"  # it fails for a passing reason
    LOST = "lost"  # the supervisor is killed; of an apply, in its middle
    EARLY = "early"  # of an apply: killed before anything was begun


@dataclass(frozen=True)
class Luck:
    """A fate, and how far an apply comes that does not come to its end."""

    fate: Fate = Fate.DONE
    part: int = 0  # actions that were carried out
    unsaved: int = 0  # the last ones of them that no state knows of
    begun: bool = False  # one more was begun, and nothing came of it
    left: bool = False  # the engine outlives its supervisor


@dataclass(frozen=True)
class Twist:
    """What happens in the middle of something: before its n-th look at the database or the runner."""

    at: int = 0
    what: str = ""


@dataclass(frozen=True)
class Turn:
    """One controller takes one of its deployments so many steps further."""

    who: int
    pick: int
    steps: int
    luck: list[Luck]
    twist: Twist


WHO = st.integers(0, 1)
PICK = st.integers(0, 9)
FATES = [Fate.DONE] * 4 + [Fate.HANGS] * 2 + [Fate.LOST] * 5 + list(Fate)
LUCK = st.builds(
    Luck,
    st.sampled_from(FATES),
    part=st.integers(0, 3),
    unsaved=st.integers(0, 2),
    begun=st.booleans(),
    left=st.booleans(),
)
# Mostly the plan goes well, so that something is applied.
LUCKS = st.one_of(
    st.lists(LUCK, max_size=4),
    st.builds(lambda apply, more: [Luck(), apply, *more], LUCK, st.lists(LUCK, max_size=3)),
    st.builds(lambda apply, more: [Luck(), apply, *more], LUCK, st.lists(LUCK, max_size=3)),
)
TWISTS = [
    "killed",
    "killed",
    "other",
    "late",
    "decide",
    "cancel",
    "discard",
    "approve",
    "destroy",
    "deploy",
    "rollback",
]
TWIST = st.one_of(st.just(Twist()), st.just(Twist()), st.builds(Twist, st.integers(0, 14), st.sampled_from(TWISTS)))
TURN = st.builds(Turn, WHO, PICK, st.sampled_from([1, 2, 4, 20, 20, 20]), LUCKS, TWIST)
TURNS = st.lists(TURN, max_size=3)
SIZES = st.dictionaries(st.sampled_from(["db", "db", "store", "cache"]), st.integers(1, 3), max_size=2)
PERSON = st.sampled_from(["ann", "bob"])
SLUG = st.sampled_from(SLUGS)
SLUGS_ = st.lists(SLUG, min_size=1, max_size=3, unique=True)
PUSHES = ["change"] * 6 + ["change many"] * 4 + ["break", "platform", "remove", "bring back", "revert", "revert"]
WORLD = [3, 20, 61, 600, 90_000, "a controller is killed", "a controller is started again"]
WORLD += ["a state is written", "a plan is lost", "a plan is changed", "suspended"]
HAPPENS = ["push"] * 4 + ["act"] * 5 + ["approve"] * 3 + ["carry"] * 4 + ["let a run end"] * 2 + ["world turns"] * 3
ACTS = ["deploy", "deploy", "destroy", "destroy", "rollback", "rollback", "retry", "cancel", "discard", "resume"]
