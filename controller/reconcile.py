"""What Git wants against what was applied and decided: which verdict has each commit, and what is to be opened?

Everything here is about one environment at a time, except `vanished` and `renamed`. Digests are compared, nothing else:
how many commits or files moved does not matter, and neither does how often the question is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from controller.model.deployment import REPLACEABLE, HoldKind, Rank, Status, VerdictKind
from controller.model.record import Decision, Hold, OpenDeployment
from controller.model.ruling import Ruling

# A digest whose deployment ended like this is not tried again by itself.
SETTLED = frozenset({Status.FAILED, Status.REJECTED, Status.DISCARDED, Status.CANCELLED})
_RANKS = tuple(Rank)  # highest first
_MANY = 10


@dataclass(frozen=True, slots=True)
class Want:
    """What a commit wants of the environment; `digest` None: it is rejected, `problems` say why.

    Or it cannot be known yet: `waits` says for what, such as a source that was never deployed.
    """

    commit: str
    digest: str | None
    problems: tuple[str, ...] = ()
    touched: bool = False  # a file in the environment's own directory differs from the commit before
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A commit whose digest differs from its predecessor's; None: what it is cannot be known yet, see `waits`."""

    commit: str
    digest: str | None
    waits: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of an environment before the decision.

    `pending`: changes whose verdict can still change, oldest first: they are held, or their deployment can be
    replaced; and those that were taken back since the first of them. `base` is the digest that Git wanted before it.
    """

    applied: str | None = None
    applied_deployment: str | None = None
    decided: Decision | None = None
    desired: str | None = None  # of the newest valid commit decided for
    desired_commit: str | None = None
    base: str | None = None
    pending: tuple[Change, ...] = ()
    open: tuple[OpenDeployment, ...] = ()
    holds: tuple[Hold, ...] = ()  # that have not run out
    released: str | None = None  # commit that ends the pin as soon as nothing else holds the environment up
    waits: str = ""  # for what its configuration makes it wait: "after `staging`, …"
    observe: bool = False

    @property
    def pin(self) -> Hold | None:
        return next((hold for hold in self.holds if hold.kind is HoldKind.PINNED), None)


@dataclass(frozen=True, slots=True)
class Opening:
    """A deployment to be opened. `must_approve`: why a person has to look at it, whatever the plan says."""

    commit: str
    digest: str
    plan_only: bool = False
    must_approve: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the decision changes; None for `decided`: stays as it is."""

    rulings: tuple[Ruling, ...]
    opening: Opening | None = None
    superseded: tuple[str, ...] = ()  # ids of open deployments that end, replaced by the opening where there is one
    decided: Decision | None = None
    desired: str | None = None
    desired_commit: str | None = None
    ends_pin: str | None = None  # commit that ends the pin
    releases_pin: str | None = None  # commit that will end it when nothing else holds the environment up
    waits: str = ""  # why nothing was opened although Git wants something else, one sentence


def decide(wants: Sequence[Want], now: Want | None, state: State) -> Outcome:
    """Decide on the commits of a walk, oldest first.

    `wants` has the commits at which the environment is declared. `now` is what its newest valid commit wants as of
    now, which differs from what that commit wanted when it was decided where a source or a pin has changed.
    """
    rulings, changes, target = _changes(wants, state)
    waits = changes[-1].waits if changes and changes[-1].digest is None else now.waits if now and not changes else ""
    if now is not None and now.digest is not None and now.digest != target:
        changes, target = _woken(changes, Change(now.commit, now.digest)), now.digest
    known = [change.commit for change in changes if change.digest is not None]
    commit = known[-1] if known else state.desired_commit
    if target is None or commit is None:
        told = _told(changes, None, _Verdict())
        return Outcome((*rulings, *told), waits=waits)
    released = _released(wants, state)
    verdict = _verdict(target, state, released)
    outcome = _opened(commit, target, verdict, state, released)
    told = _told(changes, state.base if state.pending else state.desired, verdict)
    return Outcome(
        rulings=(*rulings, *told),
        opening=outcome.opening,
        superseded=outcome.superseded,
        decided=outcome.decided,
        desired=target,
        desired_commit=commit,
        ends_pin=outcome.ends_pin,
        releases_pin=outcome.releases_pin,
        waits=outcome.waits or waits,
    )


def replaced_by(rank: Rank, opened: Sequence[OpenDeployment]) -> tuple[str, ...]:
    """Which open deployments a newer one of this rank takes the place of: ids, oldest first."""
    lower = _RANKS[_RANKS.index(rank) :]
    return tuple(
        other.id
        for other in opened
        if other.status in REPLACEABLE and other.rank in lower and other.rank is not Rank.DESTROY
    )


def wanted(wants: Sequence[Want], now: Want | None, state: State) -> str | None:
    """The digest that Git wants in the end, as `decide` sees it."""
    target = _changes(wants, state)[2]
    return now.digest if now is not None and now.digest is not None else target


def waits_for(after: Sequence[str], wanted: Mapping[str, str | None], applied: Mapping[str, str | None]) -> str:
    """For which environments of `after` one has to wait, as a phrase; empty where all of them are in step."""
    late = [name for name in after if wanted.get(name) is None or wanted[name] != applied.get(name)]
    return f"after {', '.join(f'`{name}`' for name in late)}" if late else ""


def vanished(before: Collection[str], after: Collection[str]) -> tuple[tuple[str, ...], str]:
    """Which environments (P/E) are gone, and, where so many are that nothing may be removed, a sentence about it."""
    gone = tuple(sorted(set(before) - set(after)))
    projects = {slug.partition("/")[0] for slug in gone}
    emptied = sorted(p for p in projects if not any(slug.startswith(f"{p}/") for slug in after))
    if len(gone) > _MANY or len(gone) * 2 > len(before):
        return gone, f"{len(gone)} of {len(before)} environments vanished at once; nothing is removed"
    if emptied:
        return gone, f"all environments of {', '.join(f'`{p}`' for p in emptied)} vanished at once; nothing is removed"
    return gone, ""


def renamed(before: Mapping[str, str], after: Mapping[str, str], declared: Set[str]) -> dict[str, str]:
    """Which new environments have just the files that one had which is gone: new P/E -> old P/E.

    `before` and `after` have the content id of each directory. Only where exactly one can be meant on both sides.
    """
    gone, new = defaultdict(list), defaultdict(list)
    for slug, content in before.items():
        if slug not in declared:
            gone[content].append(slug)
    for slug, content in after.items():
        if slug not in before:
            new[content].append(slug)
    return {
        found[0]: gone[content][0]
        for content, found in sorted(new.items())
        if len(found) == len(gone.get(content, ())) == 1
    }


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What happens with the newest change: where `deployment` is None and nothing holds it, one is opened."""

    opens: bool = False
    deployment: str | None = None
    decided: Decision | None = None
    held: str = ""


def _changes(wants: Sequence[Want], state: State) -> tuple[tuple[Ruling, ...], tuple[Change, ...], str | None]:
    rulings: list[Ruling] = []
    changes = list(state.pending)
    current = state.desired
    for want in wants:
        if want.digest is None and want.waits:
            changes.append(Change(want.commit, None, want.waits))
        elif want.digest is None:
            rulings.append(Ruling(want.commit, VerdictKind.REJECTED, None, problems=want.problems))
        elif want.digest == current:
            rulings.append(Ruling(want.commit, VerdictKind.UNCHANGED, want.digest))
        else:
            changes.append(Change(want.commit, want.digest))
            current = want.digest
    return tuple(rulings), tuple(changes), current


def _woken(changes: tuple[Change, ...], now: Change) -> tuple[Change, ...]:
    """A wake-up without a new commit is a change of the commit that it looked at."""
    return (*(change for change in changes if change.commit != now.commit), now)


def _released(wants: Sequence[Want], state: State) -> str | None:
    if state.pin is None:
        return None
    touching = [want.commit for want in wants if want.touched and want.digest is not None]
    return touching[-1] if touching else state.released


def _verdict(target: str, state: State, released: str | None) -> _Verdict:
    observing = "observe" if state.observe else ""
    if state.applied == target:
        decided = Decision(target, state.applied_deployment, Status.SUCCEEDED)
        return _Verdict(deployment=state.applied_deployment, decided=decided)
    same = [opened for opened in state.open if opened.digest == target and not _must_not_begin(opened, state)]
    if same:
        return _Verdict(deployment=same[-1].id, decided=Decision(target, same[-1].id, None), held=observing)
    settled = SETTLED | {Status.PLANNED} if state.observe else SETTLED
    if state.decided is not None and state.decided.digest == target and state.decided.ended in settled:
        return _Verdict(deployment=state.decided.deployment, decided=state.decided, held=observing)
    held = _held(state, released)
    return _Verdict(held=held or observing, opens=not held)


def _must_not_begin(opened: OpenDeployment, state: State) -> bool:
    """Whether it would apply what nobody asked for by hand, in an environment that only observes since."""
    is_by_itself = opened.rank in (Rank.GIT, Rank.HEAL) and not opened.plan_only
    return state.observe and is_by_itself and opened.status in REPLACEABLE


def _held(state: State, released: str | None) -> str:
    holds = [hold for hold in state.holds if not (released and hold.kind is HoldKind.PINNED)]
    if holds:
        return f"{holds[0].kind} by {holds[0].who}"
    if state.waits:
        return state.waits
    ahead = [opened for opened in state.open if _RANKS.index(opened.rank) < _RANKS.index(Rank.GIT)]
    return f"behind deployment {ahead[0].id} by {ahead[0].who}" if ahead else ""


def _opened(commit: str, target: str, verdict: _Verdict, state: State, released: str | None) -> Outcome:
    """The outcome without its rulings: what opens, what it replaces, what becomes of a pin."""
    other = [opened for opened in state.open if opened.digest != target or _must_not_begin(opened, state)]
    superseded = replaced_by(Rank.GIT, other)
    if verdict.opens:
        must = next((opened.must_approve for opened in reversed(other) if opened.id in superseded), "")
        if released and state.pin is not None:
            must = f"it undoes what {state.pin.who} deployed ({state.pin.why}); commit {released[:10]} ended the pin"
        opening = Opening(commit, target, state.observe, must)
        return Outcome((), opening, superseded, Decision(target, None, None), ends_pin=released)
    if verdict.deployment is not None:
        return Outcome((), None, superseded, verdict.decided, ends_pin=released)
    return Outcome((), releases_pin=released, waits=verdict.held)


def _told(changes: tuple[Change, ...], base: str | None, verdict: _Verdict) -> tuple[Ruling, ...]:
    """The verdicts on the changes: the newest known one is decided on, earlier ones led to it or were taken back."""
    newest = max((index for index, change in enumerate(changes) if change.digest is not None), default=-1)
    rulings: list[Ruling] = []
    before: list[str | None] = [base]
    for index, change in enumerate(changes):
        if index > newest:
            rulings.append(Ruling(change.commit, VerdictKind.HELD, None, changed=True, reason=change.waits))
            continue
        if (
            change.digest is not None and change.digest == before[-1]
        ):  # it was not known when this was first decided: it has another name since
            rulings.append(Ruling(change.commit, VerdictKind.UNCHANGED, change.digest))
            continue
        later = changes[index + 1 : newest + 1]
        back = next((other.commit for other in later if other.digest is not None and other.digest in before), None)
        rulings.append(_ruling(change, back, verdict, is_last=not later))
        before.append(change.digest)
    return tuple(rulings)


def _ruling(change: Change, back: str | None, verdict: _Verdict, *, is_last: bool) -> Ruling:
    ruling = Ruling(change.commit, VerdictKind.HELD, change.digest, changed=True)
    if back is not None:
        return replace(ruling, kind=VerdictKind.REVERTED, other_commit=back)
    if verdict.held:
        return replace(ruling, reason=verdict.held, deployment=verdict.deployment)
    kind = VerdictKind.DEPLOYED if is_last else VerdictKind.SUPERSEDED
    return replace(ruling, kind=kind, deployment=verdict.deployment)
