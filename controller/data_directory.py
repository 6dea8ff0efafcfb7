"""Whose is a data directory? It belongs to one controller at a time, which holds its lock for as long as it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from controller.errors import ConflictError, ManifestError, Problem

LOCK = "controller.lock"
_FOLDERS = (".", "runner-env")
# What a controller was just starting when it was killed holds its lock on until it has become another program.
_PATIENCE = 1.0


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the directory and hold it; ConflictError where another controller does.

    The kernel lets go of it with the process, however that ends: nobody has to clean up after a kill.
    """
    try:
        for each in _FOLDERS:
            (folder / each).mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as e:
        raise _unusable(folder, e) from e
    try:
        _take(folder, descriptor)
        yield
    finally:
        os.close(descriptor)


def is_held(folder: Path) -> bool:
    """Whether a controller is at work in it."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _take(folder: Path, descriptor: int) -> None:
    try:
        if not _is_taken(descriptor):
            raise _at_work(folder, descriptor)
    except OSError as e:
        raise _unusable(folder, e) from e
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())


def _is_taken(descriptor: int) -> bool:
    """Take the lock; False where somebody holds it for longer than it takes to die."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)


def _at_work(folder: Path, descriptor: int) -> ConflictError:
    holder = os.read(descriptor, 32).decode(errors="replace").strip()
    process = f" (process {holder})" if holder.isdigit() else ""
    return ConflictError(
        f"{folder}: another controller{process} is at work in this data directory; "
        "end that one, or choose another with --data-dir"
    )


def _unusable(folder: Path, error: OSError) -> ManifestError:
    why = (error.strerror or str(error)).lower()
    what = f"cannot be used as the data directory ({why})"
    remedy = "give it to the user who runs the controller, or choose another with --data-dir"
    return ManifestError([Problem(str(folder), what, remedy)])
