"""A forge says that something was pushed: the real controller looks at once, long before its next poll."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests import git_factories
from tests.serve_factories import Server, sample_repository, serving, until

pytestmark = pytest.mark.engine

SECRET = "a secret of the forge"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "hook-secret").write_text(f"{SECRET}\n")
    connection = {
        "id": "acme",
        "url": str(tmp_path / "origin.git"),
        "poll": "1h",
        "forge": "github",
        "webhook_secret_file": str(tmp_path / "hook-secret"),
    }
    with serving(tmp_path, connections=[connection]) as made:
        yield made


def decided(server: Server) -> str | None:
    tip: str | None = server.get("repositories")["items"][0]["decided_tip"]
    return tip


def deliver(server: Server, commit: str, secret: str = SECRET) -> int:
    body = json.dumps({"ref": "refs/heads/main", "after": commit}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": commit,
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return httpx.post(f"{server.url}/hooks/acme", content=body, headers=headers, trust_env=False).status_code


def test_a_push_is_decided_at_once(server: Server) -> None:
    repo, first = sample_repository(server.folder, "insights", seconds=0)
    server.start()
    until("the first commit", lambda: decided(server) == first)
    files = {"projects/insights/README.md": "# Insights\n"}
    second = git_factories.commit(repo, files, message="Say what this is")
    assert deliver(server, second, "a guess") == 401
    assert decided(server) == first
    assert deliver(server, second) == 202
    until("the second commit", lambda: decided(server) == second)
    assert deliver(server, second) == 200
