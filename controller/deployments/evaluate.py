"""What does a commit want of an environment, given what is bound, pinned and deployed? Asked often, computed seldom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from controller import pipeline
from controller.errors import ManifestError, Place, Problem
from controller.model.bundle import Binding, Pins, ProviderPin, StateStorage
from controller.model.catalog import Runner
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.manifest import EnvironmentConfig
from controller.model.tree import Kind, Tree
from controller.pipeline import Repository, Resolved

_STATES = ("local", "s3", "gcs", "azurerm", "kubernetes")


@dataclass(frozen=True, slots=True)
class Base:
    """The manifest that a promoted environment builds on, and the deployment that it was taken from."""

    deployment: str
    commit: str | None
    document: Node


@dataclass(frozen=True, slots=True)
class Past:
    """What is recorded of an environment and takes part in what a commit means for it."""

    binding: Binding | None = None
    providers: Mapping[str, ProviderPin] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    used: frozenset[str] = frozenset()  # resource types of the last applied graph

    @property
    def pins(self) -> Pins:
        return Pins(self.providers, self.modules)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a commit wants: a digest, or problems, or something to wait for."""

    digest: str | None = None
    problems: tuple[str, ...] = ()
    waits: str = ""
    config: EnvironmentConfig | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One environment at one commit."""

    repository: Repository
    project: str
    name: str
    past: Past
    engine: EngineKind  # for an environment that is not bound yet
    base_of: Callable[[str, EnvironmentConfig], Base | None]

    @property
    def slug(self) -> str:
        return f"{self.project}/{self.name}"


def answer(question: Question) -> Evaluated:
    """What the commit wants, whatever that is."""
    try:
        config = pipeline.config_of(question.repository, question.project, question.name)
    except ManifestError:
        config = None
    try:
        resolved, _ = resolve(question)
    except ManifestError as e:
        if config is not None and _waits(question, config):
            return Evaluated(waits=_waits(question, config), config=config)
        return Evaluated(problems=tuple(str(problem) for problem in e.problems), config=config)
    return Evaluated(resolved.desired.digest, config=config)


def resolve(question: Question) -> tuple[Resolved, Base | None]:
    """The whole of it; ManifestError where the commit is wrong for this environment."""
    repository, past = question.repository, question.past
    base = _base(question)
    resolved = pipeline.resolve(
        repository,
        question.project,
        question.name,
        pins=past.pins,
        engine=past.binding.engine if past.binding else question.engine,
        base=base.document if base else None,
        used=past.used,
    )
    check(resolved, past.binding, question.slug)
    return resolved, base


def check(resolved: Resolved, binding: Binding | None, slug: str) -> None:
    """Refuse what this release cannot run, and what would untie the environment from its state."""
    problems = [*_unsupported(resolved.runner), *_unbound(resolved, binding, slug)]
    if problems:
        raise ManifestError(problems)


def state_of(runner: Runner) -> StateStorage:
    """Where a runner keeps states."""
    settings = {key: value for key, value in runner.state_storage.items() if key != "type"}
    return StateStorage(str(runner.state_storage["type"]), settings)


class Memory:
    """Answers that were given, each with what was read for it; an answer holds as long as that reads the same."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._catalogs: dict[str, Any] = {}

    def answer(self, repository: str, question: Question) -> Evaluated:
        """The answer, computed only if something that it depends on has changed."""
        key = self._key(repository, question)
        entry = self._entries.get((repository, question.slug))
        if entry is not None and entry.key == key and _holds(entry, question):
            return entry.evaluated
        reading = _Reading(question.repository.tree)
        evaluated = answer(replace(question, repository=replace(question.repository, tree=reading)))
        base = _base_id(question, evaluated.config)
        self._entries[repository, question.slug] = _Entry(key, tuple(reading.reads.items()), base, evaluated)
        return evaluated

    def _key(self, repository: str, question: Question) -> tuple[object, ...]:
        read = question.repository
        # One object stands for all catalogues that are equal: they are compared once a commit.
        if self._catalogs.get(repository) != (read.layout, read.catalog, read.lock):
            self._catalogs[repository] = (read.layout, read.catalog, read.lock)
        files = [found for found in read.found.projects if found.id == question.project]
        problems = [read.found.problems.get(slug) for slug in (question.project, question.slug)]
        return (id(self._catalogs[repository]), files, problems, question.past, question.engine)


@dataclass(frozen=True, slots=True)
class _Entry:
    key: tuple[object, ...]
    reads: tuple[tuple[tuple[str, str], object], ...]
    base: str | None
    evaluated: Evaluated


class _Reading:
    """A tree that remembers what was asked of it."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.reads: dict[tuple[str, str], object] = {}

    def names(self, folder: str) -> Mapping[str, Kind]:
        self._note("names", folder)
        return self._tree.names(folder)

    def read(self, path: str) -> bytes:
        self._note("content", path)
        return self._tree.read(path)

    def identity(self, path: str) -> str:
        self._note("content", path)
        return self._tree.identity(path)

    def _note(self, what: str, path: str) -> None:
        if (what, path) not in self.reads:
            self.reads[what, path] = _look(self._tree, what, path)


def _holds(entry: _Entry, question: Question) -> bool:
    """Whether everything that was read reads the same; then the configuration is the same, and so may be the base."""
    tree = question.repository.tree
    if not all(_look(tree, what, path) == found for (what, path), found in entry.reads):
        return False
    return _base_id(question, entry.evaluated.config) == entry.base


def _base_id(question: Question, config: EnvironmentConfig | None) -> str | None:
    base = question.base_of(question.project, config) if config and config.source else None
    return base.deployment if base else None


def _look(tree: Tree, what: str, path: str) -> object:
    if what == "names":
        return tuple(tree.names(path).items())
    try:
        return tree.identity(path)
    except KeyError:
        return None


def _base(question: Question) -> Base | None:
    try:
        config = pipeline.config_of(question.repository, question.project, question.name)
    except ManifestError:
        return None
    return question.base_of(question.project, config) if config.source else None


def _waits(question: Question, config: EnvironmentConfig) -> str:
    """For which source the environment waits; empty where it has one, or where there can be none."""
    source = pipeline.source_of(config)
    if source is None or question.base_of(question.project, config) is not None:
        return ""
    try:
        pipeline.promotion_order(question.repository, question.project)
    except ManifestError:
        return ""
    return f"source {config.source} has not been deployed"


def _unsupported(runner: Runner) -> Iterable[Problem]:
    if runner.type != "local":
        what = f"runner `{runner.id}` is of type `{runner.type}`, which this release cannot run"
        yield Problem(runner.place, what, "use a runner of type `local`")
    state = str(runner.state_storage["type"])
    if state not in _STATES:
        what = f"runner `{runner.id}` keeps states in `{state}`, which this release cannot do"
        yield Problem(runner.place, what, f"use one of {', '.join(_STATES)}")


def _unbound(resolved: Resolved, binding: Binding | None, slug: str) -> Iterable[Problem]:
    if binding is None:
        return
    runner, config = resolved.runner, resolved.config
    remedy = f"run `lockstep rebind {slug.replace('/', ' ')}`"
    if runner.id != binding.runner:
        yield Problem(_place(runner, config), f"runner would change from `{binding.runner}` to `{runner.id}`", remedy)
    elif state_of(runner) != binding.state:
        was, now = binding.state.type, state_of(runner).type
        how = f"from `{was}` to `{now}`" if was != now else "to another place"
        yield Problem(runner.place, f"state storage would change {how}", remedy)
    if config.uuid is not None and config.uuid != binding.uuid:
        yield Problem(config.place, f"uuid would change from {binding.uuid} to {config.uuid}", remedy)


def _place(runner: Runner, config: EnvironmentConfig) -> Place:
    return runner.place if runner.place.path != "built-in" else config.place
