"""Which files do Score files mount? Those may have any name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from controller.errors import ManifestError
from controller.manifest import filenames, links, reading, score_files
from controller.model.document import Node
from controller.model.tree import Tree


def mounted(tree: Tree, scores: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The paths that files name as `source`, each given with the folder that its sources are relative to.

    What cannot be read mounts nothing: it is reported where it is read for good.
    """
    found = (_sources(tree, path, folder) for path, folder in scores)
    return frozenset(path for paths in found for path in paths)


def _sources(tree: Tree, path: str, folder: str) -> Iterator[str]:
    try:
        document = reading.read_one(path, links.content(tree, path))
    except ManifestError:
        return
    containers = document.entries.get("containers")
    for container in containers.entries.values() if containers is not None else ():
        files = container.entries.get("files")
        for file in (*files.entries.values(), *files.items) if files is not None else ():
            source = _text(file.entries.get("source"))
            path = score_files.as_named(tree, filenames.join(folder, source))
            target = links.resolved(tree, path) if source else None
            if target:
                yield target
                yield path
                yield filenames.join(folder, source.removeprefix("./"))


def _text(node: Node | None) -> str:
    return node.value if node is not None and isinstance(node.value, str) else ""
