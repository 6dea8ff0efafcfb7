"""An apply is killed after something was made and before anybody wrote it down: its id is known, and kept apart."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.runner import journal, local, protocol
from controller.runner.protocol import Observation
from tests.runner_factories import Bench, bench, engines, steps
from tests.state_server import state_server

pytestmark = pytest.mark.engine

MADE = 'terraform_data.made["$${a}"]'
REMOTE: dict[str, Any] = {"init_args": (), "state": None}
MAKING = """
resource "terraform_data" "made" {
  for_each = toset(["$${a}"])
  input    = 1
  provisioner "local-exec" { command = "echo made >> $LEDGER" }
}
resource "terraform_data" "slow" {
  input = terraform_data.made["$${a}"].id
  provisioner "local-exec" { command = "sleep 600" }
}
"""


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Runs whose state lies elsewhere: there the engine writes it now and then, on a disk at once."""
    with state_server(tmp_path) as server, bench(tmp_path, request.param) as made:
        made.environment = server.variables
        yield made


def making(blocks: list[dict[str, str]] | None = None, *, slow: bool = True) -> dict[str, bytes]:
    text = MAKING if slow else MAKING.replace("sleep 600", "true")
    main = {"terraform": {"backend": {"http": {}}}} | ({"import": blocks} if blocks else {})
    return {"main.tf.json": json.dumps(main).encode(), "things.tf": text.encode()}


def killed(runs: Bench, *, recovered: bool) -> Observation:
    """Kill the engine's group, and before it perhaps the supervisor, when the second thing has begun."""
    runs.plan(making(), **REMOTE)
    runs.start_apply(**REMOTE)
    runs.until(lambda seen: "apply_start terraform_data.slow" in steps(seen))
    if recovered:
        os.kill(runs.supervisor(), signal.SIGKILL)
    local.kill_group(runs.directory)
    return runs.recover(**REMOTE) if recovered and runs.ended() else runs.ended()


@pytest.mark.parametrize("recovered", [False, True], ids=["engine-alone", "with-its-supervisor"])
def test_what_was_made_is_offered_to_those_who_read_the_log_and_to_nobody_else(runs: Bench, recovered: bool) -> None:
    seen = killed(runs, recovered=recovered)

    assert seen.apply_result is not None
    assert seen.apply_result.possibly_orphaned == (MADE, "terraform_data.slow")
    offered = json.loads((runs.directory / protocol.IMPORTS).read_text())
    assert list(offered) == [MADE]
    assert f'import {{\n  to = {MADE}\n  id = "{offered[MADE]}"\n}}\n' in runs.log()
    public = json.dumps(seen.events) + (runs.directory / protocol.APPLY_RESULT).read_text()
    assert offered[MADE] not in public


def test_what_is_taken_over_is_not_made_once_more(runs: Bench) -> None:
    killed(runs, recovered=True)
    (id,) = json.loads((runs.directory / protocol.IMPORTS).read_text()).values()
    blocks = [{"to": MADE, "id": id}]

    runs.deployment = "d2"
    planned = runs.plan(making(blocks, slow=False), **REMOTE)
    runs.apply(**REMOTE)

    assert planned.plan_result is not None
    assert planned.plan_result.message == "planned: 1 to import, 1 to create, 1 to update"
    summary = json.loads((runs.base / "runs/d2" / protocol.SUMMARY).read_text())
    assert [(change["address"], change["action"], change.get("import")) for change in summary["changes"]] == [
        (MADE, "update", True),
        ("terraform_data.slow", "create", None),
    ]
    assert id not in json.dumps(summary)
    assert runs.ledger_lines() == ["made"]


def test_what_the_state_knows_already_needs_no_import(runs: Bench) -> None:
    """Two wrote the same wish, or the state was saved after all: the block says nothing then."""
    runs.deploy(making(slow=False), **REMOTE)
    (id,) = (made["value"] for made in journal.read_ids(runs.directory) if made["address"] == MADE)
    seen = runs.deploy(making([{"to": MADE, "id": id}], slow=False), "d2", **REMOTE)

    assert seen.plan_result is not None
    assert seen.plan_result.empty is True
    assert runs.ledger_lines() == ["made"]
