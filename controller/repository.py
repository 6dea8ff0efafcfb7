"""What is in a commit? What all of its environments have in common, read once, and where the files of each are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from controller.catalog import files, folders
from controller.catalog import read as catalogue
from controller.errors import ManifestError, NotFoundError, Place, Problem, near, problem, suggest
from controller.graph import check
from controller.manifest import layout, links
from controller.manifest.environment import Settings
from controller.manifest.layout import EnvironmentFiles, Found, Layout, ProjectFiles
from controller.model.bundle import ProviderPin
from controller.model.catalog import Breakage, Catalog, ModuleSource, ResourceType, SourceKind
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.noted import Footprint, Noted
from controller.model.tree import Tree
from controller.tofu import lock, requirements
from controller.tofu.requirements import Requirement


@dataclass(frozen=True, slots=True)
class Repository:
    """What was read of a commit; `lock` is its lock file, None where versions are recorded for each environment.

    `broken`: resource types that a broken document of the platform is about; what a graph has of them is not looked at.
    """

    tree: Tree
    layout: Layout
    found: Found
    catalog: catalogue.Reading
    lock: Mapping[str, ProviderPin] | None
    broken: frozenset[str] = frozenset()
    footprint: Footprint = field(default_factory=Footprint, repr=False, compare=False)  # of all but `found`
    # Code of modules that was looked at before, for the next of a thousand environments.
    seen: dict[tuple[str, EngineKind], Code] = field(default_factory=dict, repr=False, compare=False)
    # Of environments of this commit, by project and name: others are made of them.
    settings: dict[tuple[str, str], Settings] = field(default_factory=dict, repr=False, compare=False)
    bases: dict[tuple[str, str], Base] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Base:
    """The manifest that a promoted environment builds on; not whole where something is wrong with its files."""

    document: Node
    is_whole: bool = True
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a module: its files, where the bundle brings them along; what it asks for, where that can be seen."""

    files: Mapping[str, bytes]
    requirements: frozenset[Requirement] | None

    @property
    def addresses(self) -> frozenset[str] | None:
        return None if self.requirements is None else frozenset(one.address for one in self.requirements)


def read(tree: Tree, before: Repository | None = None, *, where: Layout | None = None) -> Repository:
    """Read what environments have in common. A broken lockstep.yaml is raised, all else stands among the problems.

    `before`: what was read of another commit; where the platform is the same, it is not read again. `where`: what is to
    hold instead of lockstep.yaml.
    """
    if before is not None and before.footprint.is_same(tree):
        return replace(fresh(before, tree), found=layout.find(tree, before.layout, before.found))
    noted = Noted(tree)
    where = where or layout.read_layout(noted)
    catalog = catalogue.read(noted, where.platform)
    pins = None
    try:
        pins = _lock(noted, where)
    except ManifestError as e:
        found = tuple(Breakage(each, None) for each in e.problems)
        catalog = replace(catalog, problems=(*catalog.problems, *found))
    broken = frozenset[str]().union(*(each.resource_types or () for each in catalog.problems))
    if catalog.known.resource_types is not None:
        catalog = replace(catalog, problems=(*catalog.problems, *check.check(complete(catalog))))
    return Repository(tree, where, layout.find(tree, where), catalog, pins, broken, noted.footprint(where.platform))


def fresh(repository: Repository, tree: Tree) -> Repository:
    """The same read from another tree, or by one who notes what is read: nothing of environments is known yet."""
    return replace(repository, tree=tree, settings={}, bases={})


def environments(repository: Repository) -> tuple[str, ...]:
    """Every environment that the commit declares, as `project/environment`, sorted."""
    return tuple(repository.found.environments)


def project_of(repository: Repository, project: str) -> ProjectFiles:
    known = repository.found.by_id
    if project not in known:
        raise NotFoundError(f"project `{project}` is not declared; {suggest(project, known, 'see `projects/`')}")
    return known[project]


def files_of(repository: Repository, project: str, environment: str) -> tuple[ProjectFiles, EnvironmentFiles]:
    found, files = project_of(repository, project), repository.found.environments.get(f"{project}/{environment}")
    if files is None:
        known = found.names
        otherwise = f"there are {', '.join(sorted(known))}" if known else "the project declares none"
        raise NotFoundError(
            f"environment `{project}/{environment}` is not declared; {suggest(environment, known, otherwise)}"
        )
    return found, files


def complete(catalog: catalogue.Reading) -> Catalog:
    """The catalogue with the resource types that are broken, as types of which nothing is known."""
    broken = (catalog.known.resource_types or set()) - catalog.catalog.resource_types.keys()
    if not broken:
        return catalog.catalog
    unknown = {name: ResourceType(name, "", None, True, Place("")) for name in sorted(broken)}
    return replace(catalog.catalog, resource_types={**catalog.catalog.resource_types, **unknown})


def platform_problems(repository: Repository, types: Collection[str]) -> list[Problem]:
    """What is broken in the platform's files for all, or for one of these resource types."""
    return [
        breakage.problem
        for breakage in repository.catalog.problems
        if breakage.resource_types is None or not breakage.resource_types.isdisjoint(types)
    ]


def stops_graphs(repository: Repository) -> bool:
    """Whether no graph can be made: a module, or what it needs, cannot be read, and so a rule may be missing."""
    return any(
        breakage.resource_types is None and _is_about_modules(repository, breakage)
        for breakage in repository.catalog.problems
    )


def _is_about_modules(repository: Repository, breakage: Breakage) -> bool:
    """Judged by the file's name, or the name that it was probably meant to have."""
    path = breakage.problem.where.path if isinstance(breakage.problem.where, Place) else ""
    name = path.removeprefix(f"{repository.layout.platform}/").partition("/")[0]
    others = (files.RUNNERS, files.ENVIRONMENT_TYPES, lock.NAME)
    return near(name, (*others, files.MODULES, files.PROVIDERS, files.RESOURCE_TYPES)) not in others


def code_of(repository: Repository, source: ModuleSource, engine: EngineKind) -> Code:
    key = source.content, engine
    if key not in repository.seen:
        repository.seen[key] = _code(repository.tree, source, engine)
    return repository.seen[key]


def lock_path(where: Layout) -> str:
    return f"{where.platform}/{lock.NAME}"


def _code(tree: Tree, source: ModuleSource, engine: EngineKind) -> Code:
    if source.kind is SourceKind.INLINE:
        code = {"main.tf": (source.code or "").encode()}
        return Code({}, requirements.of_module(code, "", engine))
    if source.kind is SourceKind.LOCAL:
        found = folders.files(tree, source)
        return Code(found, requirements.of_module(found, source.address, engine))
    return Code({}, None)


def _lock(tree: Tree, where: Layout) -> Mapping[str, ProviderPin] | None:
    if lock.NAME not in tree.names(where.platform):
        return None
    path = lock_path(where)
    try:
        return lock.parse(links.content(tree, path).decode(), path)
    except UnicodeDecodeError as e:
        raise problem(Place(path), "the file is not UTF-8", "let the engine write it anew") from e
