"""Which commits are there to decide on, and what does each of them want of every environment?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from controller import configs, pipeline
from controller.deployments import parts
from controller.deployments.doors import Connection, Doors
from controller.deployments.evaluate import Base, Evaluated, Past, Question
from controller.errors import ManifestError, NotFoundError, Place, Problem
from controller.history import branch, opening, read
from controller.history import standing as picture
from controller.history.standing import RepositoryStanding, Standing
from controller.model.deployment import HoldKind, Status
from controller.model.document import Json, placed
from controller.model.graph import Coordinate
from controller.model.manifest import EnvironmentConfig
from controller.model.record import CommitRange
from controller.model.tree import Commit, Tree
from controller.pipeline import Repository
from controller.reconcile import Want


@dataclass(frozen=True, slots=True)
class Walk:
    """The commits from the decided tip to the head, oldest first.

    `rewritten`: commits after `ancestor` are on the branch no more; `wanted` is what Git wanted there: uuid of an
    environment -> digest, and the commit that brought it.
    """

    commits: tuple[Commit, ...]
    rewritten: bool = False
    ancestor: str | None = None
    position: int = -1  # of `ancestor`
    wanted: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    ranges: tuple[CommitRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest commit, as it was read; None where not even `lockstep.yaml` could be."""

    commit: Commit
    repository: Repository | None
    declared: tuple[str, ...]  # P/E
    problems: tuple[str, ...]
    answers: Mapping[str, Evaluated]
    folders: Mapping[str, str] = field(default_factory=dict)  # P/E -> Git's id of its directory
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # uuid -> P/E whose settings name it


@dataclass(frozen=True, slots=True)
class Before:
    """What was declared before a commit: all that is known of one where not even `lockstep.yaml` can be read."""

    declared: tuple[str, ...]  # P/E
    folders: Mapping[str, str] = field(default_factory=dict)


def walk(doors: Doors, connection: Connection, now: RepositoryStanding) -> Walk:
    """At first sight only the tip; after a force-push what came since the old and the new line parted.

    Where they parted before what was ever decided on, the commit where they did is decided as at first sight.
    """
    head, old, mirror = now.repository.head, now.repository.decided_tip, connection.mirror
    if head is None or head == old:
        return Walk(())
    if old is None:
        return Walk((mirror.commit(head),), ranges=(CommitRange(None, head, "before Lockstep"),))
    found = mirror.walk(head, old, doors.limits.walk)
    first = next(iter(found.commits[0].parents), None) if found.commits else head
    if found.is_truncated:
        many = f"more than {doors.limits.walk} commits at once"
        ranges: tuple[CommitRange, ...] = (CommitRange(old, first or head, many),)
    else:
        ranges = ()
    if not found.is_forced:
        return Walk(found.commits, ranges=ranges)
    commits, ancestor = found.commits, branch.on_branch(doors.store, connection.id, [first] if first else [])
    if first and ancestor is None and not found.is_truncated:
        earlier = [commit.id for commit in mirror.walk(first, None, doors.limits.walk).commits]
        commits, ancestor = (mirror.commit(first), *commits), branch.on_branch(doors.store, connection.id, earlier)
    if ancestor is None:
        return Walk(commits, True, ranges=ranges)
    position = branch.up_to(doors.store, connection.id, ancestor)
    return Walk(commits, True, ancestor, position, branch.wanted_at(doors.store, connection.id, ancestor), ranges)


class Asking:
    """Asks commits what they want, with what is recorded at the moment of a decision."""

    def __init__(
        self,
        doors: Doors,
        connection: Connection,
        now: RepositoryStanding,
        former: Mapping[str, str] | None = None,
        *,
        is_for_plans: bool = False,
    ) -> None:
        """`former`: P/E -> what it was called at the first of the commits."""
        self._later = {old: new for new, old in (former or {}).items()}
        self._doors = doors
        self._connection = connection
        self._now = now
        self._is_for_plans = is_for_plans
        self._bases: dict[tuple[str, str, str], Base | None] = {}
        self._used: dict[str, frozenset[str]] = {}

    def question(self, repository: Repository, slug: str, called: str | None = None) -> Question:
        """What there is to ask about one environment at a commit, where it was `called` something else perhaps."""
        project, _, name = (called or slug).partition("/")
        past = self._past(self._standing(repository, slug), needs_used=bool(repository.catalog.problems))
        kind = self._doors.engine.kind
        return Question(repository, project, name, past, kind, self.base_of, self._is_for_plans)

    def _standing(self, repository: Repository, slug: str) -> Standing | None:
        """Who it is, also where it has another name by now."""
        environments = self._now.environments
        known = environments.get(slug) or environments.get(self._later.get(slug, ""))
        if known is None and (uuid := uuid_of(repository, slug)):
            return environments.get(self._now.uuids.get(uuid, ""))
        return known

    def tip(self, commit: Commit, before: Before) -> tuple[Tip, dict[str, Want]]:
        """Read a commit, and what it wants of each environment that it declares, or that it breaks."""
        tree = self._connection.mirror.snapshot(commit.id).tree
        try:
            repository = self._doors.memory.read(self._connection.id, tree)
        except ManifestError as e:
            problems = tuple(str(problem) for problem in e.problems)
            wants = {slug: Want(commit.id, None, problems) for slug in before.declared}
            return Tip(commit, None, tuple(wants), problems, {}, before.folders), wants
        mine, foreign = self._split(pipeline.environments(repository))
        folders = {slug: files.folder for slug, files in repository.found.environments.items()}
        foreign += [_made_by_hand(slug, folders[slug]) for slug in mine if slug in self._now.by_hand]
        mine = [slug for slug in mine if slug not in self._now.by_hand]
        answers = {slug: self._answer(repository, slug) for slug in mine}
        parent = self._parent(commit)
        wants = {
            slug: _want(commit.id, found, self._is_pinned(slug) and _touched(tree, parent, folders[slug]))
            for slug, found in answers.items()
        }
        broken = self._broken(repository, wants) | self._doubled(answers)
        wants |= {slug: Want(commit.id, None, tuple(map(str, problems))) for slug, problems in broken.items()}
        elsewhere = tuple(map(str, (*foreign, *_of_no_environment(repository, wants))))
        contents = {slug: content for slug in mine if (content := _identity(tree, folders[slug]))}
        return Tip(commit, repository, tuple(sorted(wants)), elsewhere, answers, contents, _claims(answers)), wants

    def base_of(self, project: str, config: EnvironmentConfig) -> Base | None:
        """What the source of an environment deployed last; None where it never did."""
        source = pipeline.source_of(config)
        if source is None:
            return None
        key = project, str(config.source), config.follow
        if key not in self._bases:
            self._bases[key] = _base(self._doors, project, source, pinned_too=config.follow == "any")
        return self._bases[key]

    def _is_pinned(self, slug: str) -> bool:
        """Whether it matters what a commit touches: that ends a pin."""
        standing = self._now.environments.get(slug)
        return standing is not None and any(hold.kind is HoldKind.PINNED for hold in standing.holds)

    def _answer(self, repository: Repository, slug: str) -> Evaluated:
        self._doors.go_on()
        return self._doors.memory.answer(self._connection.id, self.question(repository, slug))

    def _past(self, found: Standing | None, *, needs_used: bool) -> Past:
        if found is None:
            return Past(modules=self._now.modules, unresolved=self._now.unresolved)
        success = found.environment.last_success if needs_used else None
        if success is not None and success not in self._used:
            self._used[success] = _types(self._doors, success)
        used = self._used.get(success, frozenset()) if success else frozenset()
        return Past(found.environment.binding, found.providers, self._now.modules, self._now.unresolved, used)

    def _split(self, declared: Iterable[str]) -> tuple[list[str], list[Problem]]:
        """Environments of projects that are ours, and problems about those that another repository declared first."""
        mine, foreign = [], {}
        for slug in declared:
            project = slug.partition("/")[0]
            owner = self._now.owners.get(project, self._connection.id)
            if owner == self._connection.id:
                mine.append(slug)
            else:
                what = f"project `{project}` belongs to repository `{owner}`, which declared it first"
                remedy = "give it another name, or remove it there"
                if owner not in self._doors.connections:
                    what += " and is not connected any more"
                    remedy = f"give it another name, or connect that repository again as `{owner}`"
                foreign[project] = Problem(project, what, remedy)
        return mine, [foreign[project] for project in sorted(foreign)]

    def _broken(self, repository: Repository, wants: Mapping[str, Want]) -> dict[str, tuple[Problem, ...]]:
        """Known environments that are not declared, but whose directory holds files that are in the way of that."""
        found = repository.found.problems
        return {
            slug: (*found.get(slug.partition("/")[0], ()), *found.get(slug, ()))
            for slug in self._now.environments
            if slug not in wants and (slug in found or slug.partition("/")[0] in found)
        }

    def _doubled(self, answers: Mapping[str, Evaluated]) -> dict[str, tuple[Problem, ...]]:
        """Environments that claim an identity which another one has; that of one which is gone may be theirs."""
        gone = {found.environment.uuid for slug, found in self._now.environments.items() if slug not in answers}
        owners = {uuid: slug for uuid, slug in self._now.uuids.items() if uuid not in gone}
        found: dict[str, tuple[Problem, ...]] = {}
        for slug, answer in sorted(answers.items()):
            given = answer.config.uuid if answer.config else None
            if given is not None and answer.config and owners.setdefault(given, slug) != slug:
                what = f"uuid {given} is that of {owners[given]}"
                found[slug] = (Problem(answer.config.place, what, "each environment needs its own"),)
        return found

    def _parent(self, commit: Commit) -> Tree | None:
        try:
            return self._connection.mirror.snapshot(commit.parents[0]).tree if commit.parents else None
        except NotFoundError:
            return None


def _claims(answers: Mapping[str, Evaluated]) -> dict[str, tuple[str, ...]]:
    """Uuid -> the environments whose settings name it, sorted: the first of them has it."""
    found: dict[str, tuple[str, ...]] = {}
    for slug, answer in sorted(answers.items()):
        if answer.config and answer.config.uuid:
            found[answer.config.uuid] = (*found.get(answer.config.uuid, ()), slug)
    return found


def uuid_of(repository: Repository, slug: str) -> str | None:
    """The identity that an environment says of itself."""
    project, _, name = slug.partition("/")
    try:
        return configs.config_of(repository, project, name).uuid
    except ManifestError:
        return None


def _made_by_hand(slug: str, folder: str) -> Problem:
    words = slug.replace("/", " ")
    return Problem(
        folder,
        f"an environment {slug} was made by hand, and is another one than this",
        f"give this another name, or delete that one with `lockstep delete environment {words}`",
    )


def _want(commit: str, found: Evaluated, touched: bool) -> Want:
    return Want(commit, found.digest, found.problems, touched, found.waits)


def _touched(tree: Tree, before: Tree | None, folder: str) -> bool:
    """Whether a file in the environment's own directory differs from the commit before."""
    return before is None or _identity(before, folder) != _identity(tree, folder)


def _identity(tree: Tree, path: str) -> str | None:
    try:
        return tree.identity(path)
    except KeyError:
        return None


def _of_no_environment(repository: Repository, wants: Mapping[str, Want]) -> Iterable[Problem]:
    """Problems of the commit that no environment has among its own."""
    for slug, problems in sorted(repository.found.problems.items()):
        if not any(other == slug or other.startswith(f"{slug}/") for other in wants):
            yield from problems
    if not wants:
        yield from (breakage.problem for breakage in repository.catalog.problems)


def _base(doors: Doors, project: str, source: pipeline.Source, *, pinned_too: bool) -> Base | None:
    if source.kind == "environment":
        found = picture.last_from_git(doors.store, project, source.name, pinned_too=pinned_too)
    else:
        try:
            found = read.deployment(doors.store, source.name)
        except NotFoundError:
            return None
        if found.project != project or found.status is not Status.SUCCEEDED:
            return None
    if found is None:
        return None
    part = opening.parts(doors.store, found.id, (parts.MANIFEST,))[parts.MANIFEST]
    document = placed(parts.read(part), Place(f"deployment {found.id}"))
    return Base(found.id, found.commit, document)


def desired_of(doors: Doors, deployment: str) -> Mapping[str, Json]:
    """The document that says what a deployment wanted."""
    part = opening.parts(doors.store, deployment, (parts.DESIRED,))[parts.DESIRED]
    document: Mapping[str, Json] = json.loads(part.content)
    return document


def _types(doors: Doors, deployment: str) -> frozenset[str]:
    desired = desired_of(doors, deployment)
    types = (Coordinate.parse(text).type for text in desired["nodes"])
    return frozenset({*types, *(f"{block['type']}.{block['id']}" for block in desired["providers"].values())})
