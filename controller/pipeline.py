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
from dataclasses import dataclass, replace
from typing import TypeVar

from controller import promotion
from controller.catalog import rules
from controller.catalog.supported import unsupported
from controller.errors import ManifestError, Problem, problem, suggest
from controller.graph import expand
from controller.manifest import compose
from controller.manifest import environment as environments_of
from controller.manifest.compose import Composed
from controller.manifest.environment import Names, Settings
from controller.manifest.layout import EnvironmentFiles
from controller.model.bundle import Context, Desired, Pins
from controller.model.catalog import Runner
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.graph import Graph
from controller.model.manifest import EnvironmentConfig, Follow, Manifest
from controller.promotion import Source, source_of
from controller.repository import (
    Base,
    Repository,
    code_of,
    complete,
    environments,
    files_of,
    fresh,
    lock_path,
    platform_problems,
    project_of,
    read,
    stops_graphs,
)
from controller.tofu import desired, pinning

__all__ = [
    "Examined",
    "NoBaseError",
    "Repository",
    "Resolved",
    "Source",
    "base_of",
    "config_of",
    "environments",
    "examine",
    "fresh",
    "promotion_order",
    "read",
    "resolve",
    "resolve_manifest",
    "source_of",
]

T = TypeVar("T")


class NoBaseError(ManifestError):
    """Nothing is wrong but that the source of the environment has no manifest yet."""


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
class Examined:
    """All that is wrong with an environment at a commit, and what else whoever wrote the files should know."""

    config: EnvironmentConfig  # as far as it can be known
    problems: tuple[Problem, ...]
    warnings: tuple[str, ...] = ()


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
    problems: list[Problem] = []
    below = None if base is None else Base(base)
    wish = _wish(repository, project, environment, problems, below, _Engine(pins, engine, frozenset(used)))
    return _resolved(wish, problems)


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
        raise ManifestError([*problems, *platform_problems(repository, used)])
    files = EnvironmentFiles(project, environment, folder="")
    asked = _Engine(pins, engine, frozenset(used))
    wish = _Wish(repository, files, Settings(config), Composed(manifest), asked)
    return _resolved(wish, problems)


def examine(repository: Repository, project: str, environment: str, engine: EngineKind) -> Examined:
    """All that can be said of an environment offline; a promoted one takes its source's files of the same commit."""
    problems: list[Problem] = []
    base = _base_offline(repository, project, environment, problems)
    wish = _wish(repository, project, environment, problems, base, _Engine(Pins(), engine))
    if not wish.composed.is_whole:
        _runner(wish, problems)
        _graph(wish, problems)
        return Examined(wish.config, ManifestError(problems).problems, wish.composed.warnings)
    try:
        resolved = _resolved(wish, problems)
    except ManifestError as e:
        return Examined(wish.config, e.problems, wish.composed.warnings)
    problems += unsupported(resolved.runner)
    warnings = (*resolved.warnings, *environments_of.later(wish.config), *resolved.unpinned)
    return Examined(wish.config, ManifestError(problems).problems, warnings)


def config_of(repository: Repository, project: str, environment: str) -> EnvironmentConfig:
    """What an environment says of itself at this commit."""
    if repository.catalog.known.environment_types is None:  # every type that is named would seem to be wrong
        raise ManifestError(platform_problems(repository, ()))
    settings = _settings(repository, project, environment)
    if settings.problems:
        raise ManifestError(settings.problems)
    return settings.config


def config_by_hand(repository: Repository, project: str, environment: str, type_: str) -> EnvironmentConfig:
    """What holds for an environment that Git does not declare: the project's defaults, and the type it was given."""
    known = repository.catalog.known
    types = known.environment_types
    if types is None:  # every type that is named would seem to be wrong
        raise ManifestError(platform_problems(repository, ()))
    if type_ not in types:
        remedy = suggest(type_, types, f"there are {', '.join(sorted(types)) or 'none'}")
        raise ManifestError([Problem("type", f"environment type `{type_}` is unknown", remedy)])
    files = EnvironmentFiles(project, environment, folder=repository.layout.projects)
    names = Names(types, known.resource_types)
    found = environments_of.settings(repository.tree, project_of(repository, project), files, names)
    if found.problems:
        raise ManifestError(found.problems)
    return replace(found.config, type=type_, uuid=None, source=None, after=(), mode=Follow.FOLLOW)


def base_of(repository: Repository, project: str, environment: str) -> Node | None:
    """What stands in for the base of a promoted environment offline: its source's manifest at the same commit."""
    config = config_of(repository, project, environment)
    circles = promotion.circles(environment, _configs(repository, project, {environment: config}))
    if circles:
        raise ManifestError(circles)
    source = source_of(config)
    if source is None:
        return None
    if source.kind != "environment":
        what = f"the manifest of `{config.source}` is known to the controller alone"
        raise problem(config.place_of("source"), what, "use `environment://NAME` to have it checked offline")
    problems: list[Problem] = []
    base = _base_offline(repository, project, environment, problems)
    if problems:
        raise ManifestError(problems)
    if base is None or not base.is_whole:
        return base_of(repository, project, source.name)  # says why there is none
    return base.document


def promotion_order(repository: Repository, project: str) -> tuple[str, ...]:
    """The environments of a project, each after its source; a circle is an error."""
    names = [files.name for files in project_of(repository, project).environments]
    config_of = _configs(repository, project)
    problems = [found for name in names for found in promotion.circles(name, config_of)]
    if problems:
        raise ManifestError(problems)
    return tuple(promotion.order(names, config_of))


@dataclass(frozen=True, slots=True)
class _Engine:
    """For which engine, with which recorded versions; and the resource types of what it last applied."""

    pins: Pins
    kind: EngineKind
    used: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Wish:
    """Everything that decides what is desired."""

    repository: Repository
    files: EnvironmentFiles
    settings: Settings
    composed: Composed
    engine: _Engine

    @property
    def config(self) -> EnvironmentConfig:
        return self.settings.config

    @property
    def context(self) -> Context:
        organization = self.repository.layout.organization
        return Context(self.files.project, self.files.name, self.config.type, organization)


def _wish(
    repository: Repository,
    project: str,
    environment: str,
    problems: list[Problem],
    base: Base | None,
    engine: _Engine,
) -> _Wish:
    """From the environment's files to its manifest, as far as they can be understood."""
    _, files = files_of(repository, project, environment)
    for slug in (project, files.slug):
        problems += repository.found.problems.get(slug, ())
    settings, composed = _composed(repository, project, environment, base)
    problems += [*settings.problems, *composed.problems]
    problems += promotion.circles(environment, _configs(repository, project, {environment: settings.config}))
    return _Wish(repository, files, settings, composed, engine)


def _settings(repository: Repository, project: str, environment: str) -> Settings:
    key = project, environment
    if key not in repository.settings:
        known = repository.catalog.known
        names = Names(known.environment_types, known.resource_types)
        files = files_of(repository, project, environment)
        repository.settings[key] = environments_of.settings(repository.tree, *files, names)
    return repository.settings[key]


def _configs(
    repository: Repository, project: str, found: Mapping[str, EnvironmentConfig] | None = None
) -> promotion.ConfigOf:
    """What the environments of a project say of themselves, as far as that can be understood; each read once."""
    configs: dict[str, EnvironmentConfig | None] = dict(found or {})
    declared = repository.found.environments

    def config_of(name: str) -> EnvironmentConfig | None:
        if name not in configs:
            configs[name] = _settings(repository, project, name).config if f"{project}/{name}" in declared else None
        return configs[name]

    return config_of


def _base_offline(repository: Repository, project: str, environment: str, problems: list[Problem]) -> Base | None:
    """The manifest of the source by its own files; None where there is no source, or the controller alone knows it."""
    base: Base | None = None
    for name in reversed(promotion.sources(environment, _configs(repository, project))):
        key = project, name
        if key not in repository.bases:
            settings, composed = _composed(repository, project, name, base)
            is_whole = composed.is_whole and not settings.problems
            found = (*settings.problems, *composed.problems)
            repository.bases[key] = Base(composed.manifest.document, is_whole, found)
        base = repository.bases[key]
        problems += base.problems
    return base


def _composed(repository: Repository, project: str, environment: str, base: Base | None) -> tuple[Settings, Composed]:
    settings = _settings(repository, project, environment)
    files = files_of(repository, project, environment)
    document, is_whole = (base.document, base.is_whole) if base is not None else (None, True)
    composed = compose.attempt(
        repository.tree, *files, settings.config, document, settings.unsure, is_base_whole=is_whole
    )
    return settings, composed


def _resolved(wish: _Wish, problems: list[Problem]) -> Resolved:
    """From the manifest to the document; `problems` are those found on the way here."""
    runner = _runner(wish, problems)
    graph = _graph(wish, problems)
    if problems or graph is None or runner is None:
        raise ManifestError(problems)
    if not wish.composed.is_whole:
        what = f"there is no manifest of `{wish.config.source}` yet"
        raise NoBaseError([Problem(wish.config.place_of("source"), what, "deploy that one first")])
    graph = pinning.at_commits(graph, wish.engine.pins.modules)
    sources = {node.source.content: node.source for node in graph.nodes.values() if node.source}
    kind = wish.engine.kind
    code = {content: code_of(wish.repository, source, kind) for content, source in sorted(sources.items())}
    asked = pinning.wishes(graph, kind, {content: found.requirements for content, found in code.items()})
    path = lock_path(wish.repository.layout)
    given = wish.engine.pins
    pins = Pins(pinning.chosen(wish.repository.lock, given.providers, asked, path), given.modules)
    made = desired.desired(graph, pins, kind, {content: found.addresses for content, found in code.items()})
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
    catalog = complete(repository.catalog)
    if stops_graphs(repository) or "type" in wish.settings.unsure:
        problems += platform_problems(repository, wish.engine.used)
        problems += expand.texts(manifest, catalog, is_whole=False)
        return None
    module_for, broken = rules.modules_for(catalog, context), repository.broken
    is_asked = bool(repository.catalog.problems)
    asked = expand.types_asked(manifest, catalog, context, module_for, broken) if is_asked else frozenset()
    problems += platform_problems(repository, {*asked, *wish.engine.used})
    is_whole = wish.composed.is_whole
    return _attempt(problems, lambda: expand.expand(manifest, catalog, context, module_for, broken, is_whole=is_whole))


def _runner(wish: _Wish, problems: list[Problem]) -> Runner | None:
    breakages = wish.repository.catalog.problems
    if "type" in wish.settings.unsure or any(breakage.resource_types is None for breakage in breakages):
        return None  # it may be the broken one; then there are problems enough
    runner = rules.runner_for(wish.repository.catalog.catalog, wish.files.project, wish.config.type)
    if runner is None:
        what = f"no runner serves {wish.files.slug}, which is of type `{wish.config.type}`"
        problems.append(Problem(wish.config.place, what, "give a runner a rule that does"))
    return runner


def _attempt(problems: list[Problem], step: Callable[[], T]) -> T | None:
    """What the step gives; None, and its problems among the others, where the commit is wrong."""
    try:
        return step()
    except ManifestError as e:
        problems += e.problems
        return None
