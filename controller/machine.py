"""What has this machine left? Memory, as the kernel and every control group see it, and room on its disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path("/")
_SPARE = 64 * 2**20  # bytes of a disk; a run that begins with less may end without a word
_UNLIMITED = 2**60  # version 1 writes a number like this where there is no limit


def available_memory(root: Path = _ROOT) -> int | None:
    """Bytes that are free or can be freed at once; None where nothing can be read."""
    found = [*_of_machine(root), *_of_groups(root)]
    return min(found) if found else None


def lacks_disk(folder: Path) -> str:
    """For what a run has to wait that would write to this folder; "" where it can."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return ""  # not there yet
    if not os.access(folder, os.W_OK):
        return "waits for disk: the data directory cannot be written to (data_dir)"
    if free < _SPARE:
        return f"waits for disk: less than {_SPARE // 2**20} MiB are free where the data directory lies (data_dir)"
    return ""


def is_container(root: Path = _ROOT) -> bool:
    """Whether everything here ends with its first process, supervisors and engines with it."""
    return (root / ".dockerenv").exists() or (root / "run/.containerenv").exists() or _is_pod(root)


def _is_pod(root: Path) -> bool:
    return (root / "var/run/secrets/kubernetes.io").exists()


def _of_machine(root: Path) -> Iterator[int]:
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", _read(root / "proc/meminfo"), re.MULTILINE)
    if found:
        yield int(found[1]) * 1024


def _of_groups(root: Path) -> Iterator[int]:
    """What is left in the groups of this process and in all groups above them, of either version."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _left(root / "sys/fs/cgroup", path, ("memory.max", "memory.current", "inactive_file"))
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            yield from _left(root / "sys/fs/cgroup/memory", path, names)


def _left(mount: Path, path: str, names: tuple[str, str, str]) -> Iterator[int]:
    limit_name, usage_name, cache_name = names
    # In a container its own group is the root of the mount, whatever the path says.
    folders = [mount.joinpath(*path.strip("/").split("/")[:depth]) for depth in range(path.count("/") + 1)]
    for folder in dict.fromkeys((mount, *folders)):
        limit, usage = _read(folder / limit_name).strip(), _read(folder / usage_name).strip()
        if limit.isdigit() and usage.isdigit() and int(limit) < _UNLIMITED:
            cache = re.search(rf"^{cache_name} (\d+)$", _read(folder / "memory.stat"), re.MULTILINE)
            yield max(int(limit) - int(usage) + (int(cache[1]) if cache else 0), 0)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
