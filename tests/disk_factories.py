"""Disks that are small, full, or may not be written to: real ones, where the tests may mount any."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MIB = 2**20


@dataclass(frozen=True)
class Disk:
    """A file system of its own at `folder`."""

    folder: Path

    def fill(self) -> None:
        """Take all that is left."""
        descriptor = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for size in (MIB, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    os.write(descriptor, b"x" * size)
        os.close(descriptor)

    def take(self, size: int) -> None:
        self._ballast.write_bytes(b"x" * size)

    def make_room(self) -> None:
        self._ballast.unlink()

    def forbid_writing(self) -> None:
        _mount("-o", "remount,ro", str(self.folder))

    def allow_writing(self) -> None:
        _mount("-o", "remount,rw", str(self.folder))

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Disk]:
    """A disk of so many bytes; the test is skipped with a word where nothing may be mounted."""
    folder.mkdir(parents=True, exist_ok=True)
    said = _mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder))
    if said:
        pytest.skip(f"no disk can be mounted here: {said}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(("umount", "--lazy", str(folder)), check=True)


def _mount(*words: str) -> str:
    """What was wrong, "" where nothing was."""
    try:
        done = subprocess.run(("mount", *words), capture_output=True, text=True, check=False)
    except FileNotFoundError as e:
        return str(e)
    return "" if done.returncode == 0 else done.stderr.strip() or f"mount exited with {done.returncode}"
