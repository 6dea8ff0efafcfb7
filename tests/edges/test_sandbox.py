"""Shuts real engines in with bubblewrap: what code of a module sees there, writes, and how it is stopped."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.errors import LockstepError, NotAllowedError, NotFoundError
from controller.model.deployment import EngineKind, Mode
from controller.runner import local, processes, protocol, sandbox, steps
from controller.runner.protocol import Engine, Extent, Phase, Sandbox
from tests.runner_factories import Bench, bench, bundle, engines, scripted

pytestmark = pytest.mark.engine

SLOW = "echo began >> $LEDGER; sleep 2; echo done >> $LEDGER"
ENDLESS = "echo began >> $LEDGER; sleep 600; echo done >> $LEDGER"


def shut_in(engine: Engine, *hidden: Path, paths: tuple[Path, ...] = ()) -> Sandbox:
    """A sandbox, or a word on why there can be none on this machine."""
    try:
        return sandbox.made(engine, hidden, paths)
    except LockstepError as e:
        pytest.skip(str(e))


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    data = tmp_path / "data"
    data.mkdir()
    with bench(data, request.param, shut_in(request.param, data)) as made:
        yield made


def report(runs: Bench, command: str) -> list[str]:
    """What a command says that a module runs while it is applied."""
    seen = runs.deploy(bundle(f"({command}) >> $LEDGER 2>&1; true"))
    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded", runs.log()
    return runs.ledger_lines()


def begin(runs: Bench, command: str) -> None:
    runs.plan(bundle(command))
    runs.start_apply()
    runs.until(lambda _: runs.ledger_lines() == ["began"])


def test_of_all_that_is_kept_a_module_reads_its_own_state_and_nothing_else(runs: Bench) -> None:
    secrets = [
        runs.base / name
        for name in ("seal.key", "lockstep.sqlite3", "runner-env/live.env", "state/other/terraform.tfstate")
    ]
    secrets += [runs.base / "runs/d2/plan.bin", runs.directory / "job.json", runs.base.parent / "beside"]
    for path in secrets:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("canary")
    said = report(runs, f"cat {' '.join(map(str, secrets))}; ls {runs.base} {runs.directory} {runs.base}/state")

    assert said == [
        *(f"cat: {path}: No such file or directory" for path in secrets),
        *(f"{runs.base}:", "plugins", "runs", "state", "work", ""),
        *(f"{runs.directory}:", "home", "plan.bin", ""),
        *(f"{runs.base}/state:", "uuid"),
    ]


def test_a_module_writes_in_its_own_folders_and_nowhere_else(runs: Bench) -> None:
    places = {
        "$HOME/x": True,
        "/tmp/x": True,
        "$PWD/x": True,
        "/x": False,
        "/etc/x": False,
        "/usr/x": False,
        "/proc/sys/kernel/core_pattern": False,
        f"{runs.base}/x": False,
        f"{runs.base}/plugins/x": False,
        f"{runs.base}/state/x": False,
        f"{runs.base}/work/x": False,
        f"{runs.directory}/x": False,
        f"{runs.directory}/plan.bin": False,
    }
    tries = "; ".join(f"(true >> {place}) 2>/dev/null && echo yes || echo no" for place in places)

    assert report(runs, tries) == ["yes" if may else "no" for may in places.values()]
    assert not Path("/tmp/x").exists()
    assert (runs.directory / "tmp/x").exists()


def test_a_module_sees_no_other_processes_and_has_no_privileges(runs: Bench) -> None:
    said = report(
        runs,
        "ls /proc | grep -c '^[0-9]'; tr '\\0' ' ' < /proc/2/cmdline | grep -c apply; "
        "grep -h -E '^(CapEff|NoNewPrivs):' /proc/self/status; hostname somebody-else 2>/dev/null || echo no",
    )

    assert int(said[0]) < 10
    assert said[1:] == ["1", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "no"]


def test_the_environment_is_the_allow_list(runs: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "of the controller")
    monkeypatch.setenv("TMPDIR", str(runs.base))
    runs.environment = {"GIVEN": "by the runner"}
    said = report(runs, "echo $CANARY/$GIVEN/$HOME/$TMPDIR; tr '\\0' '\\n' < /proc/1/environ | grep -c -e CANARY")

    assert said == [f"/by the runner/{runs.directory}/home//tmp", "0"]


def test_what_the_operator_names_is_seen_even_where_it_is_hidden(tmp_path: Path) -> None:
    engine = engines()[0]
    data = tmp_path / "data"
    given = data / "runner-env" / "key.json"
    given.parent.mkdir(parents=True)
    given.write_text("given\n")
    given.with_name("other.json").write_text("kept\n")
    with bench(data, engine, shut_in(engine, data, paths=(given,))) as runs:
        said = report(runs, f"cat {given}; ls {given.parent}; (true >> {given}) 2>/dev/null || echo no")

    assert said == ["given", "key.json", "no"]


def test_a_file_that_is_hidden_cannot_be_read_and_one_beside_it_can(tmp_path: Path) -> None:
    engine = engines()[0]
    for name in ("token", "other"):
        (tmp_path / "opt").mkdir(exist_ok=True)
        (tmp_path / "opt" / name).write_text(f"{name}\n")
    (tmp_path / "link").symlink_to(tmp_path / "opt/token")
    found = shut_in(engine, tmp_path / "data", tmp_path / "link")
    shown = Sandbox(found.program, (*found.visible, str(tmp_path / "opt")), found.hidden)
    with bench(tmp_path / "data", engine, shown) as runs:
        assert report(runs, f"cat {tmp_path}/opt/token {tmp_path}/opt/other") == [
            f"cat: {tmp_path}/opt/token: Permission denied",
            "other",
        ]


def test_what_a_module_leaves_running_ends_with_the_step(runs: Bench) -> None:
    seen = runs.deploy(bundle("(setsid sh -c 'sleep 600' >/dev/null 2>&1 &) ; echo done >> $LEDGER"))

    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert local.group_is_empty(runs.directory) is True
    assert runs.ledger_lines() == ["done"]


def test_links_that_a_module_leaves_lead_the_supervisor_nowhere(runs: Bench) -> None:
    """Reading them it would hand over what the module cannot see; writing through them it would destroy it."""
    secret = runs.base / "seal.key"
    secret.write_text("canary")
    state = runs.base / "state/other"
    (state / "modules").mkdir(parents=True)
    (state / "terraform.tfstate").write_text("canary")
    seen = runs.deploy(
        bundle(
            f"rm -rf .terraform .terraform.lock.hcl; ln -s {secret} .terraform.lock.hcl; ln -s {state} .terraform; "
            "ln -sf {secret} main.tf.json; echo done >> $LEDGER"
        )
    )
    assert seen.apply_result is not None
    assert runs.ledger_lines() == ["done"]
    for number, changes in enumerate(({"mode": Mode.PLAN_ONLY, "private": True}, {})):
        runs.deployment = f"after-{number}"
        seen = runs.plan(bundle(name="y"), **changes)
        assert seen.plan_result is not None
        assert seen.plan_result.status == "succeeded", runs.log()
        assert not (runs.directory / protocol.LOCK_FILE).exists()
    copies = [path for path in runs.base.rglob("*") if path.is_file() and path.read_bytes() == b"canary"]
    assert sorted(copies) == sorted([secret, state / "terraform.tfstate"])
    assert sorted(os.listdir(state)) == ["modules", "terraform.tfstate"]


def test_a_whole_deployment_goes_its_way(runs: Bench) -> None:
    seen = runs.deploy(bundle("echo done >> $LEDGER", secret=False))

    assert seen.apply_result is not None
    assert seen.apply_result.message == "applied"
    assert runs.outputs()["api"]["NAME"] == "x"
    assert runs.deploy(bundle("echo done >> $LEDGER"), "d2").plan_result == protocol.read_result(
        runs.directory, protocol.PLAN_RESULT
    )
    assert runs.ledger_lines() == ["done"]
    seen = runs.deploy(bundle(), "d3", mode=Mode.DESTROY)
    assert seen.apply_result is not None
    assert seen.apply_result.message == "applied"
    assert json.loads(runs.state.read_text())["resources"] == []


def test_a_cancelled_apply_saves_its_state_and_leaves_no_process(runs: Bench) -> None:
    begin(runs, ENDLESS)
    local.cancel(runs.directory)
    seen = runs.ended()

    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.message) == ("cancelled", "cancelled during apply")
    assert (seen.apply_result.forced, seen.apply_result.extent) == (False, Extent.PARTIAL)
    assert local.group_is_empty(runs.directory) is True
    [resource] = json.loads(runs.state.read_text())["resources"]
    assert resource["instances"][0]["status"] == "tainted"
    assert "Interrupt received" in runs.log()
    assert runs.ledger_lines() == ["began"]


def test_an_engine_that_does_not_listen_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    deaf = scripted(tmp_path, "trap '' INT; setsid sleep 600 & echo began >> $LEDGER; wait")
    found = shut_in(engines()[0], tmp_path)
    shown = Sandbox(found.program, (*found.visible, deaf.command[0]), found.hidden, (deaf.command[0],))
    with bench(tmp_path, deaf, shown) as runs:
        local.deliver(runs.directory, bundle())
        runs.start(Phase.PLAN, grace_seconds=1)
        runs.until(lambda _: runs.ledger_lines() == ["began"])
        local.cancel(runs.directory)
        seen = runs.ended()

        assert seen.plan_result is not None
        assert (seen.plan_result.status, seen.plan_result.forced) == ("cancelled", True)
        assert local.group_is_empty(runs.directory) is True


def test_an_engine_outlives_its_supervisor_and_is_heard_to_its_end(runs: Bench) -> None:
    begin(runs, SLOW)
    os.kill(runs.supervisor(), signal.SIGKILL)
    seen = runs.ended()
    assert (seen.apply_result, seen.apply_started is None) == (None, False)
    assert local.group_is_empty(runs.directory) is False

    seen = runs.recover()

    assert seen.apply_result is not None
    assert (seen.apply_result.phase, seen.apply_result.status) == (Phase.RECOVER, "succeeded")
    assert local.group_is_empty(runs.directory) is True
    assert runs.ledger_lines() == ["began", "done"]
    assert runs.outputs()["api"]["NAME"] == "x"


def test_an_engine_that_goes_on_alone_can_still_be_cancelled(runs: Bench) -> None:
    begin(runs, ENDLESS)
    os.kill(runs.supervisor(), signal.SIGKILL)
    runs.ended()
    local.cancel(runs.directory)
    seen = runs.recover()

    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.message) == ("cancelled", "cancelled during apply")
    [resource] = json.loads(runs.state.read_text())["resources"]
    assert resource["instances"][0]["status"] == "tainted"
    assert local.group_is_empty(runs.directory) is True


@pytest.mark.parametrize("victim", ["sandbox", "engine"])
def test_a_killed_engine_leaves_an_interrupted_apply_and_nothing_that_goes_on(runs: Bench, victim: str) -> None:
    begin(runs, ENDLESS)
    running = steps.read_running(runs.directory)
    assert running is not None
    pid = running.process.pid if victim == "sandbox" else processes.inside(running.process)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    seen = runs.ended()

    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.extent) == ("interrupted", Extent.PARTIAL)
    assert seen.apply_result.possibly_orphaned == ("module.thing.terraform_data.it",)
    assert local.group_is_empty(runs.directory) is True


def test_without_bubblewrap_it_is_said_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as e:
        sandbox.made(engines()[0], [], [], {"PATH": str(tmp_path)})

    assert str(e.value) == (
        "sandbox: there is no `bwrap` on the PATH; install the package `bubblewrap`, or choose `sandbox: none`"
    )


def test_a_bubblewrap_that_may_do_nothing_is_told_with_what_it_said(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
    program.chmod(0o755)
    with pytest.raises(NotAllowedError) as e:
        sandbox.made(engines()[0], [], [], {"PATH": str(tmp_path)})

    assert str(e.value) == (
        "sandbox: bubblewrap does not work here (bwrap: No permissions to create new namespace); "
        "allow unprivileged user namespaces on this machine or in this container, or choose `sandbox: none`"
    )


def test_an_engine_that_does_not_run_in_the_sandbox_is_told(tmp_path: Path) -> None:
    shut_in(engines()[0])
    engine = scripted(tmp_path, f". {tmp_path}/what-it-needs")
    with pytest.raises(NotAllowedError) as e:
        sandbox.made(engine, [], [])

    assert str(e.value).startswith("sandbox: script 1.99.0 does not run in it (")
    assert str(e.value).endswith("); name what it needs in `sandbox_paths`, or choose `sandbox: none`")
    (tmp_path / "what-it-needs").write_text("exit 0\n")
    assert sandbox.made(engine, [], [tmp_path]).paths == (str(tmp_path),)


def test_an_engine_is_found_behind_its_links(tmp_path: Path) -> None:
    shut_in(engines()[0])
    (tmp_path / "versions").mkdir()
    real = scripted(tmp_path / "versions", "exit 0")
    (tmp_path / "current").symlink_to("versions/engine.sh")
    (tmp_path / "engine").symlink_to(tmp_path / "current")
    found = sandbox.made(Engine(EngineKind.TERRAFORM, "linked", (str(tmp_path / "engine"),), "1.9"), [], [])

    assert found.visible[-3:] == (str(tmp_path / "engine"), str(tmp_path / "current"), real.command[0])
