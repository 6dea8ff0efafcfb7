"""The sample repository, and what comes of it. Run with a folder as its argument, it prints a digest of that."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from controller import bases, pipeline
from controller.git.worktree import read_worktree
from controller.model.bundle import Bundle, Pins
from controller.model.deployment import EngineKind
from controller.model.tree import MemoryTree, Tree, walk
from controller.tofu.bind import bind, offline

SAMPLE = Path(__file__).parent.parent / "sample-repo"


def sample(changes: Mapping[str, str] | None = None) -> Tree:
    """The sample's files, some of them with another content."""
    tree = read_worktree(SAMPLE)
    files = {path: tree.read(path) for path, _ in walk(tree)}
    return MemoryTree.of({**files, **{path: text.encode() for path, text in (changes or {}).items()}})


def resolved(tree: Tree, engine: EngineKind = EngineKind.TERRAFORM) -> Iterator[tuple[str, pipeline.Resolved]]:
    """Every environment of a repository by its slug; a promoted one takes its source's manifest of the same commit."""
    repository = pipeline.read(tree)
    for slug in pipeline.environments(repository):
        project, _, name = slug.partition("/")
        base = bases.base_of(repository, project, name)
        yield slug, pipeline.resolve(repository, project, name, pins=Pins(), engine=engine, base=base)


def bundle(found: pipeline.Resolved, engine: EngineKind = EngineKind.TERRAFORM) -> Bundle:
    """What an engine reads of an environment that was never deployed."""
    return bind(found.desired.document, offline(engine), (), found.module_files)


def digest(folder: Path) -> str:
    """A digest over every byte that is rendered for a repository in this folder."""
    lines = [
        f"{slug} {found.desired.digest} {path} {hashlib.sha256(content).hexdigest()}"
        for slug, found in resolved(read_worktree(folder))
        for path, content in sorted(bundle(found).files.items())
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    sys.stdout.write(digest(Path(sys.argv[1])))
