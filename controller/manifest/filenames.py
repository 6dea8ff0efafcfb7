"""Which file is what? Read from its name, and a near name for those that are nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

from controller.errors import Place, Problem, near
from controller.model.tree import Kind, Tree


class Role(StrEnum):
    """What a file in a project's or environment's directory is."""

    PROJECT = "project"
    ENVIRONMENT = "environment"
    MANIFEST = "manifest"
    SCORE = "score"
    OVERRIDES = "score-overrides"
    STRAY = "stray"


Roles = Mapping[Role, tuple[str, ...]]

ENDINGS = ("yaml", "yml")
_SINGLE = {"project.yaml": Role.PROJECT, "environment.yaml": Role.ENVIRONMENT}
_WORDS = (Role.MANIFEST, Role.SCORE, Role.OVERRIDES)  # `manifest.yaml` and `anything.manifest.yaml`
_EXPECTED = {
    Role.PROJECT: (Role.PROJECT, Role.MANIFEST, Role.SCORE),
    Role.ENVIRONMENT: (Role.ENVIRONMENT, Role.MANIFEST, Role.SCORE, Role.OVERRIDES),
}


def join(folder: str, name: str) -> str:
    """The path of a name in a folder; the root has no name."""
    return f"{folder}/{name}" if folder else name


def role(name: str) -> Role | None:
    """What a file of this name is; None for data."""
    stem, _, ending = name.rpartition(".")
    if name.startswith(".") or not stem:
        return None
    if ending.lower() not in ENDINGS:
        return Role.STRAY if _is_misspelt(stem, ending) else None
    if name in _SINGLE:
        return _SINGLE[name]
    for word in _WORDS:
        if name == f"{word}.yaml" or name.endswith(f".{word}.yaml"):
            return word
    return Role.STRAY


def roles(tree: Tree, folder: str) -> Roles:
    """The paths of the files directly in a folder, by what they are; sorted."""
    found: dict[Role, list[str]] = {each: [] for each in Role}
    for name, kind in tree.names(folder).items():
        is_file = kind in {Kind.FILE, Kind.EXECUTABLE, Kind.LINK}
        if is_file and (is_ := role(name)) is not None:
            found[is_].append(join(folder, name))
    return {each: tuple(paths) for each, paths in found.items()}


def folders(tree: Tree, folder: str) -> Iterator[Problem]:
    """Folders that bear the name of a file that would be read."""
    for name, kind in tree.names(folder).items():
        if kind in {Kind.FOLDER, Kind.SUBMODULE} and role(name) not in {None, Role.STRAY}:
            yield Problem(Place(join(folder, name)), f"`{name}` is a folder, where a file is read", "rename it")


def submodules(tree: Tree, folder: str) -> Iterator[Problem]:
    """What is in them is no part of the commit, and would be missed by whoever thinks that it is."""
    for name, kind in tree.names(folder).items():
        if kind is Kind.SUBMODULE and role(name) in {None, Role.STRAY}:
            yield Problem(Place(join(folder, name)), "a submodule is not read", "copy its files")


def has_ours(tree: Tree, folder: str) -> bool:
    """Whether a folder directly holds what makes it a project or an environment."""
    found = roles(tree, folder)
    return any(found[each] for each in (Role.PROJECT, Role.ENVIRONMENT, Role.MANIFEST, Role.SCORE))


def strays(found: Roles, directory: Role, *, is_ours: bool) -> Iterator[Problem]:
    """Files that mean nothing where they are. In a folder that is not ours only those with a near name count."""
    expected = _EXPECTED[directory]
    for each in Role:
        for path in found[each]:
            if each not in expected:
                problem = _stray(path, directory)
                if is_ours or problem.remedy.startswith("did you mean"):
                    yield problem


def _stray(path: str, directory: Role) -> Problem:
    name = path.rpartition("/")[2]
    if role(name) in {Role.ENVIRONMENT, Role.OVERRIDES}:
        return Problem(Place(path), f"`{name}` means nothing in a project's directory", "move it into an environment's")
    if role(name) is Role.PROJECT:
        return Problem(
            Place(path), "`project.yaml` means nothing in an environment's directory", "move it to the project's"
        )
    whose = "a project's" if directory is Role.PROJECT else "an environment's"
    what = f"`{name}` is none of the files that {whose} directory holds, and no Score file mounts it"
    stem = name.rpartition(".")[0]
    meant = _meant(stem, _EXPECTED[directory])
    if meant is not None:
        return Problem(Place(path), what, f"did you mean `{meant}`?")
    return Problem(Place(path), what, f"rename it to `{stem}.manifest.yaml`, or move it into a folder of its own below")


def _is_misspelt(stem: str, ending: str) -> bool:
    """Whether a file is probably one of ours with a misspelt ending; `.json` counts, for JSON is YAML."""
    is_ours = stem.rpartition(".")[2].lower() in {"project", "environment", *_WORDS}
    return is_ours and ending.isalpha() and near(ending.lower(), (*ENDINGS, "json")) is not None


def _meant(stem: str, expected: tuple[Role, ...]) -> str | None:
    """The name that was probably meant: of `api.manifets.yml` it is `api.manifest.yaml`."""
    head, dot, word = stem.rpartition(".")
    found = near(word.lower(), expected)
    if found is None:
        return None
    is_single = f"{found}.yaml" in _SINGLE
    return f"{found}.yaml" if is_single else f"{head}{dot}{found}.yaml"
