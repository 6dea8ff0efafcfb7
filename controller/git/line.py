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
    """Commits of the new line that the old tip does not contain, oldest first.

    `is_truncated`: there are more, older than these. `is_forced`: the new tip does not contain the old one (a
    force-push, or the old one is nowhere any more), so commits may have left the branch.
    """

    commits: tuple[Commit, ...]
    is_truncated: bool = False
    is_forced: bool = False


def walk(objects: Objects, new: str, old: str | None, limit: int) -> Walk:
    """Go from `new` back to `old`, or to the first commit that `old` contains too; with None to the beginning."""
    repository = objects.repository()
    tip = objects.find(new)
    line = list(islice(_first_parents(repository, tip, old), limit + 1))
    ends_at_old = old is not None and _parent(line[-1] if line else None) == old
    if old is None or str(tip.id) == old or (ends_at_old and len(line) <= limit):
        return _read(line, limit, is_forced=False)
    known = pygit2.Oid(hex=old)
    if known not in repository:
        return _read(line, limit, is_forced=True)
    line = line[: _shared_from(repository, known, line)]
    return _read(line, limit, is_forced=not _contains(repository, tip.id, known))


def _first_parents(repository: pygit2.Repository, tip: pygit2.Commit, end: str | None) -> Iterator[pygit2.Commit]:
    commit: pygit2.Commit | None = tip
    while commit is not None and str(commit.id) != end:
        yield commit
        parents = commit.parent_ids
        commit = repository[parents[0]].peel(pygit2.Commit) if parents else None


def _parent(commit: pygit2.Commit | None) -> str | None:
    return str(commit.parent_ids[0]) if commit is not None and commit.parent_ids else None


def _shared_from(repository: pygit2.Repository, old: pygit2.Oid, line: list[pygit2.Commit]) -> int:
    """Find where the line meets what `old` contains: from there on `old` contains every commit of it."""
    low, high = 0, len(line)
    while low < high:
        middle = (low + high) // 2
        if _contains(repository, old, line[middle].id):
            high = middle
        else:
            low = middle + 1
    return low


def _contains(repository: pygit2.Repository, tip: pygit2.Oid, commit: pygit2.Oid) -> bool:
    return tip == commit or bool(repository.descendant_of(tip, commit))


def _read(line: list[pygit2.Commit], limit: int, *, is_forced: bool) -> Walk:
    commits = tuple(commit_of(commit) for commit in reversed(line[:limit]))
    return Walk(commits, is_truncated=len(line) > limit, is_forced=is_forced)
