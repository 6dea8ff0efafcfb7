"""Which stories are made up, and which events of them does a controller get to know?"""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.events import story as told
from tests.events.controller import EVENTS
from tests.events.story import Act, Anew, Edit, Force, Merge, Person, Push, Revert, ToSide

_SLUGS = st.sampled_from([told.STAGING, told.DEVELOPMENT, told.PRODUCTION, told.LIVE, told.LAB])
_SIZES = st.sampled_from([2, 1, 3, told.FAILS_IN_PLAN, told.FAILS_IN_APPLY, 0])
_ONOFF = st.sampled_from([1, 0])
_VALUES = st.sampled_from([1, 2, 0])

_SIZED = st.builds(Edit, st.just("size"), _SLUGS, _SIZES)
_EDITS: SearchStrategy[Edit] = st.one_of(
    _SIZED,
    st.builds(Edit, st.sampled_from(["layer", "module"]), st.just(""), _VALUES),
    st.builds(Edit, st.sampled_from(["readme", "broken layer", "broken module", "mend module"]), st.just(""), _VALUES),
    st.builds(Edit, st.sampled_from(["note", "unreadable"]), _SLUGS, _VALUES),
    st.builds(Edit, st.sampled_from(["add", "remove", "rename"]), _SLUGS, st.sampled_from([1, 2])),
    st.builds(Edit, st.sampled_from(sorted(told.SETTINGS)), _SLUGS, _ONOFF),
    st.builds(Edit, st.just("layout"), st.just(""), _ONOFF),
    _SIZED,
)
_COMMITS = st.lists(st.lists(_EDITS, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple)
_MORE = st.lists(st.lists(_EDITS, min_size=1, max_size=2).map(tuple), max_size=2).map(tuple)
_BACK = st.integers(0, 4)
_ACTS: SearchStrategy[Act] = st.one_of(
    st.builds(Push, _COMMITS),
    st.builds(Revert, _BACK),
    st.builds(Merge, _BACK, _COMMITS, st.booleans()),
    st.builds(Force, _BACK, _MORE),
    st.builds(ToSide, _MORE),
    st.builds(Anew, _MORE),
    st.builds(Push, _COMMITS),
    st.builds(Person, st.sampled_from(["suspend", "resume", "rollback"]), _SLUGS),
)
_EVENTS = st.lists(st.sampled_from(EVENTS), max_size=3).map(tuple)

acts: SearchStrategy[list[Act]] = st.lists(_ACTS, min_size=1, max_size=8)
# At each act, at the end alone, or as it comes.
plans: SearchStrategy[list[tuple[str, ...]]] = st.one_of(
    st.lists(_EVENTS, max_size=8), st.just([("settle",)] * 8), st.just([])
)
