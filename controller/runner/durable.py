"""How does a file outlive whatever happens to the process that writes it?"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
# What a machine says until somebody makes room on it or mends it.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_PAUSE = 0.5


def is_passing(error: OSError) -> bool:
    """Whether the same may succeed once there is room, or the disk can be written to again."""
    return error.errno in _PASSING


def persist(act: Callable[[], object], why_not: Callable[[], object] = lambda: None) -> None:
    """Act, for as long as it takes until the machine lets it be done: what is known is not thrown away.

    As soon as there is a reason not to wait any longer, what the machine said is raised.
    """
    while True:
        try:
            act()
            return
        except OSError as e:
            if not is_passing(e) or why_not():
                raise
        time.sleep(_PAUSE)


def write(path: Path, content: bytes) -> None:
    """Put the whole content there, or nothing: written aside, synced, renamed; readable by the owner alone."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    _write_new(aside, content)
    os.replace(aside, path)
    sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Put the whole content there, or nothing; it outlives the process, though perhaps not the machine."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with open(descriptor, "wb") as file:
        file.write(content)
    os.replace(aside, path)


def write_once(path: Path, content: bytes) -> None:
    """Make a new file that is on disk, with its name, before this returns; FileExistsError where there is one."""
    _write_new(path, content)
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    write(path, json.dumps(value, sort_keys=True).encode())


def read_json(path: Path) -> Any:
    """The document in the file, or None where there is no file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def read_foreign(path: Path) -> bytes | None:
    """A file that code of others could have put there: None where it is none, or a link, or would never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
            return None
        raise
    with open(descriptor, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def make_folder(path: Path) -> None:
    """Make a folder for the owner alone; one that is there is left as it is."""
    path.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)


def sync(path: Path) -> None:
    """Make durable what somebody else wrote into a file."""
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable, as `fsync` of a file does not."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
