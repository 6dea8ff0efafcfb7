"""What has to be copied so that everything can be brought back? The database first, then the states, then who we are.

In this order: a database that is older than the states does no harm, the other way round it does. The folder that is
made looks like a data directory, without the keys: what is sealed in it stays so. It can be made while the controller
works.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.errors import ConflictError, NotAllowedError
from controller.history import backup as databases
from controller.history.store import Store
from controller.runner import durable

DATABASE = "lockstep.sqlite3"
KEYS = ("seal.key", "session.key", "runner-env")  # never copied: whoever has them and the backup can read it all
_STATES = "states"
_OURS = ("controller-id", "log-recipient.txt")
_TRIES = 50  # to read a state while an engine writes it


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup holds; `keys`: files of the data directory that are to be kept apart from it."""

    database: bool
    states: int
    keys: Sequence[str]


def make(data: Path, store: Store, target: Path) -> Copied:
    """Copy everything to a new folder, which is there when it is whole, and not before."""
    if target.exists():
        raise ConflictError(f"{target}: it is there already; name a folder that a backup can make")
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        durable.make_folder(aside)
        if store.is_sqlite:
            databases.copy(store, aside / DATABASE)
            (aside / DATABASE).chmod(durable.PRIVATE_FILE)
        states = _copy_states(data / _STATES, aside / _STATES)
        for name in _OURS:
            if (data / name).is_file():
                durable.write(aside / name, (data / name).read_bytes())
        _sync(aside)
        os.rename(aside, target)
        durable.sync_folder(target.parent)
    except OSError as e:
        raise NotAllowedError(f"{e.filename or target}: {(e.strerror or str(e)).lower()}; back up elsewhere") from e
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Copied(store.is_sqlite, states, tuple(name for name in KEYS if _is_there(data / name)))


def _copy_states(source: Path, target: Path) -> int:
    """How many environments have one. Locks are left out: their owners are not brought back."""
    durable.make_folder(target)
    count = 0
    for folder in sorted(source.iterdir()) if source.is_dir() else ():
        durable.make_folder(target / folder.name)
        for path in _lasting(folder):
            durable.write(target / folder.name / path.name, _read(path))
            count += path.name == "terraform.tfstate"
    return count


def _lasting(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith(".") and not path.name.endswith(".lock"):
            yield path


def _read(path: Path) -> bytes:
    """A file as a whole: engines write states in place, so one is read until it is a document."""
    for _ in range(_TRIES):
        content = path.read_bytes()
        try:
            json.loads(content)
        except ValueError:
            time.sleep(0.02)
        else:
            break
    return content


def _sync(folder: Path) -> None:
    for root, _, names in os.walk(folder):
        for name in names:
            with open(Path(root, name), "rb") as file:
                os.fsync(file.fileno())
        durable.sync_folder(Path(root))


def _is_there(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()
