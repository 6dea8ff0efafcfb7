"""How does a file outlive whatever happens to the process that writes it?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


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
