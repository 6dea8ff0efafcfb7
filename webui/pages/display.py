"""How does a value read on a page? Filters for the templates: words, shades, ages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from controller.model import access
from controller.model.access import AuditRecord
from controller.model.deployment import OPEN, EnvironmentStatus, Mode, Rank, Status, VerdictKind
from controller.model.record import CommitRange, CommitRecord, Deployment
from controller.tofu.progress import Outcome

# The word stands beside the colour everywhere; this is the colour.
_SHADES: Mapping[str, str] = {
    Status.QUEUED: "calm",
    Status.PLANNING: "busy",
    Status.AWAITING_APPROVAL: "wait",
    Status.APPLYING: "busy",
    Status.SUCCEEDED: "good",
    Status.FAILED: "bad",
    Status.PLANNED: "good",
    Status.REJECTED: "bad",
    Status.INTERRUPTED: "bad",
    VerdictKind.DEPLOYED: "good",
    VerdictKind.HELD: "wait",
    EnvironmentStatus.MARKED_FOR_REMOVAL: "wait",
    EnvironmentStatus.DELETING: "busy",
    EnvironmentStatus.DELETE_FAILED: "bad",
    "in step": "good",
    "deployed": "good",
    "deploying": "busy",
    "out of step": "wait",
    "drifted": "wait",
    "waiting": "wait",
    "behind": "busy",
    Outcome.DONE: "good",
    Outcome.HALF_DONE: "bad",
    Outcome.UNKNOWN: "bad",
    Outcome.RUNNING: "busy",
}

_SIGNS = {
    "create": "+",
    "update": "~",
    "replace": "±",
    "delete": "−",
    "read": "?",
    "move": "→",
    "import": "←",
    "forget": "○",
}

_VERDICTS = {
    VerdictKind.DEPLOYED: "It changed what Git wants here, and a deployment is on record.",
    VerdictKind.SUPERSEDED: "A later commit of the same walk was deployed in its place.",
    VerdictKind.REVERTED: "A later commit took it back before it was deployed.",
    VerdictKind.UNCHANGED: "It changes nothing here.",
    VerdictKind.REJECTED: "It is wrong for this environment.",
    VerdictKind.HELD: "The environment does not follow Git at the moment.",
}

_MODES = {
    Mode.DEPLOY: "Deployment",
    Mode.PLAN_ONLY: "Plan",
    Mode.DESTROY: "Destruction",
    Mode.ROLLBACK: "Rollback",
    Mode.DRIFT: "Drift check",
    Mode.REBIND: "Move",
}

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def shade(state: str) -> str:
    return _SHADES.get(state, "calm")


def words(state: str) -> str:
    return str(state).replace("_", " ")


def title_of_mode(mode: Mode) -> str:
    return _MODES[mode]


def sign(action: str) -> str:
    return _SIGNS.get(action, "·")


def verdict_sentence(kind: VerdictKind) -> str:
    return _VERDICTS[kind]


def short(id: str | None) -> str:
    """Enough of a commit or digest to tell it from others."""
    return (id or "")[:10]


def first_part(id: str) -> str:
    """Enough of a deployment's id."""
    return id.partition("-")[0]


def within(address: str, resource: str | None) -> str:
    """An address, without the module's own name where its resource stands beside it."""
    return address.split(".", 2)[2] if resource and address.startswith("module.") else address


def instant(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S") if moment else "–"


def age(moment: datetime, now: datetime) -> str:
    """How long ago it was, in its largest unit. Not in seconds: a page that is looked at would change all the time."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in _UNITS[:-1]:
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def length(span: timedelta) -> str:
    """A span in its largest unit; seconds below a minute, both units below an hour."""
    seconds = max(0, int(span.total_seconds()))
    if 60 <= seconds < 3600 and seconds % 60:
        return f"{seconds // 60} min {seconds % 60} s"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return "0 s"


def is_by_person(deployment: Deployment) -> bool:
    """Whether its manifest is somebody's, and only its catalogue a commit's."""
    return deployment.rank is Rank.PERSON and deployment.ref is None


def took(deployment: Deployment, now: datetime) -> str:
    """How long it ran, or has been running."""
    if deployment.started_at is None:
        return "–"
    until = deployment.completed_at or now
    running = " so far" if deployment.status in OPEN else ""
    return f"{length(until - deployment.started_at)}{running}"


def subject(message: str) -> str:
    return message.strip().partition("\n")[0]


def body(message: str) -> str:
    return message.strip().partition("\n")[2].strip()


def entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Keys and values of what may be a map, or nothing."""
    if isinstance(value, Mapping):
        yield from sorted(value.items())
    elif value is not None:
        yield "value", value


def range_sentence(found: CommitRange) -> str:
    since = (
        f"Commits after {short(found.after)} up to {short(found.until)}"
        if found.after
        else f"Commits before {short(found.until)}"
    )
    return f"{since} have no verdicts of their own: {found.why}."


def change(entry: AuditRecord) -> str:
    return access.change(entry.before, entry.after)


def waiting(note: str) -> str:
    """Why an environment is not in step; what is only a wait says so."""
    return f"waits {note}" if note.startswith(("after ", "until ", "behind ")) else note


def untold(found: CommitRecord) -> int:
    """How many verdicts of a commit, other than `unchanged`, are not among those that are shown."""
    return sum(count for kind, count in found.counts.items() if kind != VerdictKind.UNCHANGED) - len(found.verdicts)


FILTERS: Mapping[str, Callable[..., object]] = {
    "age": age,
    "body": body,
    "change": change,
    "entries": entries,
    "first_part": first_part,
    "instant": instant,
    "is_by_person": is_by_person,
    "range_sentence": range_sentence,
    "shade": shade,
    "short": short,
    "sign": sign,
    "subject": subject,
    "title_of_mode": title_of_mode,
    "took": took,
    "untold": untold,
    "verdict_sentence": verdict_sentence,
    "waiting": waiting,
    "within": within,
    "words": words,
}
