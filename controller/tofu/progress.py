"""How far did an apply come? Each address of the plan, each node, all together; from the plan and what was heard.

The engine tells when it begins with an object and when it has ended; a replacement is told as a `delete` and a
`create`, in either order. It is silent about addresses that only move, and about what is imported or forgotten: these
are not told of here. ⚙ A data source that cannot be read begins and never ends: its diagnostic says that it failed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from controller.model.deployment import FINAL, Status
from controller.model.document import Json
from controller.tofu import addresses

_STEPS: Mapping[str, tuple[str, ...]] = {
    "create": ("create",),
    "update": ("update",),
    "delete": ("delete",),
    "replace": ("delete", "create"),
    "read": ("read",),
}
_BEGUN, _DONE, _ERRORED = "begun", "done", "errored"
_ENDS = {"apply_complete": _DONE, "apply_errored": _ERRORED}
_FEW = 3  # addresses of a kind that a sentence names


class Outcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    HALF_DONE = "half_done"  # a replacement: one object is removed, or made, and the other half was not reached
    UNKNOWN = "unknown"  # begun, and no end was heard; or nobody listened any more
    NOT_REACHED = "not_reached"
    RUNNING = "running"
    WAITING = "waiting"


# In the order in which a sentence tells them; the rest goes without saying.
_TOLD = (Outcome.FAILED, Outcome.HALF_DONE, Outcome.UNKNOWN, Outcome.NOT_REACHED)


@dataclass(frozen=True, slots=True)
class Item:
    """One change of the plan; `done`: which halves of it are, as the engine calls them."""

    address: str
    resource: str | None  # coordinate of its node
    action: str
    outcome: Outcome
    done: tuple[str, ...] = ()

    @property
    def is_counted(self) -> bool:
        """Whether the plan counts it: what is only read changes nothing."""
        return self.action != "read"


@dataclass(frozen=True, slots=True)
class Part:
    """The changes of one node; None: of those that belong to none."""

    resource: str | None
    items: tuple[Item, ...]

    @property
    def done(self) -> int:
        return sum(item.outcome is Outcome.DONE for item in self.items if item.is_counted)

    @property
    def total(self) -> int:
        return sum(item.is_counted for item in self.items)

    @property
    def is_done(self) -> bool:
        return all(item.outcome is Outcome.DONE for item in self.items)


@dataclass(frozen=True, slots=True)
class Progress:
    is_begun: bool  # an apply was; until then everything waits
    parts: tuple[Part, ...]

    @property
    def done(self) -> int:
        return sum(part.done for part in self.parts)

    @property
    def total(self) -> int:
        return sum(part.total for part in self.parts)

    def __str__(self) -> str:
        return f"{self.done} of {self.total}"


def progress(summary: Json, events: Sequence[Json], status: Status) -> Progress:
    """`summary` of the plan, None before there is one; all `events` of the deployment; its `status` now."""
    changes = [change for change in (summary or {}).get("changes", ()) if change["action"] in _STEPS]
    heard = _Heard(_of_last_apply(events), status, Counter(change["address"] for change in changes))
    return Progress(heard.is_begun, tuple(_parts([heard.item(change) for change in changes])))


def sentence(found: Progress) -> str:
    """What is to be said of an apply that did not succeed; empty where there was nothing to do."""
    items = [item for part in found.parts for item in part.items]
    if not items:
        return ""
    said = [f"{found} resource{'' if found.total == 1 else 's'} done"]
    for outcome in _TOLD:
        named = sorted(item.address for item in items if item.outcome is outcome)
        if named:
            said.append(f"{outcome.replace('_', ' ')}: {_several(named)}")
    return "; ".join(said)


class _Heard:
    """What was heard of one apply; each thing is told of one change alone."""

    def __init__(self, events: Sequence[Json], status: Status, planned: Counter[str]) -> None:
        """`planned`: how often each address is in the plan; an object that is removed aside has that of another."""
        self.is_begun = bool(events) or status is Status.APPLYING
        self._planned = planned
        self._has_succeeded = status is Status.SUCCEEDED
        self._is_untouched = any(event.get("extent") == "not_begun" for event in events)
        has_ended = any(_is_step(event, "step_finished") for event in events)
        # Whoever listens again after the engine's end has missed what it said in between.
        self._is_whole = has_ended and not any(
            _is_step(event, "step_resumed") and not event.get("alive", True) for event in events
        )
        self._is_over = has_ended or status in FINAL or status is Status.INTERRUPTED
        self._steps = self._fared(events)
        self._errors = frozenset(self._name(event["address"]) for event in events if _is_error(event))

    def item(self, change: Mapping[str, Json]) -> Item:
        address, action = change["address"], change["action"]
        names = (address, _bare(address))
        found = [self._take(names, step) for step in _STEPS[action]]
        done = tuple(step for step, how in zip(_STEPS[action], found, strict=True) if how == _DONE)
        is_failed = not self._errors.isdisjoint(names) and (self._planned[address] == 1 or len(done) < len(found))
        return Item(address, change.get("module"), action, self._outcome(found, is_failed), done)

    def _fared(self, events: Sequence[Json]) -> defaultdict[tuple[str, str], list[str]]:
        """(Name, action) -> how each object fared that bears them; those that have ended come first."""
        found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        for event in events:
            if event["type"] != "apply_start" and event["type"] not in _ENDS:
                continue
            heard = found[self._name(event["address"]), event["action"]]
            if event["type"] == "apply_start":
                heard.append(_BEGUN)
                continue
            if _BEGUN in heard:
                heard.remove(_BEGUN)
            heard.insert(0, _ENDS[event["type"]])
        return found

    def _name(self, address: str) -> str:
        """Where the plan has no such address, keys in it were hidden that the plan shows."""
        return address if address in self._planned else _bare(address)

    def _take(self, names: Sequence[str], step: str) -> str | None:
        for name in names:
            if self._steps[name, step]:
                return self._steps[name, step].pop(0)
        return None

    def _outcome(self, found: Sequence[str | None], is_failed: bool) -> Outcome:
        if self._has_succeeded:
            return Outcome.DONE
        if is_failed or _ERRORED in found:
            return Outcome.FAILED
        if all(how == _DONE for how in found):
            return Outcome.DONE
        if not self._is_over:
            return Outcome.RUNNING if any(found) else Outcome.WAITING
        return self._cut_short(found)

    def _cut_short(self, found: Sequence[str | None]) -> Outcome:
        if _BEGUN in found:
            return Outcome.UNKNOWN
        if not self.is_begun or self._is_untouched:
            return Outcome.NOT_REACHED
        if not self._is_whole:
            return Outcome.UNKNOWN
        return Outcome.HALF_DONE if any(found) else Outcome.NOT_REACHED


def _of_last_apply(events: Sequence[Json]) -> Sequence[Json]:
    """From the beginning of the last apply on; none where it was planned again since."""
    start = None
    for n, event in enumerate(events):
        if event["type"] == "phase_started" and event["phase"] != "recover":
            start = n if event["phase"] == "apply" else None
        elif event["type"] == "run_lost" and start is None:
            start = n  # nothing of it was heard
    return events[start:] if start is not None else ()


def _is_step(event: Json, type_: str) -> bool:
    return bool(event["type"] == type_ and event.get("step") == "apply")


def _is_error(event: Json) -> bool:
    return bool(event["type"] == "diagnostic" and event.get("severity") == "error" and event.get("address"))


def _bare(address: str) -> str:
    return addresses.masked(address, lambda _: "")


def _parts(items: Sequence[Item]) -> Iterator[Part]:
    """By node; what belongs to none comes last."""
    found: defaultdict[str | None, list[Item]] = defaultdict(list)
    for item in items:
        found[item.resource].append(item)
    for resource in sorted(found, key=lambda name: (name is None, name or "")):
        yield Part(resource, tuple(found[resource]))


def _several(named: Sequence[str]) -> str:
    more = len(named) - _FEW
    return ", ".join(named[:_FEW]) + (f" and {more} more" if more > 0 else "")
