"""What happens when somebody rolls back, tries again or deletes from the command line?"""

from __future__ import annotations

import json
import re

import pytest
import yaml

import cli
from controller.history import read
from controller.model.deployment import HoldKind, Mode, Status
from controller.runner.protocol import Ended, Phase
from tests.commands.conftest import Company
from tests.deploy_factories import Script, project, sized
from tests.webui_factories import World


def test_a_rollback_is_waited_for(capsys, company: Company):
    first = company.last()
    company.world.push(project(staging=sized(2)))
    company.world.poll()
    wait_for(company, 2)
    assert cli.main(["rollback", "shop", "staging", first.id, "--reason", "2 is broken"]) == 0
    row = company.last()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"deployment {row.id} of shop/staging is queued"
    assert err.splitlines()[-1].startswith(f"deployment {row.id} of shop/staging succeeded")
    assert (row.mode, row.status, row.source_deployment) == (Mode.ROLLBACK, Status.SUCCEEDED, first.id)


def test_a_rollback_to_another_environment_is_a_conflict(capsys, company: Company):
    company.world.push(project(staging=sized(1), production=sized(1)))
    company.world.poll()
    wait_for(company, 2)
    other = company.last("production")
    assert cli.main(["rollback", "shop", "staging", other.id]) == 3
    assert capsys.readouterr().err == (
        f"deployment {other.id} is one of another environment than shop/staging; "
        "`lockstep get deployments shop staging` lists them\n"
    )


def test_what_failed_is_tried_again(capsys, company: Company):
    company.runner.script = Script(apply=Ended.FAILED, message="apply failed: quota")
    company.world.push(project(staging=sized(2)))
    company.world.poll()
    wait_for(company, 2)
    failed = company.last()
    company.runner.script = Script()
    assert cli.main(["retry", failed.id]) == 0
    row = company.last()
    assert capsys.readouterr().err.splitlines()[0] == f"deployment {row.id} of shop/staging is queued"
    assert (row.status, row.reason) == (Status.SUCCEEDED, f"retry of deployment {failed.id} by alice")


def test_an_environment_is_deleted(capsys, company: Company):
    company.runner.script = Script(counts={})
    assert cli.main(["delete", "environment", "shop", "staging", "--no-prompt", "--reason", "not needed"]) == 0
    row = company.last()
    assert (row.mode, row.status) == (Mode.DESTROY, Status.SUCCEEDED)
    (hold,) = read.environment(company.world.doors.store, "shop", "staging").holds
    assert hold.kind is HoldKind.DESTROYED
    assert cli.main(["delete", "environment", "shop", "staging", "--no-prompt"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == "shop/staging had nothing that could be destroyed; it is deleted"


def test_nothing_is_deleted_where_nobody_can_be_asked(capsys, company: Company):
    assert cli.main(["delete", "environment", "shop", "staging"]) == 2
    assert capsys.readouterr().err == (
        "shop/staging: this destroys all that shop/staging has; say --no-prompt where nobody can be asked\n"
    )
    assert len(company.world.deployments()) == 1


def test_an_environment_that_there_is_not_is_not_deleted(capsys, company: Company):
    assert cli.main(["delete", "environment", "shop", "stagign", "--no-prompt"]) == 6
    assert "did you mean `staging`?" in capsys.readouterr().err


def wait_for(company: Company, count: int) -> None:
    """Until so many deployments have ended; they are carried through in another thread."""
    while True:
        rows = company.world.deployments()
        if len(rows) >= count and all(row.completed_at is not None for row in rows):
            return


def test_why_a_commit_is_not_deployed_and_what_would_change_that(capsys, company: Company):
    assert cli.main(["suspend", "shop", "staging", "--for", "2h", "--reason", "freeze"]) == 0
    err = capsys.readouterr().err
    assert re.fullmatch(r"shop/staging is suspended until \d{4}-\d\d-\d\dT[\d:.]+Z\n", err)
    commit = company.world.push(project(staging=sized(2)), "Grow")
    company.world.poll()
    assert cli.main(["why", "shop", "staging"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    said, command = out.splitlines()
    assert said.startswith(
        f"Commit {commit[:10]} “Grow” by Ada changes shop/staging (1 resource), and is held: alice has suspended "
        "shop/staging until "
    )
    assert command == "  lockstep resume shop staging"
    assert cli.main(command.split()[1:]) == 0
    assert capsys.readouterr().err == "shop/staging follows Git again\n"
    wait_for(company, 2)
    assert cli.main(["why", "shop", "staging", commit[:8], "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["command"] == ""


@pytest.mark.parametrize(("words", "what"), [(("shop",), "project shop"), (("--all",), "everything")])
def test_a_project_or_everything_is_suspended_and_resumed(capsys, company: Company, words: tuple[str, ...], what: str):
    assert cli.main(["suspend", *words, "--reason", "freeze"]) == 0
    assert capsys.readouterr() == ("", f"{what} is suspended until somebody resumes it\n")
    (hold,) = read.environment(company.world.doors.store, "shop", "staging").holds
    assert (hold.kind, hold.scope, hold.why) == (HoldKind.SUSPENDED, "*" if words == ("--all",) else "shop", "freeze")
    assert cli.main(["resume", *words]) == 0
    follows = "all environments follow Git again" if words == ("--all",) else "project shop follows Git again"
    assert capsys.readouterr() == ("", f"{follows}\n")
    assert read.environment(company.world.doors.store, "shop", "staging").holds == ()


def test_what_is_held_is_listed_with_who_why_and_until_when(capsys, company: Company):
    assert cli.main(["get", "holds", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["items"] == []
    assert cli.main(["suspend", "shop", "--until", "2100-01-01T08:00+00:00", "--reason", "freeze"]) == 0
    assert cli.main(["suspend", "--all"]) == 0
    capsys.readouterr()
    assert cli.main(["get", "holds"]) == 0
    rows = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["HELD", "HOW", "BY", "SINCE", "UNTIL", "WHY"]
    assert [[*row[:3], *row[4:]] for row in rows[1:]] == [
        ["shop", "suspended", "alice", "2100-01-01T08:00:00Z", "freeze"],
        ["everything", "suspended", "alice", "-", "-"],
    ]


def test_one_environment_is_printed_with_what_holds_it(capsys, company: Company):
    assert cli.main(["suspend", "shop", "staging", "--reason", "freeze"]) == 0
    capsys.readouterr()
    assert cli.main(["get", "environment", "shop", "staging"]) == 0
    found = yaml.safe_load(capsys.readouterr().out)
    (hold,) = found["holds"]
    assert (found["project"], found["name"], hold["kind"], hold["who"], hold["why"]) == (
        "shop",
        "staging",
        "suspended",
        "alice",
        "freeze",
    )
    assert cli.main(["get", "environment", "shop", "stagign"]) == 6
    assert "did you mean `staging`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("suspend",), "give PROJECT, PROJECT ENVIRONMENT, or --all"),
        (("suspend", "shop", "--all"), "give PROJECT, PROJECT ENVIRONMENT, or --all"),
        (("resume",), "give PROJECT, PROJECT ENVIRONMENT, or --all"),
        (
            ("suspend", "shop", "--for", "1h", "--until", "2030-01-01"),
            "--for and --until exclude each other; give one of them",
        ),
        (("suspend", "shop", "--until", "soon"), "`soon` is no time; write it like 2026-12-01T08:00"),
        (("suspend", "shop", "--for", "1"), "a duration is a whole number with s, m, h or d, such as 60s"),
    ],
)
def test_what_is_no_suspension_is_a_usage_error(capsys, words: tuple[str, ...], said: str):
    assert cli.main(list(words)) == 2
    assert said in capsys.readouterr().err


def test_an_environment_is_forgotten_by_force_and_what_stays_behind_is_said(capsys, company: Company):
    uuid = company.world.environment("staging").uuid
    assert cli.main(["delete", "environment", "shop", "staging", "--force"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "shop/staging: this forgets shop/staging and destroys nothing; say --no-prompt where nobody can be asked"
    )
    assert cli.main(["delete", "environment", "shop", "staging", "--force", "--no-prompt"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "what stays behind of shop/staging, and nobody looks after any more:",
        "  thing.default#workloads.api.db (module thing)",
        f"its state stays in the controller's data directory, below states/{uuid}",
        "shop/staging is forgotten",
    ]
    (hold,) = company.world.environment("staging").holds
    assert hold.kind is HoldKind.DESTROYED


def test_what_destroys_nothing_takes_no_providers(capsys, company: Company):
    words = ["delete", "environment", "shop", "staging", "--force", "--with-current-providers"]
    assert cli.main(words) == 2
    assert capsys.readouterr().err == "--force destroys nothing, and needs no providers; leave one of the two out\n"


def test_an_environment_is_destroyed_with_the_providers_of_today(capsys, company: Company):
    company.runner.script = Script(counts={})
    words = ["delete", "environment", "shop", "staging", "--with-current-providers", "--no-prompt"]
    assert cli.main(words) == 0
    assert company.last("staging").status is Status.SUCCEEDED


def test_who_asks_for_it_gets_the_traces_of_the_engine(capsys, company: Company):
    first = company.last()
    assert cli.main(["rollback", "shop", "staging", first.id, "--runner-logs-level", "debug"]) == 0
    company.runner.script = Script(counts={})
    words = ["delete", "environment", "shop", "staging", "--no-prompt", "--runner-logs-level", "debug"]
    assert cli.main(words) == 0
    assert cli.main([*words[:-1], "trace"]) == 2
    assert "'trace' is not one of 'info', 'debug'" in capsys.readouterr().err
    levels = [(job.mode, job.log_level) for job in company.runner.jobs if job.phase is Phase.PLAN]
    assert levels == [(Mode.DEPLOY, "info"), (Mode.ROLLBACK, "debug"), (Mode.DESTROY, "debug")]


def test_an_environment_goes_on_under_another_name(capsys, company: Company):
    files = project(staging=sized(2))
    company.world.push(files)
    company.world.poll()
    wait_for(company, 2)
    there = {path.replace("/staging/", "/stage/"): text for path, text in files.items()}
    company.world.push(dict.fromkeys(files) | there, "Call it stage")
    company.world.poll()
    assert cli.main(["move", "shop", "staging", "stagee"]) == 6
    assert capsys.readouterr().err == (
        "Git declares no environment shop/stagee; push its directory first, and then move shop/staging\n"
    )
    assert cli.main(["why", "shop", "stage"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].strip() == "lockstep move shop staging stage"
    assert cli.main(["move", "shop", "staging", "stage", "--reason", "shorter"]) == 0
    assert capsys.readouterr().err == "shop/staging is shop/stage now\n"
    assert cli.main(["move", "shop", "stage", "stage", "--decline"]) == 3
    assert capsys.readouterr().err == ("nobody asks whether shop/stage is shop/stage; there is nothing to decline\n")


def test_an_environment_is_made_from_another_one_given_time_and_deleted(capsys, company: Company):
    words = ["create", "environment", "shop", "trial", "--type", "development"]
    assert cli.main([*words, "--from", "environment://staging", "--ttl", "72h"]) == 0
    err = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"shop/trial \(development\) is made; it is destroyed by itself \d{4}-\d\d-\d\dT[\d:.]+Z", err[0]
    )
    row = company.last("trial")
    assert (row.status, row.created_by) == (Status.SUCCEEDED, "alice")
    assert cli.main(["get", "environments", "shop"]) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert re.split(r"  +", line)[:4] == ["shop/trial", "development", "cli", "active"]
    assert cli.main(["extend", "shop", "trial", "--forever"]) == 0
    assert capsys.readouterr().err == "shop/trial does not end by itself\n"
    assert cli.main(["extend", "shop", "trial"]) == 2
    assert "give --ttl DURATION, or --forever" in capsys.readouterr().err
    company.runner.script = Script(counts={})
    assert cli.main(["delete", "environment", "shop", "trial", "--no-prompt"]) == 0
    assert cli.main([*words[:3], "shpo", "trial", "--type", "development"]) == 2


@pytest.mark.parametrize(
    "line",
    [
        ["suspend", "shop", "--for", "0s"],
        ["extend", "shop", "staging", "--ttl", "0h"],
        ["create", "environment", "shop", "trial", "--type", "development", "--ttl", "0m"],
        ["rollback", "shop", "staging", "d1", "--for", "0d"],
    ],
    ids=lambda line: line[0],
)
def test_no_time_at_all_is_not_for_ever(capsys, server: World, line: list[str]):
    assert cli.main(line) == 2
    assert capsys.readouterr().err.endswith("that is no time at all; give a longer one\n")
