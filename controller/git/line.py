"""Which commits lie between two tips of a branch? First parents only: the line that the branch itself went along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pygit2

from controller.git.objects import Objects, commit_of
from controller.model.tree import Commit


@dataclass(frozen=True, slots=True)
class Walk:
    """Commits of the new line that are not on the old one, oldest first.

    `is_truncated`: there are more, older than these. `is_forced`: the new line does not come by the old tip (a
    force-push, a merge the wrong way round, or the old one is nowhere any more), so commits may have left the line.
    """

    commits: tuple[Commit, ...]
    is_truncated: bool = False
    is_forced: bool = False


def walk(objects: Objects, new: str, old: str | None, limit: int) -> Walk:
    """Go from `new` back to `old`, or to the first commit that is on the line of `old` too; with None to the beginning.

    A commit that `old` only contains, through a merge, is not on its line: the branch never was there.
    """
    repository = objects.repository()
    tip = objects.find(new)
    line = list(islice(_first_parents(objects, tip, old), limit + 1))
    ends_at_old = old is not None and _parent(line[-1] if line else None) == old
    if old is None or str(tip.id) == old or (ends_at_old and len(line) <= limit):
        return _read(line, limit, is_forced=False)
    if pygit2.Oid(hex=old) not in repository:
        return _read(line, limit, is_forced=True)
    if len(line) > limit and _comes_by(objects, line[-1], old):
        return _read(line, limit, is_forced=False)
    places = {commit.id: n for n, commit in enumerate(line)}
    former = _first_parents(objects, objects.find(old), None)
    meeting = next((places[commit.id] for commit in former if commit.id in places), len(line))
    return _read(line[:meeting], limit, is_forced=True)


def _comes_by(objects: Objects, commit: pygit2.Commit, old: str) -> bool:
    return any(_parent(earlier) == old for earlier in _first_parents(objects, commit, old))


def _first_parents(objects: Objects, tip: pygit2.Commit, end: str | None) -> Iterator[pygit2.Commit]:
    commit: pygit2.Commit | None = tip
    while commit is not None and str(commit.id) != end:
        yield commit
        parent = _parent(commit)
        commit = objects.parent(parent) if parent else None


def _parent(commit: pygit2.Commit | None) -> str | None:
    return str(commit.parent_ids[0]) if commit is not None and commit.parent_ids else None


def _read(line: list[pygit2.Commit], limit: int, *, is_forced: bool) -> Walk:
    commits = tuple(commit_of(commit) for commit in reversed(line[:limit]))
    return Walk(commits, is_truncated=len(line) > limit, is_forced=is_forced)
