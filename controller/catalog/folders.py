"""What is the content of a module that is a folder of the repository? A digest over Git's ids, and its files."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence

from controller.manifest import links
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.tree import Kind, Tree, walk

# The module's own document says how it is offered, not what it does: editing a rule in it redeploys nothing.
DOCUMENT = "module.yaml"


def of(tree: Tree, address: str, includes: Sequence[str]) -> ModuleSource:
    """The source whose code is the folder `address` with the folders `includes`, all paths of the repository."""
    digest = hashlib.sha256(f"{address}\n".encode())  # two modules may include each other, and be different code
    for path, kind in _children(tree, (address, *includes)):
        digest.update(f"{path}\0{kind}\0{tree.identity(path)}\n".encode())
    return ModuleSource(SourceKind.LOCAL, address, digest.hexdigest(), includes=tuple(sorted(includes)))


def files(tree: Tree, source: ModuleSource) -> Mapping[str, bytes]:
    """The files of such a source by their path in the repository, links followed; a linked folder has none itself."""
    found: dict[str, bytes] = {}
    for path, kind in _children(tree, (source.address, *source.includes)):
        for file, _ in walk(tree, path) if kind is Kind.FOLDER else ((path, kind),):
            found |= _file(tree, file)
    return dict(sorted(found.items()))


def within(base: str, path: str) -> str | None:
    """The path of the repository that `path` means in folder `base`; None where it leaves the repository."""
    joined = posixpath.normpath(posixpath.join(base, path))
    if joined.startswith(("/", "../")) or joined == "..":
        return None
    return "" if joined == "." else joined


def is_inside(path: str, roots: Sequence[str]) -> bool:
    return any(path == root or path.startswith(f"{root}/") for root in roots)


def _children(tree: Tree, roots: Sequence[str]) -> Iterator[tuple[str, Kind]]:
    for root in sorted(set(roots)):
        for name, kind in tree.names(root).items():
            if name != DOCUMENT:
                yield f"{root}/{name}", kind


def _file(tree: Tree, path: str) -> Mapping[str, bytes]:
    target = links.resolved(tree, path)
    if target is None:
        return {}  # said when the module was read
    kind = links.kind(tree, target)
    if kind is Kind.FOLDER:
        return {path + file.removeprefix(target): tree.read(file) for file, _ in walk(tree, target)}
    return {path: tree.read(target)} if kind in (Kind.FILE, Kind.EXECUTABLE) else {}
