"""What opens a repository is shown nowhere: not by a controller at work, not in anything that it keeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
import yaml

from tests import databases, git_factories
from tests.canary_factories import Sampling, Search
from tests.deploy_factories import PLATFORM
from tests.git_server import GitServer, git_server, without_proxy
from tests.runner_factories import ROOT
from tests.serve_factories import free_port

pytestmark = pytest.mark.engine  # a controller does not start without one

PATIENCE = 60.0
SECRETS = {
    "name": "canary-in-place-of-a-name",  # tokens are given as the name, too
    "token": "canary-token/of?the=repository",
    "query": "canary-in-a-query",
    "refused": "canary-token-that-is-refused",
}
PATHS = ("/", "/system", "/history", "/commits?repository=good", "/api/v1/repositories", "/api/v1/audit")


def test_what_opens_a_repository_is_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxy(monkeypatch)
    git_factories.commit(git_factories.repository(tmp_path / "origin" / "acme.git"), PLATFORM)
    meanwhile, data = Search(SECRETS), tmp_path / "data"
    with (
        git_server(tmp_path / "origin", user=(SECRETS["name"], SECRETS["token"])) as remote,
        Sampling(meanwhile, data, lambda path: False),
        serving(tmp_path, remote) as client,
    ):
        polled = awaited(client)
        answers = {path: client.get(path).text for path in PATHS}
    shown = f"http://127.0.0.1:{remote.port}"
    assert {row["id"]: (row["url"], row["error"]) for row in polled} == {
        "good": (f"{shown}/acme.git", None),
        "asking": (f"{shown}/acme.git", REFUSED.format(shown)),
        "wrong": (f"{shown}/acme.git", REFUSED.format(shown)),
    }
    assert meanwhile.found == {}
    search = Search(SECRETS)
    search.look("ordinary log", (tmp_path / "serve.log").read_bytes())
    for path, text in answers.items():
        search.look(f"GET {path}", text.encode())
    search.in_files(data)
    search.in_database(data)
    assert search.found == {}


def test_a_password_in_a_url_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    url = f"https://ann:{quote(SECRETS['token'], safe='')}@forge.example/acme.git"
    words = ("serve", "--repo", url, "--data-dir", str(tmp_path))
    done = subprocess.run((sys.executable, "-m", "cli", *words), cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "connection `main`: https://forge.example/acme.git: the url holds a password; take it out and name the secret "
        "with `token_env` or `token_file`\n",
    )


REFUSED = (
    "{}/acme.git: the credentials were refused; check that the token is valid, has not expired and may read this "
    "repository"
)


@contextmanager
def serving(folder: Path, remote: GitServer) -> Iterator[httpx.Client]:
    """A controller in a process of its own; a client with the admin's token."""
    url, port = remote.url("acme.git", f"{SECRETS['name']}@"), free_port()
    (folder / "refused").write_text(SECRETS["refused"])
    connections = [
        {"id": "good", "url": url, "token_env": "CANARY_TOKEN"},
        {"id": "asking", "url": f"{remote.url('acme.git')}?key={SECRETS['query']}", "token_file": "refused"},
        {"id": "wrong", "url": url, "token_file": "refused"},
    ]
    settings = {"connections": connections, "data_dir": "data", "listen": f"127.0.0.1:{port}"}
    settings |= {"anonymous_pages": True, "database_url": databases.new_address(folder / "data")}
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    words = ("serve", "--config", "settings.yaml", "--first-start", "first-start.yaml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CANARY_TOKEN": SECRETS["token"]}
    with open(folder / "serve.log", "wb") as log:
        controller = subprocess.Popen(
            (sys.executable, "-m", "cli", *words), cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            _await_answer(client, controller)
            token = yaml.safe_load((folder / "first-start.yaml").read_text())["admin_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            yield client
    finally:
        controller.terminate()
        controller.wait(PATIENCE)


def awaited(client: httpx.Client) -> list[dict[str, str | None]]:
    """The repositories when each was polled, and what was found in one is decided."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        rows: list[dict[str, str | None]] = client.get("/api/v1/repositories").json()["items"]
        if all(row["polled_at"] for row in rows) and any(row["decided_tip"] for row in rows):
            return rows
        time.sleep(0.05)
    raise AssertionError(json.dumps(rows))


def _await_answer(client: httpx.Client, controller: subprocess.Popen[bytes]) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        assert controller.poll() is None
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the controller does not answer")
