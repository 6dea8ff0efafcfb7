"""What is opened for a commit? One environment in one decision, who it is, and all that its deployment is made of."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from controller import pipeline
from controller.deployments import evaluate, opened, states
from controller.deployments.doors import Connection, Doors
from controller.deployments.earlier import Earlier
from controller.deployments.opened import Occasion
from controller.deployments.walking import Asking, Tip, desired_of
from controller.history.opening import NewDeployment
from controller.history.standing import RepositoryStanding, Standing
from controller.model.deployment import Mode
from controller.model.manifest import EnvironmentConfig, OnRemoval
from controller.model.record import Lasting
from controller.model.tree import Commit
from controller.pipeline import Resolved
from controller.reconcile import Opening, Outcome, State, Want
from controller.tofu import pinning

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Case:
    """One environment in one decision."""

    slug: str
    standing: Standing | None
    wants: tuple[Want, ...]  # of the walk, oldest first
    now: Want | None  # what its newest valid commit wants as of now
    tip: Want | None  # None: it is not declared any more
    state: State
    config: EnvironmentConfig | None  # the newest of the walk that can be read
    lasting: Lasting
    on_removal: OnRemoval = OnRemoval.APPROVE  # as it says of itself
    dropped: tuple[str, ...] = ()  # destroys from Git that end, for its directory is back


class Made:
    """What was made for a decision that was overtaken: it is taken again where the next one opens the same.

    Of ten thousand environments a few change while a decision is made; for the others all would be made twice.
    """

    def __init__(self) -> None:
        self.tip: str | None = None  # at which commit
        self.uuids: dict[str, str] = {}  # of environments that are new
        self._openings: dict[str, tuple[object, NewDeployment]] = {}

    def opening(self, case: Case, of: object, make: Callable[[], NewDeployment]) -> NewDeployment:
        """The same as before if it is made of the same, else a new one."""
        before = self._openings.get(case.slug)
        if before is not None and before[0] == of:
            return before[1]
        made = make()
        if not (case.lasting.after or (case.config and case.config.source)):  # else it is made of others' state too
            self._openings[case.slug] = of, made
        return made


class Openings:
    """Makes what a decision opens; an environment that is new has one identity in all of it."""

    def __init__(
        self,
        doors: Doors,
        connection: Connection,
        now: RepositoryStanding,
        asking: Asking,
        earlier: Earlier,
        made: Made,
    ) -> None:
        self._doors = doors
        self._connection = connection
        self._now = now
        self._asking = asking
        self._earlier = earlier
        self._made = made

    def new(self, case: Case, opening: Opening, outcome: Outcome, tip: Tip) -> NewDeployment:
        """What opens, with all that it is made of."""
        of = case, self.uuid(case), opening, outcome, tip.commit.id, self._now.modules
        return self._made.opening(case, of, lambda: self._new(case, opening, outcome, tip))

    def _new(self, case: Case, opening: Opening, outcome: Outcome, tip: Tip) -> NewDeployment:
        """Resolve once more, in full, what is to be deployed: at a commit where it has a name that is known."""
        self._doors.go_on()
        is_tip = tip.repository is not None and opening.commit == tip.commit.id
        repository = tip.repository if is_tip and tip.repository else self._earlier.at(opening.commit)
        called = self._earlier.name(repository, case.slug)
        if called is None and tip.repository is not None:
            opening, repository = replace(opening, commit=tip.commit.id), tip.repository
        commit = self._connection.mirror.commit(opening.commit)
        question = self._asking.question(repository, case.slug, called)
        if repository is tip.repository:
            resolved, base = self._doors.memory.resolve(self._connection.id, question)
        else:
            resolved, base = evaluate.resolve(question)
        environment = case.standing.environment if case.standing else None
        occasion = Occasion(
            reason=self._reason(case, commit, base.deployment if base else None, resolved),
            repository=self._connection.id,
            commit=commit,
            mode=Mode.PLAN_ONLY if opening.plan_only else Mode.DEPLOY,
            source_commit=base.commit if base else None,
            must_approve=opening.must_approve,
            superseded=outcome.superseded,
            waits_for=self._goes_first(case, resolved.config),
        )
        made = opened.new(self._doors, resolved, occasion, self.uuid(case), environment)
        project, _, name = case.slug.partition("/")
        return replace(made, project=project, environment=name)

    def _reason(self, case: Case, commit: Commit, source: str | None, resolved: Resolved) -> str:
        if case.standing is None or case.standing.environment.last_success is None:
            return f"first deployment, from commit {commit.id[:10]}"
        if case.wants and any(want.commit == commit.id for want in case.wants):
            return f"commit {commit.id[:10]} changes it"
        applied = desired_of(self._doors, case.standing.environment.last_success)
        if moved := pinning.moved(applied, resolved.desired.document):
            return "; ".join(moved)
        if source is not None and case.config is not None:
            return f"{case.config.source} was deployed ({source})"
        return f"what commit {commit.id[:10]} wants is not what is applied"

    def _goes_first(self, case: Case, config: EnvironmentConfig) -> tuple[str, ...]:
        """Environments whose open deployments go before this one: its source and those of `after`."""
        project = case.slug.partition("/")[0]
        source = pipeline.source_of(config)
        names = {*config.after, *([source.name] if source and source.kind == "environment" else [])}
        known = (self._now.environments.get(f"{project}/{name}") for name in sorted(names))
        return tuple(found.environment.uuid for found in known if found)

    def uuid(self, case: Case) -> str:
        """The environment's identity: as known, else as it says itself, else a new one."""
        if case.standing is not None:
            return case.standing.environment.uuid
        given = case.config.uuid if case.config else None
        if given is not None and given not in self._now.uuids:
            return given
        if case.slug not in self._made.uuids:
            self._made.uuids[case.slug] = self._left_behind(case.slug) or str(uuid.uuid4())
        return self._made.uuids[case.slug]

    def _left_behind(self, slug: str) -> str | None:
        """What it was called when its state was written, if the database is older than that."""
        found = states.left_behind(self._doors.data / "states", slug, self._now.uuids)
        if found is not None:
            log.warning(
                "%s: there is a state of it that the database does not know, of uuid %s: that goes on", slug, found
            )
        return found
