"""What does every commit of a walk mean for every environment? Put together for one decision, written by `history`."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import controller
from controller import pipeline, reconcile
from controller.deployments import evaluate, lasting, opened, platform, renaming, states, vanishing
from controller.deployments.doors import Connection, Doors
from controller.deployments.opened import Occasion
from controller.deployments.walking import Asking, Tip, Walk, desired_of, walk
from controller.history.decide import Decided, DecidedRepository, Told
from controller.history.opening import NewDeployment
from controller.history.standing import RepositoryStanding, Standing
from controller.model.deployment import EnvironmentStatus, Mode, Origin, Rank
from controller.model.manifest import EnvironmentConfig, OnRemoval
from controller.model.record import Lasting
from controller.model.tree import Commit
from controller.pipeline import Repository, Resolved
from controller.reconcile import Change, Opening, Outcome, State, Want
from controller.tofu import pinning

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Case:
    """One environment in one decision."""

    slug: str
    standing: Standing | None
    wants: tuple[Want, ...]  # of the walk, oldest first
    now: Want | None  # what its newest valid commit wants as of now
    tip: Want | None  # None: it is not declared any more
    state: State
    config: EnvironmentConfig | None  # the newest of the walk that can be read
    on_removal: OnRemoval = OnRemoval.APPROVE  # as it says of itself
    dropped: tuple[str, ...] = ()  # destroys from Git that end, for its directory is back


class Deciding:
    """One decision: what every commit of the walk means for every environment."""

    def __init__(
        self, doors: Doors, connection: Connection, now: RepositoryStanding, former: Mapping[str, str] | None = None
    ) -> None:
        self._doors = doors
        self._connection = connection
        self._now = now
        self._former = former or {}  # P/E -> what it was called at the first commits of the walk
        self._walk: Walk = walk(doors, connection, now)
        self._asking = Asking(doors, connection, now)
        self._uuids: dict[str, str] = {}
        self._read_before: dict[str, Repository] = {}
        self._tips, self._wants = self._read()
        self.renames = renaming.renames(doors, now, self._tips, is_new=bool(self._walk.commits))

    def decision(self) -> DecidedRepository:
        tips, wants = self._tips, self._wants
        tip = tips[-1]
        before = [
            slug
            for slug, found in self._now.environments.items()
            if not vanishing.is_settled(found.environment) and slug not in self.renames.old
        ]
        _, note = reconcile.vanished(before, tip.declared)
        cases = [self._case(slug, wants, tips) for slug in self._slugs(wants, tip)]
        waiting = self._waiting(cases)
        environments = tuple(self._decided(case, waiting[case.slug], tip, bool(note)) for case in cases)
        return DecidedRepository(
            id=self._connection.id,
            before=self._now.repository.decided_tip,
            tip=tip.commit.id,
            woken=self._now.wake,
            release=controller.__version__,
            now=self._doors.now(),
            commits=self._walk.commits,
            rewritten=self._walk.rewritten,
            ancestor=self._walk.ancestor,
            ranges=self._walk.ranges,
            projects=platform.projects(tip.repository, [case.slug for case in cases]) if tip.repository else {},
            catalogue=platform.catalogue(tip.repository) if tip.repository else None,
            problems=(*tip.problems, *([note] if note else [])),
            environments=environments,
            standing=frozenset(decided.uuid for decided in environments if self._stands(decided)),
        )

    def _read(self) -> tuple[list[Tip], list[dict[str, Want]]]:
        """What every commit wants; without a new one what the tip wants as of now."""
        head = self._now.repository.head
        commits = self._walk.commits or (self._connection.mirror.commit(str(head)),)
        read = [self._asking.tip(commit) for commit in commits]
        return [tip for tip, _ in read], [wants for _, wants in read]

    def _slugs(self, wants: Sequence[Mapping[str, Want]], tip: Tip) -> list[str]:
        return sorted({*self._now.environments, *wants[-1], *tip.declared})

    def _case(self, slug: str, wants: Sequence[Mapping[str, Want]], tips: Sequence[Tip]) -> _Case:
        standing = self._now.environments.get(slug)
        names = (slug, *([self._former[slug]] if slug in self._former else []))
        given = tuple(next(found[name] for name in names if name in found) for found in wants if found.keys() & names)
        last = wants[-1].get(slug)
        is_new = bool(self._walk.commits) or standing is None
        config = lasting.readable(tips, slug) if last else None
        state = self._state(standing, config) if last else replace(self._state(standing, None), waits=vanishing.GONE)
        dropped = vanishing.dropped(state.open) if last else ()
        if dropped:
            state = replace(state, open=tuple(one for one in state.open if one.id not in dropped))
        if waits := self.renames.waits(slug):
            state = replace(state, waits=waits)
        now = self._as_of_now(slug, state, given, last)
        known = standing.environment if standing else None
        on_removal = vanishing.declared([one.answers for one in tips], slug, known)
        return _Case(slug, standing, given if is_new else (), now, last, state, config, on_removal, dropped)

    def _state(self, standing: Standing | None, config: EnvironmentConfig | None) -> State:
        if standing is None:
            return State(observe=lasting.lasting(config, None).observes)
        environment, walked = standing.environment, self._walk
        desired, desired_commit = standing.desired, standing.desired_commit
        pending = standing.pending
        if walked.rewritten:
            desired, desired_commit = walked.wanted.get(environment.uuid, (None, None))
            pending = ()
        return State(
            applied=environment.applied,
            applied_deployment=environment.applied_deployment,
            decided=environment.decided,
            desired=desired,
            desired_commit=desired_commit,
            base=standing.base,
            pending=tuple(Change(found.commit, found.digest, found.reason) for found in pending),
            open=standing.open,
            holds=standing.holds,
            released=standing.released,
            observe=lasting.lasting(config, environment).observes,
        )

    def _as_of_now(self, slug: str, state: State, given: tuple[Want, ...], last: Want | None) -> Want | None:
        """What the newest valid commit wants with today's pins and sources."""
        valid = [want for want in given if want.digest is not None]
        if valid or last is None:
            return valid[-1] if valid else None
        if last.waits or state.desired_commit is None:
            return last
        repository = self._at(state.desired_commit)
        if slug not in pipeline.environments(repository):
            return None
        found = self._doors.memory.answer(f"{self._connection.id} before", self._asking.question(repository, slug))
        return Want(state.desired_commit, found.digest, waits=found.waits)

    def _at(self, commit: str) -> Repository:
        """An earlier commit, read once: where the tip is broken for all, all go back to the same few."""
        if commit not in self._read_before:
            self._read_before[commit] = pipeline.read(self._connection.mirror.snapshot(commit).tree)
        return self._read_before[commit]

    def _lasting(self, case: _Case) -> Lasting:
        known = case.standing.environment if case.standing and case.tip else None
        return lasting.lasting(case.config, known)

    def _waiting(self, cases: Sequence[_Case]) -> dict[str, str]:
        """For what each environment waits: those named by its `after` that are not in step yet."""
        wanted = {case.slug: reconcile.wanted(case.wants, case.now, case.state) for case in cases}
        applied = {case.slug: case.state.applied for case in cases}
        found = {}
        for case in cases:
            project = case.slug.partition("/")[0]
            names = self._lasting(case).after
            mine = {name: wanted.get(f"{project}/{name}") for name in names}
            theirs = {name: applied.get(f"{project}/{name}") for name in names}
            found[case.slug] = case.state.waits or reconcile.waits_for(names, mine, theirs)
        return found

    def _decided(self, case: _Case, waits: str, tip: Tip, nothing_goes: bool) -> Decided:
        state = case.state if case.state.waits == waits else replace(case.state, waits=waits)
        outcome = reconcile.decide(case.wants, case.now, state)
        outcome = replace(outcome, superseded=(*outcome.superseded, *case.dropped)) if case.dropped else outcome
        gone = self._vanished(case, tip, nothing_goes)
        project, _, name = case.slug.partition("/")
        known = case.standing.environment if case.standing else None
        is_declared = case.tip is not None
        opening = gone.opening if gone else None
        if outcome.opening:
            opening = self._opening(case, outcome.opening, outcome, tip)
        superseded = outcome.superseded if is_declared else reconcile.replaced_by(Rank.GIT, state.open)
        return Decided(
            uuid=self._uuid(case),
            project=project,
            name=name,
            version=case.standing.version if case.standing else None,
            type=case.config.type if case.config else known.type if known else "",
            told=tuple(_told(ruling) for ruling in outcome.rulings),
            declared=is_declared,
            marked=gone is not None and gone.marked,
            forgotten=gone is not None and gone.forgotten,
            on_removal=gone.on_removal if gone else case.on_removal,
            tip=case.tip.digest if case.tip else None,
            desired=outcome.desired,
            desired_commit=outcome.desired_commit,
            problems=case.tip.problems if case.tip else (),
            note=gone.note if gone else outcome.waits,
            decided=outcome.decided,
            opening=opening,
            superseded=superseded,
            ends_pin=outcome.ends_pin,
            releases_pin=outcome.releases_pin,
            lasting=self._lasting(case),
            folder=tip.folders.get(case.slug, known.folder if known else None),
            renamed_from=self._renamed_from(case.slug),
        )

    def _vanished(self, case: _Case, tip: Tip, nothing_goes: bool) -> vanishing.Vanished | None:
        if case.standing is None or case.tip is not None:
            return None
        if case.slug in self.renames.old:
            new = next(new for new, old in self.renames.asked.items() if old == case.slug)
            return vanishing.Vanished(case.on_removal, False, f"{vanishing.GONE}; {renaming.gone(case.slug, new)}")
        return vanishing.vanished(self._doors, case.standing, case.on_removal, tip.commit.id, nothing_goes=nothing_goes)

    def _renamed_from(self, slug: str) -> str | None:
        old = self.renames.asked.get(slug)
        return self._now.environments[old].environment.uuid if old else None

    def _stands(self, decided: Decided) -> bool:
        """Whether the decision leaves an environment as it is: of a thousand most."""
        before = self._now.environments.get(f"{decided.project}/{decided.name}")
        if before is None or self._walk.rewritten or any(told.changed for told in decided.told):
            return False
        if decided.opening or decided.superseded or decided.ends_pin or decided.releases_pin:
            return False
        known = before.environment
        status = EnvironmentStatus.MARKED_FOR_REMOVAL if decided.marked else EnvironmentStatus.ACTIVE
        return (
            (known.type, known.origin, known.status, known.desired) == (decided.type, Origin.GIT, status, decided.tip)
            and (known.problems, known.note, known.declared) == (decided.problems, decided.note, decided.declared)
            and (known.on_removal, decided.forgotten) == (decided.on_removal, False)
            and (decided.desired is None or decided.desired == before.desired)
            and (decided.desired is None or decided.desired_commit == before.desired_commit)
            and (decided.decided is None or decided.decided == known.decided)
            and (decided.folder, decided.renamed_from) == (known.folder, known.renamed_from)
            and decided.lasting == known.lasting
        )

    def _opening(self, case: _Case, opening: Opening, outcome: Outcome, tip: Tip) -> NewDeployment:
        """Resolve once more, in full, what is to be deployed."""
        commit = self._connection.mirror.commit(opening.commit)
        is_tip = tip.repository is not None and opening.commit == tip.commit.id
        tree = self._connection.mirror.snapshot(opening.commit).tree
        repository = tip.repository if is_tip and tip.repository else pipeline.read(tree)
        resolved, base = evaluate.resolve(self._asking.question(repository, case.slug))
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
        return opened.new(self._doors, resolved, occasion, self._uuid(case), environment)

    def _reason(self, case: _Case, commit: Commit, source: str | None, resolved: Resolved) -> str:
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

    def _goes_first(self, case: _Case, config: EnvironmentConfig) -> tuple[str, ...]:
        """Environments whose open deployments go before this one: its source and those of `after`."""
        project = case.slug.partition("/")[0]
        source = pipeline.source_of(config)
        names = {*config.after, *([source.name] if source and source.kind == "environment" else [])}
        known = (self._now.environments.get(f"{project}/{name}") for name in sorted(names))
        return tuple(found.environment.uuid for found in known if found)

    def _uuid(self, case: _Case) -> str:
        """The environment's identity: as known, else as it says itself, else a new one."""
        if case.standing is not None:
            return case.standing.environment.uuid
        if case.slug not in self._uuids:
            given = case.config.uuid if case.config else None
            is_free = given is not None and given not in self._now.uuids
            self._uuids[case.slug] = given if given and is_free else self._left_behind(case.slug) or str(uuid.uuid4())
        return self._uuids[case.slug]

    def _left_behind(self, slug: str) -> str | None:
        """What it was called when its state was written, if the database is older than that."""
        found = states.left_behind(self._doors.data / "states", slug, self._now.uuids)
        if found is not None:
            log.warning(
                "%s: there is a state of it that the database does not know, of uuid %s: that goes on", slug, found
            )
        return found


def _told(ruling: reconcile.Ruling) -> Told:
    return Told(
        commit=ruling.commit,
        kind=ruling.kind,
        desired=ruling.digest,
        changed=ruling.changed,
        deployment=ruling.deployment,
        other_commit=ruling.other_commit,
        reason=ruling.reason,
        problems=ruling.problems,
    )
