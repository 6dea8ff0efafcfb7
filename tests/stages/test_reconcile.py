"""Verdicts and openings: what Git wants against what was applied and decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import reconcile
from controller.model.deployment import REPLACEABLE, HoldKind, Rank, Status, VerdictKind
from controller.model.record import Decision, Hold, OpenDeployment
from controller.reconcile import Change, State, Want

DONE = Status.SUCCEEDED


def wants(*digests: str | None, touched: bool = False) -> list[Want]:
    """Commits c1, c2, … that want these digests; None: rejected."""
    return [
        Want(f"c{n}", digest, () if digest else ("a.yaml:1:1: wrong; mend it",), touched)
        for n, digest in enumerate(digests, 1)
    ]


def in_step(digest: str) -> State:
    """An environment where `digest` is wanted and applied by deployment D0."""
    return State(digest, "D0", Decision(digest, "D0", DONE), desired=digest, desired_commit="c0")


def pinned(state: State, kind: HoldKind = HoldKind.PINNED) -> State:
    hold = Hold(kind, "shop/production", "ann", "hot fix", datetime(2026, 1, 1, tzinfo=UTC), None, state.desired)
    return replace(state, applied="x", applied_deployment="DX", holds=(hold,))


def opened(
    id: str, digest: str, status: Status = Status.QUEUED, rank: Rank = Rank.GIT, must: str = ""
) -> OpenDeployment:
    return OpenDeployment(id, digest, rank, status, "git" if rank is Rank.GIT else "ann", must)


def told(outcome: reconcile.Outcome) -> list[str]:
    """Every verdict as a line; `new` is the deployment that opens."""
    lines = []
    for ruling in outcome.rulings:
        about = {
            VerdictKind.DEPLOYED: ruling.deployment or "new",
            VerdictKind.SUPERSEDED: ruling.deployment or "new",
            VerdictKind.REVERTED: ruling.other_commit,
            VerdictKind.HELD: ruling.reason,
        }.get(ruling.kind, "")
        lines.append(f"{ruling.commit} {ruling.kind} {about}".strip())
    return sorted(lines)


@pytest.mark.parametrize(
    ("state", "digests", "lines", "opens"),
    [
        pytest.param(State(), ["a"], ["c1 deployed new"], "c1 a", id="first-sight"),
        pytest.param(in_step("a"), ["a"], ["c1 unchanged"], None, id="nothing-changed"),
        pytest.param(in_step("a"), ["b"], ["c1 deployed new"], "c1 b", id="one-change"),
        pytest.param(
            in_step("a"), ["b", "b", "c"], ["c1 superseded new", "c2 unchanged", "c3 deployed new"], "c3 c", id="two"
        ),
        pytest.param(
            in_step("a"), ["b", "b"], ["c1 deployed new", "c2 unchanged"], "c1 b", id="last-change-is-earlier"
        ),
        pytest.param(in_step("a"), ["b", "a"], ["c1 reverted c2", "c2 deployed D0"], None, id="revert"),
        pytest.param(
            in_step("a"),
            ["b", "c", "a"],
            ["c1 reverted c3", "c2 reverted c3", "c3 deployed D0"],
            None,
            id="revert-of-two",
        ),
        pytest.param(
            in_step("a"),
            ["b", "c", "b"],
            ["c1 superseded new", "c2 reverted c3", "c3 deployed new"],
            "c3 b",
            id="revert-to-the-middle",
        ),
        pytest.param(in_step("a"), [None], ["c1 rejected"], None, id="rejected"),
        pytest.param(in_step("a"), [None, "a"], ["c1 rejected", "c2 unchanged"], None, id="mended-to-what-was"),
        pytest.param(in_step("a"), ["b", None], ["c1 deployed new", "c2 rejected"], "c1 b", id="valid-then-rejected"),
    ],
)
def test_verdicts_of_a_walk(state: State, digests: list[str | None], lines: list[str], opens: str | None) -> None:
    outcome = reconcile.decide(wants(*digests), None, state)
    assert told(outcome) == lines
    opening = outcome.opening
    assert (f"{opening.commit} {opening.digest}" if opening else None) == opens


def test_a_rejected_commit_keeps_all_its_problems() -> None:
    outcome = reconcile.decide(wants(None), None, in_step("a"))
    assert outcome.rulings[0].problems == ("a.yaml:1:1: wrong; mend it",)


def test_a_failed_apply_and_the_way_back_deploys_what_was_before() -> None:
    state = replace(in_step("a"), applied=None, desired="b", decided=Decision("b", "D1", Status.FAILED))
    outcome = reconcile.decide(wants("a"), None, state)
    assert outcome.opening == reconcile.Opening("c1", "a")


def test_a_discarded_deployment_and_the_way_back_deploys_nothing() -> None:
    state = replace(in_step("a"), desired="b", desired_commit="c9", decided=Decision("b", "D1", Status.DISCARDED))
    outcome = reconcile.decide(wants("a"), None, state)
    assert outcome.opening is None
    assert told(outcome) == ["c1 deployed D0"]
    assert outcome.decided == Decision("a", "D0", DONE)


@pytest.mark.parametrize("ended", sorted(reconcile.SETTLED))
def test_what_ended_badly_is_not_tried_again_by_any_number_of_polls(ended: Status) -> None:
    state = replace(in_step("a"), desired="b", desired_commit="c9", decided=Decision("b", "D1", ended))
    outcome = reconcile.decide([], Want("c9", "b"), state)
    assert (outcome.opening, outcome.rulings) == (None, ())


@pytest.mark.parametrize("ended", [Status.SUPERSEDED, Status.SUCCEEDED])
def test_what_was_superseded_or_has_changed_since_is_opened_again(ended: Status) -> None:
    state = replace(in_step("a"), applied="x", desired="b", desired_commit="c9", decided=Decision("b", "D1", ended))
    assert reconcile.decide([], Want("c9", "b"), state).opening == reconcile.Opening("c9", "b")


def test_a_newer_commit_takes_the_place_of_a_queued_deployment() -> None:
    state = replace(
        in_step("a"),
        desired="b",
        decided=Decision("b", "D1", None),
        base="a",
        pending=(Change("c0b", "b"),),
        open=(opened("D1", "b"),),
    )
    outcome = reconcile.decide(wants("c"), None, state)
    assert outcome.superseded == ("D1",)
    assert told(outcome) == ["c0b superseded new", "c1 deployed new"]


def test_a_running_apply_is_never_replaced() -> None:
    state = replace(in_step("a"), applied=None, desired="b", open=(opened("D1", "b", Status.APPLYING),))
    outcome = reconcile.decide(wants("c"), None, state)
    assert (outcome.opening, outcome.superseded) == (reconcile.Opening("c1", "c"), ())


def test_the_way_back_to_what_is_being_applied_ends_what_waits_behind_it() -> None:
    state = replace(
        in_step("a"),
        applied=None,
        desired="c",
        base="b",
        pending=(Change("c0c", "c"),),
        open=(opened("D1", "b", Status.APPLYING), opened("D2", "c")),
    )
    outcome = reconcile.decide(wants("b"), None, state)
    assert (outcome.opening, outcome.superseded) == (None, ("D2",))
    assert told(outcome) == ["c0c reverted c1", "c1 deployed D1"]
    assert outcome.decided == Decision("b", "D1", None)


def test_git_waits_behind_a_person_and_replaces_nothing_of_theirs() -> None:
    state = replace(in_step("a"), open=(opened("D1", "x", rank=Rank.PERSON),))
    outcome = reconcile.decide(wants("b"), None, state)
    assert told(outcome) == ["c1 held behind deployment D1 by ann"]
    assert (outcome.opening, outcome.superseded, outcome.decided) == (None, (), None)


def test_a_person_replaces_what_git_and_other_persons_queued_but_no_destroy() -> None:
    line = [
        opened("D1", "a", Status.APPLYING),
        opened("D2", "b", Status.AWAITING_APPROVAL),
        opened("D3", "c", rank=Rank.PERSON),
        opened("D4", "d", rank=Rank.DESTROY),
        opened("D5", "e", rank=Rank.ROLLBACK),
        opened("D6", "f", Status.PLANNING, Rank.HEAL),
    ]
    assert reconcile.replaced_by(Rank.PERSON, line) == ("D2", "D3", "D6")


@pytest.mark.parametrize("kind", sorted(HoldKind))
def test_a_held_environment_is_decided_but_not_deployed(kind: HoldKind) -> None:
    outcome = reconcile.decide(wants("b", "c", "b"), None, pinned(in_step("a"), kind))
    assert outcome.opening is None
    assert told(outcome) == [f"c1 held {kind} by ann", "c2 reverted c3", f"c3 held {kind} by ann"]
    assert outcome.waits == f"{kind} by ann"


def test_a_commit_in_the_own_directory_ends_a_pin_and_waits_for_approval() -> None:
    outcome = reconcile.decide(wants("b", touched=True), None, pinned(in_step("a")))
    assert outcome.ends_pin == "c1"
    assert outcome.opening == reconcile.Opening(
        "c1", "b", must_approve="it undoes what ann deployed (hot fix); commit c1 ended the pin"
    )


def test_a_commit_that_wants_what_was_pinned_ends_the_pin_and_deploys_nothing() -> None:
    outcome = reconcile.decide(wants("x", touched=True), None, pinned(in_step("a")))
    assert (outcome.ends_pin, outcome.opening, told(outcome)) == ("c1", None, ["c1 deployed DX"])


def test_a_rejected_commit_in_the_own_directory_ends_no_pin() -> None:
    outcome = reconcile.decide(wants(None, touched=True), None, pinned(in_step("a")))
    assert (outcome.ends_pin, outcome.releases_pin) == (None, None)


def test_a_pin_that_a_commit_ends_while_suspended_goes_when_the_suspension_goes() -> None:
    state = pinned(in_step("a"))
    suspended = replace(state, holds=(replace(state.holds[0], kind=HoldKind.SUSPENDED), *state.holds))
    first = reconcile.decide(wants("b", touched=True), None, suspended)
    assert (first.opening, first.ends_pin, first.releases_pin) == (None, None, "c1")
    later = replace(state, desired="b", desired_commit="c1", base="a", pending=(Change("c1", "b"),), released="c1")
    second = reconcile.decide([], Want("c1", "b"), later)
    assert second.opening is not None
    assert (second.opening.commit, second.ends_pin, told(second)) == ("c1", "c1", ["c1 deployed new"])


def test_why_a_person_must_look_passes_on_to_the_deployment_that_takes_its_place() -> None:
    state = replace(in_step("a"), open=(opened("D1", "b", must="it undoes what ann deployed"),))
    opening = reconcile.decide(wants("c"), None, state).opening
    assert opening == reconcile.Opening("c1", "c", must_approve="it undoes what ann deployed")


def test_an_environment_that_waits_is_opened_when_it_need_wait_no_longer() -> None:
    waiting = replace(in_step("a"), waits="after `staging`")
    first = reconcile.decide(wants("b"), None, waiting)
    assert (first.opening, told(first)) == (None, ["c1 held after `staging`"])
    later = replace(in_step("a"), desired="b", desired_commit="c1", base="a", pending=(Change("c1", "b"),))
    second = reconcile.decide([], Want("c1", "b"), later)
    assert (second.opening, told(second)) == (reconcile.Opening("c1", "b"), ["c1 deployed new"])


def test_observing_plans_once_and_never_deploys() -> None:
    observing = replace(in_step("a"), observe=True)
    first = reconcile.decide(wants("b"), None, observing)
    assert first.opening == reconcile.Opening("c1", "b", plan_only=True)
    assert told(first) == ["c1 held observe"]
    planned = replace(observing, desired="b", desired_commit="c1", decided=Decision("b", "D1", Status.PLANNED))
    assert reconcile.decide([], Want("c1", "b"), planned).opening is None
    following = replace(planned, observe=False)
    assert reconcile.decide([], Want("c1", "b"), following).opening == reconcile.Opening("c1", "b")


@pytest.mark.parametrize("rank", [Rank.GIT, Rank.HEAL])
@pytest.mark.parametrize("status", sorted(REPLACEABLE))
def test_observing_plans_instead_of_what_was_about_to_be_applied_by_itself(status: Status, rank: Rank) -> None:
    waiting = replace(in_step("a"), desired="b", desired_commit="c1", open=(opened("D1", "b", status, rank),))
    following = reconcile.decide([], Want("c1", "b"), waiting)
    assert (following.opening, following.superseded) == (None, ())
    outcome = reconcile.decide([], Want("c1", "b"), replace(waiting, observe=True))
    assert (outcome.opening, outcome.superseded) == (reconcile.Opening("c1", "b", plan_only=True), ("D1",))


def test_observing_leaves_its_own_plan_what_is_applied_now_and_what_a_person_opened() -> None:
    observing = replace(in_step("a"), desired="b", desired_commit="c1", observe=True)
    for other in (
        replace(opened("D1", "b"), plan_only=True),
        opened("D1", "b", Status.APPLYING),
        opened("D1", "b", rank=Rank.PERSON),
    ):
        outcome = reconcile.decide([], Want("c1", "b"), replace(observing, open=(other,)))
        assert (outcome.opening, outcome.superseded) == (None, ())


def test_observing_does_not_plan_what_is_held() -> None:
    outcome = reconcile.decide(wants("b"), None, replace(pinned(in_step("a")), observe=True))
    assert (outcome.opening, told(outcome)) == (None, ["c1 held pinned by ann"])


def test_a_source_that_changed_wakes_its_target_without_a_new_commit() -> None:
    outcome = reconcile.decide([], Want("c0", "b"), in_step("a"))
    assert outcome.opening == reconcile.Opening("c0", "b")
    assert told(outcome) == ["c0 deployed new"]


NEVER = "source `staging` was never deployed"


def test_a_target_waits_for_a_source_that_was_never_deployed() -> None:
    first = reconcile.decide([Want("c1", None, waits=NEVER)], None, State())
    assert (told(first), first.opening, first.waits) == ([f"c1 held {NEVER}"], None, NEVER)
    waiting = State(pending=(Change("c1", None, NEVER),))
    assert told(reconcile.decide([], Want("c1", None, waits=NEVER), waiting)) == [f"c1 held {NEVER}"]
    second = reconcile.decide([], Want("c1", "a"), waiting)
    assert (told(second), second.opening) == (["c1 deployed new"], reconcile.Opening("c1", "a"))


def test_commits_that_waited_for_a_source_are_superseded_by_what_it_brings() -> None:
    waiting = State(pending=(Change("c1", None, NEVER), Change("c2", None, NEVER)))
    outcome = reconcile.decide([], Want("c2", "a"), waiting)
    assert told(outcome) == ["c1 superseded new", "c2 deployed new"]


def test_a_source_that_is_gone_leaves_the_target_as_it_is_and_says_so() -> None:
    outcome = reconcile.decide([Want("c1", None, waits=NEVER)], None, in_step("a"))
    assert (told(outcome), outcome.opening, outcome.desired) == ([f"c1 held {NEVER}"], None, "a")
    assert outcome.waits == NEVER


def test_waiting_names_every_environment_that_is_not_in_step() -> None:
    wanted = {"dev": "a", "staging": "b", "gone": None}
    assert reconcile.waits_for(["dev", "staging", "gone"], wanted, {"dev": "a", "staging": "x"}) == (
        "after `staging`, `gone`"
    )
    assert reconcile.waits_for(["dev"], wanted, {"dev": "a"}) == ""


@pytest.mark.parametrize(
    ("before", "after", "gone", "why"),
    [
        pytest.param(["a/x", "a/y", "b/z"], ["a/x", "b/z"], ("a/y",), "", id="one"),
        pytest.param(
            ["a/x", "a/y", "b/z"],
            ["a/x", "a/y"],
            ("b/z",),
            "all environments of `b` vanished at once; nothing is removed",
            id="a-project",
        ),
        pytest.param(
            ["a/x", "a/y", "a/z"],
            ["a/x"],
            ("a/y", "a/z"),
            "2 of 3 environments vanished at once; nothing is removed",
            id="more-than-half",
        ),
        pytest.param(
            [f"a/{n}" for n in range(30)],
            [f"a/{n}" for n in range(19)],
            tuple(sorted(f"a/{n}" for n in range(19, 30))),
            "11 of 30 environments vanished at once; nothing is removed",
            id="more-than-ten",
        ),
    ],
)
def test_many_that_vanish_at_once_are_not_removed(
    before: list[str], after: list[str], gone: tuple[str, ...], why: str
) -> None:
    assert reconcile.vanished(before, after) == (gone, why)


class World:
    """One environment, polled as one likes; its deployments end as one likes, at once or later."""

    def __init__(self, outcomes: dict[str, Status]) -> None:
        self.state = State()
        self.outcomes = outcomes  # digest -> how its deployment ends
        self.verdicts: dict[str, reconcile.Ruling] = {}
        self.order: list[str] = []
        self.deployments = 0

    def poll(self, commits: list[Want]) -> int:
        """Decide on these commits; how many deployments that opened."""
        now = None if commits or self.state.desired_commit is None else self._now()
        outcome = reconcile.decide(commits, now, self._with_pending())
        self.order += [commit.commit for commit in commits]
        opening = outcome.opening
        line = tuple(one for one in self.state.open if one.id not in outcome.superseded)
        self.state = replace(self.state, open=line)
        if opening:
            self.deployments += 1
            line = (*line, opened(f"D{self.deployments}", opening.digest))
        for ruling in outcome.rulings:
            new = f"D{self.deployments}" if opening and not ruling.deployment else ruling.deployment
            self.verdicts[ruling.commit] = replace(ruling, deployment=new)
        decided = outcome.decided or self.state.decided
        if opening and decided:
            decided = replace(decided, deployment=f"D{self.deployments}")
        self.state = replace(
            self.state,
            open=line,
            decided=decided,
            desired=outcome.desired or self.state.desired,
            desired_commit=outcome.desired_commit or self.state.desired_commit,
        )
        return 1 if opening else 0

    def finish(self) -> None:
        """Let every open deployment end, in order."""
        for one in self.state.open:
            ended = self.outcomes.get(one.digest, DONE)
            applied = {DONE: one.digest, Status.FAILED: None}.get(ended, self.state.applied)
            who = one.id if ended is DONE else self.state.applied_deployment
            decided = self.state.decided
            if decided and decided.deployment == one.id:
                decided = replace(decided, ended=ended)
            self.state = replace(self.state, applied=applied, applied_deployment=who, decided=decided)
        self.state = replace(self.state, open=())

    def live(self) -> str | None:
        changed = [
            commit
            for commit in self.order
            if self.verdicts[commit].changed and self.verdicts[commit].digest == self.state.applied
        ]
        return changed[-1] if changed else None

    def _now(self) -> Want | None:
        commit, digest = self.state.desired_commit, self.state.desired
        return Want(commit, digest) if commit and digest else None

    def _with_pending(self) -> State:
        replaceable = {one.id for one in self.state.open if one.status in reconcile.REPLACEABLE}
        waiting = [
            commit
            for commit in self.order
            if self.verdicts[commit].changed
            and (self.verdicts[commit].kind is VerdictKind.HELD or self.verdicts[commit].deployment in replaceable)
        ]
        if not waiting:
            return self.state
        first = self.order.index(waiting[0])
        waiting = [  # and what was taken back since the first of them
            commit
            for commit in self.order[first:]
            if commit in waiting or self.verdicts[commit].kind is VerdictKind.REVERTED
        ]
        before = [self.verdicts[commit].digest for commit in self.order[: self.order.index(waiting[0])]]
        base = next((digest for digest in reversed(before) if digest), None)
        pending = tuple(Change(commit, self.verdicts[commit].digest or "") for commit in waiting)
        return replace(self.state, base=base, pending=pending)


DIGESTS = st.sampled_from(["a", "b", "c", None])
ENDINGS = st.dictionaries(
    st.sampled_from("abc"), st.sampled_from([DONE, Status.DISCARDED, Status.REJECTED, Status.CANCELLED]), max_size=2
)
CLASSES = {
    VerdictKind.DEPLOYED: "changed",
    VerdictKind.SUPERSEDED: "changed",
    VerdictKind.REVERTED: "changed",
}


def polls(history: list[str | None], cuts: list[int]) -> list[list[Want]]:
    """The commits of a history, cut into walks."""
    commits = wants(*history)
    ends = sorted({cut % (len(commits) + 1) for cut in cuts} | {len(commits)})
    starts = [0, *ends]
    return [commits[start:end] for start, end in zip(starts, ends, strict=False) if end > start]


@given(st.lists(DIGESTS, min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=6), st.data())
def test_every_commit_has_one_verdict_however_it_was_polled(
    history: list[str | None], cuts: list[int], data: st.DataObject
) -> None:
    world = World({})
    for walk in polls(history, cuts):
        world.poll(walk)
        if data.draw(st.booleans()):
            world.finish()
    assert sorted(world.verdicts) == sorted(f"c{n}" for n in range(1, len(history) + 1))


@given(st.lists(DIGESTS, min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=6), st.data())
def test_the_end_is_the_same_however_it_was_polled(
    history: list[str | None], cuts: list[int], data: st.DataObject
) -> None:
    """I4, where deployments succeed: applied digest, live commit, class of each commit."""
    ends = []
    for walks in (polls(history, []), polls(history, cuts), polls(history, list(range(len(history))))):
        world = World({})
        for walk in walks:
            world.poll(walk)
            if data.draw(st.booleans()):
                world.finish()
        world.finish()
        world.poll([])
        classes = {commit: CLASSES.get(ruling.kind, str(ruling.kind)) for commit, ruling in world.verdicts.items()}
        ends.append((world.state.applied, world.live(), classes))
    assert ends[0] == ends[1] == ends[2]


@given(st.lists(DIGESTS, min_size=1, max_size=12), st.lists(st.integers(0, 12), max_size=6), ENDINGS, st.data())
def test_ticks_without_news_open_nothing(
    history: list[str | None], cuts: list[int], outcomes: dict[str, Status], data: st.DataObject
) -> None:
    """I9, whatever became of the deployments."""
    world = World(outcomes)
    for walk in polls(history, cuts):
        world.poll(walk)
        if data.draw(st.booleans()):
            world.finish()
    world.finish()
    before = dict(world.verdicts)
    assert [world.poll([]) for _ in range(3)] == [0, 0, 0]
    assert world.verdicts == before
