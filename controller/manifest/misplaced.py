"""What looks like ours, and lies where nothing is read? So that nothing is passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator

from controller.errors import Place, Problem, near
from controller.manifest import filenames, links
from controller.manifest.filenames import Role
from controller.model.tree import Kind, Tree

LAYOUT = "lockstep.yaml"


def layout_files(tree: Tree) -> Iterator[Problem]:
    """Files that were probably meant to be `lockstep.yaml`."""
    for name, kind in tree.names("").items():
        stem, dot, ending = name.removeprefix(".").rpartition(".")
        is_near = abs(len(stem) - len("lockstep")) < 2 and near(stem.lower(), ["lockstep"]) is not None
        if kind is not Kind.FOLDER and is_near and dot and ending.lower() in filenames.ENDINGS:
            yield Problem(Place(name), f"`{name}` is not read", f"rename it to `{LAYOUT}`")


def folders_of_projects(tree: Tree, projects: str, platform: str) -> Iterator[Problem]:
    """What was probably meant to be the folder of the projects, where there is none."""
    kind = links.kind(tree, projects)
    if kind is Kind.FOLDER:
        return
    if kind is not None:
        what = {Kind.LINK: "a symbolic link", Kind.SUBMODULE: "a submodule"}.get(kind, "a file")
        yield Problem(Place(projects), f"{what} cannot be the folder of the projects", "put the folder in its place")
        return
    for name, each in tree.names("").items():
        is_near = each is Kind.FOLDER and name != platform and near(name.lower(), [projects]) is not None
        if is_near and any(_is_project(tree, folder) for folder in _folders(tree, name)):
            what = f"there is no folder `{projects}` in this repository"
            yield Problem(Place(name), what, f"rename `{name}`, or name it in `{LAYOUT}`")


def beside_projects(tree: Tree, path: str, projects: str) -> Iterator[Problem]:
    """A file of ours that lies in no project's directory; at the root of a repository files may have any name."""
    role = filenames.role(path.rpartition("/")[2])
    if projects and role not in {None, Role.STRAY}:
        what = f"`{path.rpartition('/')[2]}` means nothing directly in `{projects}`"
        yield Problem(Place(path), what, "move it into a project's directory")


def below_no_project(tree: Tree, folder: str, projects: str) -> Iterator[Problem]:
    """Projects in a folder that is none itself; beside projects at the root other things may lie."""
    for child in _folders(tree, folder) if projects else ():
        if _is_project(tree, child):
            what = f"this looks like a project, and those lie directly in `{projects}`"
            yield Problem(Place(child), what, "move it there")


def _is_project(tree: Tree, folder: str) -> bool:
    if any(role is Role.PROJECT for role in map(filenames.role, tree.names(folder))):
        return True
    return any(filenames.has_ours(tree, child) for child in _folders(tree, folder))


def _folders(tree: Tree, folder: str) -> Iterator[str]:
    for name, kind in tree.names(folder).items():
        if kind is Kind.FOLDER and not name.startswith("."):
            yield filenames.join(folder, name)
