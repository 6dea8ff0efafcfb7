"""What can go wrong, named for what happens next, and how it is said."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from posixpath import commonprefix

MOST = 100  # problems of one kind in one document; who has more than that sees the rest later

# What stands between backticks and fills a screen; its beginning and its end tell which one it is.
_LONG_NAME = re.compile(r"(`[^`]{100})[^`]{101,}([^`]{50}`)")


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
        return _on_one_line(_LONG_NAME.sub(r"\1…\2", f"{self.where}: {self.what}; {self.remedy}"))


class LockstepError(Exception):
    """Anything that is not a bug of ours."""


class ManifestError(LockstepError):
    """The commit is wrong: nothing helps but another commit. Bears every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=order))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RetryableError(LockstepError):
    """The world is not ready: the next poll tries again."""


class EndingError(LockstepError):
    """The controller ends: what would take long is left, and begun anew by the next start."""


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
    """The known word that `word` was probably meant to be; of very many only one that a single slip leads away from."""
    names = sorted(_comparable(word, set(known)))
    likely = [name for name in names if _shares_letters(word, name)] if len(names) < _MOST_NAMES else []
    if likely:
        import difflib  # takes its time to come, and is needed where something is wrong

        likely = difflib.get_close_matches(word, likely, n=1, cutoff=_ALIKE)
    # Of short words a single slip leaves less in common than that.
    return likely[0] if likely else next((name for name in names if _is_one_slip(word, name)), None)


def suggest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A remedy: the near name where there is one, else `otherwise`."""
    found = near(word, known)
    return f"did you mean `{found}`?" if found else otherwise


def order(problem: Problem) -> tuple[str, int, int, str, str]:
    """By place, then by what is wrong; only equal problems stand at one place in this order."""
    where = problem.where
    if isinstance(where, Place):
        return where.path, where.line, where.column, problem.what, problem.remedy
    return where, 0, 0, problem.what, problem.remedy


def quoted(names: Iterable[object]) -> str:
    """Names as a message holds them: each in backticks, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


_ALIKE = 0.6  # of both words; the measure of difflib
_LONGEST_WORD = 200  # letters; nobody mistypes one that long by hand
_MOST_NAMES = 1_000  # that a word is compared with letter by letter
_TOO_MANY_NAMES = 10_000  # to compare a word with any


def _comparable(word: str, names: Collection[str]) -> Iterable[str]:
    """Those that can be compared in no time: not the longest, and of very many those that begin and end alike."""
    if len(word) > _LONGEST_WORD or len(names) > _TOO_MANY_NAMES:
        return ()
    if len(names) < _MOST_NAMES:
        return (name for name in names if len(name) <= _LONGEST_WORD)
    ends = word[:1], word[-1:]
    return (name for name in names if abs(len(name) - len(word)) < 2 and (name[:1], name[-1:]) == ends)


def _shares_letters(word: str, name: str) -> bool:
    """Whether two words have letters enough in common to be alike, in whatever order: cheaper than to compare them."""
    both = len(word) + len(name)
    shared = min(sum(map(name.__contains__, word)), sum(map(word.__contains__, name)))
    return both == 0 or 2 * shared / both >= _ALIKE


def _is_one_slip(word: str, name: str) -> bool:
    """Whether one letter is wrong, missing, too many, or two stand in the wrong order."""
    if min(len(word), len(name)) < 2:
        return False
    start = len(commonprefix((word, name)))
    one, other = word[start:], name[start:]
    end = len(commonprefix((one[::-1], other[::-1])))
    one, other = one[: len(one) - end], other[: len(other) - end]
    return (len(one) <= 1 and len(other) <= 1) or (len(one) == 2 and one == other[::-1])


def _on_one_line(text: str) -> str:
    """Names of users stand in messages: what a terminal would obey is escaped."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
