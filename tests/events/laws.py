"""What is true at the end of every story, whatever of it the controller got to know and when?

Where two controllers may differ, for it is meant so:

- At first sight only the tip is decided. A commit from before that has a verdict only where the branch was set back
  to it, and against nothing; after a line that shares nothing with the first one, the first sight is such a commit too.
- An environment that came and went between two polls was never seen. One that is gone at the tip is as it was when it
  was seen last, its changes held or deployed.
- A layout that cannot be read is said of all that were declared before it; where a line begins with it, of all known.
- In an environment that is held in the end (a person, `after`, `observe`, a question, a deployment that ends a pin and
  waits) a change may have been deployed before that was so: changed to one, held to the other.
- What a promoted environment wants depends on what its source has deployed: its verdicts are not compared.
- What is applied where the plan of the tip fails is what was deployed last of what was seen.
- A commit that was seen and has left the branch: a pin that it ended stays ended, and an environment that was begun at
  it under a new name is nobody's old one.
- Where no commit of the line is valid, what Git wanted last is what was seen last.
- Where settings cannot be read, their `uuid` cannot: it is known by its name alone. Whoever says one here can be read.
- Whoever acts looks first: a person's act counts for what was pushed until then, for all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from controller.history.store import Store
from controller.history.tables import Base, CommitRow, DeploymentRow, EnvironmentRow, HoldRow, VerdictRow
from controller.model.deployment import FINAL, Status, VerdictKind
from tests.events.story import (
    BROKEN,
    DEVELOPMENT,
    FAILS_IN_APPLY,
    FAILS_IN_PLAN,
    FOLLOWERS,
    LAYER,
    LAYOUT,
    MODULE,
    MORE,
    PINNED,
    Commit,
    Files,
    Story,
    declared,
    first_of,
    identity,
    says,
)

CHANGED = {VerdictKind.DEPLOYED, VerdictKind.SUPERSEDED, VerdictKind.REVERTED}
REJECTED = "rejected"
_TIMES = {"polled_at", "hinted_at", "hints", "answered", "error", "failures"}  # of the polls themselves


_SAME = ("observes", "after", "note", "desired", "on_removal", "problems", "status")


def want(files: Files, slug: str) -> str:
    """What a commit wants of an environment that it declares, as far as its files say."""
    project = slug.partition("/")[0]
    layer = files.get(LAYER, "") if project == "shop" else ""
    manifest = files[f"projects/{slug}/app.manifest.yaml"]
    is_wrong = "wrong" in manifest or BROKEN in (manifest, layer, files[MODULE]) or says(files, slug, "wrong")
    is_wrong |= says(files, slug, "after") and first_of(slug) not in declared(files)
    return REJECTED if is_wrong else f"{manifest}{layer}{files.get(MORE, '')}"


@dataclass(frozen=True)
class Line:
    """The commits of the final branch that there are verdicts on, oldest first, and what they declare."""

    commits: tuple[Commit, ...]
    before: frozenset[str]  # commits that came before Lockstep

    @staticmethod
    def of(story: Story) -> Line:
        """At first sight only the tip is decided; of what came before only where the branch parted from that."""
        found, before = story.line(story.tips[-1]), {one.id for one in story.line(story.tips[0])[:-1]}
        start = max((n for n, one in enumerate(found) if one.id in before), default=0)
        if story.tips[0] in [one.id for one in found]:
            start += 1
        if len({story.line(tip)[0].id for tip in story.tips}) > 1:
            # Coming back from a line that shares nothing with the first: that is told from its beginning.
            before.add(story.tips[0])
        return Line(tuple(found[start:]), frozenset(before))

    def declares(self) -> Iterator[tuple[Commit, dict[str, str]]]:
        """Each commit with its environments, identity -> what it wants; where no layout can be read, as before."""
        known: set[str] = set()
        for commit in self.commits:
            if commit.files.get(LAYOUT) == BROKEN:
                yield commit, dict.fromkeys(known, REJECTED)
                continue
            found = {identity(commit.files, slug): want(commit.files, slug) for slug in declared(commit.files)}
            known = set(found)
            yield commit, found

    def classes(self) -> dict[tuple[str, str], str]:
        """(commit, environment) -> its class, by the digest of its predecessor."""
        before: dict[str, str] = {}
        found = {}
        for commit, wants in self.declares():
            for slug, wanted in wants.items():
                is_same = before.get(slug) == wanted
                found[commit.id, slug] = REJECTED if wanted == REJECTED else "unchanged" if is_same else "changed"
                if wanted != REJECTED:
                    before[slug] = wanted
        return found

    def promoted(self) -> set[str]:
        """Environments that some commit has take over what another one deployed, which no file tells."""
        return {
            slug for commit in self.commits for slug in declared(commit.files) if says(commit.files, slug, "source")
        }


@dataclass(frozen=True)
class Seen:
    """What the history of a controller tells in the end."""

    commits: dict[str, Any]
    verdicts: dict[tuple[str, str], list[Any]]  # (commit, identity)
    environments: dict[str, Any]  # identity -> row, of those that are there
    deployments: list[Any]
    holds: list[Any]  # those that have ended, too

    @staticmethod
    def of(store: Store) -> Seen:
        with store.reading() as session:
            verdicts: dict[tuple[str, str], list[Any]] = {}
            for row in session.execute(sa.select(VerdictRow.__table__)):
                verdicts.setdefault((row.commit, _identity(row.environment_uuid, row)), []).append(row)
            rows = session.execute(sa.select(EnvironmentRow.__table__).where(EnvironmentRow.removed_at.is_(None)))
            deployments = sa.select(DeploymentRow.__table__).order_by(DeploymentRow.number)
            return Seen(
                commits={row.id: row for row in session.execute(sa.select(CommitRow.__table__))},
                verdicts=verdicts,
                environments={_identity(row.uuid, row, "name"): row for row in rows},
                deployments=list(session.execute(deployments)),
                holds=list(session.execute(sa.select(HoldRow.__table__))),
            )

    def told(self, commit: str, slug: str) -> str:
        """The class of the verdict; empty where there is none."""
        found = self.verdicts.get((commit, slug), [])
        kinds = {VerdictKind(row.kind) for row in found}
        return "" if not kinds else "changed" if kinds <= CHANGED else str(*kinds)


def rows(store: Store) -> dict[str, Counter[str]]:
    """All that the database holds, but for when it was asked."""
    found = {}
    with store.reading() as session:
        for table in Base.metadata.sorted_tables:
            columns = [column for column in table.columns if column.name not in _TIMES]
            found[table.name] = Counter(repr(tuple(row)) for row in session.execute(sa.select(*columns)))
    return found


def check(story: Story, seen: Seen) -> None:
    """The laws that one controller has to keep by itself."""
    line = Line.of(story)
    _one_verdict_each(line, seen)
    _right_classes(line, seen)
    _named_rightly(line, seen)
    _all_ended(seen)
    _in_step(line, seen)
    _left_alone(story, seen)
    _waited(story, line, seen)


def _one_verdict_each(line: Line, seen: Seen) -> None:
    """I2."""
    for commit, wants in line.declares():
        told = {slug: len(found) for (id, slug), found in seen.verdicts.items() if id == commit.id}
        if not wants and commit.files.get(LAYOUT) == BROKEN:
            continue  # a branch that begins with a layout that cannot be read: it is said of all that are known
        # One that came and went between two polls was never seen.
        known = {slug for slug in wants if slug in _declared(line) or any(slug == other for _, other in seen.verdicts)}
        assert told == dict.fromkeys(known, 1), f"verdicts on {_name(commit)}"
        assert seen.commits[commit.id].on_branch, f"{_name(commit)} is on the branch"
    on_line = {commit.id for commit in line.commits}
    left = [row.message for id, row in seen.commits.items() if row.on_branch and id not in on_line | line.before]
    assert not left, f"{left} are on the branch no more"


def _right_classes(line: Line, seen: Seen) -> None:
    """Each verdict has the class that the files say it has, or the environment is held in the end."""
    promoted = line.promoted()
    for (commit, slug), expected in line.classes().items():
        if (commit, slug) not in seen.verdicts:
            continue
        if slug in promoted or commit in line.before:
            continue
        told = seen.told(commit, slug)
        may_be_held = expected == "changed" and is_held(line, seen, slug)
        assert told == expected or (told == "held" and may_be_held), (
            f"{slug} at {seen.commits[commit].message}: {told}, not {expected}"
        )


def is_held(line: Line, seen: Seen, slug: str) -> bool:
    """Whether something holds it up in the end: its settings, another environment, a question, or that it is gone."""
    row = seen.environments.get(slug)
    if row is None or not row.declared or bool(row.note) or row.observes:
        return True
    holds = [hold for hold in seen.holds if hold.ended_at is None and hold.scope == f"{row.project}/{row.name}"]
    return bool(holds) or any(_waits_for_a_person(one) and one.environment_uuid == row.uuid for one in seen.deployments)


def _waits_for_a_person(row: Any) -> bool:
    """What ends a pin waits until somebody has looked at it."""
    return row.status == Status.AWAITING_APPROVAL and bool(row.must_approve)


def _named_rightly(line: Line, seen: Seen) -> None:
    """A verdict names what it is about."""
    deployments = {row.id: row for row in seen.deployments}
    order = {commit.id: n for n, commit in enumerate(line.commits)}
    for (commit, slug), found in seen.verdicts.items():
        for row in found:
            where = f"{slug} at {seen.commits[commit].message}: {row.kind}"
            kind = VerdictKind(row.kind)
            assert row.changed is (kind in CHANGED or kind is VerdictKind.HELD), where
            assert (row.desired is None) is (kind is VerdictKind.REJECTED) or kind is VerdictKind.HELD, where
            if kind in (VerdictKind.DEPLOYED, VerdictKind.SUPERSEDED):
                assert row.deployment is not None, where
                assert deployments[row.deployment].environment_uuid == row.environment_uuid, where
                came = order.get(deployments[row.deployment].commit, len(order))
                is_later = kind is VerdictKind.DEPLOYED or commit not in order or came >= order[commit]
                assert is_later, f"{where} by what was deployed before"
            if kind is VerdictKind.DEPLOYED:
                if row.deployment and seen.commits[commit].on_branch and not seen.holds:
                    assert deployments[row.deployment].status != Status.SUPERSEDED, f"{where} by what was superseded"
                assert deployments[row.deployment].desired_digest == row.desired, where
            if kind is VerdictKind.REVERTED and commit in order:
                assert row.other_commit is not None, where
                assert order[row.other_commit] > order[commit], f"{where} by what came before it"


def _all_ended(seen: Seen) -> None:
    for row in [row for row in seen.deployments if not _waits_for_a_person(row)]:
        assert row.completed_at is not None, f"{row.project}/{row.environment} is {row.status} still"
        assert Status(row.status) in FINAL, row.status


def _in_step(line: Line, seen: Seen) -> None:
    """Where nothing is in the way, what the last valid commit wants is applied, and it is what is live."""
    classes = line.classes()
    promoted = line.promoted()
    for slug in _declared(line):
        row = seen.environments[slug]
        wanted = _newest(line, slug)
        if is_held(line, seen, slug) or wanted is None:
            continue
        if f"size: {FAILS_IN_APPLY}}}" in wanted:
            assert row.applied is None, f"{slug}: its apply has failed"
        elif f"size: {FAILS_IN_PLAN}}}" in wanted:
            assert row.applied != row.valid_desired, f"{slug}: its plan has failed"
        else:
            assert row.applied == row.valid_desired, f"{slug} is in step"
            if slug not in promoted:
                changes = [one.id for one in line.commits if classes.get((one.id, slug)) == "changed"]
                assert row.live_commit == changes[-1] or changes[-1] in line.before, f"{slug}: its live commit"


def _left_alone(story: Story, seen: Seen) -> None:
    """Whom no commit has changed, on whichever line, was deployed once."""
    wants: dict[str, set[str | None]] = {}
    slugs = {identity(commit.files, slug) for commit in story.commits.values() for slug in declared(commit.files)}
    for commit in [one for one in story.commits.values() if declared(one.files)]:
        found = {identity(commit.files, slug): slug for slug in declared(commit.files)}
        for slug in slugs:
            here = found.get(slug)
            quiet = (
                here is not None and not says(commit.files, here, "observe") and not says(commit.files, here, "source")
            )
            wants.setdefault(slug, set()).add(want(commit.files, here) if here and quiet else None)
    for slug in [slug for slug in wants if slug not in {person.slug for person in story.persons.values()}]:
        wanted = wants[slug]
        if len(wanted - {REJECTED}) == 1 and None not in wanted:
            opened = [row for row in seen.deployments if _identity(row.environment_uuid, row) == slug]
            assert len(opened) == 1, f"{slug} was touched by nobody, and deployed {len(opened)} times"


def _waited(story: Story, line: Line, seen: Seen) -> None:
    """Who comes `after` one whose wish fails is not deployed from the commit on that wished so."""
    if not all(row.on_branch for row in seen.commits.values()):
        return  # on a line that was left the other may have been in step
    classes, order = line.classes(), {commit.id: n for n, commit in enumerate(line.commits)}
    for slug in [slug for slug in FOLLOWERS if slug in _declared(line)]:
        first = first_of(slug)
        wish = _newest(line, first) or ""
        changes = [n for id, n in order.items() if classes.get((id, first)) == "changed"]
        since = line.commits[changes[-1] :] if changes else ()
        acted = {person.slug for person in story.persons.values()} | line.promoted()
        says_so = all(slug in declared(commit.files) and says(commit.files, slug, "after") for commit in since)
        fails = any(f"size: {size}}}" in wish for size in (FAILS_IN_PLAN, FAILS_IN_APPLY))
        if not since or not fails or not says_so or acted & {slug, first}:
            continue
        uuid = seen.environments[slug].uuid
        opened = [row for row in seen.deployments if row.environment_uuid == uuid and row.commit in order]
        early = [_name(line.commits[order[row.commit]]) for row in opened if order[row.commit] >= changes[-1]]
        assert not early, f"{slug} waits for {first}, and was deployed at {early}"


def _declared(line: Line) -> list[str]:
    return sorted(list(line.declares())[-1][1])


def _newest(line: Line, slug: str) -> str | None:
    """What the newest valid commit wants of an environment."""
    found = [wants[slug] for _, wants in line.declares() if wants.get(slug, REJECTED) != REJECTED]
    return found[-1] if found else None


def compare(story: Story, one: Seen, other: Seen) -> None:
    """I4: two controllers that got to know other events of one story agree in the end."""
    line = Line.of(story)
    for slug in _declared(line):
        mine, its = one.environments[slug], other.environments[slug]
        if _was_begun_elsewhere(slug, one, other) or _was_begun_elsewhere(slug, other, one):
            continue
        if _pin_left(slug, line, one) or _pin_left(slug, line, other):
            continue
        is_valid = _newest(line, slug) is not None
        for name in (*_SAME, *(["valid_desired"] if is_valid else [])):
            values = getattr(mine, name), getattr(its, name)
            assert values[0] == values[1], f"{slug}: {name}"
        wanted = _newest(line, slug) or ""
        if f"size: {FAILS_IN_PLAN}}}" not in wanted and is_valid and not is_held(line, one, slug):
            assert mine.applied == its.applied, slug
            assert mine.live_commit == its.live_commit or mine.live_commit in line.before, slug
        for commit in [found for found in line.commits if found.id not in line.before]:
            if slug in line.promoted():
                continue
            told = {one.told(commit.id, slug), other.told(commit.id, slug)}
            allowed = {"changed", "held"} if is_held(line, one, slug) else set()
            assert len(told) == 1 or told <= allowed, f"{slug} at {_name(commit)}: {told}"
        assert _holds(slug, one) == _holds(slug, other), f"{slug}: its holds"


def _pin_left(slug: str, line: Line, seen: Seen) -> bool:
    """A commit has ended a pin that is on the branch no more: the pin does not come back with the branch."""
    there = {f"commit {commit.id}" for commit in line.commits}
    mine = [row for row in seen.holds if row.scope == slug]
    return any(
        row.ended_at is not None and row.ended_by.startswith("commit ") and row.ended_by not in there for row in mine
    )


def _holds(slug: str, seen: Seen) -> Sequence[Any]:
    held = [row for row in seen.holds if row.ended_at is None and row.scope == slug]
    return sorted((row.kind, row.who, row.why) for row in held)


def _was_begun_elsewhere(slug: str, asked: Seen, other: Seen) -> bool:
    """One is asked whether it is another under a new name; the other saw it on commits that have left the branch."""
    uuid = other.environments[slug].uuid
    is_begun = any(row.environment_uuid == uuid for row in other.deployments)
    has_left = any(not row.on_branch for row in other.commits.values())
    return bool(asked.environments[slug].renamed_from) and is_begun and has_left


def _identity(uuid: str, row: Any, name: str = "environment") -> str:
    return DEVELOPMENT if uuid == PINNED else f"{row.project}/{getattr(row, name)}"


def _name(commit: Commit) -> str:
    return commit.id[:10]
