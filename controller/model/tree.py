"""What are the files of one commit? An immutable tree, addressed by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    FILE = "file"
    EXECUTABLE = "executable"
    LINK = "link"
    FOLDER = "folder"
    SUBMODULE = "submodule"


class Tree(Protocol):
    """Files of one commit. Paths use `/`, have no leading slash; the root is the empty string."""

    def names(self, folder: str) -> Mapping[str, Kind]:
        """Direct children of a folder, sorted by name; empty where there is no such folder."""
        ...

    def read(self, path: str) -> bytes:
        """Content of a file, or target of a link; KeyError where there is none."""
        ...

    def identity(self, path: str) -> str:
        """Git's object id of a file or folder, 40 hex digits; KeyError where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as Git records it; times are aware, in UTC."""

    id: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_email: str
    committed_at: datetime
    message: str

    @property
    def subject(self) -> str:
        return self.message.strip().partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Snapshot:
    commit: Commit
    tree: Tree


def join(folder: str, name: str) -> str:
    """The path of something in a folder; the root has no name."""
    return f"{folder}/{name}" if folder else name


def walk(tree: Tree, folder: str = "") -> Iterator[tuple[str, Kind]]:
    """Every file, link and submodule below a folder, in order of path, with its kind."""
    for name, kind in tree.names(folder).items():
        path = join(folder, name)
        if kind is Kind.FOLDER:
            yield from walk(tree, path)
        else:
            yield path, kind


@dataclass(frozen=True, slots=True)
class MemoryTree:
    """A tree from files in memory: of a work tree, of a merge, of a test. Ids are those Git would give."""

    folders: Mapping[str, Mapping[str, Kind]]
    contents: Mapping[str, bytes]
    identities: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, bytes | str | tuple[Kind, bytes]]) -> MemoryTree:
        """Build from path -> content, or path -> (kind, content)."""
        kinds: dict[str, Kind] = {}
        contents: dict[str, bytes] = {}
        folders: dict[str, dict[str, Kind]] = {"": {}}
        for path, given in files.items():
            kind, content = given if isinstance(given, tuple) else (Kind.FILE, given)
            contents[path] = content.encode() if isinstance(content, str) else content
            kinds[path] = kind
            _enter(folders, path, kind)
        identities = {path: object_id(b"blob", content) for path, content in contents.items()}
        for folder in sorted(folders, key=lambda f: -f.count("/") if f else 1):
            identities[folder] = tree_id(folder, folders[folder], identities)
        ordered = {folder: dict(sorted(names.items())) for folder, names in folders.items()}
        return cls(ordered, contents, identities)

    def names(self, folder: str) -> Mapping[str, Kind]:
        return self.folders.get(folder, {})

    def read(self, path: str) -> bytes:
        return self.contents[path]

    def identity(self, path: str) -> str:
        return self.identities[path]


_MODES = {
    Kind.FILE: b"100644",
    Kind.EXECUTABLE: b"100755",
    Kind.LINK: b"120000",
    Kind.FOLDER: b"40000",
    Kind.SUBMODULE: b"160000",
}


def _enter(folders: dict[str, dict[str, Kind]], path: str, kind: Kind) -> None:
    folder, _, name = path.rpartition("/")
    if folder not in folders:
        folders[folder] = {}
        _enter(folders, folder, Kind.FOLDER)
    folders[folder][name] = kind


def object_id(kind: bytes, content: bytes) -> str:
    """The id that Git gives an object of this kind (`blob`, `tree`)."""
    header = kind + b" " + str(len(content)).encode() + b"\0"
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def tree_id(folder: str, names: Mapping[str, Kind], identities: Mapping[str, str]) -> str:
    """The id that Git gives a folder with these children; `identities` has theirs, by full path."""
    # Git sorts a folder as if its name ended in a slash.
    ordered = sorted(names.items(), key=lambda item: item[0].encode() + (b"/" if item[1] is Kind.FOLDER else b""))
    content = b"".join(
        _MODES[kind] + b" " + name.encode() + b"\0" + bytes.fromhex(identities[join(folder, name)])
        for name, kind in ordered
    )
    return object_id(b"tree", content)
