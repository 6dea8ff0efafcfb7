"""How far is a deployment? Plain lines as things happen; on a terminal also a line that shows it is alive."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click

from cli import output
from cli.client import Client
from cli.exits import Exit, Stop
from controller.model.deployment import FINAL, Status

_EVERY = 0.7  # seconds between looks
_ENDINGS: Mapping[Status, Exit] = {
    Status.SUCCEEDED: Exit.DONE,
    Status.PLANNED: Exit.DONE,
    Status.REJECTED: Exit.INVALID,
    Status.SUPERSEDED: Exit.CONFLICT,
}
_DONE = {"apply_start": "begins", "apply_complete": "is done", "apply_errored": "FAILED"}


def wait(server: Client, id: str, timeout: timedelta | None = None) -> dict[str, Any]:
    """Watch a deployment until it has ended. Ctrl-C and a timeout end the watching, never the deployment."""
    until = time.monotonic() + timeout.total_seconds() if timeout else None
    shown = _Shown()
    try:
        while True:
            row: dict[str, Any] = server.get("deployments", id)
            shown.tell(row, server.get("deployments", id, "events", after=shown.events)["items"])
            if Status(row["status"]) in FINAL:
                return row
            if until is not None and time.monotonic() >= until:
                raise Stop(Exit.TIMED_OUT, f"deployment {id} is still {words(row)} after {timeout}; {come_back(id)}")
            shown.pulse(server, row)
            time.sleep(_EVERY)
    except KeyboardInterrupt:
        raise Stop(Exit.INTERRUPTED, f"\ndeployment {id} goes on without you; {come_back(id)}") from None
    except BrokenPipeError:
        raise SystemExit(Exit.INTERRUPTED) from None  # nobody reads what is told: the end was not seen, as with Ctrl-C
    finally:
        shown.clear()


def ended(row: Mapping[str, Any]) -> int:
    """Say how a deployment ended; the exit code for it."""
    code = _ENDINGS.get(Status(row["status"]), Exit.FAILED)
    where = f"{row['project']}/{row['environment']}"
    told = f"deployment {row['id']} of {where} {words(row)}"
    if row["superseded_by"]:
        told += f" by {row['superseded_by']}"
    if row["message"]:
        told += f": {row['message']}"
    output.say(told)
    return code


def come_back(id: str) -> str:
    return f"look again with `lockstep get deployment {id}`, stop it with `lockstep cancel {id}`"


def words(row: Mapping[str, Any]) -> str:
    """The status for people."""
    status = str(row["status"]).replace("_", " ")
    return f"{status} (no changes)" if row["no_changes"] else status


def short(id: str | None) -> str:
    return (id or "")[:10]


def counts(found: Mapping[str, int] | None) -> str:
    if found is None:
        return ""
    named = [("create", "to create"), ("update", "to update"), ("replace", "to replace"), ("destroy", "to destroy")]
    told = [f"{found[key]} {phrase}" for key, phrase in named if found[key]]
    return ", ".join(told) or "nothing to change in managed resources"


def _how_far(server: Client, row: Mapping[str, Any]) -> str:
    if row["status"] != Status.APPLYING:
        return ""
    found = server.get("deployments", row["id"], "progress")
    return f"{found['done']} of {found['total']} done" if found["total"] else ""


def _line(event: Mapping[str, Any]) -> str:
    """An event for people; empty where it tells nothing that another line does not."""
    if event["type"] in _DONE:
        seconds = f" after {event['seconds']} s" if event.get("seconds") else ""
        return f"{event['action']} {event['address']} {_DONE[event['type']]}{seconds}"
    if event["type"] == "step_started":
        return str(event["step"])
    if event["type"] == "diagnostic":
        where = event.get("module") or event.get("address")
        return f"{event['severity']}: {event['summary']}" + (f" ({where})" if where else "")
    return ""


class _Shown:
    """What was said of a deployment so far."""

    def __init__(self) -> None:
        self.events = 0
        self._status = ""
        self._counted = False
        self._is_terminal = sys.stderr.isatty()
        self._began = time.monotonic()

    def tell(self, row: Mapping[str, Any], events: list[Mapping[str, Any]]) -> None:
        self.clear()
        for event in events:
            self.events = event["n"]
            line = _line(event)
            if line:
                output.say(f"  {line}")
        if row["counts"] is not None and not self._counted:
            self._counted = True
            click.echo(f"plan: {counts(row['counts'])}", err=True)
        if row["status"] != self._status:
            self._status = row["status"]
            self._tell_status(row)

    def _tell_status(self, row: Mapping[str, Any]) -> None:
        if Status(row["status"]) in FINAL:
            return  # the command says it, with how it ended
        output.say(f"{words(row)}{': ' + row['message'] if row['message'] else ''}")
        if row["status"] == Status.AWAITING_APPROVAL:
            id = row["id"]
            click.echo(f"approve it with `lockstep approve {id}`, or end it with `lockstep discard {id}`", err=True)

    def pulse(self, server: Client, row: Mapping[str, Any]) -> None:
        if self._is_terminal:
            told = [words(row), _how_far(server, row), f"{int(time.monotonic() - self._began)} s"]
            click.echo(f"\r… {', '.join(filter(None, told))}", nl=False, err=True)

    def clear(self) -> None:
        if self._is_terminal:
            click.echo("\r\x1b[K", nl=False, err=True)
