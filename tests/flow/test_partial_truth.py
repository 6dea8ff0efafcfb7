"""With a real engine: an apply that stops half way says what is done, what failed and what was not reached."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import main
from controller import clock
from controller.deployments import actions
from controller.history import reached
from controller.model.deployment import Status
from controller.runner import local, protocol
from controller.tofu.names import module_name_of
from tests import webui_factories as make
from tests.deploy_factories import CONTROLLER, World, project, sized, world
from tests.flow.test_deploy_engine import at_rest, events, runner, turning, until
from tests.runner_factories import engines

pytestmark = pytest.mark.engine

NODE = "thing.default#workloads.api.db"
MODULE = f"module.{module_name_of(NODE)}"
# Each waits for the one before it; the second does what the size says.
CHAIN = """\
variable "size" { type = number }
resource "terraform_data" "first" {
  input            = var.size
  triggers_replace = [var.size]
}
resource "terraform_data" "second" {
  input            = terraform_data.first.output
  triggers_replace = [var.size]
  provisioner "local-exec" { command = "%s" }
}
resource "terraform_data" "third" {
  input            = terraform_data.second.output
  triggers_replace = [terraform_data.second.id]
}
output "id" { value = terraform_data.first.id }
output "size" { value = var.size }
"""
FAILS = CHAIN % "test ${var.size} -lt 2"
HANGS = CHAIN % "sleep 60"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, local, engines()[0]) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        made.push({"platform/runners/local.yaml": runner(made)})
        yield made


def pushed(acme: World, module: str, size: int) -> None:
    acme.push(project(development=sized(size)) | {"platform/modules/thing/main.tf": module})


def outcomes(acme: World) -> dict[str, tuple[str, str]]:
    """Name of the resource -> action and outcome."""
    found = reached.progress(acme.doors.store, acme.last("development").id)
    return {
        item.address.rpartition(".")[2]: (item.action, f"{item.outcome}") for part in found.parts for item in part.items
    }


def test_page_api_command_line_and_message_say_how_far_a_failed_apply_came(
    acme: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pushed(acme, FAILS, 2)
    with turning(acme):
        until(lambda: at_rest(acme, 1))
    row = acme.last("development")
    second = f"{MODULE}.terraform_data.second"
    assert (row.status, row.message) == (
        Status.FAILED,
        f"apply failed: local-exec provisioner error ({second}); details: `lockstep logs {row.id}`; "
        f"1 of 3 resources done; failed: {second}; not reached: {MODULE}.terraform_data.third",
    )
    expected = {
        "done": 1,
        "total": 3,
        "nodes": [{"resource": NODE, "done": 1, "total": 3}],
        "addresses": [told("first", "done", "create"), told("second", "failed"), told("third", "not_reached")],
    }
    site = make.World(acme.doors.store, acme.doors, CONTROLLER)
    assert site.api().get(f"/deployments/{row.id}/progress").json == {
        "deployment": row.id,
        "is_begun": True,
        **expected,
    }
    assert (
        f"Resources 1 of 3 done Resource Done Action Address within it Outcome {NODE} 1 of 3 "
        "+ create terraform_data.first done + create terraform_data.second failed "
        "+ create terraform_data.third not reached Errors and warnings 1"
    ) in site.visitor().see(f"/deployments/{row.id}")
    with make.serving(site.app()) as url:
        monkeypatch.setenv("LOCKSTEP_URL", url)
        monkeypatch.setenv("LOCKSTEP_TOKEN", "lockstep_bot")
        assert main(["get", "deployment", row.id, "-o", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["progress"] == expected
        assert main(["get", "deployment", row.id]) == 0
    assert "progress:\n  done: 1\n  total: 3\n  nodes:\n" in capsys.readouterr().out


def told(name: str, outcome: str, *done: str) -> dict[str, Any]:
    address = f"{MODULE}.terraform_data.{name}"
    return {"address": address, "resource": NODE, "action": "create", "outcome": outcome, "done": list(done)}


def test_of_a_replacement_it_is_known_which_half_is_done(acme: World) -> None:
    pushed(acme, FAILS, 1)
    with turning(acme):
        until(lambda: at_rest(acme, 1))
        pushed(acme, FAILS, 2)
        make_known(acme)
        until(lambda: at_rest(acme, 2))
    row = acme.last("development")
    assert outcomes(acme) == {
        "first": ("replace", "done"),
        "second": ("replace", "failed"),
        "third": ("replace", "half_done"),
    }
    assert row.message.endswith(
        f"; 1 of 3 resources done; failed: {MODULE}.terraform_data.second; half done: {MODULE}.terraform_data.third"
    )


def make_known(acme: World) -> None:
    actions.refresh(acme.doors, "ann", "acme")


def test_a_cancelled_apply_says_what_was_not_reached(acme: World) -> None:
    pushed(acme, HANGS, 1)
    with turning(acme):
        until(lambda: second_began(acme))
        assert outcomes(acme) == {
            "first": ("create", "done"),
            "second": ("create", "running"),
            "third": ("create", "waiting"),
        }
        actions.cancel(acme.doors, "ann", acme.last("development").id)
        until(lambda: at_rest(acme, 1))
    row = acme.last("development")
    assert row.status is Status.CANCELLED
    assert outcomes(acme)["third"] == ("create", "not_reached")


def second_began(acme: World) -> bool:
    return bool(acme.deployments()) and any(
        event["type"] == "apply_start" and event["address"].endswith(".second") for event in events(acme)
    )


def test_where_nobody_heard_the_end_what_was_not_heard_of_is_unknown(acme: World) -> None:
    pushed(acme, HANGS, 1)
    with turning(acme):
        until(lambda: second_began(acme))
        (folder,) = (acme.doors.data / "runs").iterdir()
        os.kill(json.loads((folder / protocol.LOCK).read_text())["pid"], signal.SIGKILL)
        os.killpg(json.loads((folder / protocol.ENGINE).read_text())["pid"], signal.SIGKILL)
        until(lambda: acme.deployments()[0].completed_at is not None)
        first = acme.deployments()[0]
        found = reached.progress(acme.doors.store, first.id)
        for row in acme.deployments()[1:]:
            actions.cancel(acme.doors, "ann", row.id)
        until(lambda: at_rest(acme, 1))
    assert [f"{item.outcome}" for part in found.parts for item in part.items] == ["done", "unknown", "unknown"]
    assert f"1 of 3 resources done; unknown: {MODULE}.terraform_data.second, " in first.message
