"""Problems of a commit, told in one order."""

from __future__ import annotations

from controller.errors import ManifestError, Place, Problem


def test_problems_are_told_in_order_of_place_whatever_order_they_were_found_in() -> None:
    """The same commit could be told in another order by another process, where two problems differed in the remedy."""
    found = [Problem(Place("a", line), "wrong", remedy) for remedy in "dbca" for line in (10, 2)]
    assert [str(problem) for problem in ManifestError([*found, *found]).problems] == [
        f"a:{line}:1: wrong; {remedy}" for line in (2, 10) for remedy in "abcd"
    ]


def test_a_name_that_would_fill_a_screen_is_told_by_its_beginning_and_its_end() -> None:
    """A key of thousands of brackets, as the fuzzing of the readers found one."""
    key = f"${{resources.{']' * 4000}}}"
    assert str(Problem(Place("a"), f"`{key}` is no alias", "did you mean `b`?")) == (
        f"a:1:1: `${{resources.{']' * 88}…{']' * 49}}}` is no alias; did you mean `b`?"
    )
    assert str(Problem("a", f"`{'x' * 200}`", "b")) == f"a: `{'x' * 200}`; b"
