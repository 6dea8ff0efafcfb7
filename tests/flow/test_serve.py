"""The controller as a process: killed, asked to end, started again, started where it cannot work."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controller.model.deployment import Status
from tests.serve_factories import ROOT, Server, ledger, processes_of, sample_repository, serving, until

LINE = "insights/live postgres-server main"

pytestmark = pytest.mark.engine


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as made:
        yield made


def deploying(server: Server, seconds: int = 3) -> None:
    """Start it on a repository of one environment, whose server takes so long to start."""
    sample_repository(server.folder, "insights", seconds=seconds)
    server.start()


def runs(server: Server) -> list[str]:
    """Supervisors and engines that are at work."""
    return processes_of(server.data / "runs")


def slow_step(server: Server) -> str:
    """Wait until the slow step runs; the deployment that it belongs to."""
    until("the slow step", lambda: ledger(server.folder))
    (row,) = server.deployments()
    assert row["status"] == "applying"
    return str(row["id"])


def test_a_deployment_goes_on_when_the_controller_is_killed_while_it_applies(server: Server) -> None:
    deploying(server)
    id = slow_step(server)
    (before,) = server.deployments()
    server.kill()
    assert runs(server)
    server.start()
    server.in_status("succeeded")
    (after,) = server.deployments()
    assert (after["id"], after["no_changes"]) == (id, False)
    assert {name for name in after if after[name] != before[name]} == {"status", "completed_at"}
    assert ledger(server.folder) == [LINE]


def test_what_ended_while_no_controller_lived_is_recorded_as_it_ended(server: Server) -> None:
    deploying(server, seconds=1)
    id = server.in_status("planning")["id"]
    until("the supervisor", lambda: runs(server))
    server.kill()
    until("the end of the plan", lambda: not runs(server))
    assert ledger(server.folder) == []
    server.start()
    assert slow_step(server) == id
    server.kill()
    until("the end of the apply", lambda: not runs(server))
    server.start()
    assert server.in_status("succeeded")["id"] == id
    assert (len(server.deployments()), ledger(server.folder)) == (1, [LINE])


def test_asked_to_end_it_waits_for_what_runs_and_begins_no_apply(server: Server) -> None:
    deploying(server)
    id = server.in_status("planning")["id"]
    assert server.ask_to_end() == 0
    assert (ledger(server.folder), runs(server)) == ([], [])
    assert [(row.id, row.status) for row in server.kept()] == [(id, Status.PLANNING)]
    server.start()
    assert slow_step(server) == id
    assert server.ask_to_end() == 0
    assert [(row.id, row.status) for row in server.kept()] == [(id, Status.SUCCEEDED)]
    assert (ledger(server.folder), runs(server)) == ([LINE], [])
    assert "Traceback" not in server.said()
    assert server.said().splitlines()[-1].endswith("INFO    ended")


ASKED = """
import faulthandler, os, signal, sys, threading
from cli.serve import _asked_to_end

def compute():
    while True:
        sum(range(50))

def ask(ready):
    ready.wait()
    os.kill(os.getpid(), signal.SIGTERM)

sys.setswitchinterval(0.0002)
for _ in range(2):
    threading.Thread(target=compute, daemon=True).start()
faulthandler.dump_traceback_later(60, exit=True)
for _ in range(1000):
    with _asked_to_end() as wait:
        ready = threading.Event()
        asking = threading.Thread(target=ask, args=(ready,))
        asking.start()
        ready.set()
        wait()
        asking.join()
"""


def test_a_signal_is_heard_whenever_it_comes() -> None:
    """Also in the moment when one begins to wait for it: an orchestrator that starts and stops asks just then."""
    done = subprocess.run((sys.executable, "-c", ASKED), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_the_first_start_makes_is_shown_once(server: Server) -> None:
    sample_repository(server.folder)
    server.start("--listen", f"localhost:{server.port}")  # a name that may have two addresses
    first = (server.folder / "stdout.txt").read_text().splitlines()
    assert first[0] == "This is the first start. Keep these now, they are not shown again:"
    token, key = (line.split()[-1] for line in first[1:])
    assert (token.startswith("lockstep_"), key.startswith("AGE-SECRET-KEY-1")) == (True, True)
    assert server.ask_to_end() == 0
    assert "Traceback" not in server.said()
    server.start("--first-start", str(server.first_start))
    assert ((server.folder / "stdout.txt").read_text(), server.first_start.exists()) == ("", False)
    for secret in (token, key):
        assert secret not in server.said()
        holders = [path for path in server.data.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
        assert holders == []


def test_the_first_start_writes_a_file_of_its_owner_and_a_second_controller_is_refused(server: Server) -> None:
    """Two on one data directory had the same id: each took the other's claims for its own."""
    sample_repository(server.folder)
    server.start("--first-start", str(server.first_start))
    made = yaml.safe_load(server.first_start.read_text())
    assert sorted(made) == ["admin_token", "log_key"]
    assert stat.S_IMODE(server.first_start.stat().st_mode) == 0o600
    assert not any(secret in server.said() for secret in made.values())
    assert server.get("repositories")["items"][0]["id"] == "acme"

    (server.folder / "other").mkdir()
    other = Server(server.folder / "other", {"data_dir": str(server.data)})
    assert (other.ended(), server.process is not None) == (3, True)
    assert other.said().splitlines()[-1] == (
        f"{server.data}: another controller (process {server.process and server.process.pid}) is at work in this data "
        "directory; end that one, or choose another with --data-dir"
    )
    assert server.page("/readyz").status_code == 200


def test_a_port_that_somebody_has_is_named(server: Server) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        assert server.ended() == 1
    assert server.said().splitlines()[-1] == (
        f"127.0.0.1:{server.port}: cannot be listened on (address already in use); "
        "choose another with --listen HOST:PORT"
    )


def test_a_data_directory_that_cannot_be_one_is_named(server: Server) -> None:
    server.data.write_text("a file")
    assert server.ended() == 1
    assert server.said().splitlines()[-1] == (
        f"{server.data}: cannot be used as the data directory (file exists); "
        "give it to the user who runs the controller, or choose another with --data-dir"
    )
