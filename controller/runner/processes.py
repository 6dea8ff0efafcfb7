"""Is a process that was started once still there, and is anything left of what it started?"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
BOOT = _PROC / "sys/kernel/random/boot_id"


@dataclass(frozen=True, slots=True)
class Process:
    """A process, told from a later one with the same number by when it started. It leads a session of its own."""

    pid: int
    started: str
    boot: str
    is_sandbox: bool = False  # it is bubblewrap's; what it was asked to run is inside


@dataclass(frozen=True, slots=True)
class _Entry:
    pid: int
    group: int
    session: int
    started: str


def identify(pid: int) -> Process:
    """The process that has this number now; ProcessLookupError where there is none."""
    for entry in _entries(pid):
        return Process(pid, entry.started, _boot())
    raise ProcessLookupError(pid)


def is_alive(process: Process) -> bool:
    """Whether it still runs; one that has ended and was not waited for yet does not."""
    return _boot() == process.boot and any(entry.started == process.started for entry in _entries(process.pid))


def members(process: Process) -> tuple[int, ...]:
    """Numbers of the live processes in the session or group that it leads or led, in order."""
    if _boot() != process.boot:
        return ()
    found = [entry for entry in _entries() if process.pid in (entry.group, entry.session)]
    # A number is not given out again while a group or session bears it: another leader, so all of ours are gone.
    if any(entry.pid == process.pid and entry.started != process.started for entry in found):
        return ()
    return tuple(sorted(entry.pid for entry in found))


def interrupt(process: Process) -> bool:
    """Ask the process alone, or the one that it runs in a sandbox, to come to an end in good order; whether it hears.

    A sandbox that is being built has nothing inside yet: ask again.
    """
    if not is_alive(process):
        return True
    pid = inside(process) if process.is_sandbox else process.pid
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
    return True


def kill(process: Process) -> None:
    """End the process and everything in its group and session at once."""
    for pid in members(process):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def inside(process: Process) -> int | None:
    """What runs in a sandbox: process 2 of its namespace, where 1 is the one that waits for all that end there."""
    depth = len(_numbers(process.pid)) + 1
    for pid in members(process):
        numbers = _numbers(pid)
        if len(numbers) == depth and numbers[-1] == "2":
            return pid
    return None


def _numbers(pid: int) -> list[str]:
    """The numbers of a process in its namespaces, outermost first."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in (_PROC / str(pid) / "status").read_text(errors="replace").splitlines():
            if line.startswith("NSpid:"):
                return line.split()[1:]
    return []


def _boot() -> str:
    try:
        return BOOT.read_text().strip()
    except FileNotFoundError:
        return ""


def _entries(pid: int | None = None) -> Iterator[_Entry]:
    """All live processes, or the one with this number."""
    return _from_proc(pid) if BOOT.exists() else _from_ps(pid)


def _from_proc(pid: int | None) -> Iterator[_Entry]:
    names = (name for name in os.listdir(_PROC) if name.isdigit()) if pid is None else (str(pid),)
    for name in names:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The program's name, in parentheses, may hold blanks and parentheses of its own.
            fields = (_PROC / name / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":
                yield _Entry(int(name), int(fields[2]), int(fields[3]), fields[19])


def _from_ps(pid: int | None) -> Iterator[_Entry]:
    """Where there is no /proc. A session has no readable number there; its group has."""
    import subprocess  # elsewhere nobody waits for it to load

    chosen = ("-A",) if pid is None else ("-p", str(pid))
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    listing = ("ps", *chosen, "-o", "pid=,pgid=,stat=,lstart=")
    done = subprocess.run(listing, capture_output=True, text=True, check=False, env=environment)
    for line in done.stdout.splitlines():
        number, group, state, started = line.split(None, 3)
        if not state.startswith("Z"):
            yield _Entry(int(number), int(group), int(group), started)
