"""What was asked before of a commit? Each answer with what was read for it; it holds as long as that reads the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from controller import pipeline
from controller.deployments import evaluate
from controller.deployments.evaluate import Evaluated, Question, Whole
from controller.history.standing import Standing
from controller.manifest import filenames
from controller.manifest.layout import Found
from controller.model.manifest import EnvironmentConfig
from controller.model.noted import Footprint, Noted
from controller.model.tree import Tree
from controller.pipeline import Repository

_AT_HAND = 100  # answers of a commit that are kept in full until they are deployed: each may be large


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
        evaluated, whole = evaluate.answer_whole(
            replace(question, repository=pipeline.fresh(question.repository, noted))
        )
        base = _base_id(question, evaluated.config)
        footprint = noted.footprint(*_folders(question))
        modules = {source: question.past.of(source) for source in evaluated.modules}
        self._entries[repository, question.slug] = _Entry(key, footprint, base, modules, evaluated)
        at_hand = self._whole.get(repository)  # None: of earlier commits nothing is deployed as it was computed
        if at_hand is not None:
            at_hand.pop(question.slug, None)
            if whole is not None and len(at_hand) < _AT_HAND:
                at_hand[question.slug] = whole
        return evaluated

    def resolve(self, repository: str, question: Question) -> Whole:
        """The whole of it: as it was computed for the answer, where that was just now and was kept; else anew."""
        whole = self._whole.get(repository, {}).pop(question.slug, None)
        if whole is not None and self._holding(repository, question, self._key(repository, question)) is not None:
            return whole
        return evaluate.resolve(question)

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
        past = question.past.binding, question.past.providers, question.past.used
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


def _folders(question: Question) -> tuple[str, str]:
    where = question.repository.layout
    return filenames.join(where.projects, question.project), where.platform


def _base_id(question: Question, config: EnvironmentConfig | None) -> str | None:
    base = question.base_of(question.project, config) if config and config.source else None
    return base.deployment if base else None
