"""Remotes that hang, and one that disappears: the others go on in time, and it is said what is the matter with each."""

from __future__ import annotations

import html
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.git import transport
from tests import git_factories
from tests.git_server import Broken, GitServer, git_server, without_proxy
from tests.serve_factories import ROOT, Server, serving, until

pytestmark = pytest.mark.engine  # a controller does not start without one

HANGING = [f"slow-{n:02}" for n in range(12)]  # more than would be polled at once if nobody had thought of it
SOON = transport.SILENCE_DEADLINE.total_seconds() / 2  # nobody has given up waiting for those that hang
GONE = (
    "{}: there is no repository, or these credentials may not know of it (status 404); "
    "check the url and the rights of the token"
)
SILENT = "{}: the server did not answer in time; the next poll tries again"


@contextmanager
def deaf() -> Iterator[str]:
    """A host that no connection reaches: its queue is full, and nobody ever takes one out."""
    with ExitStack() as all_of_it:
        listening = all_of_it.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = all_of_it.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/shop.git"


def put(remotes: Path, name: str, word: str) -> str:
    repo = git_factories.repository(remotes / f"{name}.git")
    return git_factories.commit(repo, {"README.md": f"# {word}\n"}, message=word)


def row(server: Server, id: str) -> dict[str, Any]:
    nothing = {"decided_tip": None, "error": None}
    return next((found for found in server.get("repositories")["items"] if found["id"] == id), nothing)


def lockstep(server: Server, *words: str) -> str:
    """What a command of the administrator prints."""
    token = yaml.safe_load(server.first_start.read_text())["admin_token"]
    environment = {**os.environ, "LOCKSTEP_URL": server.url, "LOCKSTEP_TOKEN": token}
    command = (sys.executable, "-m", "cli", *words)
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def shown(server: Server) -> str:
    """The words of the system page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", server.page("/system").text)).split())


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """Serves `good` and `gone`, and keeps whoever asks for another one waiting for ever."""
    without_proxy(monkeypatch)
    with git_server(tmp_path / "remotes") as made:
        made.answer = lambda request: Broken(None, hangs=True) if request.path.startswith("/slow-") else None
        yield made


@pytest.fixture
def server(tmp_path: Path, remote: GitServer) -> Iterator[Server]:
    with deaf() as nowhere:
        urls = {name: remote.url(f"{name}.git") for name in (*HANGING, "gone", "good")} | {"deaf": nowhere}
        connections = [{"id": id, "url": url, "poll": "1s"} for id, url in urls.items()]
        with serving(tmp_path, connections=connections) as made:
            yield made


def test_one_remote_goes_on_while_others_hang_or_disappear(server: Server, remote: GitServer) -> None:
    first = {name: put(remote.root, name, "first") for name in ("gone", "good")}
    server.start()
    until("the first commits", lambda: all(row(server, id)["decided_tip"] == tip for id, tip in first.items()), SOON)
    shutil.rmtree(remote.root / "gone.git")
    for word in ("second", "third", "fourth"):
        tip = put(remote.root, "good", word)
        until(word, lambda tip=tip: row(server, "good")["decided_tip"] == tip, SOON)
    until("an answer about the others", lambda: row(server, "deaf")["error"] and row(server, "gone")["error"])

    errors = {"deaf": SILENT.format(row(server, "deaf")["url"]), "gone": GONE.format(remote.url("gone.git"))}
    printed = yaml.safe_load(lockstep(server, "get", "repositories", "-o", "yaml"))["items"]
    assert {found["id"]: found["error"] for found in printed if found["error"]} == errors
    assert [error for error in errors.values() if error not in shown(server)] == []
    assert row(server, "gone")["decided_tip"] == first["gone"]  # what was decided stays

    tip = put(remote.root, "gone", "back again")
    lockstep(server, "refresh", "gone")
    until("what came back", lambda: row(server, "gone")["decided_tip"] == tip)
    assert row(server, "gone")["error"] is None


def test_a_remote_that_hangs_does_not_keep_the_controller_from_ending(server: Server, remote: GitServer) -> None:
    server.start()
    until(
        "the question that is never answered", lambda: any(found.path.startswith("/slow-") for found in remote.requests)
    )
    began = time.monotonic()
    assert server.ask_to_end() == 0
    assert time.monotonic() - began < SOON
