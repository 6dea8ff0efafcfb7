"""The first plan of an environment whose state lies elsewhere: one that nobody knows is neither planned nor applied."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.runner.protocol import Ended
from tests.runner_factories import Bench, bench, engines, steps
from tests.state_server import StateServer, state_server

pytestmark = pytest.mark.engine

REMOTE: dict[str, Any] = {"init_args": (), "state": None}
BUNDLE = {
    "main.tf.json": json.dumps(
        {"terraform": {"backend": {"http": {}}}, "resource": {"terraform_data": {"it": {"input": 1}}}}
    ).encode()
}
REFUSAL = "there is a state already; adopt it"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StateServer]:
    with state_server(tmp_path) as made:
        yield made


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def runs(request: pytest.FixtureRequest, tmp_path: Path, server: StateServer) -> Iterator[Bench]:
    with bench(tmp_path, request.param) as made:
        made.environment = server.variables
        yield made


def test_a_state_that_nobody_knows_is_refused_before_anything_is_planned(runs: Bench, server: StateServer) -> None:
    runs.plan(BUNDLE, **REMOTE)
    runs.start_apply(**REMOTE)
    assert runs.ended().apply_result is not None
    before = server.content
    runs.deployment = "d2"
    seen = runs.plan(BUNDLE, **REMOTE, refuses_state=REFUSAL)
    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.message) == (Ended.FAILED, REFUSAL)
    assert "step_started plan" not in steps(seen)
    assert server.content == before
    runs.deployment = "d3"
    seen = runs.plan(BUNDLE, **REMOTE)
    assert seen.plan_result is not None
    assert seen.plan_result.empty


@pytest.mark.parametrize("resources", [None, []], ids=["no-state", "nothing-in-it"])
def test_a_storage_that_holds_nothing_is_planned_against(runs: Bench, server: StateServer, resources: Any) -> None:
    if resources is not None:
        server.state = {"version": 4, "serial": 7, "lineage": "l", "resources": [], "outputs": {}}
    seen = runs.plan(BUNDLE, **REMOTE, refuses_state=REFUSAL)
    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.message) == (Ended.SUCCEEDED, "planned: 1 to create")


def test_a_storage_that_cannot_be_asked_is_tried_again_later(runs: Bench, server: StateServer) -> None:
    server.away.touch()
    seen = runs.plan(BUNDLE, **REMOTE, refuses_state=REFUSAL)
    assert seen.plan_result is not None
    assert seen.plan_result.status is Ended.FAILED
    assert seen.plan_result.message != REFUSAL
