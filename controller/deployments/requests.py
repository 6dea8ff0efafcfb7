"""What would merging a ref change? Every environment whose wish differs is planned, on copies, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from controller import comparison, pipeline
from controller.catalog import rules
from controller.comparison import Wish
from controller.deployments import evaluate, opened, vanishing
from controller.deployments.doors import Connection, Doors
from controller.deployments.evaluate import Question
from controller.deployments.opened import Occasion
from controller.deployments.walking import Asking
from controller.errors import ConflictError, ManifestError, NotFoundError, suggest
from controller.forge import comment as text
from controller.forge.comment import EnvironmentPlan, PlanReport
from controller.git import requests as refs
from controller.history import person, read
from controller.history import standing as picture
from controller.history.audit import Act
from controller.history.opening import NewDeployment
from controller.history.person import NewRequest
from controller.model.deployment import Mode, Rank
from controller.model.document import Json
from controller.model.record import Deployment, RequestRecord
from controller.pipeline import Repository, Resolved


@dataclass(frozen=True, slots=True)
class PlannedRef:
    """A ref as it would be after a merge into the watched branch; `deployments` plan what would change.

    `comment()` is the text for a pull request as of now: call it when every deployment has ended.
    """

    id: str
    ref: str
    commit: str
    base: str
    deployments: tuple[Deployment, ...]
    problems: Mapping[str, tuple[str, ...]]  # P/E -> why it cannot be planned
    conflicts: tuple[str, ...]  # paths that do not merge; then nothing is planned
    unchanged: tuple[str, ...]
    notes: Mapping[str, str]  # P/E -> why it is not planned although it would change
    comment: Callable[[], str]


def plan_ref(doors: Doors, actor: str, ref: str, *, repository: str | None = None) -> PlannedRef:
    """Plan every environment that merging `ref` into the watched branch would change."""
    connection = _connection(doors, repository)
    name, head, base = _fetched(connection, ref)
    id = str(uuid.uuid4())
    found = _Comparing(doors, connection, _Asked(id, name, head, base, actor)).found()
    request = NewRequest(
        id=id,
        repository=connection.id,
        ref=name,
        head=head,
        base=base,
        base_branch=connection.branch,
        findings=found.document(),
    )
    person.requested(doors.store, request, found.deployments, Act(actor, doors.now()))
    for new in found.deployments:
        connection.mirror.keep(head, new.id)
    return planned_ref(doors, id)


def planned_ref(doors: Doors, id: str) -> PlannedRef:
    """A ref that `plan_ref` planned, as it is now."""
    row = read.request(doors.store, id)
    return PlannedRef(
        id=row.id,
        ref=row.ref,
        commit=row.head,
        base=row.base,
        deployments=_deployments(doors, row),
        problems=row.problems,
        conflicts=row.conflicts,
        unchanged=row.unchanged,
        notes=row.notes,
        comment=lambda: text.comment(_report(doors, read.request(doors.store, id))),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    id: str
    ref: str
    head: str
    base: str
    actor: str


@dataclass
class _Findings:
    """What comparing found, before any engine runs."""

    conflicts: tuple[str, ...] = ()
    problems: dict[str, list[str]] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    differences: dict[str, Json] = field(default_factory=dict)
    deployments: list[NewDeployment] = field(default_factory=list)

    def document(self) -> dict[str, Json]:
        return {
            "conflicts": list(self.conflicts),
            "problems": self.problems,
            "unchanged": self.unchanged,
            "notes": self.notes,
            "differences": self.differences,
        }


class _Comparing:
    """Compares what the merge would want with what the watched branch wants."""

    def __init__(self, doors: Doors, connection: Connection, request: _Asked) -> None:
        self._doors = doors
        self._connection = connection
        self._request = request
        self._now = picture.standing(doors.store, connection.id, doors.now())
        self._asking = Asking(doors, connection, self._now, is_for_plans=True)
        self._findings = _Findings()

    def found(self) -> _Findings:
        merged = self._connection.mirror.merge_tree(self._request.base, self._request.head)
        if merged.tree is None:
            self._findings.conflicts = merged.conflicts
            return self._findings
        before = pipeline.read(self._connection.mirror.snapshot(self._request.base).tree)
        try:
            after = pipeline.read(merged.tree)
        except ManifestError as e:
            problems = [str(problem) for problem in e.problems]
            self._findings.problems = dict.fromkeys(pipeline.environments(before), problems)
            return self._findings
        for slug in sorted({*after.found.environments, *before.found.environments}):
            if slug in after.found.environments:
                self._compare(slug, before, after)
            else:
                known = self._now.environments.get(slug)
                what = vanishing.foretold(self._doors, known.environment if known else None)
                self._findings.notes[slug] = f"its directory would be gone; {what}"
        return self._findings

    def _compare(self, slug: str, before: Repository, after: Repository) -> None:
        is_new = slug not in before.found.environments
        asked = self._asking.question(after, slug)
        wanted = evaluate.answer(asked)
        was = None if is_new else evaluate.answer(self._asking.question(before, slug))
        if wanted.problems:
            self._findings.problems[slug] = list(wanted.problems)
        elif wanted.waits:
            self._findings.notes[slug] = f"not planned: {wanted.waits}"
        elif was is not None and was.digest == wanted.digest:
            self._findings.unchanged.append(slug)
        else:
            self._open(asked, before)

    def _open(self, asked: Question, before: Repository) -> None:
        """Plan an environment; who may read it, and what the engine is given, is for the watched branch to say."""
        slug, findings = asked.slug, self._findings
        resolved, base = evaluate.resolve(asked)
        known = self._now.environments.get(slug)
        found = comparison.compare(self._wish(slug, before), Wish(resolved.graph, resolved.desired.document))
        findings.differences[slug] = {"changes": list(found.sentences), "mermaid": found.mermaid}
        runner = rules.runner_for(before.catalog.catalog, asked.project, resolved.config.type)
        if runner is None or (known is None and not runner.configuration.get("request")):
            which = f"runner `{runner.id}` has no `request` section" if runner else "no runner serves it"
            findings.notes[slug] = f"new; not planned before the merge: {which}"
            return
        environment = known.environment if known else None
        new = opened.new(
            self._doors,
            replace(resolved, runner=runner),
            Occasion(
                reason=f"{self._request.ref} would change it",
                repository=self._connection.id,
                commit=self._connection.mirror.commit(self._request.head),
                created_by=self._request.actor,
                mode=Mode.PLAN_ONLY,
                rank=Rank.PERSON,
                source_commit=base.commit if base else None,
                ref=self._request.ref,
                request=self._request.id,
            ),
            environment.uuid if environment else str(uuid.uuid4()),
            environment,
        )
        findings.deployments.append(new)

    def _wish(self, slug: str, before: Repository) -> Wish | None:
        if slug not in before.found.environments:
            return None
        try:
            found: Resolved = evaluate.resolve(self._asking.question(before, slug))[0]
        except ManifestError:
            return None
        return Wish(found.graph, found.desired.document)


def _connection(doors: Doors, repository: str | None) -> Connection:
    if repository is None and len(doors.connections) == 1:
        return next(iter(doors.connections.values()))
    if repository is None:
        raise ConflictError(f"several repositories are watched; name one of {', '.join(sorted(doors.connections))}")
    if repository not in doors.connections:
        remedy = suggest(repository, doors.connections, "list it under `connections` in the settings")
        raise NotFoundError(f"repository `{repository}` is not watched; {remedy}")
    return doors.connections[repository]


def _fetched(connection: Connection, ref: str) -> tuple[str, str, str]:
    """Full name of a ref, its commit, and the commit of the watched branch, all fetched."""
    mirror = connection.mirror
    heads = mirror.heads()
    name = refs.named(heads, ref)
    if name is None:
        short = [found.removeprefix("refs/heads/").removeprefix("refs/") for found in heads]
        remedy = suggest(ref, short, "push it first, or give the full name of a ref, such as refs/pull/7/head")
        raise NotFoundError(f"{connection.url} has no ref `{ref}`; {remedy}")
    found = mirror.fetch([name, mirror.ref])
    if name not in found or mirror.ref not in found:
        raise NotFoundError(f"{connection.url}: `{name}` or `{mirror.ref}` has just gone; try again")
    return name, mirror.commit(found[name]).id, mirror.commit(found[mirror.ref]).id


def _deployments(doors: Doors, row: RequestRecord) -> tuple[Deployment, ...]:
    found = [read.deployment(doors.store, id) for id in row.deployments]
    return tuple(sorted(found, key=lambda each: (each.project, each.environment)))


def _report(doors: Doors, row: RequestRecord) -> PlanReport:
    return PlanReport(
        repository=row.repository,
        ref=row.ref,
        head=row.head,
        base=row.base,
        base_branch=row.base_branch,
        plans=tuple(_plan(doors, row, each) for each in _deployments(doors, row)),
        problems=row.problems,
        conflicts=row.conflicts,
        unchanged=row.unchanged,
        notes=row.notes,
    )


def _plan(doors: Doors, row: RequestRecord, each: Deployment) -> EnvironmentPlan:
    slug = f"{each.project}/{each.environment}"
    details = read.details(doors.store, each.id)
    difference = row.differences.get(slug, {})
    return EnvironmentPlan(
        slug=slug,
        deployment=each.id,
        status=each.status,
        message=each.message,
        counts=each.counts,
        no_changes=each.no_changes,
        changes=tuple((details.summary or {}).get("changes", ())),
        differences=tuple(difference.get("changes", ())),
        mermaid=difference.get("mermaid", ""),
        diagnostics=details.diagnostics,
        warnings=each.warnings,
        link=f"{doors.page.rstrip('/')}/deployments/{each.id}" if doors.page else "",
    )
