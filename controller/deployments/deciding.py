"""What does every commit of a walk mean for every environment? Put together for one decision, written by `history`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

import controller
from controller import reconcile
from controller.deployments import lasting, platform, renaming, vanishing
from controller.deployments.doors import Connection, Doors
from controller.deployments.earlier import Earlier
from controller.deployments.evaluate import Evaluated
from controller.deployments.openings import Case, Made, Openings
from controller.deployments.walking import Asking, Before, Tip, Walk, walk
from controller.errors import ManifestError
from controller.history import branch
from controller.history.decision import Decided, DecidedRepository
from controller.history.standing import RepositoryStanding, Standing
from controller.model.deployment import EnvironmentStatus, Origin, Rank
from controller.model.record import Lasting
from controller.reconcile import Change, State, Want

log = logging.getLogger(__name__)


class Deciding:
    """One decision: what every commit of the walk means for every environment."""

    def __init__(
        self,
        doors: Doors,
        connection: Connection,
        now: RepositoryStanding,
        former: Mapping[str, str] | None = None,
        made: Made | None = None,
    ) -> None:
        self._doors = doors
        self._connection = connection
        self._now = now
        self._former = former or {}  # P/E -> what it was called at the first commits of the walk
        self._walk: Walk = walk(doors, connection, now)
        self._asking = Asking(doors, connection, now, self._former)
        self._earlier = Earlier(doors, connection, now, self._asking, self._former)
        self._openings = Openings(doors, connection, now, self._asking, self._earlier, made or Made())
        self._tips, self._wants = self._read()
        self.renames = renaming.renames(doors, now, self._tips, is_new=bool(self._walk.commits))

    def decision(self) -> DecidedRepository:
        tips, wants = self._tips, self._wants
        tip = tips[-1]
        before = [
            slug
            for slug, found in self._now.environments.items()
            if not vanishing.is_settled(found.environment) and slug not in self.renames.new
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
        before, tips, wants = self._before(), [], []
        for commit in commits:
            tip, wanted = self._asking.tip(commit, before)
            before = Before(tip.declared, tip.folders)
            tips.append(tip)
            wants.append(wanted)
        return tips, wants

    def _before(self) -> Before:
        """What was declared where the walk begins, as far as that is known."""
        ancestor, environments = self._walk.ancestor, self._now.environments
        known = [slug for slug, found in environments.items() if found.environment.declared]
        if ancestor is not None:
            there = branch.declared_at(self._doors.store, self._connection.id, ancestor)
            known = [slug for slug, found in environments.items() if found.environment.uuid in there]
        folders = {slug: folder for slug in known if (folder := environments[slug].environment.folder)}
        return Before(tuple(known), folders)

    def _slugs(self, wants: Sequence[Mapping[str, Want]], tip: Tip) -> list[str]:
        return sorted({*self._now.environments, *wants[-1], *tip.declared})

    def _case(self, slug: str, wants: Sequence[Mapping[str, Want]], tips: Sequence[Tip]) -> Case:
        standing = self._now.environments.get(slug)
        called = [self._called(slug, standing, tip, found) for tip, found in zip(tips, wants, strict=True)]
        given = tuple(found[name] for name, found in zip(called, wants, strict=True) if name)
        last = wants[-1].get(slug)
        is_new = bool(self._walk.commits) or standing is None
        earlier = self._at_ancestor(slug) if standing else {}
        config = lasting.readable(tips, slug) or (earlier[slug].config if slug in earlier else None) if last else None
        known = standing.environment if standing else None
        said = lasting.lasting(config, known)
        state = self._state(standing, "" if last else vanishing.GONE, observe=said.observes)
        dropped = vanishing.dropped(state.open) if last else ()
        if dropped:
            state = replace(state, open=tuple(one for one in state.open if one.id not in dropped))
        if waits := self.renames.waits(slug):
            state = replace(state, waits=waits)
        now = self._as_of_now(slug, state, given, last)
        on_removal = vanishing.declared([earlier, *(one.answers for one in tips)], slug, known)
        if last is None:
            said = Lasting()
        return Case(slug, standing, given if is_new else (), now, last, state, config, said, on_removal, dropped)

    def _called(self, slug: str, standing: Standing | None, tip: Tip, found: Mapping[str, Want]) -> str | None:
        """The name of an environment at a commit: as now, as before it was renamed, or of whoever is it by its uuid."""
        names = [slug, self._former.get(slug, slug)]
        if standing is not None:
            names += tip.claims.get(standing.environment.uuid, ())
        return next((name for name in names if name in found), None)

    def _at_ancestor(self, slug: str) -> Mapping[str, Evaluated]:
        """What the commit says from which a rewritten line goes on: what was said on the old one counts no more."""
        if self._walk.ancestor is None:
            return {}
        with contextlib.suppress(ManifestError):
            if found := self._earlier.answer(self._walk.ancestor, slug):
                return {slug: found}
        return {}

    def _state(self, standing: Standing | None, waits: str, *, observe: bool) -> State:
        if standing is None:
            return State(waits=waits, observe=observe)
        environment, walked = standing.environment, self._walk
        desired, desired_commit = standing.desired, standing.desired_commit
        pending = standing.pending
        if walked.rewritten:
            desired, desired_commit = walked.wanted.get(environment.uuid, (None, None))
            pending = tuple(found for found in pending if found.position <= walked.position)
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
            waits=waits,
            observe=observe,
        )

    def _as_of_now(self, slug: str, state: State, given: tuple[Want, ...], last: Want | None) -> Want | None:
        """What the newest valid commit wants with today's pins and sources."""
        valid = [want for want in given if want.digest is not None]
        if valid or last is None:
            return valid[-1] if valid else None
        if last.waits or state.desired_commit is None:
            return last
        found = self._earlier.answer(state.desired_commit, slug)
        return Want(state.desired_commit, found.digest, waits=found.waits) if found else None

    def _waiting(self, cases: Sequence[Case]) -> dict[str, str]:
        """For what each environment waits: those named by its `after` that are not in step yet."""
        if not any(case.lasting.after for case in cases):
            return {case.slug: case.state.waits for case in cases}
        wanted = {case.slug: reconcile.wanted(case.wants, case.now, case.state) for case in cases}
        applied = {case.slug: case.state.applied for case in cases}
        found = {}
        for case in cases:
            project = case.slug.partition("/")[0]
            names = case.lasting.after
            mine = {name: wanted.get(f"{project}/{name}") for name in names}
            theirs = {name: applied.get(f"{project}/{name}") for name in names}
            found[case.slug] = case.state.waits or reconcile.waits_for(names, mine, theirs)
        return found

    def _decided(self, case: Case, waits: str, tip: Tip, nothing_goes: bool) -> Decided:
        state = case.state if case.state.waits == waits else replace(case.state, waits=waits)
        outcome = reconcile.decide(case.wants, case.now, state)
        outcome = replace(outcome, superseded=(*outcome.superseded, *case.dropped)) if case.dropped else outcome
        gone = self._vanished(case, tip, nothing_goes)
        project, _, name = case.slug.partition("/")
        known = case.standing.environment if case.standing else None
        is_declared = case.tip is not None
        opening = gone.opening if gone else None
        if outcome.opening:
            opening = self._openings.new(case, outcome.opening, outcome, tip)
        superseded = outcome.superseded if is_declared else reconcile.replaced_by(Rank.GIT, state.open)
        return Decided(
            uuid=self._openings.uuid(case),
            project=project,
            name=name,
            version=case.standing.version if case.standing else None,
            type=case.config.type if case.config else known.type if known else "",
            told=outcome.rulings,
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
            lasting=case.lasting,
            folder=tip.folders.get(case.slug, known.folder if known else None),
            renamed_from=self._renamed_from(case.slug),
        )

    def _vanished(self, case: Case, tip: Tip, nothing_goes: bool) -> vanishing.Vanished | None:
        if case.standing is None or case.tip is not None:
            return None
        if case.slug in self.renames.new:
            return vanishing.Vanished(case.on_removal, False, f"{vanishing.GONE}; {self.renames.gone(case.slug)}")
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
