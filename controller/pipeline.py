"""The way of a commit from its files to what Git wants of each environment; nothing here touches the world.

read       the files of a commit: layout, projects and environments, catalogue, lock file
configs    environment.yaml over the project's defaults
compose    the manifest: Score files, the project's layer or the source's manifest, the environment's layer over it
expand     the graph of resources that modules make, placeholders resolved
desired    its canonical document with the recorded versions: what is compared, bound and rendered

A ManifestError holds every problem that concerns the environment, those of the platform's files among them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from controller import promotion
from controller.bases import base_offline, composed_of
from controller.catalog import rules
from controller.catalog.supported import unsupported
from controller.configs import config_of, configs_of
from controller.errors import ManifestError, Problem
from controller.graph import expand
from controller.manifest import compose
from controller.manifest import environment as environments_of
from controller.manifest.compose import Composed
from controller.manifest.environment import Settings
from controller.manifest.layout import EnvironmentFiles
from controller.model.bundle import Context, Desired, Pins
from controller.model.catalog import Runner
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.graph import Graph
from controller.model.manifest import EnvironmentConfig, Manifest
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
    "environments",
    "examine",
    "fresh",
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
    base = base_offline(repository, project, environment, problems)
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
    settings, composed = composed_of(repository, project, environment, base)
    problems += [*settings.problems, *composed.problems]
    problems += promotion.circles(environment, configs_of(repository, project, {environment: settings.config}))
    return _Wish(repository, files, settings, composed, engine)


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
