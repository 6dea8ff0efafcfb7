"""The state storage goes away at the end of an apply: what was done is kept, and put back before the next plan."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from controller.model.deployment import EngineKind, Mode
from controller.runner import bundle, local, protocol
from controller.runner.protocol import Ended, Extent, Observation, Phase
from tests import runner_factories
from tests.runner_factories import Bench, bench, engines, scripted, steps
from tests.state_server import StateServer, state_server

pytestmark = pytest.mark.engine

REMOTE: dict[str, Any] = {"init_args": (), "state": None}
ERRORED = bundle.ERRORED
UNSAVED = "the state could not be saved"


@dataclass(frozen=True)
class Remote:
    """Runs whose state lies on a server that can be away."""

    runs: Bench
    server: StateServer

    def files(self, name: str = "x", command: str = "echo made >> $LEDGER; touch $AWAY") -> dict[str, bytes]:
        files = runner_factories.bundle(command, name=name)
        main = json.loads(files["main.tf.json"])
        main["terraform"]["backend"] = {"http": {}}
        return files | {"main.tf.json": json.dumps(main).encode()}

    def deploy(self, deployment: str, **more: Any) -> Observation:
        return self.runs.deploy(self.files(**more), deployment, **REMOTE)

    def deliver(self, content: bytes, whose: str) -> dict[str, Any]:
        """What the controller does before a plan where a state is not saved."""
        folder = self.runs.directory
        folder.mkdir(parents=True, exist_ok=True)
        (folder / protocol.PUSH).write_bytes(content)
        return REMOTE | {"puts_back": whose}

    def plan(self, deployment: str, content: bytes, whose: str = "d1", **changes: Any) -> Observation:
        self.runs.deployment = deployment
        return self.runs.plan(self.files(command="true"), **self.deliver(content, whose) | changes)

    def planned(self, deployment: str) -> Observation:
        """A plan that was handed nothing."""
        self.runs.deployment = deployment
        return self.runs.plan(self.files(command="true"), **REMOTE)

    def back(self) -> None:
        self.server.away.unlink()

    def errored(self) -> bytes:
        return (self.runs.base / "runs/d1" / protocol.ERRORED).read_bytes()

    def lost(self) -> bytes:
        """The state of a first apply that could not be saved; the storage is back."""
        self.deploy("d1")
        self.back()
        return self.errored()


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    with state_server(tmp_path) as server, bench(tmp_path, request.param) as runs:
        runs.environment = server.variables | {"AWAY": str(server.away)}
        yield Remote(runs, server)


def message(seen: Observation, name: str = "plan_result") -> str:
    result = getattr(seen, name)
    assert result is not None
    return str(result.message)


def test_a_state_that_cannot_be_saved_is_kept_and_said(remote: Remote) -> None:
    seen = remote.deploy("d1")

    result = seen.apply_result
    assert result is not None
    assert (result.status, result.extent, result.possibly_orphaned) == (Ended.INTERRUPTED, Extent.PARTIAL, ())
    assert result.message == "apply failed: Failed to save state; details: `lockstep logs d1`; " + UNSAVED
    assert [r["type"] for r in json.loads(remote.errored())["resources"]] == ["terraform_data"]
    assert (remote.runs.directory / protocol.ERRORED).stat().st_mode & 0o777 == 0o600
    assert not (remote.runs.workdir / ERRORED).exists()
    assert remote.server.state is None


def test_the_next_plan_sees_what_was_made(remote: Remote) -> None:
    content = remote.lost()

    seen = remote.plan("d2", content)

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.put_back) == (Ended.SUCCEEDED, "d1")
    assert (seen.plan_result.message, seen.plan_result.empty) == ("nothing to change", True)
    assert remote.server.names() == ["it"]
    assert not (remote.runs.directory / protocol.PUSH).exists()
    assert remote.runs.outputs()["api"]["NAME"] == "x"
    assert remote.runs.ledger_lines() == ["made"]


def test_a_second_state_goes_back_onto_the_first(remote: Remote) -> None:
    remote.deploy("d0", command="echo made >> $LEDGER")
    before = remote.server.state
    remote.deploy("d1", name="y")
    remote.back()

    seen = remote.plan("d2", remote.errored())

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.put_back) == (Ended.SUCCEEDED, "d1")
    assert remote.server.state["lineage"] == before["lineage"]
    assert remote.server.state["serial"] > before["serial"]
    assert remote.server.state["resources"] == json.loads(remote.errored())["resources"]


def test_a_destroy_finds_what_was_made_too(remote: Remote) -> None:
    content = remote.lost()

    seen = remote.plan("d2", content, mode=Mode.DESTROY)

    assert message(seen) == "planned: 1 to destroy"
    remote.runs.apply(**REMOTE | {"mode": Mode.DESTROY})
    assert remote.server.names() == []


def test_as_long_as_the_storage_is_away_it_is_kept_and_tried_again(remote: Remote) -> None:
    content = remote.lost()
    remote.server.away.touch()

    seen = remote.plan("d2", content)

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.transient) == (Ended.FAILED, True)
    assert seen.plan_result.put_back is None
    assert (remote.runs.directory / protocol.PUSH).read_bytes() == content


def test_what_is_there_already_is_not_pushed_again(remote: Remote) -> None:
    """The supervisor was lost between the push and its result, or the answer to the last write was."""
    content = remote.lost()
    remote.plan("d2", content)
    writes, after = remote.server.writes, remote.server.content

    seen = remote.plan("d3", content)

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.put_back) == (Ended.SUCCEEDED, "d1")
    assert "state_in_place" in [event["type"] for event in seen.events]
    assert (remote.server.writes, remote.server.content) == (writes, after)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"lineage": "other"}, "serial 9 of lineage other", id="another-lineage"),
        pytest.param({}, "serial 9 of lineage mine", id="a-newer-one"),
    ],
)
def test_what_somebody_else_wrote_is_never_overwritten(remote: Remote, changes: dict[str, Any], why: str) -> None:
    content = json.dumps(json.loads(remote.lost()) | {"lineage": "mine", "serial": 4}).encode()
    theirs = json.loads(content) | {"lineage": "mine", "serial": 9, "resources": []} | changes
    remote.server.state = theirs

    seen = remote.plan("d2", content)

    assert message(seen) == (
        "the state that deployment d1 could not save (serial 4 of lineage mine) is not put back: the state storage "
        f"has {why}, which somebody else wrote; compare the two and push the right one by hand: "
        "`lockstep db unsaved-state d1` prints the one that was kept, and with --forget drops it"
    )
    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.transient) == (Ended.FAILED, False)
    assert remote.server.state == theirs


def test_what_a_plan_finds_in_its_working_directory_is_not_lost(remote: Remote) -> None:
    """Every supervisor that might have taken it away was lost."""
    content = remote.lost()
    (remote.runs.base / "runs/d1" / protocol.ERRORED).rename(remote.runs.workdir / ERRORED)
    remote.server.away.touch()
    seen = remote.planned("d2")
    assert (remote.runs.workdir / ERRORED).read_bytes() == content
    assert message(seen).startswith("init failed: ")
    assert seen.plan_result is not None
    assert seen.plan_result.transient is True

    remote.back()
    remote.planned("d3")

    assert not (remote.runs.workdir / ERRORED).exists()
    assert remote.server.names() == ["it"]


def test_a_supervisor_that_was_lost_leaves_it_to_the_next(remote: Remote) -> None:
    remote.runs.deployment = "d1"
    remote.runs.plan(remote.files(command="echo made >> $LEDGER; touch $AWAY; sleep 1"), **REMOTE)
    remote.runs.start_apply(**REMOTE)
    remote.runs.until(lambda _: remote.server.away.exists())
    os.kill(remote.runs.supervisor(), signal.SIGKILL)
    remote.runs.until(lambda _: local.group_is_empty(remote.runs.directory))
    assert (remote.runs.workdir / ERRORED).exists()

    seen = remote.runs.recover(**REMOTE)

    assert seen.apply_result is not None
    assert seen.apply_result.status is Ended.INTERRUPTED
    assert seen.apply_result.message == (
        "apply failed: the engine ended unheard; details: `lockstep logs d1`; " + UNSAVED
    )
    assert not (remote.runs.workdir / ERRORED).exists()
    remote.back()
    remote.plan("d2", remote.errored())
    assert remote.server.names() == ["it"]
    assert remote.runs.ledger_lines() == ["made"]


def test_what_cannot_be_looked_into_was_interrupted_all_the_same(remote: Remote) -> None:
    """The storage was away when a second supervisor looked: the apply had `init failed`, and nothing followed it up."""
    remote.runs.deployment = "d1"
    remote.runs.plan(remote.files(command="echo made >> $LEDGER; exec sleep 600"), **REMOTE)
    remote.runs.start_apply(**REMOTE)
    remote.runs.until(lambda _: remote.runs.ledger_lines() == ["made"])
    os.kill(remote.runs.supervisor(), signal.SIGKILL)
    local.kill_group(remote.runs.directory)
    remote.runs.until(lambda _: local.group_is_empty(remote.runs.directory))
    shutil.rmtree(remote.runs.workdir / bundle.ENGINE_FOLDER)
    remote.server.away.touch()

    seen = remote.runs.recover(**REMOTE)

    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.extent) == (Ended.INTERRUPTED, Extent.PARTIAL)
    assert seen.apply_result.possibly_orphaned == ("module.thing.terraform_data.it",)
    assert seen.apply_result.message.startswith(
        "interrupted in the middle, and what it did could not be looked into: init failed: "
    )


def test_at_no_instant_does_a_death_lose_the_state_or_put_it_back_twice(remote: Remote) -> None:
    content = remote.lost()
    for number, delay in enumerate((0.1, 0.3, 0.45, 0.6, 0.75, 0.9)):
        remote.server.content = b""
        remote.runs.deployment = f"e{number}"
        changes = remote.deliver(content, "d1")
        local.deliver(remote.runs.directory, remote.files(command="true"))
        remote.runs.start(Phase.PLAN, **changes)
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(remote.runs.supervisor(), signal.SIGKILL)
        seen = remote.runs.ended()
        if seen.plan_result is None:
            remote.runs.start(Phase.PLAN, **remote.deliver(content, "d1"))
            seen = remote.runs.ended()
        assert seen.plan_result is not None
        assert (seen.plan_result.message, seen.plan_result.put_back) == ("nothing to change", "d1")
        assert remote.server.state["resources"] == json.loads(content)["resources"]
    assert remote.runs.ledger_lines() == ["made"]


def test_one_that_is_cancelled_is_cancelled_and_keeps_its_state(remote: Remote) -> None:
    remote.runs.deployment = "d1"
    remote.runs.plan(remote.files(command="echo made >> $LEDGER; touch $AWAY; exec sleep 600"), **REMOTE)
    remote.runs.start_apply(**REMOTE)
    remote.runs.until(lambda _: remote.server.away.exists())
    local.cancel(remote.runs.directory)
    seen = remote.runs.ended()

    assert seen.apply_result is not None
    assert seen.apply_result.status is Ended.CANCELLED
    assert seen.apply_result.message == f"cancelled during apply; {UNSAVED}"
    assert json.loads(remote.errored())["resources"][0]["instances"][0]["status"] == "tainted"


def test_a_state_that_has_no_room_in_a_file_is_taken_from_the_output(remote: Remote) -> None:
    """The log said `Emergency state dump`, and nobody had kept a word of it."""
    seen = remote.deploy("d1", command="echo made >> $LEDGER; touch $AWAY; mkdir errored.tfstate")

    assert message(seen, "apply_result").endswith(UNSAVED)
    assert json.loads(remote.errored())["resources"][0]["type"] == "terraform_data"
    remote.back()
    seen = remote.plan("d2", remote.errored())
    assert message(seen) == "nothing to change"
    assert remote.server.names() == ["it"]
    assert not (remote.runs.workdir / ERRORED).exists()
    assert remote.runs.ledger_lines() == ["made"]


def test_laying_out_a_bundle_leaves_it_alone(tmp_path: Path) -> None:
    (tmp_path / ERRORED).write_text("state")
    bundle.lay_out({"main.tf.json": b"{}"}, tmp_path)
    assert (tmp_path / ERRORED).read_text() == "state"


ENCRYPTED = '{"serial": 4, "lineage": "mine", "meta": {}, "encrypted_data": "abc", "encryption_version": "v0"}'
PLAIN = {"version": 4, "serial": 4, "lineage": "mine", "outputs": {}, "resources": [{"type": "x", "name": "y"}]}
# Decrypts what lies where it is sent, and pushes what it is handed into a file.
OPENTOFU = """
case "$1 $2 $3" in
  -chdir=*" state pull") test -f "${1#-chdir=}/terraform.tfstate" && echo '%s';;
  "state pull "*) test -f "$STORE" && cat "$STORE"; true;;
  "state push "*) for last; do :; done; cp "$last" "$STORE";;
  "plan "*) for each; do case "$each" in -out=*) echo plan > "${each#-out=}";; esac; done;;
  "show "*) echo '%s';;
esac
"""


def test_an_encrypted_one_is_pushed_in_clear(tmp_path: Path) -> None:
    """OpenTofu encrypts the file that it leaves behind, and takes none to push that is encrypted."""
    engine = scripted(
        tmp_path, OPENTOFU % (json.dumps(PLAIN), runner_factories.PLAN_OF_NOTHING), kind=EngineKind.OPENTOFU
    )
    with bench(tmp_path, engine) as runs:
        runs.environment = {"STORE": str(tmp_path / "store")}
        runs.directory.mkdir(parents=True)
        (runs.directory / protocol.PUSH).write_text(ENCRYPTED)
        seen = runs.plan(runner_factories.bundle(), **REMOTE, puts_back="d0")

        assert seen.plan_result is not None
        assert (seen.plan_result.status, seen.plan_result.put_back) == (Ended.SUCCEEDED, "d0")
        assert json.loads((tmp_path / "store").read_text()) == PLAIN
        assert "abc" not in runs.log()


def test_a_plan_that_was_handed_nothing_pushes_nothing(remote: Remote) -> None:
    seen = remote.deploy("d1", command="true")
    assert not [step for step in steps(seen) if "state pu" in step]
    assert seen.plan_result is not None
    assert seen.plan_result.put_back is None


def test_an_apply_that_finds_one_in_its_place_is_planned_again(remote: Remote) -> None:
    content = remote.lost()
    remote.planned("d2")
    (remote.runs.workdir / ERRORED).write_bytes(content)
    seen = remote.runs.apply(**REMOTE)

    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.stale) == (Ended.REFUSED, True)
    assert seen.apply_started is None
    remote.runs.start(Phase.PLAN, **REMOTE)
    remote.runs.ended()
    assert remote.server.names() == ["it"]
