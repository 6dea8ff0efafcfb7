"""Starts, watches and cancels through the controller's side of the protocol; and proves processes gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import ConflictError
from controller.runner import local, processes, protocol
from controller.runner.processes import Process
from controller.runner.protocol import Observation, Phase
from controller.secrets.secret import Secret
from tests.runner_factories import PLAN_OF_NOTHING, ROOT, Bench, bench, bundle, scripted

SCRIPT = f"""
case $1 in
  plan) for word; do case "$word" in -out=*) echo plan > "${{word#-out=}}" ;; esac; done; exit 2 ;;
  show) echo '{PLAN_OF_NOTHING}' ;;
esac
"""


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, scripted(tmp_path, SCRIPT)) as made:
        yield made


def test_nothing_is_seen_where_nothing_was_started(tmp_path: Path) -> None:
    assert local.observe(tmp_path) == Observation(alive=False)
    assert local.group_is_empty(tmp_path) is True


def test_a_supervisor_is_alive_from_the_moment_it_is_started(runs: Bench) -> None:
    local.deliver(runs.directory, bundle())
    runs.start(Phase.PLAN)

    assert local.is_alive(runs.directory) is True
    assert runs.ended().plan_result is not None


def test_only_what_is_new_is_seen_again(runs: Bench) -> None:
    seen = runs.plan(bundle())
    last = seen.events[-1]["n"]

    assert local.observe(runs.directory, last - 2).events == seen.events[-2:]
    assert local.observe(runs.directory, last).events == ()
    assert local.observe(runs.directory, 0, len(seen.chunks)).chunks == ()


def test_secrets_reach_the_engine_and_no_argument(runs: Bench) -> None:
    Path(runs.engine.command[0]).write_text("#!/bin/sh\n[ $1 = init ] && touch $LEDGER.began && sleep 600\n")
    local.deliver(runs.directory, bundle())
    job = runs.job(Phase.PLAN)
    runs.started.append(runs.directory)
    local.start(job, runs.directory, {"TOKEN": Secret("canary-in-env"), "LEDGER": str(runs.ledger)})
    runs.until(lambda _: Path(f"{runs.ledger}.began").exists())

    supervisor, engine = runs.supervisor(), runs.engine_process()
    assert b"canary" not in Path(f"/proc/{supervisor}/cmdline").read_bytes()
    assert b"canary" not in Path(f"/proc/{supervisor}/environ").read_bytes()
    assert b"canary" not in Path(f"/proc/{engine}/cmdline").read_bytes()
    assert b"TOKEN=canary-in-env" in Path(f"/proc/{engine}/environ").read_bytes()
    files = [path for path in runs.directory.rglob("*") if path.is_file()]
    assert [path for path in files if b"canary" in path.read_bytes()] == []


def test_a_supervisor_leads_a_session_of_its_own(runs: Bench) -> None:
    Path(runs.engine.command[0]).write_text("#!/bin/sh\nsleep 600\n")
    local.deliver(runs.directory, bundle())
    runs.start(Phase.PLAN)
    runs.until(lambda _: (runs.directory / protocol.ENGINE).exists())
    supervisor, engine = runs.supervisor(), runs.engine_process()

    assert os.getsid(supervisor) == supervisor != os.getsid(0)
    runs.until(lambda _: os.getpgid(engine) == engine)  # it is noted before it has one, so that nobody is ever unknown
    assert os.getsid(engine) == engine


def test_a_controller_that_ends_does_not_end_its_runs(runs: Bench) -> None:
    """The process that starts the run is killed with everything in its group."""
    local.deliver(runs.directory, bundle())
    protocol.write_job(runs.directory, runs.job(Phase.PLAN))
    code = (
        "import sys, time; from pathlib import Path; from controller.runner import local, protocol\n"
        "d = Path(sys.argv[1]); local.start(protocol.read_job(d), d, {'LEDGER': sys.argv[2]})\n"
        "print('on', flush=True); time.sleep(600)"
    )
    runs.started.append(runs.directory)
    command = (sys.executable, "-c", code, str(runs.directory), str(runs.ledger))
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True, cwd=ROOT) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == "on\n"
        os.killpg(controller.pid, 9)
    seen = runs.ended()

    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"


def test_a_supervisor_that_cannot_begin_leaves_word(runs: Bench) -> None:
    (runs.directory / protocol.IDS).mkdir(parents=True)
    runs.start(Phase.PLAN)
    seen = runs.ended()

    assert seen.plan_result is None
    assert seen.trouble == f"IsADirectoryError: [Errno 21] Is a directory: '{runs.directory}/ids.jsonl'"


def test_by_hand_a_supervisor_takes_the_lock_itself(runs: Bench) -> None:
    local.deliver(runs.directory, bundle())
    protocol.write_job(runs.directory, runs.job(Phase.PLAN))
    handed = protocol.write_handed(protocol.Handed({"LEDGER": str(runs.ledger), "PATH": os.environ["PATH"]}))
    command = (sys.executable, "-m", "controller.runner", str(runs.directory))
    done = subprocess.run(command, input=handed, capture_output=True, check=False, cwd=ROOT)

    assert (done.returncode, done.stderr) == (0, b"")
    result = protocol.read_result(runs.directory, protocol.PLAN_RESULT)
    assert result is not None
    assert result.status == "succeeded"


def test_a_supervisor_needs_a_directory_and_a_job(tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        command = (sys.executable, "-m", "controller.runner", *arguments)
        handed = protocol.write_handed(protocol.Handed({}))
        done = subprocess.run(command, input=handed, capture_output=True, check=False, cwd=ROOT)
        return done.returncode, done.stderr.decode()

    assert run() == (2, "usage: python -m controller.runner DIRECTORY < handed.json\n")
    assert run(str(tmp_path)) == (2, f"{tmp_path}: there is no job; start runs through the controller\n")


def test_a_bundle_replaces_the_one_before(tmp_path: Path) -> None:
    local.deliver(tmp_path, {"main.tf.json": b"{}", "modules/a/main.tf": b"a"})
    local.deliver(tmp_path, {"main.tf.json": b"{}", "modules/b/run.sh": b"#!/bin/sh\n"})

    files = sorted(path for path in (tmp_path / "bundle").rglob("*") if path.is_file())
    assert [path.relative_to(tmp_path).as_posix() for path in files] == [
        "bundle/main.tf.json",
        "bundle/modules/b/run.sh",
    ]
    assert [path.stat().st_mode & 0o111 for path in files] == [0, 0o111]


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "", ".terraform/x", "a\0b"])
def test_a_bundle_stays_in_its_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConflictError) as e:
        local.deliver(tmp_path, {path: b""})

    assert str(e.value) == (
        f"bundle: `{path}` is no path inside a working directory; this is a bug of Lockstep, report it"
    )


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as sleeper:
        found = processes.identify(sleeper.pid)
        other_time, other_boot = Process(found.pid, "1", found.boot), Process(found.pid, found.started, "another boot")

        assert processes.is_alive(found) is True
        assert processes.members(found) == (sleeper.pid,)
        for another in (other_time, other_boot):
            assert processes.is_alive(another) is False
            assert processes.members(another) == ()
            processes.kill(another)
            processes.interrupt(another)
        assert sleeper.poll() is None
        processes.kill(found)
    assert processes.is_alive(found) is False


def test_a_group_is_empty_only_when_all_that_it_started_is_gone() -> None:
    script = "sleep 600 & sh -c 'set -m; sleep 600 & echo $!; wait' & wait"
    with subprocess.Popen(["sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        leader.stdout.readline()  # one that has a group of its own, in the same session
        found = processes.identify(leader.pid)
        assert len(processes.members(found)) >= 4
        leader.kill()
        leader.wait()
        assert processes.is_alive(found) is False
        assert len(processes.members(found)) >= 3
        processes.kill(found)
    until = time.monotonic() + 10
    while processes.members(found) and time.monotonic() < until:
        time.sleep(0.01)
    assert processes.members(found) == ()


def test_a_zombie_is_no_process_any_more() -> None:
    ended = subprocess.Popen(["true"], start_new_session=True)
    until = time.monotonic() + 10
    while ") Z" not in Path(f"/proc/{ended.pid}/stat").read_text() and time.monotonic() < until:
        time.sleep(0.01)

    with pytest.raises(ProcessLookupError):
        processes.identify(ended.pid)
    ended.wait()


def test_the_list_of_processes_reads_the_same_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as sleeper:
        monkeypatch.setattr(processes, "BOOT", Path("/nowhere"))
        found = processes.identify(sleeper.pid)

        assert found.boot == ""
        assert found.started.endswith(str(time.localtime().tm_year))
        assert processes.is_alive(found) is True
        assert processes.members(found) == (sleeper.pid,)
        processes.kill(found)
    assert processes.is_alive(found) is False


def test_the_lock_names_its_holder(runs: Bench) -> None:
    runs.plan(bundle())

    assert sorted(json.loads((runs.directory / protocol.LOCK).read_text())) == ["boot", "pid", "started"]
