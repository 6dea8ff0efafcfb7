"""The real `python -m cli serve` as a process of its own, on a repository made from the sample."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pygit2
import yaml

import controller
from controller.git.worktree import read_worktree
from controller.history import read, store
from controller.history.store import Store
from controller.model.record import Deployment
from controller.model.tree import walk
from controller.runner import local
from tests import databases, git_factories
from tests.git_factories import Content

ROOT = Path(controller.__file__).resolve().parent.parent
SAMPLE = ROOT / "sample-repo"
PATIENCE = 60.0
SLOW = ("platform/modules/postgres-server/module.yaml", "platform/modules/postgres-server-ha.yaml")


def sample_repository(folder: Path, *projects: str, seconds: int = 3) -> tuple[pygit2.Repository, str]:
    """A bare repository of the sample with these projects, and its first commit.

    What modules write lies in `folder`/output, and a server takes `seconds` to start there.
    """
    tree = read_worktree(SAMPLE)
    files: dict[str, Content] = {}
    for path, _ in walk(tree):
        if path.startswith("projects/") and path.split("/")[1] not in projects:
            continue
        text = tree.read(path).decode()
        text = text.replace("/tmp/lockstep-sample", str(folder / "output"))
        files[path] = text.replace("seconds: 3", f"seconds: {seconds}") if path in SLOW else text
    repo = git_factories.repository(folder / "origin.git")
    return repo, git_factories.commit(repo, files, message="Describe our platform")


def ledger(folder: Path) -> list[str]:
    """One line for each time that a server was really started."""
    path = folder / "output" / "ledger.txt"
    return path.read_text().splitlines() if path.exists() else []


def free_port() -> int:
    """A port that the system gives to nobody else until this process ends; who asks for exactly this one can listen."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port: int = held.getsockname()[1]
    held.detach()  # left open: bound, and never listening
    return port


def until(what: str, look: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """Look until there is something to see, and give that."""
    give_up = time.monotonic() + patience
    while time.monotonic() < give_up:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {patience:.0f} s in vain for {what}")


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that bear this folder's name."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(folder) in word for word in words):
            found.append(" ".join(words))
    return found


@dataclass
class Server:
    """A controller that can be killed and started again; its data is in `folder`/data, if `settings` do not differ."""

    folder: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    database_url: str | None = None  # where it is not SQLite's file in its data

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def first_start(self) -> Path:
        return self.folder / "first-start.yaml"

    def said(self) -> str:
        """Everything that it wrote on stdout and stderr since it was started last."""
        return "".join((self.folder / name).read_text() for name in ("stdout.txt", "stderr.txt"))

    def launch(self, *words: str) -> subprocess.Popen[bytes]:
        """Start the process and wait for nothing."""
        config = self.folder / "controller.yaml"
        connection = {"id": "acme", "url": str(self.folder / "origin.git"), "poll": "1s"}
        if databases.is_postgresql() and self.database_url is None and "database_url" not in self.settings:
            self.database_url = databases.new_address(self.folder)
        settings = {
            "connections": [connection],
            "data_dir": str(self.data),
            "listen": f"127.0.0.1:{self.port}",
            "anonymous_pages": True,
        }
        if self.database_url is not None:
            settings["database_url"] = self.database_url
        config.write_text(yaml.safe_dump(settings | dict(self.settings)))
        command = (sys.executable, "-m", "cli", "serve", "--config", str(config), *words)
        with open(self.folder / "stdout.txt", "wb") as out, open(self.folder / "stderr.txt", "wb") as err:
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        return self.process

    def start(self, *words: str) -> None:
        """Start it and wait until it answers."""
        started = self.launch(*(words or ("--first-start", str(self.first_start))))

        def answers() -> bool:
            assert started.poll() is None, self.said()
            try:
                return self.page("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        until("an answer", answers)

    def ended(self, *words: str) -> int:
        """Start what is not to stay, and give its exit code."""
        return self.launch(*words).wait(PATIENCE)

    def kill(self) -> None:
        """As the kernel does when memory is short, or whoever pulls the plug."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def ask_to_end(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def page(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=10, trust_env=False)

    def get(self, path: str) -> Any:
        """What the API answers to the administrator."""
        return self._ask("GET", path)

    def post(self, path: str, body: Any) -> Any:
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        token = yaml.safe_load(self.first_start.read_text())["admin_token"]
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.url}/api/v1/{path}"
        answer = httpx.request(method, url, headers=headers, timeout=10, trust_env=False, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def deployments(self) -> list[dict[str, Any]]:
        """Oldest first."""
        rows: list[dict[str, Any]] = self.get("deployments?limit=200")["items"]
        return rows[::-1]

    def kept(self) -> list[Deployment]:
        """The same while no controller is there: out of its database."""
        opened = self.history()
        try:
            return read.deployments(opened)[::-1]
        finally:
            store.close(opened)

    def history(self) -> Store:
        """Its database, whether a controller is there or not."""
        return databases.kept(self.database_url or f"sqlite:///{self.data / 'lockstep.sqlite3'}")

    def in_status(self, status: str) -> dict[str, Any]:
        """The deployment that is there, once it has this status."""

        def look() -> dict[str, Any] | None:
            return next((row for row in self.deployments() if row["status"] == status), None)

        found: dict[str, Any] = until(f"a deployment that is {status}", look)
        return found

    def close(self) -> None:
        """Leave no process behind: neither the controller, nor a supervisor, nor an engine."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        runs = list((self.data / "runs").glob("*")) if (self.data / "runs").exists() else []
        for run in runs:
            local.cancel(run)
        for run in runs:
            until(f"the end of {run.name}", lambda run=run: not local.is_alive(run))
            local.kill_group(run)


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Server]:
    """A controller that is not started yet; nothing of it is left afterwards."""
    made = Server(folder, settings)
    try:
        yield made
    finally:
        made.close()
