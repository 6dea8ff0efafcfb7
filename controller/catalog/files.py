"""Which file of the platform is what? And which files will nobody read, though they look as if somebody should?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from controller.catalog.folders import DOCUMENT
from controller.errors import Place, Problem, near, quoted, suggest
from controller.manifest import links
from controller.model.tree import Kind, Tree, join

ENVIRONMENT_TYPES = "environment-types.yaml"
RESOURCE_TYPES, MODULES, PROVIDERS, RUNNERS = "resource-types", "modules", "providers", "runners"
_FOLDERS = (MODULES, PROVIDERS, RESOURCE_TYPES, RUNNERS)


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of the files of each kind, sorted. `environment_types` is None where that file is missing."""

    environment_types: str | None
    resource_types: tuple[str, ...]
    modules: tuple[str, ...]
    providers: tuple[str, ...]
    runners: tuple[str, ...]
    problems: tuple[Problem, ...]


def find(tree: Tree, platform: str) -> Files:
    names = tree.names(platform)
    has_types = ENVIRONMENT_TYPES in names
    return Files(
        environment_types=join(platform, ENVIRONMENT_TYPES) if has_types else None,
        resource_types=_yaml(tree, join(platform, RESOURCE_TYPES)),
        modules=_modules(tree, join(platform, MODULES)),
        providers=_yaml(tree, join(platform, PROVIDERS)),
        runners=_yaml(tree, join(platform, RUNNERS)),
        problems=tuple(_strays(tree, platform)),
    )


def module_name(path: str) -> str:
    """The name that a module has by its file: that of its folder, or of the file itself."""
    folder, _, name = path.rpartition("/")
    return folder.rpartition("/")[2] if name == DOCUMENT else name.removesuffix(".yaml")


def _modules(tree: Tree, folder: str) -> tuple[str, ...]:
    own = [join(folder, name) for name in tree.names(folder) if links.kind(tree, _document(folder, name)) is not None]
    return (*_yaml(tree, folder), *(join(path, DOCUMENT) for path in own))


def _document(folder: str, name: str) -> str:
    return f"{folder}/{name}/{DOCUMENT}"


def _yaml(tree: Tree, folder: str) -> tuple[str, ...]:
    return tuple(join(folder, name) for name, kind in tree.names(folder).items() if _is_yaml(name, kind))


def _is_yaml(name: str, kind: Kind) -> bool:
    return name.endswith(".yaml") and not name.startswith(".") and kind not in (Kind.FOLDER, Kind.SUBMODULE)


def _strays(tree: Tree, platform: str) -> Iterator[Problem]:
    folders = quoted(f"{name}/" for name in _FOLDERS)
    for name, kind in tree.names(platform).items():
        path = join(platform, name)
        if name in _FOLDERS and kind is not Kind.FOLDER:
            yield Problem(Place(path), f"`{name}` is no folder", "put the folder in its place")
        elif kind is Kind.FOLDER:
            meant = near(name, _FOLDERS) if name not in _FOLDERS else None
            if meant is not None:
                yield Problem(Place(path), f"nothing is read from a folder `{name}`", f"did you mean `{meant}`?")
        elif name != ENVIRONMENT_TYPES and _looks_like_yaml(name):
            remedy = suggest(name, (ENVIRONMENT_TYPES, *_FOLDERS), f"move it into one of {folders}")
            yield Problem(Place(path), f"nothing is read from a file `{name}`", remedy)
    for folder in _FOLDERS:
        yield from _strays_below(tree, join(platform, folder), is_modules=folder == MODULES)


def _strays_below(tree: Tree, folder: str, *, is_modules: bool) -> Iterator[Problem]:
    for name, kind in tree.names(folder).items():
        path = join(folder, name)
        if kind is Kind.LINK and not name.startswith(".") and _leads_to_a_folder(tree, path):
            what = f"nothing is read from the linked folder `{name}`"
            yield Problem(Place(path), what, "put the folder in its place")
        elif kind is Kind.FOLDER and _looks_like_yaml(name):
            yield Problem(Place(path), f"`{name}` is a folder, where a file is read", "rename it")
        elif kind is Kind.FOLDER and is_modules:
            yield from _misnamed_document(tree, path)
            yield from _deep_documents(tree, folder, path)
        elif kind is Kind.FOLDER:
            for inner in tree.names(path):
                if _looks_like_yaml(inner):
                    yield Problem(Place(join(path, inner)), "nothing is read from here", f"move it up into `{folder}`")
        elif not name.endswith(".yaml") and _looks_like_yaml(name):
            yield _ending(path)


def _misnamed_document(tree: Tree, folder: str) -> Iterator[Problem]:
    """A folder of a module that holds something very like `module.yaml`, but not that."""
    names = tree.names(folder)
    for name in names if DOCUMENT not in names else ():
        if _looks_like_yaml(name) and near(name, [DOCUMENT]):
            yield Problem(
                Place(join(folder, name)), f"nothing is read from a file `{name}`", f"did you mean `{DOCUMENT}`?"
            )


def _deep_documents(tree: Tree, modules: str, folder: str) -> Iterator[Problem]:
    """Documents of modules below a folder that is none itself."""
    names = tree.names(folder)
    for name, kind in names.items() if DOCUMENT not in names else ():
        path = join(folder, name)
        if kind is Kind.FOLDER and DOCUMENT in tree.names(path):
            remedy = f"move `{path}` up into `{modules}`"
            yield Problem(Place(join(path, DOCUMENT)), "nothing is read from here", remedy)


def _ending(path: str) -> Problem:
    name = path.rpartition("/")[2]
    what = f"nothing is read from a file that ends in `.{name.rpartition('.')[2]}`: `{name}`"
    return Problem(Place(path), what, "rename it to end in `.yaml`")


def _looks_like_yaml(name: str) -> bool:
    return name.lower().endswith((".yaml", ".yml")) and not name.startswith(".")


def _leads_to_a_folder(tree: Tree, path: str) -> bool:
    target = links.resolved(tree, path)
    return target is not None and links.kind(tree, target) is Kind.FOLDER
