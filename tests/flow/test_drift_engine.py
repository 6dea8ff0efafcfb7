"""Something is changed behind the engine's back: a real engine finds it, names it, and puts it right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller import clock
from controller.deployments import drifting, upkeep
from controller.history import read
from controller.model.deployment import Mode, Rank, Status
from controller.model.record import Counts
from controller.runner import local
from controller.runner.protocol import Engine
from tests.deploy_factories import World, project, sized, world
from tests.flow.test_deploy_engine import at_rest, runner, turning, until
from tests.runner_factories import engines

pytestmark = pytest.mark.engine

CODE = """\
variable "size" { type = number }
variable "path" { type = string }
resource "terraform_data" "it" {
  input = "${var.size} ${fileexists(var.path) ? trimspace(file(var.path)) : "as it was"}"
}
output "size" { value = var.size }
"""
MODULE = """\
id: thing
resource_type: thing
module_source: .
module_inputs: {path: "PATH"}
module_params:
  size: {type: number}
rules:
- {}
"""
ADDRESS = "terraform_data.it"


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    engine: Engine = request.param
    with world(tmp_path, local, engine) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        module = MODULE.replace("PATH", str(tmp_path / "outside"))
        files = {"platform/modules/thing/main.tf": CODE, "platform/modules/thing/module.yaml": module}
        made.push({"platform/runners/local.yaml": runner(made), **files})
        yield made


def test_what_was_changed_outside_is_found_named_and_put_right(acme: World, tmp_path: Path) -> None:
    files = project(development=sized(1))
    settings = "limits: {replace: unlimited}\ndrift: {every: 1h, heal: true}\n"
    files["projects/shop/development/environment.yaml"] = settings
    acme.push(files)
    with turning(acme):
        until(lambda: at_rest(acme, 1))
        first = acme.last("development")
        assert (first.status, first.counts) == (Status.SUCCEEDED, Counts(create=1))
        drifting.look(acme.doors, "ann", "shop", "development")
        until(lambda: at_rest(acme, 2))
        assert (acme.last("development").no_changes, acme.environment("development").drifted) == (True, False)

        (tmp_path / "outside").write_text("changed by hand\n")
        drifting.look(acme.doors, "ann", "shop", "development")
        until(lambda: at_rest(acme, 3))
        look = acme.last("development")
        assert (look.mode, look.status, look.counts) == (Mode.DRIFT, Status.PLANNED, Counts(update=1))
        (change,) = read.details(acme.doors.store, look.id).summary["changes"]
        assert (change["address"].endswith(ADDRESS), change["action"], change["attributes"]) == (
            True,
            "update",
            ["input", "output"],
        )
        assert "changed by hand" not in str(read.details(acme.doors.store, look.id))
        assert acme.environment("development").applied_deployment == first.id

        upkeep.tidy(acme.doors)
        until(lambda: at_rest(acme, 4))
        heal = acme.last("development")
        assert (heal.rank, heal.status, heal.source_deployment) == (Rank.HEAL, Status.SUCCEEDED, first.id)
        drifting.look(acme.doors, "ann", "shop", "development")
        until(lambda: at_rest(acme, 5))
    found = acme.environment("development")
    assert (found.drifted, found.applied, timedelta(seconds=found.drift_every or 0)) == (
        False,
        first.desired_digest,
        timedelta(hours=1),
    )
