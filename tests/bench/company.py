"""A repository of any number of environments, written as Git's own trees: of a thousand files none lies on the disk."""

from __future__ import annotations

from collections.abc import Mapping

import pygit2
from pygit2.enums import FileMode

from tests import git_factories
from tests.deploy_factories import PLATFORM, sized

PER_PROJECT = 10
_Names = Mapping[str, "str | _Names"]
MODULE = ("platform", "modules", "thing", "main.tf")


def made(repo: pygit2.Repository, environments: int) -> pygit2.Oid:
    """A tree in which every environment has one thing of a size of its own, by the one module that there is."""
    projects: dict[str, dict[str, dict[str, str]]] = {}
    for number in range(environments):
        project, name = place(number)
        files = {"environment.yaml": "limits: {replace: unlimited}\n", "app.manifest.yaml": sized(number + 1)}
        projects.setdefault(project, {})[name] = files
    root = _write(repo, {"README.md": "A company\n", "projects": projects})
    for path, text in PLATFORM.items():
        root = replaced(repo, root, tuple(path.split("/")), text)
    return root


def place(number: int) -> tuple[str, str]:
    """Project and name of an environment, by its number."""
    return f"team-{number // PER_PROJECT}", f"env-{number % PER_PROJECT}"


def replaced(repo: pygit2.Repository, tree: pygit2.Oid | None, path: tuple[str, ...], text: str) -> pygit2.Oid:
    """A tree with other content at one path; what lies beside it is not touched."""
    builder = repo.TreeBuilder(tree) if tree else repo.TreeBuilder()
    first, *rest = path
    if rest:
        found = builder.get(first)
        builder.insert(first, replaced(repo, found.id if found else None, tuple(rest), text), FileMode.TREE)
    else:
        builder.insert(first, repo.create_blob(text.encode()), FileMode.BLOB)
    return builder.write()


def with_module(repo: pygit2.Repository, number: int) -> pygit2.Oid:
    """The tip's tree, with another content of the module that every environment uses."""
    text = f"{PLATFORM['/'.join(MODULE)]}# change {number}\n"
    return replaced(repo, tree(repo), MODULE, text)


def tree(repo: pygit2.Repository) -> pygit2.Oid:
    """The tree of the branch's tip."""
    return repo[repo.references["refs/heads/main"].target].tree.id


def push(repo: pygit2.Repository, content: pygit2.Oid) -> str:
    """Commit a tree to the branch."""
    name = "refs/heads/main"
    by = pygit2.Signature(*git_factories.AUTHOR, git_factories.FIRST_SECOND, 60)
    parents = [repo.references[name].target] if name in repo.references else []
    return str(repo.create_commit(name, by, by, "Change something", content, parents))


def _write(repo: pygit2.Repository, names: _Names) -> pygit2.Oid:
    builder = repo.TreeBuilder()
    for name, content in names.items():
        if isinstance(content, str):
            builder.insert(name, repo.create_blob(content.encode()), FileMode.BLOB)
        else:
            builder.insert(name, _write(repo, content), FileMode.TREE)
    return builder.write()
