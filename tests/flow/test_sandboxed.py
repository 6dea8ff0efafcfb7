"""The whole way with a real engine that is shut in: two environments that know nothing of one another."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller import clock
from controller.deployments import actions, follow
from controller.errors import LockstepError
from controller.model.deployment import Status
from controller.runner import local, protocol, sandbox
from tests.deploy_factories import PLATFORM, REPOSITORY, World, project, sized, world
from tests.flow.test_crash import is_applying, process_of
from tests.flow.test_deploy_engine import at_rest, read_log, turning, until
from tests.runner_factories import engines
from tests.serve_factories import Server

pytestmark = pytest.mark.engine

MODULE = "platform/modules/thing/main.tf"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    engine = engines()[0]
    try:
        found = sandbox.made(engine, [tmp_path / "data", tmp_path / "runner-env"], [])
    except LockstepError as e:
        pytest.skip(str(e))
    with world(tmp_path, local, engine) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now, sandbox=found)
        made.push({"platform/runners/local.yaml": runner()})
        yield made


def runner(slow: float = 0) -> str:
    # In the working directory of each environment, where nothing is cleaned away.
    return (
        f"id: local\nrunner_configuration: {{type: local, env: {{LEDGER: .terraform/ledger, SLOW: '{slow}'}}}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )


def ledger(acme: World, name: str) -> list[str]:
    path = acme.doors.data / "work" / acme.environment(name).uuid / ".terraform/ledger"
    return path.read_text().splitlines() if path.exists() else []


def test_of_two_environments_neither_sees_the_other(acme: World) -> None:
    acme.push(project(development=sized(1), staging=sized(2)))
    with turning(acme):
        until(lambda: at_rest(acme, 2))
        assert [row.status for row in acme.deployments()] == [Status.SUCCEEDED] * 2
        assert (ledger(acme, "development"), ledger(acme, "staging")) == (["size 1"], ["size 2"])

        look = f"(cd {acme.doors.data}; ls; ls states runs; cat states/*/terraform.tfstate | grep -c lineage)"
        written = 'command = "sleep $${SLOW:-0}; '
        files = {MODULE: PLATFORM[MODULE].replace(written, f'command = "{look} >> .terraform/ledger; ')}
        acme.push(files | {"projects/shop/development/app.manifest.yaml": sized(3)})
        follow.poll(acme.doors, REPOSITORY)
        until(lambda: at_rest(acme, 4))
    row = acme.last("development")
    assert row.status is Status.SUCCEEDED, row.message
    assert ledger(acme, "development")[1:] == [
        *("plugins", "runs", "states", "work"),
        *("runs:", row.id, "", "states:", acme.environment("development").uuid, "1"),
        "size 3",
    ]


def test_a_running_apply_is_cancelled_in_good_order(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(slow=60)})
    with turning(acme):
        until(lambda: is_applying(acme))
        actions.cancel(acme.doors, "ann", acme.last("development").id)
        until(lambda: at_rest(acme, 1))
    row = acme.last("development")
    assert row.status is Status.CANCELLED
    assert row.message.startswith("cancelled during apply; 0 of 1 resource done; failed: ")
    assert "Interrupt received" in read_log(acme, row)
    assert ledger(acme, "development") == []


def test_a_supervisor_killed_in_an_apply_is_replaced_by_one_that_hears_the_rest(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(slow=3)})
    with turning(acme):
        until(lambda: is_applying(acme))
        os.kill(process_of(acme, protocol.LOCK), signal.SIGKILL)
        until(lambda: at_rest(acme, 1))
    (row,) = acme.deployments()
    assert row.status is Status.SUCCEEDED
    assert ledger(acme, "development") == ["size 1"]


def test_a_controller_that_cannot_shut_engines_in_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = shutil.which("tofu") or shutil.which("terraform")
    if engine is None:
        pytest.skip("no engine on the PATH")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / Path(engine).name).symlink_to(engine)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    server = Server(tmp_path, {"sandbox": "bubblewrap", "connections": []})

    assert server.ended() == 6
    assert server.said().splitlines()[-1] == (
        "sandbox: there is no `bwrap` on the PATH; install the package `bubblewrap`, or choose `sandbox: none`"
    )
