"""Repositories of chance that are right: everything a commit may hold, with hostile texts wherever a text may stand.

Run with two seeds and a folder, it writes the repositories of these seeds there, and prints a digest for each.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from controller.git.worktree import read_worktree
from controller.model.tree import MemoryTree, Tree
from tests import yaml_styles
from tests.generated_platform import Documents, Platform, platform
from tests.generated_projects import project
from tests.sample_factories import bundle, resolved

_PROJECTS = ("shop", "a1", "in-sights")
_ENVIRONMENTS = ("development", "staging", "production", "dev-2", "e0")


@dataclass(frozen=True)
class Generated:
    """A repository as documents, by path, and as other files. `sources`: promoted environment -> its source."""

    seed: int
    documents: Mapping[str, list[Any]]
    others: Mapping[str, bytes]
    sources: Mapping[str, str]
    platform: str
    projects: str

    def files(self, style: int = 0) -> dict[str, bytes]:
        """Every file by its path; another style writes the same in another way."""
        chance = Random(f"{self.seed} {style}")
        return {path: yaml_styles.written(found, chance) for path, found in self.documents.items()} | dict(self.others)

    def tree(self, style: int = 0) -> MemoryTree:
        return MemoryTree.of(self.files(style))

    def changed(self, documents: Mapping[str, list[Any]]) -> Generated:
        """The same with some documents as given; one that is given as an empty list is gone."""
        found = {path: list(each) for path, each in {**self.documents, **documents}.items() if each}
        return replace(self, documents=found)

    def with_files(self, others: Mapping[str, bytes]) -> Generated:
        return replace(self, others={**self.others, **others})


def generate(seed: int) -> Generated:
    """The repository of a seed: the same one each time."""
    chance = Random(seed)
    folders = chance.choice([("platform", "projects"), ("platform", "projects"), ("infra/plat", "apps"), ("p", "")])
    names = {name: _environments(chance) for name in chance.sample(_PROJECTS, chance.choice([1, 1, 2]))}
    slugs = [(name, environment) for name, environments in names.items() for environment in environments]
    made = platform(chance, folders[0], slugs)
    documents: Documents = dict(made.documents)
    others = {path: content.encode() for path, content in made.files.items()}
    sources: dict[str, str] = {}
    for name, environments in names.items():
        found = project(chance, made, f"{folders[1]}/{name}".lstrip("/"), environments)
        documents |= found.documents
        others |= found.files
        sources |= {f"{name}/{one}": f"{name}/{source}" for one, source in found.sources.items()}
    documents |= _layout(chance, made, folders)
    return Generated(seed, documents, others | {"README.md": b"# \xff not read"}, sources, *folders)


def digest_of(tree: Tree) -> str:
    """A digest over every byte that is rendered for a repository."""
    whole = hashlib.sha256()
    for slug, found in resolved(tree):
        for path, content in sorted(bundle(found).files.items()):
            whole.update(f"{slug} {found.desired.digest} {path} {hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()


def _environments(chance: Random) -> list[str]:
    return chance.sample(_ENVIRONMENTS, chance.randrange(1, 4))


def _layout(chance: Random, made: Platform, folders: tuple[str, str]) -> Documents:
    written: dict[str, Any] = {"organization": made.organization} if made.organization else {}
    if folders != ("platform", "projects"):
        written |= {"platform": folders[0], "projects": folders[1] or "."}
    return {"lockstep.yaml": [written]} if written or chance.random() < 0.2 else {}


def _main(first: int, end: int, folder: Path) -> None:
    """Print a digest for each seed, of the repository as it is read from a folder."""
    for seed in range(first, end):
        for path, content in generate(seed).files().items():
            (folder / f"{seed}" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{seed}" / path).write_bytes(content)
        print(seed, digest_of(read_worktree(folder / f"{seed}")))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
