"""Where between two acts of the controller is somebody killed? Its runner is a door, and the trap stands in it.

A trap is one line of `traps.json`: {id, environment, moment, victim}. What it killed is appended to `sprung` before the
controller kills itself.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from controller.model.deployment import FINAL, Status
from controller.runner import local
from controller.runner.protocol import Job, Observation
from controller.secrets.secret import Secret
from tests.kills import victims
from tests.kills.company import Folder
from tests.kills.victims import Victim

# As the controller comes to them, by whom it makes sense to kill there.
ALONE, WITH_SUPERVISOR = (Victim.CONTROLLER,), (Victim.CONTROLLER, Victim.SUPERVISOR, Victim.ALL)
CLAIMED, PLAN_RECORDED, APPLY_BEGUN = "claimed", "plan recorded", "begin_apply recorded"
LOSS_RECORDED, END_RECORDED = "loss recorded", "end recorded"
PLAN_SEEN, APPLY_SEEN = "plan result seen", "apply result seen"
MOMENTS: Mapping[str, tuple[Victim, ...]] = {
    CLAIMED: ALONE,
    "bundle made": ALONE,
    "bundle delivered": ALONE,
    "plan about to start": ALONE,
    "plan launched": WITH_SUPERVISOR,
    PLAN_SEEN: ALONE,
    PLAN_RECORDED: ALONE,
    APPLY_BEGUN: ALONE,
    "apply about to start": ALONE,
    "apply launched": WITH_SUPERVISOR,
    APPLY_SEEN: ALONE,
    END_RECORDED: ALONE,
}
# Only where an apply has lost its supervisor.
RECOVERY: Mapping[str, tuple[Victim, ...]] = {
    LOSS_RECORDED: ALONE,
    "recover about to start": ALONE,
    "recover launched": WITH_SUPERVISOR,
}
_OF_ROWS = {CLAIMED, PLAN_RECORDED, APPLY_BEGUN, LOSS_RECORDED, END_RECORDED, PLAN_SEEN, APPLY_SEEN}


def write_traps(folder: Folder, traps: Sequence[Mapping[str, Any]]) -> None:
    """Set these traps and no other, for a controller that is at work too."""
    aside = folder.traps.with_suffix(".new")
    aside.write_text(json.dumps(list(traps)))
    aside.replace(folder.traps)


class Trapped:
    """The local runner, in which whoever comes by at a named moment is killed."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._sprung: set[int] = set()
        self._rows = threading.local()

    def deliver(self, directory: Path, files: Mapping[str, bytes]) -> None:
        self._pass("bundle made", directory)
        local.deliver(directory, files)
        self._pass("bundle delivered", directory)

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        self._pass(f"{job.phase} about to start", directory)
        local.start(job, directory, environment)
        self._pass(f"{job.phase} launched", directory)

    def observe(self, directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation:
        traps = [trap for trap in self._traps() if trap["moment"] in _OF_ROWS]
        row = self._row(directory) if traps else None
        if row is not None:
            self._pass(_recorded(row), directory)
        seen = local.observe(directory, after_event, after_chunk)
        if row is not None and seen.plan_result is not None and _is(row, Status.PLANNING) and not row["plan_digest"]:
            self._pass(PLAN_SEEN, directory)
        if row is not None and seen.apply_result is not None and _is(row, Status.APPLYING, Status.INTERRUPTED):
            self._pass(APPLY_SEEN, directory)
        return seen

    def cancel(self, directory: Path) -> None:
        local.cancel(directory)

    def group_is_empty(self, directory: Path) -> bool:
        return local.group_is_empty(directory)

    def kill_group(self, directory: Path) -> None:
        local.kill_group(directory)

    def _pass(self, moment: str, directory: Path) -> None:
        for trap in self._traps():
            if trap["moment"] == moment and self._is_of(trap, directory):
                self._spring(trap, directory)

    def _is_of(self, trap: Mapping[str, Any], directory: Path) -> bool:
        row = self._row(directory)
        return row is not None and row["environment"] == trap["environment"] and row["number"] > trap["since"]

    def _spring(self, trap: Mapping[str, Any], directory: Path) -> None:
        victim = Victim(trap["victim"])
        self._sprung.add(trap["id"])
        killed = victims.kill(victim, None, directory)
        is_own = victim in (Victim.CONTROLLER, Victim.ALL)
        descriptor = os.open(self._folder.sprung, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(descriptor, f"{trap['id']} {' '.join(['controller'] * is_own + killed)}\n".encode())
        if is_own:
            victims.kill(Victim.CONTROLLER, os.getpid(), None)
        os.close(descriptor)

    def _traps(self) -> list[dict[str, Any]]:
        found = json.loads(self._folder.traps.read_text())
        return [trap for trap in found if trap["id"] not in self._sprung]

    def _row(self, directory: Path) -> Mapping[str, Any] | None:
        if not hasattr(self._rows, "connection"):
            self._rows.connection = self._folder.rows()
        query = "SELECT number, environment, status, plan_digest, attempts FROM deployments WHERE id = :id"
        found: Sequence[Mapping[str, Any]] = self._rows.connection(query, id=directory.name)
        return found[0] if found else None


def _is(row: Mapping[str, Any], *statuses: Status) -> bool:
    return row["status"] in statuses


def _recorded(row: Mapping[str, Any]) -> str:
    """The newest thing that the history knows of this deployment; "" where it has gone on since."""
    if Status(row["status"]) in FINAL:
        return END_RECORDED
    if row["status"] == Status.PLANNING and row["plan_digest"]:
        return PLAN_RECORDED
    if row["attempts"]:
        return ""
    return {Status.PLANNING: CLAIMED, Status.APPLYING: APPLY_BEGUN, Status.INTERRUPTED: LOSS_RECORDED}.get(
        Status(row["status"]), ""
    )
