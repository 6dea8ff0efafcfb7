"""What stands on the page of one deployment? Its way so far, its plan by resource, what went wrong, how to read on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

import yaml

from controller.deployments import actions, parts
from controller.deployments.doors import Doors
from controller.errors import NotFoundError
from controller.graph import draw
from controller.history import decided, opening, read
from controller.model.deployment import CHANGES, FINAL, OPEN, TRIED_AGAIN, Mode, Role, Status
from controller.model.document import Json
from controller.model.record import Deployment, Details, removed
from controller.tofu import desired, progress
from controller.tofu.names import METADATA
from controller.tofu.progress import Progress
from webui import access
from webui.access import Caller
from webui.pages import display
from webui.pages.visitor import Site

_MOST_NODES = 200  # that a page shows as a drawing: more are told in words alone, with a link to the drawing
_GOOD = frozenset({Status.SUCCEEDED, Status.PLANNED})
_ONLY_PLANS = frozenset({Mode.PLAN_ONLY, Mode.DRIFT})
_STAGE = {Status.QUEUED: 0, Status.PLANNING: 1, Status.AWAITING_APPROVAL: 2, Status.APPLYING: 3, Status.INTERRUPTED: 3}
_NO_PLAN = {
    Status.QUEUED: "It is not planned yet.",
    Status.PLANNING: "The plan is being made.",
    Status.REJECTED: "It was rejected before it could be planned.",
    Status.SUPERSEDED: "A newer deployment took its place before it was planned.",
}
_EVENTS = {
    "apply_start": "begins",
    "apply_complete": "done",
    "apply_errored": "failed",
    "change_summary": "counted",
    "run_lost": "run directory gone",
    "step_started": "step begins",
    "step_finished": "step ends",
    "step_skipped": "step skipped",
    "step_resumed": "step goes on under a second supervisor",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of the way; `state` is done, now, wait, bad, or empty where it was not reached."""

    word: str
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    at: str
    what: str
    on: str


def deployment(doors: Doors, who: Caller, id: str) -> Deployment:
    """A deployment that the caller may see."""
    found = read.deployment(doors.store, id)
    access.require_project(who, found.project, f"deployment `{id}`")
    return found


def shown(site: Site, who: Caller, id: str) -> dict[str, object]:
    row = deployment(site.doors, who, id)
    details = read.details(site.doors.store, row.id)
    summary = details.summary or {}
    return {
        "row": row,
        "title": _title(row),
        "by_person": display.is_by_person(row),
        "message_body": "" if display.is_by_person(row) else display.body(_message(site.doors, row)),
        "steps": steps(row, details),
        "reached": _reached_so_far(row, details),
        "diagnostics": [_diagnostic(found) for found in details.diagnostics],
        "plan": None if details.summary is None else _by_resource(summary.get("changes", ())),
        "plan_outputs": [found for found in summary.get("outputs", ()) if found["name"] != METADATA],
        "plan_after": _after(site.doors, row),
        "no_plan": _NO_PLAN.get(row.status, "There is no plan: the errors above say why."),
        **_graph(details),
        "manifest": yaml.safe_dump(details.manifest or {}, sort_keys=False, allow_unicode=True, width=110),
        "events": [_event(found) for found in details.events],
        "may_deploy": who.has_role(Role.DEPLOYER),
        "can_approve": row.status is Status.AWAITING_APPROVAL,
        "can_import": row.status is Status.AWAITING_APPROVAL and actions.has_imports(site.doors, row.id),
        "can_discard": row.status is Status.AWAITING_APPROVAL,
        **_more(site.doors, row),
        "can_cancel": row.status in OPEN and row.status is not Status.AWAITING_APPROVAL,
        "is_live": row.status in OPEN,
        **_reading(site, row, details),
    }


def _after(doors: Doors, row: Deployment) -> list[str] | None:
    """What the plan after a move would change, by address; None where there is none."""
    if row.mode is not Mode.REBIND:
        return None
    found = opening.parts(doors.store, row.id, (parts.SUMMARY_AFTER,))
    if parts.SUMMARY_AFTER not in found:
        return None
    changes = parts.read(found[parts.SUMMARY_AFTER])["changes"]
    return [f"{change['action']} {change['address']}" for change in changes]


def _more(doors: Doors, row: Deployment) -> dict[str, object]:
    """What can be done with one that has ended."""
    live = _last_success(doors, row)
    is_change = row.mode in CHANGES and row.ref is None
    is_target = row.mode not in (Mode.DESTROY, Mode.REBIND) and row.status is Status.SUCCEEDED
    return {
        "can_retry": is_change and row.mode is not Mode.REBIND and row.status in TRIED_AGAIN,
        "can_roll_back": is_change and is_target and live not in (None, row.id),
    }


def _last_success(doors: Doors, row: Deployment) -> str | None:
    try:
        found = read.environment(doors.store, row.project, row.environment)
    except NotFoundError:
        return None  # it was removed since
    return found.last_success if found.uuid == row.environment_uuid else None


def _graph(details: Details) -> dict[str, object]:
    """The graph in words, and whether it is small enough to be looked at as well."""
    if not details.desired:
        return {"nodes": 0, "graph_text": "", "is_drawn": False, "has_graph": False}
    graph = desired.decode(details.desired)
    is_drawn = len(graph.nodes) <= _MOST_NODES
    return {"nodes": len(graph.nodes), "graph_text": draw.text(graph), "is_drawn": is_drawn, "has_graph": True}


def _reached_so_far(row: Deployment, details: Details) -> Progress | None:
    """How far its apply came; None where there was none, or it did all that was planned."""
    found = progress.progress(details.summary, details.events, row.status)
    return found if found.is_begun and found.parts and row.status is not Status.SUCCEEDED else None


def _title(row: Deployment) -> str:
    if row.mode is Mode.DESTROY:
        return f"Destroy {row.project}/{row.environment}"
    if row.mode is Mode.REBIND:
        return f"Move {row.project}/{row.environment}"
    if row.mode is Mode.ROLLBACK:
        return f"Roll back to “{row.commit_subject or row.source_deployment}”"
    if display.is_by_person(row):
        return f"Manifest by {row.created_by}"
    return row.commit_subject or row.reason or "Deployment"


def steps(row: Deployment, details: Details) -> list[Step]:
    """The way of a deployment: queued, planned, approved, applied, ended."""
    reached = _reached(row, details)
    found = [Step("Queue", _state(row, 0, reached), display.instant(row.created_at))]
    found.append(Step("Plan", _state(row, 1, reached), _note(details, "plan")))
    if row.status in (Status.AWAITING_APPROVAL, Status.DISCARDED):
        found.append(Step("Approval", _state(row, 2, reached)))
    if row.mode not in _ONLY_PLANS and not row.no_changes:
        word = "Destroy" if row.mode is Mode.DESTROY else "Apply"
        found.append(Step(word, _state(row, 3, reached), _note(details, "apply")))
    if row.mode is Mode.REBIND:
        found.append(Step("Move", _state(row, 3, reached), _note(details, "state push")))
    return [*found, _end(row)]


def _note(details: Details, step: str) -> str:
    """When a step of the engine ended, and how long it took."""
    ends = [event for event in details.events if event.get("type") == "step_finished" and event.get("step") == step]
    if not ends:
        return ""
    return f"{_moment(ends[-1])}, {display.length(timedelta(seconds=ends[-1].get('seconds') or 0))}"


def _reached(row: Deployment, details: Details) -> int:
    """The number of the stage that it is at, or that it ended at."""
    if row.status in _STAGE:
        return _STAGE[row.status]
    if row.status in _GOOD or any(event.get("step") == "apply" for event in details.events):
        return 3
    if details.summary is not None:
        return 2
    return 1 if row.started_at is not None else 0


def _state(row: Deployment, number: int, reached: int) -> str:
    if number < reached or row.status in _GOOD:
        return "done"
    if number > reached:
        return ""
    if row.status is Status.AWAITING_APPROVAL:
        return "wait"
    if row.status in FINAL:
        return "bad" if row.status in (Status.FAILED, Status.REJECTED) else ""
    return "bad" if row.status is Status.INTERRUPTED else "now"


def _end(row: Deployment) -> Step:
    if row.status in OPEN:
        return Step("Result", "")
    state = {"good": "done", "bad": "bad"}.get(display.shade(row.status), "wait")
    return Step(display.words(row.status).capitalize(), state, display.instant(row.completed_at))


def _message(doors: Doors, row: Deployment) -> str:
    if row.commit is None:
        return ""
    try:
        return decided.described(doors.store, row.commit).message
    except NotFoundError:
        return ""  # a commit of a request: only commits of the watched branch are recorded


def _by_resource(changes: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Changes by the resource that they belong to; within it an address without the module's own name will do."""
    ordered = sorted(changes, key=lambda change: (_resource(change), change["address"]))
    return [
        (name, [{**change, "short": _within(change)} for change in found])
        for name, found in groupby(ordered, _resource)
    ]


def _resource(change: Mapping[str, Any]) -> str:
    return change.get("module") or "(of no resource)"


def _within(change: Mapping[str, Any]) -> str:
    return display.within(str(change["address"]), change.get("module"))


def _diagnostic(found: Json) -> dict[str, Any]:
    place = f"{found['file']}:{found['line']}" if found.get("file") and found.get("line") else found.get("file")
    names = (found.get("module"), found.get("address"), found.get("workload"), place)
    return {**found, "where": ", ".join(str(name) for name in names if name)}


def _event(found: Json) -> Event:
    kind = str(found.get("type", ""))
    action = f"{found['action']} " if found.get("action") else ""
    seconds = f" after {found['seconds']} s" if found.get("seconds") else ""
    on = found.get("address") or found.get("step") or found.get("summary") or ""
    return Event(_moment(found), f"{action}{_EVENTS.get(kind, display.words(kind))}{seconds}", str(on))


def _moment(event: Json) -> str:
    return str(event.get("at", ""))[:19].replace("T", " ")


def _reading(site: Site, row: Deployment, details: Details) -> dict[str, object]:
    """How to read the log and the outputs: in words, and as commands to copy."""
    prefix = f"LOCKSTEP_URL={site.page} " if site.page else ""
    flag = "--key-file FILE" if details.log_key else "--key AGE-SECRET-KEY-1…"
    outputs_flag = "--key-file FILE" if details.outputs_key else "--key AGE-SECRET-KEY-1…"
    follow = " --follow" if row.status in OPEN else ""
    has_outputs = read.outputs(site.doors.store, row.id) is not None
    outputs = f"{prefix}lockstep outputs {row.id} {outputs_flag}" if has_outputs else ""
    if row.log_recipient is None:
        return {"log_sentence": "No log is kept of it.", "log_command": "", "outputs_command": ""}
    if row.log_removed_at is not None:
        sentence = f"The log was {removed(row.log_removed_at)}."
        return {"log_sentence": sentence, "log_command": "", "outputs_command": outputs}
    if details.log_key:
        sentence = "The log is encrypted. Each of its recipients reads it with a private key of their own, FILE:"
    else:
        sentence = "The log is encrypted. Whoever started the deployment was given the key to it:"
    return {
        "log_sentence": sentence,
        "log_command": f"{prefix}lockstep logs {row.id} {flag}{follow}",
        "outputs_command": outputs,
    }
