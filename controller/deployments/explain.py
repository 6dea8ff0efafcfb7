"""Why is a commit not deployed, or is it? One paragraph from what is recorded, and the command that would change it.

Pure: everything it tells was looked up beforehand, by `why`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.model.deployment import HoldKind, Rank, Status, VerdictKind
from controller.model.record import CommitRecord, Deployment, Environment, Hold, Repository, Verdict

_ALL = "*"


@dataclass(frozen=True, slots=True)
class Answer:
    """`command`: what would change it; empty where nothing has to be done, or no command can."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """One commit in one environment. `commit` None: nobody decided on it; `verdict` None: there is none."""

    environment: Environment
    asked: str  # the commit, as it was asked for
    repository: Repository | None = None  # None: nothing is watched for this environment
    commit: CommitRecord | None = None
    verdict: Verdict | None = None
    deployment: Deployment | None = None  # that the verdict names
    expires: datetime | None = None  # its wait for approval
    done: tuple[int, int] | None = None  # how many of its changes were made, of how many
    live: Deployment | None = None  # the last that succeeded
    other: CommitRecord | None = None  # that reverted it
    would_change: int | None = None  # resources that differ from what is applied
    is_fetched: bool = False  # though nobody decided it
    is_connected: bool = True  # the settings name the repository
    rest: Answer | None = None  # the same of the commit that Git's wish goes back to, where this one changes nothing


def explain(facts: Facts) -> Answer:
    """The paragraph. It begins with the commit and the environment, and ends with what is live where that matters."""
    if facts.repository is None:
        slug = facts.environment.slug
        return Answer(f"{slug} does not follow Git: it was made by hand, and no commit says anything of it.")
    if not facts.is_connected:
        known = _of_commit(facts, facts.repository, facts.commit) if facts.commit else Answer("")
        said = (
            f"Repository `{facts.repository.id}` is not connected any more, so no commit of it is seen, and "
            f"{facts.environment.slug} stays as it is until the settings connect it again under this id."
        )
        return Answer(f"{said} {known.text}".rstrip(), known.command)
    if facts.commit is None:
        return _unknown(facts, facts.repository)
    return _of_commit(facts, facts.repository, facts.commit)


def _of_commit(facts: Facts, repository: Repository, commit: CommitRecord) -> Answer:
    if facts.verdict is None:
        return _without_verdict(facts, repository, commit)
    found = _VERDICTS[facts.verdict.kind](facts, facts.verdict, _named(commit))
    if commit.on_branch:
        return found
    gone = f"Commit {_named(commit)} is not on branch {repository.branch} any more (it was force-pushed)"
    return Answer(f"{gone}: Git wants nothing of it now. When it was decided: {_small(found.text)}")


def _unknown(facts: Facts, repository: Repository) -> Answer:
    id = facts.asked[:10]
    refresh = f"lockstep refresh {repository.id}"
    if repository.error and _is_head(facts, repository):
        return Answer(f"Commit {id} was fetched, and nothing of it is deployed yet: {repository.error}.")
    if repository.error:
        said = f"Commit {id} is not known, and repository `{repository.id}` could not be polled: {repository.error}."
        return Answer(said, refresh)
    if _is_head(facts, repository):
        return Answer(f"Commit {id} was fetched a moment ago, and is being decided on.")
    if facts.is_fetched:
        return Answer(
            f"Commit {id} is in repository `{repository.id}`, and nobody decided on it: it came before Lockstep began "
            f"to watch branch {repository.branch}, or it is on another branch."
        )
    polled = f"last polled {_at(repository.polled_at)}" if repository.polled_at else "not polled yet"
    return Answer(
        f"Commit {id} is not known on branch {repository.branch} of repository `{repository.id}`, which was {polled}: "
        "it was not pushed there, or the next poll finds it.",
        refresh,
    )


def _is_head(facts: Facts, repository: Repository) -> bool:
    return repository.head is not None and repository.head.startswith(facts.asked)


def _without_verdict(facts: Facts, repository: Repository, commit: CommitRecord) -> Answer:
    slug = facts.environment.slug
    if not commit.on_branch:
        return Answer(f"Commit {_named(commit)} is not on branch {repository.branch} any more (it was force-pushed).")
    return Answer(
        f"Commit {_named(commit)} says nothing of {slug}: the environment was not declared there, or not yet known to "
        f"Lockstep. {_live(facts)}"
    )


def _deployed(facts: Facts, verdict: Verdict, name: str) -> Answer:
    slug, row = facts.environment.slug, facts.deployment
    if row is not None and row.rank is Rank.GIT and row.reason.startswith(_FROM_ELSEWHERE):
        return _of_deployment(facts, f"Commit {name} came to something else in {slug} afterwards ({row.reason})")
    return _of_deployment(facts, f"Commit {name} changes {slug}")


# How the reason of a deployment begins that a module's tag or branch has moved for, or a source.
_FROM_ELSEWHERE = ("module `", "environment://", "deployment://")


def _superseded(facts: Facts, verdict: Verdict, name: str) -> Answer:
    slug = facts.environment.slug
    return _of_deployment(
        facts, f"Commit {name} changes {slug}, and so did a later one before it was deployed: both go out together"
    )


def _reverted(facts: Facts, verdict: Verdict, name: str) -> Answer:
    by = _named(facts.other) if facts.other else (verdict.other_commit or "")[:10]
    return Answer(
        f"Commit {name} changed {facts.environment.slug}, and commit {by} took that back before it was deployed: "
        f"nothing of it is left to be deployed. {_live(facts)}"
    )


def _unchanged(facts: Facts, verdict: Verdict, name: str) -> Answer:
    slug = facts.environment.slug
    said = f"Commit {name} changes nothing in {slug}: it wants there what the commit before it wanted."
    if facts.rest is not None:
        return Answer(f"{said} {facts.rest.text}", facts.rest.command)
    return Answer(f"{said} {_live(facts)}")


def _rejected(facts: Facts, verdict: Verdict, name: str) -> Answer:
    many = "one problem" if len(verdict.problems) == 1 else f"{len(verdict.problems)} problems"
    listed = " ".join(f"({n}) {problem}" for n, problem in enumerate(verdict.problems, 1))
    return Answer(
        f"Commit {name} is rejected for {facts.environment.slug}, for {many}: {listed}. A commit that mends that is "
        f"deployed. {_live(facts)}",
        "lockstep validate",
    )


def _held(facts: Facts, verdict: Verdict, name: str) -> Answer:
    environment = facts.environment
    said = f"Commit {name} changes {environment.slug}{_many(facts.would_change)}"
    hold = next(iter(environment.holds), None)
    if hold is not None:
        return Answer(f"{said}, and is held: {_hold(hold, environment)} {_live(facts)}", _resume(hold, environment))
    if verdict.reason == "observe":
        plan = f"; deployment {facts.deployment.id} planned it" if facts.deployment else ""
        return Answer(
            f"{said}, and is not applied: the environment is in `mode: observe`, where what Git wants is planned and "
            f"never applied{plan}. A commit that sets `mode: follow` there changes that. {_live(facts)}"
        )
    first = verdict.reason.partition("`")[2].partition("`")[0]
    if verdict.reason.startswith("after ") and first:
        return Answer(
            f"{said}, and waits {verdict.reason}: it is deployed as soon as what this commit wants there is applied. "
            f"{_live(facts)}",
            f"lockstep why {environment.project} {first}",
        )
    if verdict.reason.startswith("until somebody"):
        return Answer(f"{said}, and waits {verdict.reason}. {_live(facts)}", verdict.reason.split("`")[1])
    return Answer(f"{said}, and waits: {verdict.reason}. It is deployed as soon as that is over. {_live(facts)}")


_VERDICTS: Mapping[VerdictKind, Callable[[Facts, Verdict, str], Answer]] = {
    VerdictKind.DEPLOYED: _deployed,
    VerdictKind.SUPERSEDED: _superseded,
    VerdictKind.REVERTED: _reverted,
    VerdictKind.UNCHANGED: _unchanged,
    VerdictKind.REJECTED: _rejected,
    VerdictKind.HELD: _held,
}


def _of_deployment(facts: Facts, said: str) -> Answer:
    row = facts.deployment
    if row is None:
        return Answer(f"{said}; its deployment is being opened.")
    if row.status is Status.SUCCEEDED:
        return _succeeded(facts, row, said)
    if row.status is Status.AWAITING_APPROVAL:
        until = f" until {_at(facts.expires)}" if facts.expires else ""
        return Answer(
            f"{said}. Deployment {row.id} has its plan and waits for approval: {row.message}. Whoever has the role "
            f"deployer can approve it{until}; then it ends as discarded. {_live(facts)}",
            f"lockstep approve {row.id}",
        )
    if row.status is Status.SUPERSEDED:
        return Answer(f"{said}. Deployment {row.id} did not come to it: {row.message}. {_live(facts)}")
    if row.status in _ENDED:
        return Answer(
            f"{said}. Deployment {row.id} {_ENDED[row.status]}: {row.message}. It is not tried again "
            f"until a person, or another commit, asks for it. {_live(facts)}",
            f"lockstep retry {row.id}",
        )
    if row.status is Status.PLANNED:
        return Answer(f"{said}. Deployment {row.id} planned it, and it is not applied. {_live(facts)}")
    because = f": {row.message}" if row.message else ""
    return Answer(f"{said}. Deployment {row.id} is {row.status}{_how_far(facts)}{because}.", "")


_ENDED = {
    Status.FAILED: "failed",
    Status.REJECTED: "was rejected",
    Status.DISCARDED: "was discarded",
    Status.CANCELLED: "was cancelled",
}


def _succeeded(facts: Facts, row: Deployment, said: str) -> Answer:
    environment = facts.environment
    is_live_again = facts.commit is not None and environment.live_commit == facts.commit.id
    live = facts.live if is_live_again and environment.applied is not None else None
    if live is not None or environment.applied_deployment == row.id:
        live = live or row
        return Answer(f"{said}, and is live since {_at(live.completed_at)}, by deployment {live.id}.")
    said = f"{said}, and was deployed {_at(row.completed_at)}, by deployment {row.id}. {_live(facts)}"
    hold = next(iter(environment.holds), None)
    if hold is None:
        return Answer(said)
    return Answer(f"{said} The environment is held: {_hold(hold, environment)}", _resume(hold, environment))


def _how_far(facts: Facts) -> str:
    return f" after {facts.done[0]} of {facts.done[1]} changes" if facts.done and facts.done[1] else ""


def _hold(hold: Hold, environment: Environment) -> str:
    what = {_ALL: "everything", environment.project: f"project {environment.project}"}.get(hold.scope, hold.scope)
    until = f" until {_at(hold.until)}" if hold.until else ""
    why = f" ({hold.why})" if hold.why else ""
    ends = " It ends, too, with a commit that changes a file in the environment's own directory."
    return f"{hold.who} has {hold.kind} {what}{until}, {_at(hold.since)}{why}." + (
        ends if hold.kind is HoldKind.PINNED else ""
    )


def _resume(hold: Hold, environment: Environment) -> str:
    if hold.scope == _ALL:
        return "lockstep resume --all"
    return f"lockstep resume {hold.scope.replace('/', ' ')}"


def _many(count: int | None) -> str:
    if count is None:
        return ""
    return " (1 resource)" if count == 1 else f" ({count} resources)"


def _live(facts: Facts) -> str:
    """What the environment has, in a sentence."""
    environment, row = facts.environment, facts.live
    if row is None:
        return "Nothing is deployed there."
    if environment.applied is None:
        return f"Deployment {row.id} was the last that succeeded there; a later one began to change it and has not."
    if environment.live_commit is not None:
        return f"What is live there is commit {environment.live_commit[:10]}, by deployment {row.id}."
    return f"What is live there is deployment {row.id} by {row.created_by}."


def _named(commit: CommitRecord) -> str:
    subject = commit.message.strip().partition("\n")[0]
    return f"{commit.id[:10]} “{subject}” by {commit.author_name}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "some time ago"


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]
