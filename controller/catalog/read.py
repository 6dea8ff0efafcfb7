"""What does the platform offer at this commit? Reads all of its documents; says what is wrong, and whom it stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from controller.catalog import definitions, files, modules, references, runners
from controller.errors import MOST, ManifestError, Place, Problem, order
from controller.manifest import links, reading
from controller.model.catalog import Breakage, Catalog, EnvironmentType, Module, Provider, ResourceType, Runner
from controller.model.document import Node
from controller.model.tree import Tree

__all__ = ["Breakage", "Reading", "read"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read; what is wrong, in order of place; and the names of all that there is, broken or not."""

    catalog: Catalog
    problems: tuple[Breakage, ...]
    known: references.Known = field(default_factory=references.Known)


def read(tree: Tree, layout_platform: str) -> Reading:
    """Read the folder `layout_platform`. What is broken is left out of the catalogue and stands among the problems."""
    if not tree.names(layout_platform):
        what, remedy = f"there is no folder `{layout_platform}`", "add it, or name another in `lockstep.yaml`"
        unknown = references.Known(None, None, None)
        return Reading(Catalog(), (Breakage(Problem(Place(layout_platform), what, remedy), None),), unknown)
    reader = _Reader(tree, layout_platform)
    catalog = reader.catalog()
    found = {*reader.found, *references.breakages(catalog, reader.known, reader.documents)}
    return Reading(catalog, tuple(sorted(found, key=lambda breakage: order(breakage.problem))), reader.known)


class _Defined(Protocol):
    @property
    def place(self) -> Place: ...


K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=_Defined)
Scope = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class _Documents:
    """Documents of one kind; not complete where a file could not be read at all."""

    nodes: tuple[Node, ...]
    is_complete: bool = True


class _Reader:
    """Makes values of documents, and collects what is wrong with the resource types whose users that stops."""

    def __init__(self, tree: Tree, platform: str) -> None:
        self.known = references.Known()
        self.documents: dict[Place, Node] = {}
        self._tree = tree
        self._platform = platform
        self._files = files.find(tree, platform)
        self.found = [Breakage(problem, None) for problem in self._files.problems]

    def catalog(self) -> Catalog:
        environment_types, resource_types = self._environment_types(), self._resource_types()
        found = self._modules()
        return Catalog(environment_types, resource_types, found, self._providers(found), self._runners())

    def _environment_types(self) -> Mapping[str, EnvironmentType]:
        documents = self._environment_type_documents()
        found, known = self._define("environment type", documents, _id, definitions.environment_type, lambda node: None)
        self.known.environment_types = known
        return found

    def _environment_type_documents(self) -> _Documents:
        """The items of the lists in the one file."""
        path = self._files.environment_types
        if path is None:
            where = Place(f"{self._platform}/{files.ENVIRONMENT_TYPES}")
            self._stop_all(
                where, "the file is missing", "list the types of environments there, like `- id: development`"
            )
            return _Documents((), is_complete=False)
        documents = self._documents([path])
        for node in documents.nodes:
            if not node.is_list:
                self._stop_all(node.place, "this is no list of environment types", "write `- id: ID` for each of them")
        items = tuple(item for node in documents.nodes for item in node.items)
        return _Documents(items, documents.is_complete and all(node.is_list for node in documents.nodes))

    def _resource_types(self) -> Mapping[str, ResourceType]:
        documents = self._documents(self._files.resource_types)
        found, known = self._define(
            "resource type", documents, _id, definitions.resource_type, lambda node: _scope(_id(node))
        )
        self.known.resource_types = known
        return found

    def _modules(self) -> Mapping[str, Module]:
        documents = self._documents(self._files.modules)
        together = Counter(node.place.path for node in documents.nodes)

        def name(node: Node) -> str:
            return _id(node) or files.module_name(node.place.path)

        def build(node: Node) -> Module:
            path = node.place.path
            location = modules.Location(path, files.module_name(path), is_alone=together[path] == 1)
            return modules.module(node, location, self._tree)

        def scope(node: Node) -> Scope:
            type_ = _text(node, "resource_type")
            return None if type_ is None else self.known.meant(type_)

        return self._define("module", documents, name, build, scope)[0]

    def _providers(self, users: Mapping[str, Module]) -> Mapping[tuple[str, str], Provider]:
        def scope(node: Node) -> Scope:
            name = _provider_name(node)
            using = (module.resource_type for module in users.values() if name in module.provider_mapping.values())
            return None if name is None else frozenset({*using, _shown(name)})

        documents = self._documents(self._files.providers)
        found, self.known.providers = self._define("provider", documents, _provider_name, definitions.provider, scope)
        return found

    def _runners(self) -> Mapping[str, Runner]:
        documents = self._documents(self._files.runners)
        return self._define("runner", documents, _id, runners.runner, lambda node: None)[0]

    def _documents(self, paths: Iterable[str]) -> _Documents:
        nodes: list[Node] = []
        is_complete = True
        for path in paths:
            try:
                read = reading.read(path, links.content(self._tree, path))
                nodes += read
                if not read:  # emptied by mistake, perhaps: nobody knows what it would have said
                    self._stop_all(Place(path), "the file is empty", "describe something in it, or remove it")
                    is_complete = False
            except ManifestError as error:
                self.found += (Breakage(problem, None) for problem in error.problems)
                is_complete = False
        return _Documents(tuple(nodes), is_complete)

    def _define(
        self,
        noun: str,
        documents: _Documents,
        name: Callable[[Node], K | None],
        build: Callable[[Node], T],
        scope: Callable[[Node], Scope],
    ) -> tuple[Mapping[K, T], set[K] | None]:
        """What the documents define by its name; and all names, of broken ones too, unless one cannot be known."""
        defined: dict[K, T] = {}
        names = [name(node) for node in documents.nodes]
        self.documents |= {node.place: node for node in documents.nodes}
        wrong = Counter[str]()
        for node, key in zip(documents.nodes, names, strict=True):
            if wrong[node.place.path] >= MOST:
                continue  # who has more than that in one file sees the rest later
            try:
                value = build(node)
            except ManifestError as error:
                self.found += (Breakage(problem, scope(node)) for problem in error.problems)
                wrong[node.place.path] += len(error.problems)
                continue
            first = defined.setdefault(key, value) if key is not None else value
            if first is not value:
                what = f"{noun} `{_shown(key)}` is defined twice, the first time at {first.place}"
                problem = Problem(value.place, what, "remove one of them, or give it another id")
                self.found.append(Breakage(problem, _both(scope(node), scope(self.documents[first.place]))))
        known = {key for key in names if key is not None}
        is_complete = documents.is_complete and len(known) == len(set(names))
        return {key: defined[key] for key in sorted(defined, key=str)}, known if is_complete else None

    def _stop_all(self, where: Place, what: str, remedy: str) -> None:
        self.found.append(Breakage(Problem(where, what, remedy), None))


def _text(node: Node, key: str) -> str | None:
    entry = node.entries.get(key)
    return entry.value if entry is not None and isinstance(entry.value, str) else None


def _id(node: Node) -> str | None:
    return _text(node, "id")


def _provider_name(node: Node) -> tuple[str, str] | None:
    type_, id_ = _text(node, "provider_type"), _text(node, "id")
    return None if type_ is None or id_ is None else (type_, id_)


def _scope(resource_type: str | None) -> Scope:
    return None if resource_type is None else frozenset({resource_type})


def _both(one: Scope, other: Scope) -> Scope:
    return None if one is None or other is None else one | other


def _shown(key: Hashable) -> str:
    return ".".join(key) if isinstance(key, tuple) else str(key)
