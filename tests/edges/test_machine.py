"""How much memory may still be taken, by the kernel's word and by every control group's."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller import machine
from tests.disk_factories import MIB, disk

GIB = 2**30


def host(folder: Path, **files: str) -> Path:
    """A root directory with these files; `__` in a name stands for `/`."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


MEMINFO = "MemTotal:       25165824 kB\nMemAvailable:    8388608 kB\n"


def at(folder: Path, path: str, **files: str) -> None:
    for name, text in files.items():
        (folder / path).mkdir(parents=True, exist_ok=True)
        (folder / path / f"memory.{name}").write_text(text)


def test_without_any_file_nothing_is_known(tmp_path: Path) -> None:
    assert machine.available_memory(tmp_path) is None


def test_a_host_without_groups_says_what_the_kernel_says(tmp_path: Path) -> None:
    assert machine.available_memory(host(tmp_path, proc__meminfo=MEMINFO)) == 8 * GIB


def test_the_tightest_group_above_the_process_counts_and_its_file_cache_can_be_freed(tmp_path: Path) -> None:
    host(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="0::/system.slice/lockstep.service\n")
    at(tmp_path, "sys/fs/cgroup/system.slice", max=f"{4 * GIB}\n", current=f"{3 * GIB}\n", stat="anon 1\n")
    own = "sys/fs/cgroup/system.slice/lockstep.service"
    at(tmp_path, own, max="max\n", current=f"{GIB}\n")
    assert machine.available_memory(tmp_path) == GIB
    at(tmp_path, own, max=f"{2 * GIB}\n", current=f"{2 * GIB - 100}\n", stat=f"anon 7\ninactive_file {GIB // 2}\n")
    assert machine.available_memory(tmp_path) == GIB // 2 + 100


def test_in_a_container_the_group_is_the_root_of_what_is_mounted(tmp_path: Path) -> None:
    host(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="0::/\n")
    at(tmp_path, "sys/fs/cgroup", max=f"{GIB}\n", current=f"{GIB + 5}\n")
    assert machine.available_memory(tmp_path) == 0


def test_groups_of_the_first_version_are_read_too(tmp_path: Path) -> None:
    host(tmp_path, proc__meminfo=MEMINFO, proc__self__cgroup="8:pids:/a\n4:cpu,memory:/a\n0::/\n")
    at(tmp_path, "sys/fs/cgroup/memory", limit_in_bytes="9223372036854771712\n", usage_in_bytes="1\n")
    assert machine.available_memory(tmp_path) == 8 * GIB
    stat = f"inactive_file 1\ntotal_inactive_file {GIB}\n"
    at(tmp_path, "sys/fs/cgroup/memory/a", limit_in_bytes=f"{2 * GIB}", usage_in_bytes=f"{2 * GIB}", stat=stat)
    assert machine.available_memory(tmp_path) == GIB


@pytest.mark.parametrize("mark", [".dockerenv", "run/.containerenv", "var/run/secrets/kubernetes.io"])
def test_a_container_is_known_by_its_mark(tmp_path: Path, mark: str) -> None:
    assert not machine.is_container(tmp_path)
    (tmp_path / mark).mkdir(parents=True)
    assert machine.is_container(tmp_path)


def test_this_machine_has_some() -> None:
    found = machine.available_memory()
    assert found is None or found > 0


def test_a_run_waits_for_room_on_the_disk_and_for_the_right_to_write_there(tmp_path: Path) -> None:
    assert machine.lacks_disk(tmp_path / "not there yet") == ""
    with disk(tmp_path / "disk", 70 * MIB) as made:
        assert machine.lacks_disk(made.folder) == ""
        made.take(10 * MIB)
        assert machine.lacks_disk(made.folder) == (
            "waits for disk: less than 64 MiB are free where the data directory lies (data_dir)"
        )
        made.forbid_writing()
        assert machine.lacks_disk(made.folder) == ("waits for disk: the data directory cannot be written to (data_dir)")
