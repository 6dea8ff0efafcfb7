"""With a real engine, and a state that lies elsewhere: nothing that was made is made twice, nothing of it is lost.

No runner of this release keeps states behind HTTP; so the binding of a deployment is changed before it begins. There
the engine writes the state now and then only, and can lose it: what it made is counted in a ledger.
"""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controller import clock
from controller.deployments import actions, parts
from controller.history import opening, read
from controller.history.tables import DeploymentRow, EnvironmentRow
from controller.model.deployment import Mode, Status
from controller.model.record import Deployment
from controller.runner import local, protocol
from tests.deploy_factories import World, project, sized, world
from tests.flow.test_crash import process_of
from tests.flow.test_deploy_engine import ledger, read_log, turning, until
from tests.runner_factories import engines
from tests.state_server import StateServer, state_server

pytestmark = pytest.mark.engine

# The second thing waits as long as a file is there.
MODULE = """
variable "size" { type = number }
resource "terraform_data" "made" {
  input = var.size
  provisioner "local-exec" {
    command = "echo made >> $LEDGER; test -z \\"$AWAY\\" || touch $AWAY"
  }
}
resource "terraform_data" "slow" {
  input = terraform_data.made.id
  provisioner "local-exec" {
    command = "test ! -e $SLOW || exec sleep 600"
  }
}
output "size" { value = terraform_data.made.output }
output "id" { value = terraform_data.made.id }
"""
KEPT = "the unsaved state is kept with this deployment, nothing of it is lost: it is put back before the next plan"


@dataclass(frozen=True)
class Company:
    world: World
    server: StateServer

    @property
    def slow(self) -> Path:
        return self.world.doors.data / "slow"

    def push(self, *, goes_away: bool = False) -> None:
        """A first deployment, queued, whose state is to lie on the server."""
        self.slow.parent.mkdir(parents=True, exist_ok=True)
        away = str(self.server.away) if goes_away else ""
        env = {"LEDGER": str(self.world.doors.data / "ledger"), "SLOW": str(self.slow), "AWAY": away}
        runner = {"type": "local", "env": env | self.server.variables}
        files = {
            "platform/runners/local.yaml": f"id: local\nrunner_configuration: {runner}\nrules: [{{}}]\n",
            "platform/modules/thing/main.tf": MODULE,
        }
        self.world.push(project(development=sized(1)) | files)
        self.world.poll()
        with self.world.doors.store.writing() as session:
            for table in (DeploymentRow, EnvironmentRow):
                row = session.scalars(sa.select(table)).one()
                row.binding = dict(row.binding or {}) | {"state": {"type": "http", "settings": {}}}

    @property
    def rows(self) -> list[Deployment]:
        return self.world.deployments()

    def ended(self, id: str) -> bool:
        return read.deployment(self.world.doors.store, id).completed_at is not None

    def part(self, id: str, name: str) -> Any:
        return opening.parts(self.world.doors.store, id, (name,)).get(name)

    def said(self, id: str) -> list[str]:
        events = read.details(self.world.doors.store, id).events
        return [f"{event['type']} {event.get('address', event.get('step', ''))}" for event in events]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    quick = {"backoff": timedelta(seconds=0.5)}
    with state_server(tmp_path) as server, world(tmp_path, local, engines()[0], **quick) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        yield Company(made, server)


def interrupted(company: Company) -> tuple[Deployment, Deployment]:
    """Supervisor and engine killed between the making of a thing and the writing of the state; its follow-up waits."""
    company.push()
    company.slow.touch()
    with turning(company.world):
        until(lambda: any(line.endswith("data.slow") for line in company.said(company.rows[0].id)))
        supervisor, engine = (process_of(company.world, name) for name in (protocol.LOCK, protocol.ENGINE))
        os.kill(supervisor, signal.SIGKILL)
        os.killpg(engine, signal.SIGKILL)
        company.slow.unlink()
        until(lambda: len(company.rows) == 2 and company.rows[1].status is Status.AWAITING_APPROVAL)
    first, second = company.rows
    return first, second


def address(company: Company, name: str) -> str:
    (found,) = {line.split()[1] for line in company.said(company.rows[0].id) if line.endswith(f".{name}")}
    return found


def test_what_was_made_is_taken_over_and_made_once(company: Company) -> None:
    first, second = interrupted(company)
    made, slow = address(company, "made"), address(company, "slow")
    assert first.message.endswith(
        f"; possibly orphaned, with an import on offer (`lockstep approve ID --import`): {made}"
        f"; possibly orphaned, its id not known: {slow}; 1 of 2 resources done; unknown: {slow}"
    )
    assert f"import {{\n  to = {made}\n  id = " in read_log(company.world, first)
    with turning(company.world):
        actions.approve(company.world.doors, "ann", second.id, imports=True)
        until(lambda: company.rows[1].message.startswith(f"it would create {slow}"))
        actions.approve(company.world.doors, "ann", second.id)
        until(lambda: company.ended(second.id))
    assert company.rows[1].status is Status.SUCCEEDED
    assert company.server.names() == ["made", "slow"]
    assert ledger(company.world) == ["made"]


def test_whoever_approves_the_plan_as_it_is_has_it_made_twice(company: Company) -> None:
    _, second = interrupted(company)
    with turning(company.world):
        actions.approve(company.world.doors, "ann", second.id)
        until(lambda: company.ended(second.id))
    assert company.rows[1].status is Status.SUCCEEDED
    assert ledger(company.world) == ["made", "made"]


def test_a_state_that_could_not_be_saved_is_put_back_before_the_follow_up_plans(company: Company) -> None:
    company.push(goes_away=True)
    with turning(company.world):
        until(lambda: company.ended(company.rows[0].id))
        first = company.rows[0]
        assert (first.status, first.message) == (
            Status.FAILED,
            "failed (interrupted): apply failed: Failed to save state; "
            f"details: `lockstep logs {first.id}`; the state could not be saved; {KEPT}; 2 of 2 resources done",
        )
        # The follow-up finds the storage away as well.
        until(lambda: len(company.rows) > 2)
        assert company.rows[1].reason == f"deployment {first.id} was interrupted"
        assert company.rows[2].reason.endswith("failed for a passing reason; try 1 of 3")
        company.server.away.unlink()
        until(lambda: company.rows[-1].status is Status.SUCCEEDED)
    kept = company.part(first.id, parts.UNSAVED)
    assert kept.sealed is True
    assert b'"made"' in company.world.doors.sealer.open(kept.content)
    assert parts.read(company.part(first.id, parts.PUT_BACK))["by"] == company.rows[-1].id
    assert company.server.names() == ["made", "slow"]
    assert ledger(company.world) == ["made"]
    assert company.world.environment("development").applied == first.desired_digest
    assert not list((company.world.doors.data / "work").rglob("errored.tfstate"))
    assert {row.mode for row in company.rows} == {Mode.DEPLOY}
