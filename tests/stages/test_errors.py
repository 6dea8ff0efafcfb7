"""Problems of a commit, told in one order."""

from __future__ import annotations

from controller.errors import ManifestError, Place, Problem


def test_problems_are_told_in_order_of_place_whatever_order_they_were_found_in() -> None:
    """The same commit could be told in another order by another process, where two problems differed in the remedy."""
    found = [Problem(Place("a", line), "wrong", remedy) for remedy in "dbca" for line in (10, 2)]
    assert [str(problem) for problem in ManifestError([*found, *found]).problems] == [
        f"a:{line}:1: wrong; {remedy}" for line in (2, 10) for remedy in "abcd"
    ]
