"""Short stories that no chance should be needed for: each was once told wrongly, or is what a law is about."""

from __future__ import annotations

from collections.abc import Sequence

from tests.events.story import (
    DEVELOPMENT,
    FAILS_IN_APPLY,
    FAILS_IN_PLAN,
    LIVE,
    PRODUCTION,
    STAGING,
    Act,
    Edit,
    Force,
    Merge,
    Person,
    Push,
    Revert,
    ToSide,
)

EACH: Sequence[Sequence[str]] = [("settle",)] * 8
ONCE: Sequence[Sequence[str]] = []
POLLED: Sequence[Sequence[str]] = [("poll", "poll")] * 8  # nothing of it is carried out before the end
LATE: Sequence[Sequence[str]] = [("hang",), ("twice", "restart"), ("gone", "later"), ("delivery", "finish")]


def sizes(slug: str, *values: int) -> Push:
    """One commit for each size."""
    return Push(tuple((Edit("size", slug, value),) for value in values))


STORIES: Sequence[tuple[list[Act], Sequence[Sequence[str]], Sequence[Sequence[str]]]] = [
    # Taken back, and set to the same again: at once, or while each waits.
    ([sizes(STAGING, 3), Revert(0), sizes(STAGING, 3, 1, 3)], ONCE, POLLED),
    ([sizes(LIVE, 2), sizes(LIVE, 3), sizes(LIVE, 0), Revert(2)], POLLED, LATE),
    (
        [Push(((Edit("layer", "", 1),), (Edit("layer", "", 2),), (Edit("layer", "", 1),)))],
        EACH,
        ONCE,
    ),  # who ends, wakes
    # What fails is tried again for another digest alone.
    ([sizes(LIVE, FAILS_IN_APPLY), sizes(STAGING, FAILS_IN_PLAN), Revert(1), sizes(STAGING, 3)], EACH, POLLED),
    ([sizes(LIVE, FAILS_IN_APPLY), Push(((Edit("readme", "", 1),),))], EACH, ONCE),
    # Whoever waits for another, observes, or is held.
    ([Push(((Edit("after", PRODUCTION, 1), Edit("size", STAGING, FAILS_IN_PLAN)),)), sizes(PRODUCTION, 3)], EACH, ONCE),
    (  # Also where the other fails in the end, and where it comes to its step later.
        [
            Push(((Edit("after", PRODUCTION, 1),), (Edit("size", STAGING, 3),))),
            Push(((Edit("size", STAGING, FAILS_IN_APPLY), Edit("size", PRODUCTION, 3)),)),
            sizes(PRODUCTION, 1),
        ],
        EACH,
        POLLED,
    ),
    (
        [
            Push(
                ((Edit("after", PRODUCTION, 1), Edit("size", STAGING, FAILS_IN_PLAN)), (Edit("size", PRODUCTION, 3),))
            ),
            sizes(STAGING, 3),
        ],
        EACH,
        LATE,
    ),
    ([Push(((Edit("observe", LIVE, 1),),)), sizes(LIVE, 2), Push(((Edit("layout", "", 1),),))], EACH, ONCE),
    ([Person("suspend", LIVE), sizes(LIVE, 2), sizes(LIVE, 3), Person("resume", LIVE)], EACH, POLLED),
    ([Person("suspend", LIVE), sizes(LIVE, 2), Revert(0)], EACH, ONCE),
    # Lines that part: forced, merged the wrong way round, and where a merged one ended.
    ([sizes(STAGING, 3), Force(1, ((Edit("size", LIVE, 2),),)), Force(4)], EACH, ONCE),
    ([sizes(LIVE, 2), Merge(1, ((Edit("readme", "", 1),),), wrong_way=True)], EACH, ONCE),
    ([Merge(0, ((Edit("size", LIVE, 3),),)), ToSide(((Edit("readme", "", 1),),))], EACH, LATE),
    # An environment under another name, and one that is gone while the layout cannot be read.
    ([sizes(DEVELOPMENT, 2), Merge(0, ((Edit("rename", DEVELOPMENT, 1),),))], EACH, ONCE),
    ([Push(((Edit("remove", LIVE, 1),), (Edit("layout", "", 1),), (Edit("layout", "", 0),)))], ONCE, EACH),
]
