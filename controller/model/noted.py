"""Would another tree read the same? Notes what is asked of one tree, to tell whether a later one answers likewise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from controller.model.tree import Kind, Tree

_Read: TypeAlias = tuple[tuple[str, str], object]  # what was asked, of which path; what was seen


class Noted:
    """A tree that remembers what was asked of it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._reads: dict[tuple[str, str], object] = {}

    def names(self, folder: str) -> Mapping[str, Kind]:
        self._note("names", folder)
        return self._tree.names(folder)

    def read(self, path: str) -> bytes:
        self._note("content", path)
        return self._tree.read(path)

    def identity(self, path: str) -> str:
        self._note("content", path)
        return self._tree.identity(path)

    def footprint(self, *folders: str) -> Footprint:
        """What was asked so far. Where one of these folders is as it was, nothing below it has to be looked at."""
        groups: dict[str, list[_Read]] = {folder: [] for folder in folders}
        elsewhere: list[_Read] = []
        for read in self._reads.items():
            path = read[0][1]
            around = next((folder for folder in folders if path == folder or path.startswith(f"{folder}/")), None)
            (elsewhere if around is None else groups[around]).append(read)
        found = tuple(
            (_seen(self._tree, "content", folder), folder, tuple(reads)) for folder, reads in groups.items() if reads
        )
        return Footprint(found, tuple(elsewhere))

    def _note(self, what: str, path: str) -> None:
        if (what, path) not in self._reads:
            self._reads[what, path] = _seen(self._tree, what, path)


@dataclass(frozen=True, slots=True)
class Footprint:
    """`folders`: the id of each, its path, what was asked below it. `elsewhere`: what was asked of other paths."""

    folders: tuple[tuple[object, str, tuple[_Read, ...]], ...] = ()
    elsewhere: tuple[_Read, ...] = ()

    def is_same(self, tree: Tree) -> bool:
        """Whether everything that was asked has the same answer in `tree`."""
        return _all_same(tree, self.elsewhere) and all(
            _seen(tree, "content", folder) == id or _all_same(tree, reads) for id, folder, reads in self.folders
        )


def _all_same(tree: Tree, reads: tuple[_Read, ...]) -> bool:
    return all(_seen(tree, what, path) == found for (what, path), found in reads)


def _seen(tree: Tree, what: str, path: str) -> object:
    if what == "names":
        return tree.names(path)
    try:
        return tree.identity(path)
    except KeyError:
        return None
