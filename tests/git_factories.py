"""Real Git repositories, made as a test needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

AUTHOR = ("Ada", "ada@acme.example")
FIRST_SECOND = 1_700_000_000  # each commit of a repository is some minutes younger than the one before


@dataclass(frozen=True)
class Symlink:
    """What a path leads to, instead of content."""

    target: str


@dataclass(frozen=True)
class Executable:
    content: str


@dataclass(frozen=True)
class Submodule:
    """The commit of another repository."""

    commit: str


Content = str | bytes | Symlink | Executable | Submodule | None


def repository(path: Path) -> pygit2.Repository:
    """Make an empty bare repository whose branch is `main`."""
    return pygit2.init_repository(path, bare=True, initial_head="main")


def commit(
    repo: pygit2.Repository,
    files: Mapping[str, Content] | None = None,
    *,
    message: str = "Change something",
    author: tuple[str, str] = AUTHOR,
    committer: tuple[str, str] | None = None,
    branch: str = "main",
    parents: Sequence[str] | None = None,
    at: int | None = None,
) -> str:
    """Commit changes to a branch and give the new commit's id; a path whose content is None is removed.

    The committer is the author unless it is named. `parents` replaces the branch's tip as what the commit stands on:
    `[]` starts anew, two of them make a merge, whose files are those of the first.
    """
    reference = branch if branch.startswith("refs/") else f"refs/heads/{branch}"
    if parents is None:
        parents = [str(repo.references[reference].target)] if reference in repo.references else []
    index = pygit2.Index()
    if parents:
        index.read_tree(repo[parents[0]].tree)
    for path, content in (files or {}).items():
        _put(repo, index, path, content)
    when = FIRST_SECOND + 60 * len(list(repo.odb)) if at is None else at
    by, through = (pygit2.Signature(*person, when, 60) for person in (author, committer or author))
    made = repo.create_commit(None, by, through, message, index.write_tree(repo), list(parents))
    repo.references.create(reference, made, force=True)
    return str(made)


def tag(repo: pygit2.Repository, name: str, target: str) -> str:
    """Make an annotated tag and give its own id."""
    signature = pygit2.Signature(*AUTHOR, FIRST_SECOND, 0)
    return str(repo.create_tag(name, pygit2.Oid(hex=target), pygit2.enums.ObjectType.COMMIT, signature, f"Tag {name}"))


def point(repo: pygit2.Repository, reference: str, target: str) -> None:
    """Let a ref of any name point at a commit, as forges do for requests."""
    repo.references.create(reference, pygit2.Oid(hex=target), force=True)


def _put(repo: pygit2.Repository, index: pygit2.Index, path: str, content: Content) -> None:
    match content:
        case None:
            index.remove(path)
        case Submodule():
            index.add(pygit2.IndexEntry(path, pygit2.Oid(hex=content.commit), FileMode.COMMIT))
        case Symlink():
            index.add(pygit2.IndexEntry(path, repo.create_blob(content.target.encode()), FileMode.LINK))
        case Executable():
            index.add(pygit2.IndexEntry(path, repo.create_blob(content.content.encode()), FileMode.BLOB_EXECUTABLE))
        case _:
            data = content.encode() if isinstance(content, str) else content
            index.add(pygit2.IndexEntry(path, repo.create_blob(data), FileMode.BLOB))
