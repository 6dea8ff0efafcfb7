"""Where does a path of the tree lead? Symbolic links followed, as long as they stay inside."""

from __future__ import annotations

from controller.errors import ManifestError, Place, problem
from controller.manifest import pointers
from controller.model.tree import Kind, Tree

_MOST_LINKS = 40


def kind(tree: Tree, path: str) -> Kind | None:
    """What stands at a path, links not followed; None where there is nothing. The root is a folder."""
    if not path:
        return Kind.FOLDER
    folder, _, name = path.rpartition("/")
    return tree.names(folder).get(name)


def resolved(tree: Tree, path: str) -> str | None:
    """The path without links and dots; None where it leads out of the tree, nowhere, or in circles."""
    done: list[str] = []
    steps = path.split("/")[::-1]
    links = 0
    while steps:
        step = steps.pop()
        if step in {"", "."}:
            continue
        if step == "..":
            if not done:
                return None
            done.pop()
            continue
        here = "/".join((*done, step))
        found = kind(tree, here)
        if found is None:
            return None
        if found is not Kind.LINK:
            done.append(step)
            continue
        links += 1
        target = tree.read(here).decode(errors="replace")
        if links > _MOST_LINKS or target.startswith("/"):
            return None
        steps.extend(target.split("/")[::-1])
    return "/".join(done)


def is_within(path: str, folder: str) -> bool:
    """Whether a path without links and dots is below a folder."""
    return not folder or path.startswith(f"{folder}/")


def content(tree: Tree, path: str) -> bytes:
    """What a file says, links followed; an error where there is no file to read."""
    target = resolved(tree, path)
    found = None if target is None else kind(tree, target)
    if target is None or found not in {Kind.FILE, Kind.EXECUTABLE}:
        is_link = kind(tree, path) is Kind.LINK
        what = "the symbolic link leads to no file of this repository" if is_link else "this is no file"
        raise problem(Place(path), what, "put the file in its place")
    said = tree.read(target)
    if pointers.is_pointer(said):
        raise ManifestError([pointers.problem(Place(target))])
    return said
