"""What happens when somebody deploys by hand?"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import threading
import time
from pathlib import Path

import pytest
import yaml

import cli
from cli import progress
from controller.deployments import follow
from controller.history import read
from controller.model.deployment import Status
from controller.runner.protocol import Ended, Extent
from tests.commands.conftest import Company
from tests.deploy_factories import REPOSITORY, Script, sized


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "manifest.yaml"
    file.write_text(sized(2))
    return file


def test_a_file_is_deployed_and_waited_for(capsys, company: Company, manifest: Path):
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--reason", "to try it"]) == 0
    row = company.last()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:3] == [
        f"deployment {row.id} of shop/staging is queued",
        "its log is encrypted; read it with this key, which is not shown again:",
        re.search(r"  lockstep logs \S+ --key AGE-SECRET-KEY-1\w+", err)[0],  # type: ignore[index]
    ]
    assert "plan: 1 to create\n" in err
    assert err.splitlines()[-1].startswith(f"deployment {row.id} of shop/staging succeeded")
    assert (row.status, row.created_by, row.reason) == (Status.SUCCEEDED, "alice", "to try it")
    assert read.environment(company.world.doors.store, "shop", "staging").holds[0].why == "to try it"


def test_standard_input_is_a_file_too(capsys, company: Company, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(sized(2).encode())))
    assert cli.main(["deploy", "shop", "staging", "-", "--no-wait"]) == 0
    assert capsys.readouterr().out == f"{company.last().id}\n"


def test_a_dry_run_stores_nothing(capsys, company: Company, manifest: Path):
    before = company.last().id
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--dry-run"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["is_new"], found["environment"]) == (True, "staging")
    assert found["manifest"] == yaml.safe_load(sized(2))
    assert "`thing.default#workloads.api.db` params changed" in err
    assert company.last().id == before


def test_a_plan_stops_after_the_plan(capsys, company: Company, manifest: Path):
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--plan-only"]) == 0
    assert company.last().status is Status.PLANNED
    assert read.environment(company.world.doors.store, "shop", "staging").holds == ()


def test_what_is_wrong_with_the_file_is_said_with_its_place(capsys, company: Company, manifest: Path):
    manifest.write_text("workloads:\n  api:\n    resorces: {}\n")
    assert cli.main(["deploy", "shop", "staging", str(manifest)]) == 1
    assert capsys.readouterr() == ("", f"{manifest}:3:5: unknown key `resorces`; did you mean `resources`?\n")


def test_what_the_catalogue_refuses_is_said_with_its_place_too(capsys, company: Company, manifest: Path):
    manifest.write_text("workloads:\n  api:\n    resources:\n      db: {type: thign}\n")
    assert cli.main(["deploy", "shop", "staging", str(manifest)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{manifest}:4:")
    assert err.endswith("did you mean `thing`?\n")


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        pytest.param(
            "none.yaml",
            1,
            "none.yaml: cannot be read (no such file or directory); check the path and its permissions\n",
            id="file",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_refused(capsys, source: str, code: int, said: str):
    assert cli.main(["deploy", "shop", "staging", source]) == code
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(
            ["--dry-run", "--plan-only"], "--dry-run and --plan-only exclude each other; give one of them\n", id="modes"
        ),
        pytest.param(
            ["--no-wait", "--result", "-"],
            "--result needs the end of the deployment; leave out --no-wait\n",
            id="result",
        ),
        pytest.param(
            ["--show-logs", "--skip-logs"],
            "--show-logs and --skip-logs exclude each other; give one of them\n",
            id="logs",
        ),
    ],
)
def test_options_that_exclude_each_other_are_refused(capsys, manifest: Path, options: list[str], said: str):
    assert cli.main(["deploy", "shop", "staging", str(manifest), *options]) == 2
    assert capsys.readouterr() == ("", said)


def test_a_failed_deployment_is_4(capsys, company: Company, manifest: Path):
    company.runner.script = Script(apply=Ended.FAILED, message="apply failed: no more disks")
    assert cli.main(["deploy", "shop", "staging", str(manifest)]) == 4
    row = company.last()
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"deployment {row.id} of shop/staging failed: apply failed: no more disks"
    )


def test_a_deployment_that_somebody_cancels_is_4(capsys, company: Company, manifest: Path):
    company.runner.script = Script(counts={"destroy": 1})
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["deploy", "shop", "staging", str(manifest)])))
    thread.start()
    _until(lambda: company.last().status is Status.AWAITING_APPROVAL)
    assert cli.main(["discard", company.last().id]) == 0
    thread.join()
    assert codes == [4]
    assert company.last().message == "discarded by alice"


def test_a_plan_that_waits_goes_on_when_it_is_approved(capsys, company: Company, manifest: Path):
    company.runner.script = Script(counts={"destroy": 1})
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["deploy", "shop", "staging", str(manifest)])))
    thread.start()
    _until(lambda: company.last().status is Status.AWAITING_APPROVAL)
    id = company.last().id
    time.sleep(0.2)
    assert cli.main(["approve", id]) == 0
    thread.join()
    err = capsys.readouterr().err
    assert f"approve it with `lockstep approve {id}`, or end it with `lockstep discard {id}`\n" in err
    assert f"deployment {id} of shop/staging is approved; its plan is applied next\n" in err
    assert codes == [0]


def test_who_is_too_late_is_refused(capsys, company: Company, manifest: Path):
    first = company.last().id
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--expect-last", first]) == 0
    second = company.last().id
    capsys.readouterr()
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--expect-last", first]) == 3
    assert capsys.readouterr() == (
        "",
        f"the last deployment of shop/staging is {second}, not {first}; look at what was deployed, then deploy again\n",
    )


def test_a_timeout_ends_the_waiting_and_not_the_deployment(capsys, company: Company, manifest: Path):
    company.runner.script = Script(counts={"destroy": 1})
    assert cli.main(["deploy", "shop", "staging", str(manifest), "--timeout", "1"]) == 5
    id = company.last().id
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"deployment {id} is still awaiting approval after 0:00:01; "
        f"look again with `lockstep get deployment {id}`, stop it with `lockstep cancel {id}`"
    )
    assert company.last().status is Status.AWAITING_APPROVAL


def test_ctrl_c_ends_the_waiting_and_not_the_deployment(capsys, company: Company, manifest: Path, monkeypatch):
    company.runner.script = Script(counts={"destroy": 1})

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(progress, "_EVERY", 0)
    monkeypatch.setattr(progress.time, "sleep", interrupt)
    assert cli.main(["deploy", "shop", "staging", str(manifest)]) == 130
    id = company.last().id
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"deployment {id} goes on without you; "
        f"look again with `lockstep get deployment {id}`, stop it with `lockstep cancel {id}`"
    )
    monkeypatch.undo()
    _until(lambda: company.last().status is Status.AWAITING_APPROVAL)


def test_cancel_ends_what_waits(capsys, company: Company, manifest: Path):
    company.runner.script = Script(counts={"destroy": 1})
    cli.main(["deploy", "shop", "staging", str(manifest), "--no-wait"])
    _until(lambda: company.last().status is Status.AWAITING_APPROVAL)
    capsys.readouterr()
    id = company.last().id
    assert cli.main(["cancel", id]) == 0
    assert capsys.readouterr() == ("", f"deployment {id} of shop/staging is being cancelled\n")
    assert cli.main(["cancel", id]) == 3
    assert capsys.readouterr().err == f"deployment {id} has ended, it is cancelled; there is nothing left to change\n"


def test_resume_lets_it_follow_git_again(capsys, company: Company, manifest: Path):
    cli.main(["deploy", "shop", "staging", str(manifest)])
    capsys.readouterr()
    assert cli.main(["resume", "shop", "staging"]) == 0
    assert capsys.readouterr() == ("", "shop/staging follows Git again\n")
    _until(lambda: company.last().created_by == "git" and company.last().status is Status.SUCCEEDED)
    assert cli.main(["resume", "shop", "staging"]) == 3
    assert capsys.readouterr().err == "shop/staging is not held; it follows Git already\n"


def test_an_environment_that_does_not_exist_is_6(capsys, company: Company, manifest: Path):
    assert cli.main(["deploy", "shop", "stagign", str(manifest)]) == 6
    assert capsys.readouterr() == ("", "project `shop` has no environment `stagign`; did you mean `staging`?\n")


def test_refresh_polls_now(capsys, company: Company):
    company.world.push({"projects/shop/staging/app.manifest.yaml": sized(3)}, "Grow")
    assert cli.main(["refresh", "acme"]) == 0
    assert capsys.readouterr() == ("", "repository `acme` is fetched now\n")
    _until(lambda: company.last().commit_subject == "Grow")
    assert cli.main(["refresh", "acne"]) == 6
    assert capsys.readouterr().err == "repository `acne` is not watched; did you mean `acme`?\n"


def test_a_ref_is_planned_and_its_comment_printed(capsys, company: Company, tmp_path: Path):
    _branch(company, "grow", sized(3))
    assert cli.main(["plan", "--ref", "grow"]) == 0
    out, err = capsys.readouterr()
    assert "shop/staging" in out
    assert "planning shop/staging\n" in err
    file = tmp_path / "comment.md"
    assert cli.main(["plan", "--ref", "grow", "--comment", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert "shop/staging" in file.read_text()


def test_a_ref_with_a_mistake_is_1_and_the_comment_says_it(capsys, company: Company):
    _branch(company, "break", "workload: {}\n")
    assert cli.main(["plan", "--ref", "break"]) == 1
    out, err = capsys.readouterr()
    problem = "projects/shop/staging/app.manifest.yaml:1:1: unknown key `workload`; did you mean `workloads`?"
    assert f"shop/staging cannot be planned:\n  {problem}\n" in err
    assert "projects/shop/staging/app.manifest.yaml:1:1" in out


def test_a_ref_that_does_not_merge_is_3(capsys, company: Company):
    _branch(company, "grow", sized(3))
    company.world.push({"projects/shop/staging/app.manifest.yaml": sized(4)}, "Grow otherwise")
    company.world.poll()
    assert cli.main(["plan", "--ref", "grow"]) == 3
    assert capsys.readouterr().err.splitlines()[-1] == (
        "the ref does not merge, because of projects/shop/staging/app.manifest.yaml; merge the branch into it"
    )


def test_a_plan_that_fails_is_4(capsys, company: Company):
    _branch(company, "grow", sized(3))
    company.runner.script = Script(plan=Ended.FAILED, message="plan failed: no such provider")
    assert cli.main(["plan", "--ref", "grow"]) == 4


def test_a_ref_that_is_not_there_is_6(capsys, company: Company):
    assert cli.main(["plan", "--ref", "nowhere"]) == 6
    assert "nowhere" in capsys.readouterr().err


def _branch(company: Company, name: str, manifest: str) -> None:
    """A branch that stands on main and changes one manifest."""
    main = str(company.world.repo.references["refs/heads/main"].target)
    company.world.push({"projects/shop/staging/app.manifest.yaml": manifest}, "Change it", branch=name, parents=[main])


def _until(is_so, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never comes to that"
        time.sleep(0.05)


def test_what_is_there_already_is_imported_from_the_command_line(capsys, company: Company):
    orphan = {"address": "module.thing.terraform_data.it", "module": "thing.default#x"}
    more = {"extent": Extent.PARTIAL, "possibly_orphaned": (orphan["address"],)}
    cut_short = Script(apply=Ended.INTERRUPTED, message="cut short", more=more, imports={orphan["address"]: "i-1"})
    company.runner.script = dataclasses.replace(cut_short, changes=({**orphan, "action": "create"},))
    company.world.push({"projects/shop/staging/app.manifest.yaml": sized(5)}, "Grow")
    follow.poll(company.world.doors, REPOSITORY)
    _until(lambda: company.last().status is Status.AWAITING_APPROVAL)
    company.runner.script = Script(changes=({**orphan, "action": "import"},))
    row = company.last()
    assert f"`lockstep approve {row.id} --import` takes it over instead" in row.message
    assert cli.main(["approve", row.id, "--import"]) == 0
    assert capsys.readouterr().err == f"deployment {row.id} of shop/staging is planned again, with imports\n"
    _until(lambda: company.last().status is Status.SUCCEEDED)
    assert cli.main(["approve", row.id, "--import"]) == 3
