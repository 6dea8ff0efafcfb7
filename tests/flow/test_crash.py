"""kill -9 of the controller, of a supervisor, of the engine: the same deployment goes on, or a follow-up ends it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller import clock
from controller.deployments import actions
from controller.history import read, store
from controller.loop import Loop
from controller.model.deployment import Status
from controller.model.record import Deployment
from controller.runner import local, protocol
from tests import databases
from tests.deploy_factories import World, project, sized, world
from tests.flow.test_deploy_engine import at_rest, ledger, runner, until
from tests.runner_factories import engines

pytestmark = pytest.mark.engine

# A controller in a process of its own, on the same folder as the test's.
CONTROLLER = """
import dataclasses, sys, time
from pathlib import Path
from controller import clock
from controller.deployments.doors import Doors, Connection
from controller.git.mirror import Mirror
from controller.history import store
from controller.loop import Loop
from controller.runner import local
from controller.runner.protocol import Engine
from controller.model.deployment import EngineKind
from controller.secrets import sealing
from controller.secrets.secret import Secret
from tests import databases
import json

folder = Path(sys.argv[1])
engine = json.loads(sys.argv[2])
engine = Engine(**engine | {"kind": EngineKind(engine["kind"]), "command": tuple(engine["command"])})
mirror = Mirror(folder / "mirror.git", str(folder / "origin.git"))
doors = Doors(
    store=databases.opened(folder),
    connections={"acme": Connection("acme", mirror.address.shown, mirror)},
    runner=local,
    engine=engine,
    sealer=sealing.open_sealer(folder / "seal.key"),
    data=folder / "data",
    recipients=(sys.argv[3],),
    controller="controller-1",
)
loop = Loop(doors)
loop.start()
while loop.is_alive():
    time.sleep(0.1)
"""


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    from controller.secrets import sealing

    with world(tmp_path, local, engines()[0]) as made:
        sealer = sealing.open_sealer(tmp_path / "seal.key")
        made.doors = dataclasses.replace(made.doors, now=clock.now, sealer=sealer)
        yield made


def start(acme: World) -> subprocess.Popen[bytes]:
    """A controller that can be killed."""
    folder = acme.doors.data.parent
    engine = json.dumps(dataclasses.asdict(acme.doors.engine))
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(
        (sys.executable, "-c", CONTROLLER, str(folder), engine, acme.doors.recipients[0]),
        env=os.environ | {"PYTHONPATH": root},
        cwd=folder,
    )


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def is_applying(acme: World) -> bool:
    rows = acme.deployments()
    return bool(rows) and any(e["type"] == "apply_start" for e in read.details(acme.doors.store, rows[-1].id).events)


def finish(acme: World, count: int) -> None:
    """Let another controller carry on until there is nothing left to do."""
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(lambda: at_rest(acme, count) and not list((acme.doors.data / "runs").iterdir()))
    finally:
        loop.stop()


def test_a_controller_killed_while_the_slow_step_runs_goes_on_with_the_same_deployment(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=3)})
    process = start(acme)
    until(lambda: is_applying(acme))
    kill(process)
    finish(acme, 1)
    (row,) = acme.deployments()
    assert row.status is Status.SUCCEEDED
    assert ledger(acme) == ["size 1"]


@pytest.mark.parametrize("delay", [0.2, 0.6, 1.0, 1.4, 1.8])
def test_a_controller_killed_at_any_moment_leaves_one_line_in_the_ledger(acme: World, delay: float) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme)})
    process = start(acme)
    until(lambda: bool(acme.deployments()))
    time.sleep(delay)
    kill(process)
    finish(acme, 1)
    (row,) = acme.deployments()
    assert row.status is Status.SUCCEEDED
    assert ledger(acme) == ["size 1"]


def process_of(acme: World, name: str) -> int:
    """The pid that a file of the run directory names."""
    (directory,) = (acme.doors.data / "runs").iterdir()
    found = json.loads((directory / name).read_text())
    return int(found["pid"] if "pid" in found else found["process"]["pid"])


def running(acme: World) -> Callable[[], bool]:
    return lambda: is_applying(acme)


@pytest.mark.parametrize("victim", [protocol.LOCK])
def test_a_supervisor_killed_in_an_apply_is_replaced_by_one_that_hears_the_rest(acme: World, victim: str) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=3)})
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(running(acme))
        os.kill(process_of(acme, victim), signal.SIGKILL)
        until(lambda: at_rest(acme, 1))
    finally:
        loop.stop()
    (row,) = acme.deployments()
    assert row.status is Status.SUCCEEDED
    assert ledger(acme) == ["size 1"]


def test_supervisor_and_engine_killed_end_in_a_follow_up_that_asks_before_it_makes_anything_twice(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=3)})
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(running(acme))
        supervisor, engine = process_of(acme, protocol.LOCK), process_of(acme, protocol.ENGINE)
        os.kill(supervisor, signal.SIGKILL)
        os.killpg(engine, signal.SIGKILL)
        until(lambda: len(acme.deployments()) == 2 and acme.last("development").status is Status.AWAITING_APPROVAL)
    finally:
        loop.stop()
    first, second = acme.deployments()
    assert (first.status, second.reason) == (Status.FAILED, f"deployment {first.id} was interrupted")
    assert first.message.startswith("failed (interrupted): interrupted in the middle")
    assert "possibly orphaned, its id not known: module.thing_default_" in first.message
    assert "which an interrupted apply may have made already" in second.message
    assert second.desired_digest == first.desired_digest


def test_the_store_survives_its_writers(acme: World) -> None:
    """What was intended is on disk before it is done, whoever is killed."""
    acme.push(project(development=sized(1)))
    process = start(acme)
    until(lambda: bool(acme.deployments()))
    kill(process)
    reopened = databases.opened(acme.doors.data.parent)
    assert store.is_current(reopened)
    assert len(read.deployments(reopened)) == 1
    store.close(reopened)
    finish(acme, 1)


# The second thing is in the state as soon as the first one is done, long before its provisioner is.
HALF = """
variable "size" { type = number }
resource "terraform_data" "first" {
  input = var.size
  provisioner "local-exec" { command = "sleep 1; echo first >> $LEDGER" }
}
resource "terraform_data" "second" {
  input = var.size
  provisioner "local-exec" { command = "sleep $SLOW; echo second >> $LEDGER" }
}
output "size" { value = terraform_data.second.output }
output "id" { value = terraform_data.second.id }
"""


def half_done(acme: World) -> tuple[Deployment, Deployment]:
    """Supervisor and engine killed while a thing is being provisioned that the state knows; its follow-up waits."""
    files = {"platform/runners/local.yaml": runner(acme, slow=4), "platform/modules/thing/main.tf": HALF}
    acme.push(project(development=sized(1)) | files)
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(lambda: bool(ledger(acme)) and ".second" in state_of(acme))
        supervisor, engine = process_of(acme, protocol.LOCK), process_of(acme, protocol.ENGINE)
        os.kill(supervisor, signal.SIGKILL)
        os.killpg(engine, signal.SIGKILL)
        until(lambda: len(acme.deployments()) == 2 and acme.last("development").status is Status.AWAITING_APPROVAL)
    finally:
        loop.stop()
    first, second = acme.deployments()
    return first, second


def state_of(acme: World) -> str:
    """Names of what the state knows, one a line; none while the engine writes it, which it does in place."""
    found = list((acme.doors.data / "states").glob("*/terraform.tfstate"))
    try:
        resources = json.loads(found[0].read_text())["resources"] if found else []
    except json.JSONDecodeError:
        return ""
    return "\n".join(f".{resource['name']}" for resource in resources)


def approved(acme: World, id: str, *, imports: bool) -> list[str]:
    loop = Loop(acme.doors)
    loop.start()
    try:
        actions.approve(acme.doors, "ann", id, imports=imports)
        until(lambda: at_rest(acme, 2))
    finally:
        loop.stop()
    assert acme.last("development").status is Status.SUCCEEDED
    return ledger(acme)


def test_a_thing_whose_provisioner_was_killed_is_made_anew_when_a_person_says_so(acme: World) -> None:
    """The follow-up found nothing to do and succeeded: what the provisioner does was never done."""
    first, second = half_done(acme)
    (address,) = re.findall(r"possibly unfinished, the end of its provisioners was not heard: ([^;]+)", first.message)
    assert address.endswith(".terraform_data.second")
    assert second.message == (
        f"it would create {address}, which an interrupted apply may have made already: nobody heard the end of its "
        f"provisioners, so it is made anew; `lockstep approve {second.id} --import` keeps it as it is"
    )
    assert approved(acme, second.id, imports=False) == ["first", "second"]


def test_a_thing_whose_provisioner_was_killed_can_be_kept_as_it_is(acme: World) -> None:
    _, second = half_done(acme)
    assert approved(acme, second.id, imports=True) == ["first"]
