"""Runs a supervisor with every engine of this machine: plan, apply, outputs, log."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.model.deployment import EngineKind, Mode
from controller.runner import protocol
from tests import provider
from tests.runner_factories import Bench, bench, bundle, engines, scripted, steps

pytestmark = pytest.mark.engine


@pytest.fixture(params=engines(), ids=lambda engine: engine.name)
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with bench(tmp_path, request.param) as made:
        yield made


def test_a_plan_becomes_a_summary_and_nothing_is_changed_yet(runs: Bench) -> None:
    seen = runs.plan(bundle("echo made >> $LEDGER"))

    assert seen.trouble == ""
    assert steps(seen) == [
        "phase_started plan",
        "step_started init",
        "step_finished init",
        "step_started plan",
        "change_summary plan",
        "step_finished plan",
        "step_started show",
        "step_finished show",
        "phase_finished plan",
    ]
    assert [event["n"] for event in seen.events] == list(range(1, 10))
    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"
    assert seen.plan_result.message == "planned: 1 to create"
    assert seen.plan_result.empty is False
    assert seen.plan_result.log_ended is False
    assert seen.plan_result.diagnostics == ()
    summary = json.loads((runs.directory / protocol.SUMMARY).read_text())
    assert summary["counts"] == {"create": 1, "update": 0, "destroy": 0, "replace": 0}
    assert [change["address"] for change in summary["changes"]] == ["module.thing.terraform_data.it"]
    assert (runs.directory / protocol.PLAN).stat().st_mode & 0o777 == 0o600
    assert runs.directory.stat().st_mode & 0o777 == 0o700
    assert runs.ledger_lines() == []


def test_the_plan_is_applied_and_its_outputs_are_kept(runs: Bench) -> None:
    runs.plan(bundle("echo made >> $LEDGER; echo hello from the module"))
    planned = len(protocol_events(runs))
    seen = runs.apply()

    assert steps(seen)[planned:] == [
        "phase_started apply",
        "step_skipped init",
        "step_started apply",
        "apply_start module.thing.terraform_data.it",
        "provision_start module.thing.terraform_data.it",
        "apply_complete module.thing.terraform_data.it",
        "change_summary apply",
        "step_finished apply",
        "step_started output",
        "step_finished output",
        "phase_finished apply",
    ]
    assert seen.apply_started is not None
    assert seen.plan_result is not None
    assert seen.apply_started.plan_digest == seen.plan_result.plan_digest
    assert seen.apply_result is not None
    assert (seen.apply_result.status, seen.apply_result.message) == ("succeeded", "applied")
    state = json.loads(runs.state.read_text())
    assert seen.apply_result.state == protocol.StateMark(state["serial"], state["lineage"])
    assert runs.ledger_lines() == ["made"]
    identity = json.loads((runs.directory / protocol.IDS).read_text())
    assert identity == {
        "address": "module.thing.terraform_data.it",
        "resource_type": "terraform_data",
        "action": "create",
        "key": "id",
        "value": state["resources"][0]["instances"][0]["attributes"]["id"],
    }
    assert runs.outputs() == {"api": {"ID": identity["value"], "NAME": "x"}}
    assert json.loads((runs.directory / protocol.METADATA).read_text()) == {"thing.default#main": {"Name": "x"}}
    assert not (runs.directory / protocol.PLAN).exists()
    assert "(local-exec): hello from the module\n" in runs.log()
    assert runs.log().endswith("\napplied\n")


def test_what_is_there_already_needs_no_init_and_no_apply(runs: Bench) -> None:
    runs.deploy(bundle(), "d1")
    seen = runs.deploy(bundle(), "d2")

    assert steps(seen)[:3] == ["phase_started plan", "step_skipped init", "step_started plan"]
    assert seen.plan_result is not None
    assert seen.plan_result.message == "nothing to change"
    assert (seen.plan_result.empty, seen.plan_result.log_ended) == (True, True)
    assert not (runs.directory / protocol.PLAN).exists()
    assert runs.outputs()["api"]["NAME"] == "x"
    assert runs.log().endswith("\nnothing to change\n")


def test_a_changed_output_is_a_change(runs: Bench) -> None:
    runs.deploy(bundle(), "d1")
    changed = bundle()
    changed["main.tf.json"] = changed["main.tf.json"].replace(b'"NAME": "x"', b'"NAME": "another"')
    seen = runs.deploy(changed, "d2")

    assert seen.plan_result is not None
    assert seen.plan_result.message == "planned: no resource changes, but outputs or addresses do"
    assert seen.plan_result.empty is False
    assert runs.outputs()["api"]["NAME"] == "another"


def test_destroy_leaves_nothing_and_no_outputs(runs: Bench) -> None:
    runs.deploy(bundle(), "d1")
    seen = runs.deploy(bundle(), "d2", mode=Mode.DESTROY)

    assert seen.apply_result is not None
    assert seen.apply_result.status == "succeeded"
    assert json.loads(runs.state.read_text())["resources"] == []
    assert not (runs.directory / protocol.OUTPUTS).exists()
    assert "Destruction complete" in runs.log()


def test_the_state_before_an_apply_is_kept_beside_it(runs: Bench) -> None:
    runs.deploy(bundle(name="first"), "d1")
    before = runs.state.read_text()
    runs.deploy(bundle(name="second"), "d2")

    kept = json.loads(runs.state.with_name("terraform.tfstate.backup").read_text())
    assert kept["lineage"] == json.loads(before)["lineage"]
    assert kept["serial"] < json.loads(runs.state.read_text())["serial"]
    assert runs.state.parent.stat().st_mode & 0o777 == 0o700


def test_a_plan_that_nothing_follows_ends_its_log_and_leaves_no_plan_file(runs: Bench) -> None:
    seen = runs.plan(bundle(), mode=Mode.PLAN_ONLY, private=True)

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.log_ended) == ("succeeded", True)
    assert not (runs.directory / protocol.PLAN).exists()
    assert not runs.workdir.exists()
    assert runs.log().endswith("\nplanned: 1 to create\n")


def test_a_plan_for_a_request_does_not_wait_for_an_apply(runs: Bench) -> None:
    slow = "echo began >> $LEDGER; sleep 30"
    runs.plan(bundle(slow))
    runs.start_apply()
    runs.until(lambda _: runs.ledger_lines() == ["began"])
    runs.deployment = "request"
    seen = runs.plan(bundle(slow, name="other"), mode=Mode.PLAN_ONLY, private=True)

    assert seen.plan_result is not None
    assert seen.plan_result.status == "succeeded"
    assert "step_skipped init" in steps(seen)


def test_an_error_of_a_module_is_told_without_its_detail(runs: Bench) -> None:
    runs.environment = {"CANARY": "canary-in-env"}
    runs.plan(bundle("echo $CANARY; exit 3"))
    seen = runs.apply()

    assert seen.apply_result is not None
    assert seen.apply_result.status == "failed"
    assert seen.apply_result.message == (
        "apply failed: local-exec provisioner error (module.thing.terraform_data.it); details: `lockstep logs d1`"
    )
    [diagnostic] = seen.apply_result.diagnostics
    assert diagnostic["severity"] == "error"
    assert diagnostic["summary"] == "local-exec provisioner error"
    assert diagnostic["withheld"] is True
    assert "detail" not in diagnostic
    assert "canary-in-env" in runs.log()
    assert "Error: local-exec provisioner error\n\n  with module.thing.terraform_data.it,\n  on " in runs.log()


def test_an_error_of_init_is_told_with_its_detail(runs: Bench) -> None:
    files = bundle()
    files["main.tf.json"] = files["main.tf.json"].replace(b"./modules/thing/", b"./modules/nothing/")
    seen = runs.plan(files)

    assert seen.plan_result is not None
    assert seen.plan_result.status == "failed"
    assert seen.plan_result.message == "init failed: Unreadable module directory; details: `lockstep logs d1`"
    assert any("modules/nothing" in diagnostic.get("detail", "") for diagnostic in seen.plan_result.diagnostics)
    assert seen.plan_result.transient is False
    assert runs.log().endswith("\ninit failed: Unreadable module directory; details: `lockstep logs d1`\n")


def test_a_variable_reaches_the_module_and_the_outputs(runs: Bench) -> None:
    runs.environment = {"TF_VAR_SECRET": "canary-in-variable"}
    runs.deploy(bundle(secret=True))

    assert runs.outputs()["api"]["SECRET"] == "canary-in-variable"


def test_no_secret_lies_in_the_run_directory_in_clear(runs: Bench) -> None:
    runs.environment = {"TF_VAR_SECRET": "canary-in-variable", "CANARY": "canary-in-env"}
    runs.plan(bundle("echo $CANARY; exit 3", secret=True))
    (runs.directory / protocol.PLAN).rename(runs.base / "aside")
    assert canaries(runs.directory) == []
    (runs.base / "aside").rename(runs.directory / protocol.PLAN)
    runs.apply()
    assert canaries(runs.directory) == []
    assert canaries(runs.workdir) == []


def test_the_engine_inherits_nothing_but_what_is_allowed(runs: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-controller")
    monkeypatch.setenv("TF_LOG", "TRACE")
    monkeypatch.setenv("LANG", "C.UTF-8")
    runs.environment = {"OF_THE_RUNNER": "yes"}
    runs.deploy(bundle("env | sed 's/=.*//' | sort | tr '\\n' ' ' > $LEDGER; echo \"$HOME\" > $LEDGER.home"))

    names = set(runs.ledger.read_text().split())
    assert {"OF_THE_RUNNER", "LANG", "PATH", "HOME", "TF_IN_AUTOMATION"} <= names
    assert not names & {"AWS_SECRET_ACCESS_KEY", "TF_LOG", "PYTHONPATH", "XDG_CONFIG_HOME"}
    assert not [name for name in names if name.startswith("LOCKSTEP")]
    assert Path(f"{runs.ledger}.home").read_text().strip() == str(runs.directory / protocol.HOME)


def test_equal_plans_have_equal_fingerprints_under_one_key(runs: Bench) -> None:
    runs.environment = {protocol.FINGERPRINT_KEY: "one key"}
    found = []
    for runs.deployment, name in (("d1", "x"), ("d2", "x"), ("d3", "other")):
        seen = runs.plan(bundle(name=name))
        assert seen.plan_result is not None
        found.append(seen.plan_result.fingerprint)
    assert found[0] is not None
    assert found[0] == found[1] != found[2]


def test_a_log_chunk_opens_with_the_program_age(runs: Bench) -> None:
    if shutil.which("age") is None:
        pytest.skip("the program `age` is not installed")
    runs.plan(bundle())
    key = runs.base / "key.txt"
    key.write_text(runs.key.secret.reveal() + "\n")
    chunk = runs.directory / protocol.LOG / "000001.age"
    opened = subprocess.run(["age", "-d", "-i", str(key), str(chunk)], capture_output=True, text=True, check=True)

    assert opened.stdout.startswith("lockstep-log/1 d1 1")


def test_the_lock_file_of_a_first_init_is_handed_over(runs: Bench) -> None:
    """The plan fails, for the provider is none; the versions were chosen all the same."""
    mirror = runs.base / "mirror"
    plugin = (
        mirror
        / "example.com/acme/thing/1.2.3"
        / provider.platform(runs.engine.command)
        / "terraform-provider-thing_v1.2.3"
    )
    plugin.parent.mkdir(parents=True)
    plugin.write_text("#!/bin/sh\n")
    plugin.chmod(0o755)
    settings = runs.base / "engine.rc"
    settings.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n')
    runs.environment = {"TF_CLI_CONFIG_FILE": str(settings)}
    files = bundle()
    document = json.loads(files["main.tf.json"])
    document["terraform"]["required_providers"] = {"thing": {"source": "example.com/acme/thing"}}
    files["main.tf.json"] = json.dumps(document).encode()
    seen = runs.plan(files)

    assert seen.plan_result is not None
    assert (seen.plan_result.status, seen.plan_result.lock_changed) == ("failed", True)
    text = (runs.directory / protocol.LOCK_FILE).read_text()
    assert 'provider "example.com/acme/thing" {\n  version = "1.2.3"\n' in text
    runs.deployment = "d2"
    again = runs.plan(files | {".terraform.lock.hcl": text.encode()})
    assert again.plan_result is not None
    assert again.plan_result.lock_changed is False
    runs.deployment = "d3"
    shutil.rmtree(runs.base / "plugins")
    once_more = runs.plan(files | {".terraform.lock.hcl": text.encode()})
    assert "step_started init" in steps(once_more)


def test_opentofu_encrypts_state_and_plan(runs: Bench) -> None:
    if runs.engine.kind is not EngineKind.OPENTOFU:
        pytest.skip("only OpenTofu encrypts")
    runs.environment = {protocol.PASSPHRASE: "a passphrase made by chance", "TF_VAR_SECRET": "canary-in-variable"}
    runs.plan(bundle(secret=True))
    plan = json.loads((runs.directory / protocol.PLAN).read_text())
    assert "encrypted_data" in plan
    seen = runs.apply()
    state = json.loads(runs.state.read_text())

    assert "encrypted_data" in state
    assert "resources" not in state
    assert seen.apply_result is not None
    assert seen.apply_result.state == protocol.StateMark(state["serial"], state["lineage"])
    assert runs.outputs()["api"]["SECRET"] == "canary-in-variable"
    again = runs.deploy(bundle(secret=True), "d2")
    assert again.plan_result is not None
    assert again.plan_result.empty is True


def test_a_state_that_is_not_encrypted_is_refused(runs: Bench) -> None:
    if runs.engine.kind is not EngineKind.OPENTOFU:
        pytest.skip("only OpenTofu encrypts")
    runs.deploy(bundle(name="first"), "d1")
    before = runs.state.read_bytes()
    runs.environment = {protocol.PASSPHRASE: "a passphrase made by chance"}
    runs.deployment = "d2"
    seen = runs.plan(bundle(name="second"))

    assert seen.plan_result is not None
    assert seen.plan_result.status == "failed"
    assert runs.state.read_bytes() == before


def test_a_state_that_is_adopted_may_be_plain_and_is_encrypted_by_the_next_apply(runs: Bench) -> None:
    if runs.engine.kind is not EngineKind.OPENTOFU:
        pytest.skip("only OpenTofu encrypts")
    runs.deploy(bundle(name="first"), "d1")
    runs.environment = {protocol.PASSPHRASE: "a passphrase made by chance"}
    runs.deployment = "d2"
    seen = runs.plan(bundle(name="first"), adopts=True)
    assert seen.plan_result is not None
    assert seen.plan_result.empty
    runs.deployment = "d3"
    runs.plan(bundle(name="second"), adopts=True)
    runs.apply(adopts=True)
    assert "encrypted_data" in json.loads(runs.state.read_text())


@pytest.mark.parametrize("adopts", [False, True])
def test_opentofu_is_told_to_encrypt_and_what_is_adopted_may_be_plain(tmp_path: Path, *, adopts: bool) -> None:
    body = f'[ "$1" = init ] && printf %s "$TF_ENCRYPTION" > "{tmp_path}/told"; exit 1'
    with bench(tmp_path, scripted(tmp_path, body, kind=EngineKind.OPENTOFU)) as made:
        made.environment = {protocol.PASSPHRASE: "a passphrase made by chance"}
        made.plan(bundle(), adopts=adopts)
    told = json.loads((tmp_path / "told").read_text())
    method = "method.aes_gcm.lockstep"
    plain = {"method": method, "enforced": False, "fallback": {"method": "method.unencrypted.adopted"}}
    strict = {"method": method, "enforced": True}
    assert (told["state"], told["plan"]) == (plain if adopts else strict, strict)
    assert sorted(told["method"]) == (["aes_gcm", "unencrypted"] if adopts else ["aes_gcm"])


def protocol_events(runs: Bench) -> list[str]:
    return (runs.directory / protocol.EVENTS).read_text().splitlines()


def canaries(folder: Path) -> list[str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [str(path) for path in files if b"canary-in" in path.read_bytes()]
