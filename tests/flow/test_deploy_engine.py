"""The whole way with a real engine: a commit goes in; a row, a state and a ledger line come out."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from controller import clock
from controller.deployments import actions, follow
from controller.history import read
from controller.loop import Loop
from controller.model.deployment import Status
from controller.model.record import Counts, Deployment
from controller.runner import local
from controller.runner.protocol import Engine
from controller.secrets import age, logs
from controller.tofu.names import module_name_of
from tests.deploy_factories import CONTROLLER, REPOSITORY, World, project, sized, world
from tests.runner_factories import engines

pytestmark = pytest.mark.engine

DEVELOPMENT = "projects/shop/development/app.manifest.yaml"
PATIENCE = 120.0


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def acme(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A company that deploys for real."""
    engine: Engine = request.param
    with world(tmp_path, local, engine) as made:
        made.doors = dataclasses.replace(made.doors, now=clock.now)
        made.push({"platform/runners/local.yaml": runner(made)})
        yield made


def runner(acme: World, slow: float = 0) -> str:
    return (
        f"id: local\nrunner_configuration: {{type: local, env: {{LEDGER: '{acme.doors.data / 'ledger'}', "
        f"SLOW: '{slow}'}}}}\nstate_storage_configuration: {{type: local}}\nrules: [{{}}]\n"
    )


@contextmanager
def turning(acme: World) -> Iterator[Loop]:
    """Let the loop do everything."""
    loop = Loop(acme.doors)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


def until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def at_rest(acme: World, count: int) -> bool:
    rows = acme.deployments()
    return len(rows) >= count and all(row.completed_at for row in rows)


def ledger(acme: World) -> list[str]:
    path = acme.doors.data / "ledger"
    return path.read_text().splitlines() if path.exists() else []


def read_log(acme: World, row: Deployment) -> str:
    key = read.details(acme.doors.store, row.id).log_key
    identity = age.decrypt(key or b"", CONTROLLER.secret.reveal()).decode()
    chunks = [age.decrypt(content, identity) for _, content in read.log_chunks(acme.doors.store, row.id)]
    return logs.read_chunks(chunks, row.id)


def test_a_commit_becomes_a_deployment(acme: World) -> None:
    commit = acme.push(project(development=sized(1), staging=sized(2)), message="Begin")
    with turning(acme):
        until(lambda: at_rest(acme, 2))
        assert [(row.status, row.commit, row.counts) for row in acme.deployments()] == [
            (Status.SUCCEEDED, commit, Counts(create=1))
        ] * 2
        changed = acme.push({DEVELOPMENT: sized(3)})
        follow.poll(acme.doors, REPOSITORY)
        until(lambda: at_rest(acme, 3))
        row = acme.last("development")
        assert (row.status, row.commit, row.counts) == (Status.SUCCEEDED, changed, Counts(replace=1))
        until(lambda: not list((acme.doors.data / "runs").iterdir()))
    assert sorted(ledger(acme)) == ["size 1", "size 2", "size 3"]
    (thing,) = [line for line in read.resources(acme.doors.store, "shop", "development") if line.module]
    assert thing.metadata == {"Size": "3"}
    assert "--- apply ---" in read_log(acme, row)
    assert acme.environment("development").live_commit == changed


def test_a_changed_digest_with_an_empty_plan_succeeds_without_changes(acme: World) -> None:
    acme.push(project(development=sized(1)))
    with turning(acme):
        until(lambda: at_rest(acme, 1))
        acme.push({"platform/modules/thing/notes.md": "Only words."})
        follow.poll(acme.doors, REPOSITORY)
        until(lambda: at_rest(acme, 2))
    row = acme.last("development")
    assert (row.status, row.no_changes) == (Status.SUCCEEDED, True)
    assert ledger(acme) == ["size 1"]


def test_outputs_reach_the_person_who_asked_for_them(acme: World) -> None:
    acme.push(project(development=sized(1)))
    outputs = age.generate()
    resources = {"db": {"type": "thing", "params": {"size": 7}}}
    manifest = {"workloads": {"api": {"resources": resources, "outputs": {"SIZE": "${resources.db.outputs.size}"}}}}
    with turning(acme):
        until(lambda: at_rest(acme, 1))
        made = actions.deploy_manifest(
            acme.doors, "ann", "shop", "development", manifest, outputs_recipient=outputs.recipient
        )
        until(lambda: at_rest(acme, 2))
    assert isinstance(made, Deployment)
    found = read.outputs(acme.doors.store, made.id)
    assert found is not None
    assert age.decrypt(found, outputs.secret.reveal()) == b'{"api": {"SIZE": 7}}'


def test_a_failing_plan_is_told_without_values(acme: World) -> None:
    broken = 'variable "size" { type = number }\noutput "id" { value = nothing.here }\noutput "size" { value = 1 }\n'
    acme.push(project(development=sized(1)) | {"platform/modules/thing/main.tf": broken})
    with turning(acme):
        until(lambda: at_rest(acme, 1))
    row = acme.last("development")
    assert row.status is Status.FAILED
    said = read.details(acme.doors.store, row.id).diagnostics
    assert ("error", "platform/modules/thing/main.tf", 2) in [
        (d["severity"], d.get("file"), d.get("line")) for d in said
    ]


def test_a_running_apply_is_cancelled_in_good_order(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=30)})
    with turning(acme):
        until(lambda: bool(acme.deployments()) and acme.last("development").status is Status.APPLYING)
        until(lambda: any(e["type"] == "apply_start" for e in events(acme)))
        actions.cancel(acme.doors, "ann", acme.last("development").id)
        until(lambda: at_rest(acme, 1))
    assert acme.last("development").status is Status.CANCELLED
    assert acme.environment("development").applied is None


def events(acme: World) -> list[dict[str, str]]:
    return list(read.details(acme.doors.store, acme.last("development").id).events)


def test_a_loop_that_drains_lets_what_runs_end(acme: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=1)})
    loop = Loop(acme.doors)
    loop.start()
    until(lambda: bool(acme.deployments()) and acme.last("development").status is Status.APPLYING)
    loop.stop(drain=timedelta(seconds=60))
    assert not loop.is_alive()
    assert acme.last("development").status is Status.SUCCEEDED
    assert caplog.records == []


def test_a_loop_whose_runs_would_be_lost_stops_engines_so_that_they_save_their_state(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=5)})
    loop = Loop(acme.doors)
    loop.start()
    until(lambda: bool(acme.deployments()) and any(e["type"] == "apply_start" for e in events(acme)))
    loop.stop(interrupt=True)
    stopped, again = acme.deployments()
    assert (stopped.status, stopped.message) == (
        Status.FAILED,
        "failed (interrupted): it was stopped with the controller; 0 of 1 resource done; "
        f"failed: module.{module_name_of('thing.default#workloads.api.db')}.terraform_data.it",
    )
    assert (again.status, again.reason) == (Status.QUEUED, f"deployment {stopped.id} was interrupted")
    assert list((acme.doors.data / "runs").iterdir()) == []


def test_a_loop_that_stops_leaves_runs_to_the_next(acme: World) -> None:
    acme.push(project(development=sized(1)) | {"platform/runners/local.yaml": runner(acme, slow=2)})
    loop = Loop(acme.doors)
    loop.start()
    until(lambda: bool(acme.deployments()) and acme.last("development").status is Status.APPLYING)
    loop.stop()
    assert acme.last("development").status is Status.APPLYING
    with turning(acme):
        until(lambda: at_rest(acme, 1))
    assert acme.last("development").status is Status.SUCCEEDED
    assert ledger(acme) == ["size 1"]
