"""The way of a commit from its files to what Git wants of each environment; nothing here touches the world.

read       the files of a commit: layout, projects and environments, catalogue, lock file
config_of  environment.yaml over the project's defaults
compose    the manifest: Score files, the project's layer or the source's manifest, the environment's layer over it
expand     the graph of resources that modules make, placeholders resolved
desired    its canonical document with the recorded versions: what is compared, bound and rendered

A ManifestError holds every problem that concerns the environment, those of the platform's files among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from controller.catalog import folders, rules
from controller.catalog import read as catalogue
from controller.errors import ManifestError, NotFoundError, Place, Problem, problem, suggest
from controller.graph import expand
from controller.manifest import compose, layout, links
from controller.manifest.compose import Composed
from controller.manifest.environment import environment_config, project_config
from controller.manifest.layout import EnvironmentFiles, Found, Layout, ProjectFiles
from controller.model.bundle import Context, Desired, Pins, ProviderPin
from controller.model.catalog import Breakage, ModuleSource, Runner, SourceKind
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.graph import Graph
from controller.model.manifest import EnvironmentConfig, Manifest
from controller.model.tree import Tree
from controller.tofu import desired, lock, pinning, requirements
from controller.tofu.requirements import Requirement

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Repository:
    """What was read of a commit; `lock` is its lock file, None where versions are recorded for each environment."""

    tree: Tree
    layout: Layout
    found: Found
    catalog: catalogue.Reading
    lock: Mapping[str, ProviderPin] | None
    # Code of modules that was looked at before, for the next of a thousand environments.
    seen: dict[tuple[str, EngineKind], Code] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a module: its files, where the bundle brings them along; what it asks for, where that can be seen."""

    files: Mapping[str, bytes]
    requirements: frozenset[Requirement] | None

    @property
    def addresses(self) -> frozenset[str] | None:
        return None if self.requirements is None else frozenset(one.address for one in self.requirements)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a commit wants of one environment.

    `warnings` are for whoever wrote the files, `unpinned` says what has no recorded version; both are sentences.
    `module_files`: content id of a module -> path in the repository -> content.
    """

    config: EnvironmentConfig
    context: Context
    manifest: Manifest
    graph: Graph
    desired: Desired
    runner: Runner
    warnings: tuple[str, ...]
    unpinned: tuple[str, ...]
    module_files: Mapping[str, Mapping[str, bytes]]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a promoted environment has its base from: an `environment` of its project, or a `deployment` by its id."""

    kind: str
    name: str


def read(tree: Tree) -> Repository:
    """Read what environments have in common. A broken lockstep.yaml is raised, all else stands among the problems."""
    where = layout.read_layout(tree)
    catalog = catalogue.read(tree, where.platform)
    pins = None
    try:
        pins = _lock(tree, where)
    except ManifestError as e:
        found = tuple(Breakage(each, None) for each in e.problems)
        catalog = replace(catalog, problems=(*catalog.problems, *found))
    return Repository(tree, where, layout.find(tree, where), catalog, pins)


def environments(repository: Repository) -> tuple[str, ...]:
    """Every environment that the commit declares, as `project/environment`, sorted."""
    return tuple(sorted(files.slug for project in repository.found.projects for files in project.environments))


def resolve(
    repository: Repository,
    project: str,
    environment: str,
    *,
    pins: Pins,
    engine: EngineKind,
    base: Node | None = None,
    used: Collection[str] = (),
) -> Resolved:
    """What the commit wants of an environment.

    `base`: the manifest of its source, where it is promoted; offline that of `base_of`. `used`: resource types of its
    last applied graph; what is broken about them stops it as well.
    """
    files = _files(repository, project, environment)
    found = repository.found.problems
    problems = [*found.get(project, ()), *found.get(files[1].slug, ())]
    config = _attempt(problems, lambda: config_of(repository, project, environment))
    if config is None:
        raise ManifestError([*problems, *_platform_problems(repository, used)])
    problems += _promotion_problems(repository, files[1], config, base)
    if config.source is not None and base is None:
        raise ManifestError([*problems, *_platform_problems(repository, used)])
    composed = _attempt(problems, lambda: compose.compose(repository.tree, *files, config, base))
    if composed is None:
        raise ManifestError([*problems, *_platform_problems(repository, used)])
    return _resolved(_Wish(repository, files[1], config, composed, pins, engine, frozenset(used)), problems)


def resolve_manifest(
    repository: Repository,
    project: str,
    environment: str,
    document: Node,
    *,
    pins: Pins,
    engine: EngineKind,
    used: Collection[str] = (),
    config: EnvironmentConfig | None = None,
) -> Resolved:
    """The same for a manifest that somebody brings; with `config` for an environment that Git does not declare."""
    problems: list[Problem] = []
    config = config or _attempt(problems, lambda: config_of(repository, project, environment))
    manifest = _attempt(problems, lambda: compose.manifest_of(document))
    if config is None or manifest is None:
        raise ManifestError([*problems, *_platform_problems(repository, used)])
    files = EnvironmentFiles(project, environment, folder="")
    wish = _Wish(repository, files, config, Composed(manifest), pins, engine, frozenset(used))
    return _resolved(wish, problems)


def config_of(repository: Repository, project: str, environment: str) -> EnvironmentConfig:
    """What an environment says of itself at this commit."""
    project_files, files = _files(repository, project, environment)
    types = repository.catalog.catalog.environment_types
    broken = _platform_problems(repository, ())
    if broken and not types:  # every type that is named would seem to be wrong
        raise ManifestError(broken)
    settings = project_config(repository.tree, project_files)
    return environment_config(repository.tree, project_files, files, settings, types)


def source_of(config: EnvironmentConfig) -> Source | None:
    """The source of a promoted environment: `environment://NAME` or `deployment://ID`."""
    if config.source is None:
        return None
    kind, _, name = config.source.partition("://")
    return Source(kind, name)


def base_of(repository: Repository, project: str, environment: str) -> Node | None:
    """What stands in for the base of a promoted environment offline: its source's manifest at the same commit."""
    config = config_of(repository, project, environment)
    source = source_of(config)
    if source is None:
        return None
    if source.kind != "environment":
        what = f"the manifest of `{config.source}` is known to the controller alone"
        raise problem(config.place, what, "use `environment://NAME` to have it checked offline")
    circle = _circle(repository, project, environment)
    if circle:
        raise ManifestError([_circle_problem(config, circle)])
    names = [files.name for files in _project(repository, project).environments]
    if source.name not in names:
        what = f"this commit declares no environment `{source.name}` in project `{project}`"
        raise problem(config.place, what, suggest(source.name, names, "name another source"))
    files = _files(repository, project, source.name)
    below = base_of(repository, project, source.name)
    return compose.compose(
        repository.tree, *files, config_of(repository, project, source.name), below
    ).manifest.document


def promotion_order(repository: Repository, project: str) -> tuple[str, ...]:
    """The environments of a project, each after its source; a circle of sources is an error."""
    order: list[str] = []
    for files in sorted(_project(repository, project).environments, key=lambda files: files.name):
        circle = _circle(repository, project, files.name)
        if circle:
            raise ManifestError([_circle_problem(config_of(repository, project, files.name), circle)])
        order += [name for name in reversed(_chain(repository, project, files.name)) if name not in order]
    return tuple(order)


@dataclass(frozen=True, slots=True)
class _Wish:
    """Everything that decides what is desired."""

    repository: Repository
    files: EnvironmentFiles
    config: EnvironmentConfig
    composed: Composed
    pins: Pins
    engine: EngineKind
    used: frozenset[str]

    @property
    def context(self) -> Context:
        organization = self.repository.layout.organization
        return Context(self.files.project, self.files.name, self.config.type, organization)


def _resolved(wish: _Wish, problems: list[Problem]) -> Resolved:
    """From the manifest to the document; `problems` are those found on the way here."""
    runner = _attempt(problems, lambda: _runner(wish))
    graph = _graph(wish, problems)
    if problems or graph is None or runner is None:
        raise ManifestError(problems)
    sources = {node.source.content: node.source for node in graph.nodes.values() if node.source}
    code = {content: _code(wish.repository, source, wish.engine) for content, source in sorted(sources.items())}
    asked = pinning.wishes(graph, wish.engine, {content: found.requirements for content, found in code.items()})
    path = _lock_path(wish.repository.layout)
    pins = Pins(pinning.chosen(wish.repository.lock, wish.pins.providers, asked, path), wish.pins.modules)
    made = desired.desired(graph, pins, wish.engine, {content: found.addresses for content, found in code.items()})
    return Resolved(
        config=wish.config,
        context=wish.context,
        manifest=wish.composed.manifest,
        graph=graph,
        desired=made,
        runner=runner,
        warnings=wish.composed.warnings,
        unpinned=pinning.unpinned(made.document, asked),
        module_files={content: found.files for content, found in code.items() if found.files},
    )


def _graph(wish: _Wish, problems: list[Problem]) -> Graph | None:
    repository, manifest, context = wish.repository, wish.composed.manifest, wish.context
    catalog = repository.catalog.catalog
    module_for = rules.modules_for(catalog, context)
    scopes = [breakage.resource_types for breakage in repository.catalog.problems]
    if None in scopes:  # rules are never evaluated while one of them may be missing
        problems += _platform_problems(repository, wish.used)
        return None
    broken = frozenset[str]().union(*filter(None, scopes))
    asked = expand.types_asked(manifest, catalog, context, module_for, broken) if broken else frozenset()
    problems += _platform_problems(repository, {*asked, *wish.used})
    return _attempt(problems, lambda: expand.expand(manifest, catalog, context, module_for, broken))


def _runner(wish: _Wish) -> Runner:
    runner = rules.runner_for(wish.repository.catalog.catalog, wish.files.project, wish.config.type)
    if runner is None:
        what = f"no runner serves {wish.files.slug}, which is of type `{wish.config.type}`"
        raise problem(wish.config.place, what, "give a runner a rule that does")
    return runner


def _code(repository: Repository, source: ModuleSource, engine: EngineKind) -> Code:
    key = source.content, engine
    if key not in repository.seen:
        repository.seen[key] = _read_code(repository.tree, source, engine)
    return repository.seen[key]


def _read_code(tree: Tree, source: ModuleSource, engine: EngineKind) -> Code:
    if source.kind is SourceKind.INLINE:
        code = {"main.tf": (source.code or "").encode()}
        return Code({}, requirements.of_module(code, "", engine))
    if source.kind is SourceKind.LOCAL:
        files = folders.files(tree, source)
        return Code(files, requirements.of_module(files, source.address, engine))
    return Code({}, None)


def _lock_path(where: Layout) -> str:
    return f"{where.platform}/{lock.NAME}"


def _lock(tree: Tree, where: Layout) -> Mapping[str, ProviderPin] | None:
    if lock.NAME not in tree.names(where.platform):
        return None
    path = _lock_path(where)
    try:
        return lock.parse(links.content(tree, path).decode(), path)
    except UnicodeDecodeError as e:
        raise problem(Place(path), "the file is not UTF-8", "let the engine write it anew") from e


def _platform_problems(repository: Repository, types: Collection[str]) -> list[Problem]:
    """What is broken in the platform's files for all, or for one of these resource types."""
    return [
        breakage.problem
        for breakage in repository.catalog.problems
        if breakage.resource_types is None or not breakage.resource_types.isdisjoint(types)
    ]


def _promotion_problems(
    repository: Repository, files: EnvironmentFiles, config: EnvironmentConfig, base: Node | None
) -> list[Problem]:
    circle = _circle(repository, files.project, files.name)
    if circle:
        return [_circle_problem(config, circle)]
    if config.source is not None and base is None:
        return [Problem(config.place, f"there is no manifest of `{config.source}` yet", "deploy that one first")]
    return []


def _chain(repository: Repository, project: str, environment: str) -> list[str]:
    """An environment, its source, the source of that, and so on; in a circle the last name was there before."""
    names = {files.name for files in _project(repository, project).environments}
    chain = [environment]
    while chain[-1] in names and chain[-1] not in chain[:-1]:
        config = _attempt([], lambda: config_of(repository, project, chain[-1]))
        source = source_of(config) if config else None
        if source is None or source.kind != "environment":
            break
        chain.append(source.name)
    return chain if len(set(chain)) < len(chain) else [name for name in chain if name in names]


def _circle(repository: Repository, project: str, environment: str) -> list[str]:
    """The circle of sources that an environment is in or leads to, from its first name to the same again."""
    chain = _chain(repository, project, environment)
    return chain[chain.index(chain[-1]) :] if chain.index(chain[-1]) < len(chain) - 1 else []


def _circle_problem(config: EnvironmentConfig, circle: list[str]) -> Problem:
    return Problem(config.place, f"sources go round in a circle: {' → '.join(circle)}", "take one `source` out of it")


def _project(repository: Repository, project: str) -> ProjectFiles:
    known = {files.id: files for files in repository.found.projects}
    if project not in known:
        raise NotFoundError(f"project `{project}` is not declared; {suggest(project, known, 'see `projects/`')}")
    return known[project]


def _files(repository: Repository, project: str, environment: str) -> tuple[ProjectFiles, EnvironmentFiles]:
    found = _project(repository, project)
    known = {files.name: files for files in found.environments}
    if environment not in known:
        otherwise = f"there are {', '.join(sorted(known))}" if known else "the project declares none"
        raise NotFoundError(
            f"environment `{project}/{environment}` is not declared; {suggest(environment, known, otherwise)}"
        )
    return found, known[environment]


def _attempt(problems: list[Problem], step: Callable[[], T]) -> T | None:
    """What the step gives; None, and its problems among the others, where the commit is wrong."""
    try:
        return step()
    except ManifestError as e:
        problems += e.problems
        return None
