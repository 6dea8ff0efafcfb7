"""Every engine fetches the commit that was recorded, wherever the tag is by then."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.model.deployment import FINAL, Status
from controller.runner.protocol import Engine
from tests.deploy_factories import World, project, world
from tests.git_server import without_proxy
from tests.local_runner import LocalRunner
from tests.module_factories import BUCKET, Remote, module, served
from tests.runner_factories import engines
from tests.tls_factories import CERTIFICATE

pytestmark = pytest.mark.engine

PATIENCE = 60.0


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    without_proxy(monkeypatch)
    with served(tmp_path) as made:
        yield made


def code(name: str) -> str:
    """A module that leaves its name behind when it is applied."""
    return f'''
resource "terraform_data" "it" {{
  triggers_replace = ["{name}"]
  provisioner "local-exec" {{
    command = "echo {name} >> \\"$LEDGER\\""
  }}
}}
'''


@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_a_tag_that_moves_while_it_is_deployed_is_deployed_once_more(
    engine: Engine, tmp_path: Path, remote: Remote
) -> None:
    ledger, certificate = tmp_path / "ledger", tmp_path / CERTIFICATE
    variables = json.dumps({"GIT_SSL_CAINFO": str(certificate), "NO_PROXY": "127.0.0.1", "LEDGER": str(ledger)})
    runner = (
        f"id: local\nrunner_configuration: {{type: local, env: {variables}}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    remote.release(code=code("one"))
    source = remote.source("?depth=1&ref=v1")
    with world(tmp_path / "company", runner=LocalRunner(), engine=engine) as acme:
        acme.push({**project(staging=BUCKET), **module(source), "platform/runners/local.yaml": runner})
        acme.poll()
        remote.release(code=code("two"))
        _settle(acme)
        assert ledger.read_text() == "one\n"
        for _ in range(4):
            acme.poll()
            _settle(acme)
        assert ledger.read_text() == "one\ntwo\n"
        assert [row.status for row in acme.deployments()] == [Status.SUCCEEDED] * 2


def _settle(acme: World) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        acme.settle()
        if all(row.status in FINAL for row in acme.deployments()):
            return
        time.sleep(0.02)
    raise AssertionError(f"it never settles: {[(row.status, row.message) for row in acme.deployments()]}")
