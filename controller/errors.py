"""What can go wrong, named for what happens next, and how it is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A spot in a file of the repository; line and column count from 1."""

    path: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where, what, and what to do about it."""

    where: Place | str
    what: str
    remedy: str

    def __str__(self) -> str:
        return _on_one_line(f"{self.where}: {self.what}; {self.remedy}")


class LockstepError(Exception):
    """Anything that is not a bug of ours."""


class ManifestError(LockstepError):
    """The commit is wrong: nothing helps but another commit. Bears every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=_order))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RetryableError(LockstepError):
    """The world is not ready: the next poll tries again."""


class ConflictError(LockstepError):
    """The request does not fit the state that the thing is in now."""


class NotFoundError(LockstepError):
    """The thing does not exist, or the caller may not know of it."""


class NotAllowedError(LockstepError):
    """The caller may not do this."""


def problem(where: Place | str, what: str, remedy: str) -> ManifestError:
    """One problem as an error to raise."""
    return ManifestError([Problem(where, what, remedy)])


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    found = difflib.get_close_matches(word, sorted(set(known)), n=1, cutoff=0.6)
    return found[0] if found else None


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy: the near name where there is one, else `otherwise`."""
    found = near(word, known)
    return f"did you mean `{found}`?" if found else otherwise


def _on_one_line(text: str) -> str:
    """Names of users stand in messages: what a terminal would obey is escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def _order(problem: Problem) -> tuple[str, int, int, str]:
    where = problem.where
    if isinstance(where, Place):
        return where.path, where.line, where.column, problem.what
    return where, 0, 0, problem.what
