"""What do Git's objects say? Commits and trees, read from the object database by any thread."""

from __future__ import annotations

import codecs
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import pygit2

from controller.errors import NotFoundError, RetryableError
from controller.model.tree import Commit, Kind

LISTINGS_KEPT = 20_000  # folders whose content is remembered: most are the same from commit to commit


@dataclass(frozen=True, slots=True)
class Entry:
    kind: Kind
    id: str


Listing: TypeAlias = Mapping[str, Entry]


class Objects:
    """The object database below `path`. Each thread gets a repository object of its own: libgit2 wants it so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._threads = threading.local()
        self._renewals = 0
        self.listing = lru_cache(maxsize=LISTINGS_KEPT)(self._listing)

    def repository(self) -> pygit2.Repository:
        """The calling thread's own repository object."""
        found: pygit2.Repository | None = getattr(self._threads, "repository", None)
        if found is None or self._threads.renewals != self._renewals:
            self._threads.renewals = self._renewals
            try:
                found = self._threads.repository = pygit2.Repository(str(self.path))
            except pygit2.GitError as e:
                raise RetryableError(f"{self.path}: there is no mirror any more; the next poll fetches it anew") from e
        return found

    def renew(self) -> None:
        """Let threads open the repository anew: libgit2 holds packs open that were removed, and their room on disk."""
        self._renewals += 1

    def raw(self, id_: str) -> bytes:
        """Content of an object that another one names."""
        try:
            content: bytes = self.repository().odb.read(pygit2.Oid(hex=id_))[1]
        except (KeyError, pygit2.GitError) as e:
            raise self._damaged(id_, e) from e
        return content

    def commit(self, id_: str) -> Commit:
        """A commit by its full id, or that of an annotated tag."""
        return commit_of(self.find(id_))

    def find(self, id_: str) -> pygit2.Commit:
        try:
            found: pygit2.Commit = self.repository()[pygit2.Oid(hex=id_)].peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError) as e:
            raise NotFoundError(f"commit {id_} is not in the mirror; fetch a ref that contains it") from e
        return found

    def parent(self, id_: str) -> pygit2.Commit:
        """A commit that another one names: it is there, unless the mirror is damaged."""
        try:
            found: pygit2.Commit = self.repository()[pygit2.Oid(hex=id_)].peel(pygit2.Commit)
        except (KeyError, ValueError, pygit2.GitError) as e:
            raise self._damaged(id_, e) from e
        return found

    def _damaged(self, id_: str, error: Exception) -> RetryableError:
        why = "is missing" if isinstance(error, KeyError) else f"cannot be read ({error})"
        return RetryableError(
            f"{self.path}: object {id_} {why}; remove this folder, and it is fetched anew at the next poll"
        )

    def _listing(self, tree_id: str) -> Listing:
        return parse(self.raw(tree_id))


class ObjectTree:
    """The tree `root` and all below it, each part read when it is asked for.

    `fresh` are objects that were made in memory and are in no database.
    """

    def __init__(self, objects: Objects, root: str, fresh: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self._objects = objects
        self._root = root
        self._fresh = fresh
        self._listings: dict[str, Listing] = {}
        self._names: dict[str, Mapping[str, Kind]] = {}

    def names(self, folder: str) -> Mapping[str, Kind]:
        found = self._names.get(folder)
        if found is None:
            try:
                listing = self._listing(folder)
            except KeyError:
                return {}
            found = MappingProxyType({name: listing[name].kind for name in sorted(listing)})
            self._names[folder] = found
        return found

    def read(self, path: str) -> bytes:
        entry = self._entry(path)
        if entry.kind in (Kind.FOLDER, Kind.SUBMODULE):
            raise KeyError(path)
        return self._raw(entry.id)

    def identity(self, path: str) -> str:
        return self._entry(path).id

    def _entry(self, path: str) -> Entry:
        if not path:
            return Entry(Kind.FOLDER, self._root)
        folder, slash, name = path.rpartition("/")
        if slash and not folder:
            raise KeyError(path)
        return self._listing(folder)[name]

    def _listing(self, folder: str) -> Listing:
        found = self._listings.get(folder)
        if found is not None:
            return found
        entry = self._entry(folder)
        if entry.kind is not Kind.FOLDER:
            raise KeyError(folder)
        found = parse(self._fresh[entry.id]) if entry.id in self._fresh else self._objects.listing(entry.id)
        self._listings[folder] = found
        return found

    def _raw(self, id_: str) -> bytes:
        return self._fresh[id_] if id_ in self._fresh else self._objects.raw(id_)


def commit_of(commit: pygit2.Commit) -> Commit:
    """Read a commit as it says it is written; other bytes are replaced, a time that no calendar has is the epoch."""
    author, encoding = commit.author, _encoding(commit)
    return Commit(
        id=str(commit.id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author_name=_text(author.raw_name, encoding),
        author_email=_text(author.raw_email, encoding),
        committer_email=_text(commit.committer.raw_email, encoding),
        committed_at=_time(commit.commit_time),
        message=_text(commit.raw_message, encoding),
    )


def parse(content: bytes) -> Listing:
    """Read a tree object. A name that is not UTF-8 is shown with backslashes: it can be reported, but means nothing."""
    listing: dict[str, Entry] = {}
    at = 0
    while at < len(content):
        blank = content.index(b" ", at)
        end = content.index(b"\0", blank)
        name = content[blank + 1 : end].decode("utf-8", "backslashreplace")
        listing[name] = Entry(_KINDS.get(content[at:blank], Kind.FILE), content[end + 1 : end + 21].hex())
        at = end + 21
    return MappingProxyType(listing)


_LETTERS = re.compile(r"utf-8|ascii|iso8859-\d+|cp\d+|koi8-[rut]|mac-\w+|shift_jis\w*|euc_\w+|gb\w+|big5\w*|johab")
_KINDS = {
    b"100755": Kind.EXECUTABLE,
    b"120000": Kind.LINK,
    b"40000": Kind.FOLDER,
    b"040000": Kind.FOLDER,  # as old tools wrote it
    b"160000": Kind.SUBMODULE,
}


def _encoding(commit: pygit2.Commit) -> str:
    """Git writes its own names; what is no plain encoding of letters, as Python knows some, is not believed."""
    try:
        name = codecs.lookup(commit.message_encoding or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _LETTERS.fullmatch(name) else "utf-8"


def _text(raw: bytes | None, encoding: str) -> str:
    return (raw or b"").decode(encoding, "replace")


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)
