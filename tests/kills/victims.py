"""Who is killed? The controller, a supervisor, an engine with all that it started, or all of them; by SIGKILL."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from enum import StrEnum
from pathlib import Path

from controller.runner import local, processes, protocol
from controller.runner.processes import Process


class Victim(StrEnum):
    CONTROLLER = "controller"
    SUPERVISOR = "supervisor"
    ENGINE = "engine"
    ALL = "all"


def kill(victim: Victim, controller: int | None, run: Path | None) -> list[str]:
    """Kill at once whoever of them is there; who that was."""
    killed = []
    if victim in (Victim.CONTROLLER, Victim.ALL) and controller is not None and _killed(controller):
        killed.append("controller")
    if victim in (Victim.SUPERVISOR, Victim.ALL) and run is not None and _kill(_supervisor(run)):
        killed.append("supervisor")
    if victim in (Victim.ENGINE, Victim.ALL) and run is not None and _kill_group(_engine(run)):
        killed.append("engine")
    return killed


def is_there(victim: Victim, run: Path | None) -> bool:
    """Whether there is somebody to kill; a controller always is."""
    if victim in (Victim.CONTROLLER, Victim.ALL):
        return True
    process = None if run is None else _supervisor(run) if victim is Victim.SUPERVISOR else _engine(run)
    return process is not None and processes.is_alive(process)


def _supervisor(run: Path) -> Process | None:
    return _process(run / protocol.LOCK) if local.is_alive(run) else None


def _engine(run: Path) -> Process | None:
    return _process(run / protocol.ENGINE)


def _process(path: Path) -> Process | None:
    try:
        found = json.loads(path.read_bytes())
        return Process(found["pid"], found["started"], found["boot"])
    except (OSError, ValueError, KeyError):
        return None


def _kill(process: Process | None) -> bool:
    return process is not None and processes.is_alive(process) and _killed(process.pid)


def _kill_group(process: Process | None) -> bool:
    if process is None or not processes.members(process):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return True


def _killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
