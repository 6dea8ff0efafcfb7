"""What does a commit want of an environment, given what is bound, pinned and deployed? Asked often, computed seldom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from controller import configs, pipeline
from controller.catalog.supported import unsupported
from controller.errors import ManifestError, Place, Problem
from controller.history.standing import Standing
from controller.manifest import filenames
from controller.manifest.layout import Found
from controller.model.bundle import Binding, Pins, ProviderPin, StateStorage
from controller.model.catalog import ModuleSource, Runner
from controller.model.deployment import EngineKind
from controller.model.document import Node
from controller.model.manifest import EnvironmentConfig
from controller.model.noted import Footprint, Noted
from controller.model.tree import Tree
from controller.pipeline import Repository, Resolved
from controller.tofu import pinning

_AT_HAND = 100  # answers of a commit that are kept in full until they are deployed: each may be large
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
    return _answer(question)[0]


def _answer(question: Question) -> tuple[Evaluated, Whole | None]:
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


class Memory:
    """Answers that were given, each with what was read for it; an answer holds as long as that reads the same."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._catalogs: dict[str, _Offered] = {}  # the newest of each repository
        self._read: dict[str, Repository] = {}  # the same
        self._whole: dict[str, dict[str, Whole]] = {}  # of each repository what was computed just now, by slug
        self.named: dict[str, tuple[str, Repository]] = {}  # of each repository the commit whose modules were resolved
        self.standings: dict[str, Mapping[str, Standing]] = {}  # the last picture of each repository
        self.undecided: dict[str, str] = {}  # why the last decision on a repository failed

    def read(self, repository: str, tree: Tree) -> Repository:
        """What a commit's environments have in common, read only where that has changed."""
        found = self._read[repository] = pipeline.read(tree, self._read.get(repository))
        self._whole[repository] = {}
        return found

    def answer(self, repository: str, question: Question) -> Evaluated:
        """The answer, computed only if something that it depends on has changed."""
        key = self._key(repository, question)
        if (entry := self._holding(repository, question, key)) is not None:
            return entry.evaluated
        noted = Noted(question.repository.tree)
        evaluated, whole = _answer(replace(question, repository=pipeline.fresh(question.repository, noted)))
        base = _base_id(question, evaluated.config)
        footprint = noted.footprint(*_folders(question))
        modules = {source: question.past.of(source) for source in evaluated.modules}
        self._entries[repository, question.slug] = _Entry(key, footprint, base, modules, evaluated)
        at_hand = self._whole.setdefault(repository, {})
        at_hand.pop(question.slug, None)
        if whole is not None and len(at_hand) < _AT_HAND:
            at_hand[question.slug] = whole
        return evaluated

    def resolve(self, repository: str, question: Question) -> Whole:
        """The whole of it: as it was computed for the answer, where that was just now and was kept; else anew."""
        whole = self._whole.get(repository, {}).pop(question.slug, None)
        if whole is not None and self._holding(repository, question, self._key(repository, question)) is not None:
            return whole
        return resolve(question)

    def _holding(self, repository: str, question: Question, key: tuple[object, ...]) -> _Entry | None:
        """What was answered before, if nothing that it depends on has changed."""
        entry = self._entries.get((repository, question.slug))
        return entry if entry is not None and entry.key == key and _holds(entry, question) else None

    def _key(self, repository: str, question: Question) -> tuple[object, ...]:
        read = question.repository
        offered = self._catalogs.get(repository)
        if offered is None or offered.found is not read.found:
            offered = self._catalogs[repository] = _offered(read, offered)
        files = offered.found.by_id.get(question.project)
        problems = [read.found.problems.get(slug) for slug in (question.project, question.slug)]
        # Which pins matter is known afterwards: a tag that moved is not a matter of a thousand environments.
        past = replace(question.past, modules={}, unresolved={})
        return (offered.number, files, problems, past, question.engine)


@dataclass(frozen=True, slots=True)
class _Offered:
    """What a commit offers to all of its environments; `number` stands for all that offer the same."""

    number: int
    common: tuple[object, ...]
    found: Found


def _offered(read: Repository, before: _Offered | None) -> _Offered:
    common = (read.layout, read.catalog, read.lock)
    number = 0 if before is None else before.number + (before.common != common)
    return _Offered(number, common, read.found)


@dataclass(frozen=True, slots=True)
class _Entry:
    key: tuple[object, ...]
    footprint: Footprint
    base: str | None
    modules: Mapping[str, tuple[str | None, str | None]]
    evaluated: Evaluated


def _holds(entry: _Entry, question: Question) -> bool:
    """Whether everything that was read reads the same; then the configuration is the same, and so may be the base."""
    return (
        entry.footprint.is_same(question.repository.tree)
        and all(question.past.of(source) == known for source, known in entry.modules.items())
        and _base_id(question, entry.evaluated.config) == entry.base
    )


def _check_resolved(question: Question, resolved: Resolved) -> None:
    if not question.is_for_plan:
        check_resolved(resolved, question.past.unresolved)


def _not_resolved(source: ModuleSource, reason: str) -> str:
    name, url = (source.ref.name, source.ref.url) if source.ref else ("", "")
    return f"`{name}` of {url} cannot be resolved ({reason})"


def _folders(question: Question) -> tuple[str, str]:
    where = question.repository.layout
    return filenames.join(where.projects, question.project), where.platform


def _base_id(question: Question, config: EnvironmentConfig | None) -> str | None:
    base = question.base_of(question.project, config) if config and config.source else None
    return base.deployment if base else None


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
