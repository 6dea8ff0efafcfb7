"""What did those leave behind who are proven dead? Asked once, at the start, by who holds the data directory alone.

Proven: the lock that a supervisor holds as long as it lives is free, nothing is left of the engine's group, the number
in a temporary file's name is no process's, nobody holds the lock of a state. Whatever may still be somebody's stays.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from controller.deployments import states
from controller.deployments.doors import Doors
from controller.errors import ConflictError
from controller.git import packing
from controller.history import read
from controller.history import work as history
from controller.history.work import Known
from controller.model.deployment import FINAL
from controller.runner import protocol
from controller.runner.bundle import ERRORED
from controller.runner.protocol import Job

log = logging.getLogger(__name__)

STATE_LOCK = f".{states.STATE}.lock.info"  # the engine's, which says who has locked a state
_ASIDE = re.compile(r"\..+\.(\d+)")  # what `durable` writes aside bears the number of its process


@dataclass(slots=True)
class Cleaned:
    """How many of each kind were removed."""

    counts: dict[str, int] = field(default_factory=dict)

    def remove(self, what: str, path: Path) -> None:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        self.counts[what] = self.counts.get(what, 0) + 1

    def tell(self) -> None:
        if self.counts:
            log.info("removed what was left behind: %s", ", ".join(f"{n} {what}" for what, n in self.counts.items()))


def clean_mirrors(data: Path) -> None:
    """Before they are opened: a lock that a killed fetch left would stand in the way of every other one.

    Nobody but the holder of the data directory works in a mirror, so at its start all locks there are of the dead.
    """
    cleaned = Cleaned()
    mirrors = data / "mirrors"
    for path in _below(mirrors):
        folders = path.relative_to(mirrors).parts[1:-1]  # within its mirror
        if path.name.endswith(".lock"):
            cleaned.remove("locks of mirrors", path)
        elif ("_git2_" in path.name and "objects" in folders) or packing.ASIDE in folders or _is_half(path):
            cleaned.remove("unfinished objects of mirrors", path)
    cleaned.tell()


def _is_half(path: Path) -> bool:
    """Whether this is a pack without its index, or the other way round."""
    other = {".pack": ".idx", ".idx": ".pack"}.get(path.suffix)
    return path.parent.name == "pack" and other is not None and not path.with_suffix(other).exists()


def clean(doors: Doors) -> None:
    """Before anything is taken up: runs, plans in clear, temporary files, locks of states, working directories."""
    cleaned = Cleaned()
    folders = _folders(doors.data / "runs")
    known = history.known(doors.store, [folder.name for folder in folders])
    dead = [folder for folder in folders if _is_dead(doors, folder)]
    for folder in dead:
        _clean_run(cleaned, folder, known.get(folder.name))
    living = [job for folder in folders if folder not in dead and (job := _job(folder)) is not None]
    _clean_asides(cleaned, [doors.data, *dead, *(folder / protocol.LOG for folder in dead)])
    _clean_states(cleaned, doors.data / "states", {job.state for job in living})
    _clean_work(cleaned, doors, {job.workdir for job in living})
    cleaned.tell()


def _clean_run(cleaned: Cleaned, folder: Path, known: Known | None) -> None:
    if known is None and (folder / protocol.ERRORED).exists():
        log.warning(
            "%s: here is a state that could not be saved, of an apply that the database knows nothing of; "
            "compare its %s with what the state storage has, then remove it",
            folder,
            protocol.ERRORED,
        )
    elif known is None and protocol.read_started(folder) and not (folder / protocol.APPLY_RESULT).exists():
        log.warning(
            "%s: an apply began here that the database knows nothing of, and nobody heard its end; "
            "look into its %s, then remove it",
            folder,
            protocol.EVENTS,
        )
    elif known is None:
        cleaned.remove("runs of unknown deployments", folder)
    elif known.cleared:
        cleaned.remove("runs of ended deployments", folder)
    elif known.status in FINAL and (folder / protocol.PLAN).exists():
        cleaned.remove("plans of ended deployments", folder / protocol.PLAN)


def _is_dead(doors: Doors, folder: Path) -> bool:
    try:
        return not doors.runner.observe(folder).alive and doors.runner.group_is_empty(folder)
    except (ConflictError, ValueError):
        return False  # of another release, or damaged: nothing is proven


def _job(folder: Path) -> Job | None:
    try:
        return protocol.read_job(folder)
    except (ConflictError, ValueError):
        return None


def _clean_asides(cleaned: Cleaned, folders: Iterable[Path]) -> None:
    for folder in folders:
        for path in _entries(folder):
            found = _ASIDE.fullmatch(path.name)
            if found and not _is_others(int(found[1])):
                cleaned.remove("temporary files", path)


def _is_others(pid: int) -> bool:
    """Whether another process has this number now. In a container the one before may well have had ours."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _clean_states(cleaned: Cleaned, folder: Path, used: set[str | None]) -> None:
    for found in _folders(folder):
        _clean_asides(cleaned, [found])
        lock = found / STATE_LOCK
        if lock.exists() and str(found / states.STATE) not in used and _is_free(found / states.STATE):
            cleaned.remove("locks of states", lock)


def _is_free(state: Path) -> bool:
    """Whether no engine has locked a state, which it does by a lock of the kernel's; the file only says who it is."""
    try:
        descriptor = os.open(state, os.O_RDWR)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _clean_work(cleaned: Cleaned, doors: Doors, used: set[str]) -> None:
    """Warm directories of environments that are no more; in the others what a killed supervisor wrote aside."""
    uuids = {found.uuid for found in read.environments(doors.store)}
    for folder in _folders(doors.data / "work"):
        if str(folder) in used:
            continue
        if folder.name not in uuids and not (folder / ERRORED).exists():
            cleaned.remove("working directories of environments that are no more", folder)
        else:
            _clean_asides(cleaned, [folder / ".terraform"])


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir() and not path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _below(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in sorted(names))
