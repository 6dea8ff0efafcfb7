"""What does a commit want of an environment, given what is bound, pinned and deployed? `memory` asks it seldom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from controller import configs, pipeline
from controller.catalog.supported import unsupported
from controller.errors import ManifestError, Place, Problem
from controller.model.bundle import Binding, Pins, ProviderPin, StateStorage
from controller.model.catalog import ModuleSource, Runner
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.manifest import EnvironmentConfig
from controller.pipeline import Repository, Resolved
from controller.tofu import pinning

_REMEDY = "mend that, or name a full commit id in its place"


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
    unresolved: Mapping[str, str] = field(default_factory=dict)  # tags and branches that were never found, and why
    used: frozenset[str] = frozenset()  # resource types of the last applied graph

    @property
    def pins(self) -> Pins:
        return Pins(self.providers, self.modules)

    def of(self, source: str) -> tuple[str | None, str | None]:
        """What is known of a module's tag or branch: the commit, or why there is none."""
        return self.modules.get(source), self.unresolved.get(source)


Whole: TypeAlias = tuple[Resolved, Base | None]  # what is wanted, to the last word, and what it was built on


class NotResolvedError(ManifestError):
    """Nothing is wrong with the commit but that a module names a tag or branch of which no commit is known."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a commit wants: a digest, or problems, or something to wait for."""

    digest: str | None = None
    problems: tuple[str, ...] = ()
    waits: str = ""
    config: EnvironmentConfig | None = None
    modules: frozenset[str] = frozenset()  # sources of it with a tag or branch


@dataclass(frozen=True, slots=True)
class Question:
    """One environment at one commit."""

    repository: Repository
    project: str
    name: str
    past: Past
    engine: EngineKind  # for an environment that is not bound yet
    base_of: Callable[[str, EnvironmentConfig], Base | None]
    is_for_plan: bool = False  # nothing is applied: tags and branches that were never asked for stay as written

    @property
    def slug(self) -> str:
        return f"{self.project}/{self.name}"


def answer(question: Question) -> Evaluated:
    """What the commit wants, whatever that is."""
    return answer_whole(question)[0]


def answer_whole(question: Question) -> tuple[Evaluated, Whole | None]:
    """The same, and where it can be deployed all of what was computed for it."""
    try:
        config = configs.config_of(question.repository, question.project, question.name)
    except ManifestError:
        config = None
    try:
        whole = _resolve(question)
    except pipeline.NoBaseError:
        return Evaluated(waits=f"{config.source} has nothing deployed" if config else "", config=config), None
    except ManifestError as e:
        return Evaluated(problems=tuple(str(problem) for problem in e.problems), config=config), None
    resolved, _ = whole
    sources = frozenset(source.address for source in pinning.refs(resolved.graph).values())
    try:
        _check_resolved(question, resolved)
    except NotResolvedError as e:
        said = "; ".join(f"{problem.where}: {problem.what}" for problem in e.problems)
        return Evaluated(waits=said, config=config, modules=sources), None
    return Evaluated(resolved.desired.digest, config=config, modules=sources), whole


def resolve(question: Question) -> Whole:
    """The whole of it; ManifestError where the commit is wrong for this environment."""
    resolved, base = _resolve(question)
    _check_resolved(question, resolved)
    return resolved, base


def _resolve(question: Question) -> Whole:
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
    problems = [*unsupported(resolved.runner), *_unbound(resolved, binding, slug)]
    if problems:
        raise ManifestError(problems)


def check_resolved(resolved: Resolved, unresolved: Mapping[str, str]) -> None:
    """Refuse to deploy what a tag or branch names, where it is not known which commit that is."""
    problems = [
        Problem(f"module `{id_}`", _not_resolved(source, unresolved.get(source.address) or "not asked yet"), _REMEDY)
        for id_, source in pinning.refs(resolved.graph).items()
        if source.version is None
    ]
    if problems:
        raise NotResolvedError(problems)


def state_of(runner: Runner) -> StateStorage:
    """Where a runner keeps states."""
    settings = {key: value for key, value in runner.state_storage.items() if key != "type"}
    return StateStorage(str(runner.state_storage["type"]), settings)


def _check_resolved(question: Question, resolved: Resolved) -> None:
    if not question.is_for_plan:
        check_resolved(resolved, question.past.unresolved)


def _not_resolved(source: ModuleSource, reason: str) -> str:
    name, url = (source.ref.name, source.ref.url) if source.ref else ("", "")
    return f"`{name}` of {url} cannot be resolved ({reason})"


def _base(question: Question) -> Base | None:
    try:
        config = configs.config_of(question.repository, question.project, question.name)
    except ManifestError:
        return None
    return question.base_of(question.project, config) if config.source else None


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
        back = f"an environment keeps its identity: write `uuid: {binding.uuid}`, or leave it out"
        yield Problem(config.place_of("uuid"), f"uuid would change from {binding.uuid} to {config.uuid}", back)


def _place(runner: Runner, config: EnvironmentConfig) -> Place:
    return runner.place if runner.place.path != "built-in" else config.place
