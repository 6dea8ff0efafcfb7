"""What has to be true when all is at rest, whoever was killed? Sentences about what is not."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from controller.deployments.doors import Doors
from controller.history import read
from controller.model.deployment import FINAL
from controller.model.record import Deployment
from tests.kills import ledger
from tests.kills.company import PROJECT, Folder
from tests.kills.ledger import Line


def broken(folder: Folder, rows: Sequence[Deployment], lines: Sequence[Line]) -> Iterator[str]:
    """I1, I3 and I5, as they are told by the ledger, the history and what lies about."""
    for overlap in ledger.overlapping(lines):
        yield f"I1: two applies at once: {overlap}"
    yield from _other_plans(rows, lines)
    for deployment in ledger.handed_twice(lines):
        yield f"I5: the plan of {deployment} was handed to an apply twice"
    for row in rows:
        if row.status not in FINAL:
            yield f"I5: deployment {row.id} is {row.status}"
    yield from _claims(folder)
    yield from _leftovers(folder)


def lost(folder: Folder, doors: Doors, environment: str, wanted: Mapping[str, int], lines: Sequence[Line]) -> list[str]:
    """How an environment differs from what was wanted last: its state, the ledger, the history."""
    rows = read.deployments(doors.store, environment=environment, limit=1)
    uuid = rows[0].environment_uuid
    want = {name: str(size) for name, size in wanted.items()}
    found = []
    if (state := in_state(folder, uuid)) != want:
        found.append(f"{environment}: its state has {state}, not {want}")
    if (there := ledger.there(lines, uuid)) != want:
        found.append(f"{environment}: the ledger has {there}, not {want}")
    if wanted and read.environment(doors.store, PROJECT, environment).applied != rows[0].desired_digest:
        found.append(f"{environment}: what is applied is not what {rows[0].id} wanted")
    return found


def in_state(folder: Folder, uuid: str) -> Mapping[str, str]:
    """What the state of an environment knows: name -> size."""
    found = [(thing.get("output") or {}).get("value", {}) for thing in _things(folder, uuid)]
    return {str(value.get("name")): str(value.get("size")) for value in found}


def ids_in_state(folder: Folder, uuid: str) -> set[str]:
    return {thing["id"] for thing in _things(folder, uuid)}


def _things(folder: Folder, uuid: str) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(folder.state(uuid).read_bytes())
    except (FileNotFoundError, ValueError):  # not there, or being written
        return []
    return [instance["attributes"] for resource in document["resources"] for instance in resource["instances"]]


def _other_plans(rows: Sequence[Deployment], lines: Sequence[Line]) -> Iterator[str]:
    recorded = {row.id: row.plan_digest for row in rows}
    for deployment, digest in ledger.applied(lines).items():
        if deployment in recorded and recorded[deployment] != digest:
            yield f"I3: {deployment} applied the plan {digest}, recorded is {recorded[deployment]}"


def _claims(folder: Folder) -> Iterator[str]:
    query = "SELECT id FROM deployments WHERE worker IS NOT NULL OR NOT cleared"
    rows = folder.rows()
    for row in rows(query):
        yield f"I5: deployment {row['id']} is claimed, or not cleared, though nobody is at work"
    rows.close()


def _leftovers(folder: Folder) -> Iterator[str]:
    for run in sorted((folder.data / "runs").glob("*")):
        yield f"I5: the run directory of {run.name} is left"
    for lock in sorted((folder.path / "locks").iterdir()):
        with open(lock) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield f"I5: something of an apply of {lock.name} is still alive"
    for state in sorted((folder.data / "states").glob("*/terraform.tfstate")):
        with open(state, "r+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield f"I5: {state} is still locked"
    for pid, command in processes(folder):
        yield f"I5: process {pid} is left: {command}"


def processes(folder: Folder) -> Iterator[tuple[int, str]]:
    """Supervisors and engines of this company that are alive."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:
            continue
        is_ours = str(folder.path) in command and "tests.kills.zygote" not in command
        if is_ours and int(path.name) != os.getpid():
            yield int(path.name), command.strip()
