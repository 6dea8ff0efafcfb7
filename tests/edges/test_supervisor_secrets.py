"""What does a supervisor tell of secrets that only the engine knows of?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from controller.runner import protocol
from tests.edges.test_supervisor_engines import diagnostic, script
from tests.runner_factories import Bench, bench, bundle, scripted

Make = Callable[[str], Bench]
OPEN, SECRET = 'aws_x.it["eu-1"]', 'aws_x.it["canary-of-the-vault"]'


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:
        yield lambda body: stack.enter_context(bench(tmp_path, scripted(tmp_path, body)))


def planned() -> str:
    """A plan of both, in which an attribute is sensitive."""
    after = {"password": "canary-of-the-vault"}
    change = {"actions": ["create"], "before": None, "after": after, "after_sensitive": {"password": True}}
    common = {"mode": "managed", "type": "aws_x", "name": "it", "change": change}
    return json.dumps({"resource_changes": [{**common, "address": address} for address in (OPEN, SECRET)]})


def begun(address: str, type_: str = "apply_start") -> str:
    hook = {
        "resource": {"addr": address, "resource_type": "aws_x"},
        "action": "create",
        "id_key": "id",
        "id_value": "7",
    }
    return json.dumps({"@level": "info", "@message": "Creating...", "type": type_, "hook": hook})


def failed(address: str, summary: str) -> str:
    said: dict[str, Any] = json.loads(diagnostic(summary))
    said["diagnostic"]["address"] = address
    return json.dumps(said)


def test_the_key_of_an_instance_is_shown_where_the_plan_showed_it(make: Make) -> None:
    """The apply knows less of secrets than the plan did: what is sensitive in a plan may never come to a state."""
    lines = [begun(OPEN), begun(SECRET), begun(SECRET, "apply_complete"), failed(SECRET, "no"), failed("aws_y.z", "no")]
    runs = make(
        script(show=f"[ $# = 2 ] && echo '{{}}' || echo '{planned()}'", apply=f"echo '{chr(10).join(lines)}'; exit 1")
    )
    runs.plan(bundle())
    seen = runs.apply()
    summary = json.loads((runs.directory / protocol.SUMMARY).read_text())
    assert [change["address"] for change in summary["changes"]] == ['aws_x.it["(masked)"]', OPEN]
    starts = [event["address"] for event in seen.events if event["type"] == "apply_start"]
    assert starts == [OPEN, 'aws_x.it["(masked)"]']
    assert seen.apply_result is not None
    addresses = [found["address"] for found in seen.apply_result.diagnostics]
    assert addresses == ['aws_x.it["(masked)"]', "aws_y.z"]
    assert "canary-of-the-vault" not in (runs.directory / protocol.IDS).read_text()
    assert SECRET in runs.log()


def test_words_of_a_provider_are_withheld_where_the_state_cannot_be_read(make: Make) -> None:
    """Nobody can say whether they quote something of it."""
    said = "\n".join([failed("aws_x.it", "the server refused canary"), diagnostic("Error acquiring the state lock")])
    runs = make(script(plan=f"echo '{said}'; exit 1", show="exit 1"))
    seen = runs.plan(bundle())
    assert seen.plan_result is not None
    withheld = "what a provider said is withheld: the state could not be read, and so nobody knows what in it is secret"
    assert seen.plan_result.message == f"plan failed: {withheld} (aws_x.it); details: `lockstep logs d1`"
    assert [found["summary"] for found in seen.plan_result.diagnostics] == [withheld, "Error acquiring the state lock"]
    assert "the server refused canary" in runs.log()
