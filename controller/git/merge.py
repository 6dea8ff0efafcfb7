"""What would a merge give? Its tree, made in memory: no commit, and nothing is written to the repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pygit2

from controller.git.objects import Objects, ObjectTree
from controller.model.tree import Tree


@dataclass(frozen=True, slots=True)
class Merge:
    """The merged tree, or None and the paths that both sides changed differently, sorted."""

    tree: Tree | None
    conflicts: tuple[str, ...] = ()


def merge(objects: Objects, base: str, head: str) -> Merge:
    """Merge commit `head` into commit `base`."""
    ours, theirs = objects.find(base).id, objects.find(head).id
    repository = pygit2.Repository(str(objects.path))  # its object database is exchanged: it may be nobody else's
    scratch = _Scratch()
    database = pygit2.Odb()
    database.add_backend(scratch, _FIRST)
    database.add_disk_alternate(str(objects.path / "objects"))
    repository.set_odb(database)
    index = repository.merge_commits(ours, theirs)
    if index.conflicts is not None:
        return Merge(
            None, tuple(sorted({entry.path for sides in index.conflicts for entry in sides if entry is not None}))
        )
    root = str(index.write_tree(repository))
    fresh = {str(oid): content for oid, (_, content) in scratch.objects.items()}
    return Merge(ObjectTree(objects, root, fresh))


_FIRST = 100  # above the priorities of what is on disk: it is the first backend that is written to


class _Scratch(pygit2.OdbBackend):  # type: ignore[misc, unused-ignore]
    """An object database in memory; libgit2 calls these methods by name."""

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[pygit2.Oid, tuple[int, bytes]] = {}

    def read_cb(self, oid: pygit2.Oid) -> tuple[int, bytes]:
        return self.objects[oid]

    def read_header_cb(self, oid: pygit2.Oid) -> tuple[int, int]:
        kind, content = self.objects[oid]
        return kind, len(content)

    def read_prefix_cb(self, prefix: pygit2.Oid) -> tuple[int, bytes, pygit2.Oid]:
        raise KeyError(prefix)

    def exists_cb(self, oid: pygit2.Oid) -> bool:
        return oid in self.objects

    def exists_prefix_cb(self, prefix: pygit2.Oid) -> pygit2.Oid:
        raise KeyError(prefix)

    def write_cb(self, oid: pygit2.Oid, content: bytes, kind: int) -> None:
        self.objects[oid] = (kind, content)

    def refresh_cb(self) -> None:
        """Nothing changes behind its back."""

    def __iter__(self) -> Iterator[pygit2.Oid]:
        return iter(self.objects)
