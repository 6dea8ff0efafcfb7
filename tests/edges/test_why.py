"""Why is my commit not deployed? One paragraph for each case, and the command that would change it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, suspending, upkeep
from controller.deployments.why import why
from controller.errors import NotFoundError
from controller.history import read
from controller.model.deployment import Status
from controller.model.document import Json
from controller.runner.protocol import Ended, Phase
from tests import git_factories
from tests.deploy_factories import REPOSITORY, Script, World, project, sized, world

MANIFEST: Json = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 7}}}}}}
NOW = "2026-03-01 12:00 UTC"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.deploy(project(development=sized(1), staging=sized(1)), "Begin")
        yield made


def pushed(acme: World, size: int | str, subject: str = "Grow", **more: str) -> str:
    files = project(development=sized(size), staging=sized(1))
    files |= {f"projects/shop/development/{name}": text for name, text in more.items()}
    commit = acme.push(files, subject)
    acme.poll()
    return commit


def asked(acme: World, commit: str | None = None, environment: str = "development") -> tuple[str, str]:
    found = why(acme.doors, "shop", environment, commit)
    return found.answer.text, found.answer.command


def named(commit: str, subject: str = "Grow") -> str:
    return f"Commit {commit[:10]} “{subject}” by Ada"


def live(acme: World) -> str:
    found = acme.environment("development")
    return f"What is live there is commit {str(found.live_commit)[:10]}, by deployment {found.applied_deployment}."


def test_it_is_live(acme: World) -> None:
    commit = pushed(acme, 2)
    acme.settle()
    id = acme.last("development").id
    text = f"{named(commit)} changes shop/development, and is live since {NOW}, by deployment {id}."
    assert asked(acme) == (text, "")
    assert asked(acme, commit[:7]) == (text, "")


def test_it_was_and_something_later_is(acme: World) -> None:
    commit = pushed(acme, 2)
    acme.settle()
    id = acme.last("development").id
    pushed(acme, 3)
    acme.settle()
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development, and was deployed {NOW}, by deployment {id}. {live(acme)}",
        "",
    )


def test_it_waits_for_approval(acme: World) -> None:
    before = live(acme)
    acme.runner.script = Script(counts={"destroy": 1})
    commit = pushed(acme, 2)
    acme.settle()
    id = acme.last("development").id
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development. Deployment {id} has its plan and waits for approval: it would "
        "destroy "
        "1 resource, 0 may be without approval (limits.destroy). Whoever has the role deployer can approve it until "
        f"2026-03-02 12:00 UTC; then it ends as discarded. {before}",
        f"lockstep approve {id}",
    )
    actions.discard(acme.doors, "bea", id, reason="not on a Friday")
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development. Deployment {id} was discarded: discarded by bea: not on a Friday. "
        "It "
        f"is not tried again until a person, or another commit, asks for it. {before}",
        f"lockstep retry {id}",
    )


def test_it_failed(acme: World) -> None:
    first = acme.last("development").id
    acme.runner.script = Script(apply=Ended.FAILED, message="the engine ended with 1")
    commit = pushed(acme, 2)
    acme.settle()
    id = acme.last("development").id
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development. Deployment {id} failed: the engine ended with 1. It is not tried "
        "again "
        f"until a person, or another commit, asks for it. Deployment {first} was the last that succeeded there; a "
        "later "
        "one began to change it and has not.",
        f"lockstep retry {id}",
    )


def test_it_is_on_its_way(acme: World) -> None:
    commit = pushed(acme, 2)
    id = acme.last("development").id
    assert asked(acme, commit) == (f"{named(commit)} changes shop/development. Deployment {id} is queued.", "")
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.settle()
    assert asked(acme, commit) == (f"{named(commit)} changes shop/development. Deployment {id} is applying.", "")


def test_a_later_commit_took_it_along_or_took_it_back(acme: World) -> None:
    first = acme.environment("development").applied_deployment
    one, two = pushed(acme, 2, "One"), pushed(acme, 3, "Two")
    acme.settle()
    id = acme.last("development").id
    assert asked(acme, one) == (
        f"{named(one, 'One')} changes shop/development, and so did a later one before it was deployed: both go out "
        f"together, and is live since {NOW}, by deployment {id}.",
        "",
    )
    three, four = pushed(acme, 4, "Three"), pushed(acme, 3, "Four")
    acme.settle()
    assert asked(acme, three) == (
        f"{named(three, 'Three')} changed shop/development, and commit {four[:10]} “Four” by Ada took that back before "
        "it "
        f"was deployed: nothing of it is left to be deployed. {live(acme)}",
        "",
    )
    assert first != id != two


def test_it_changes_nothing_and_what_was_wanted_before_is_told_of(acme: World) -> None:
    other = acme.push({"README.md": "# Acme\n"}, "Say hello")
    acme.poll()
    said = named(other, "Say hello")
    nothing = f"{said} changes nothing in shop/development: it wants there what the commit before it wanted."
    first = acme.environment("development").live_commit
    id = acme.last("development").id
    assert asked(acme, other) == (
        f"{nothing} {named(str(first), 'Begin')} changes shop/development, and is live since {NOW}, by deployment "
        f"{id}.",
        "",
    )
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", MANIFEST, reason="try seven")
    acme.settle()
    text, command = asked(acme, other)
    last = acme.last("development").id
    assert (text, command) == (
        f"{nothing} {named(str(first), 'Begin')} changes shop/development, and was deployed {NOW}, by deployment {id}. "
        f"What is live there is deployment {last} by ann. The environment is held: ann has pinned shop/development, "
        f"{NOW} "
        "(try seven). It ends, too, with a commit that changes a file in the environment's own directory.",
        "lockstep resume shop development",
    )


def test_it_is_rejected(acme: World) -> None:
    commit = pushed(acme, "[]")
    assert asked(acme, commit) == (
        f"{named(commit)} is rejected for shop/development, for one problem: (1) "
        "projects/shop/development/app.manifest.yaml:4:40: param `size` of module `thing` is a number, not a list (for "
        "`thing.default#workloads.api.db`, resource `db` of workload `api` at "
        "projects/shop/development/app.manifest.yaml:4:7); write a number, or a placeholder that yields one. A commit "
        "that "
        f"mends that is deployed. {live(acme)}",
        "lockstep validate",
    )


def test_it_is_held_by_a_pin(acme: World) -> None:
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", MANIFEST, reason="try seven")
    acme.settle()
    id = acme.last("development").id
    acme.push({"projects/shop/shared.manifest.yaml": "shared: {extra: {type: thing, params: {size: 1}}}\n"}, "Share")
    acme.poll()
    commit = str(acme.doors.connections["acme"].mirror.known())
    assert asked(acme, commit) == (
        f"{named(commit, 'Share')} changes shop/development (3 resources), and is held: ann has pinned "
        "shop/development, "
        f"{NOW} (try seven). It ends, too, with a commit that changes a file in the environment's own directory. What "
        "is "
        f"live there is deployment {id} by ann.",
        "lockstep resume shop development",
    )


@pytest.mark.parametrize(
    ("scope", "what", "command"),
    [
        ("shop/development", "shop/development", "lockstep resume shop development"),
        ("shop", "project shop", "lockstep resume shop"),
        ("*", "everything", "lockstep resume --all"),
    ],
)
def test_it_is_held_by_a_suspension(acme: World, scope: str, what: str, command: str) -> None:
    until = acme.doors.now() + timedelta(hours=2)
    suspending.suspend(acme.doors, "ann", scope, until=until, reason="freeze")
    commit = pushed(acme, 2)
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development (1 resource), and is held: ann has suspended {what} until "
        "2026-03-01 "
        f"14:00 UTC, {NOW} (freeze). {live(acme)}",
        command,
    )


def test_it_waits_for_another_environment(acme: World) -> None:
    files = project(development=sized(2), staging=sized(2))
    files["projects/shop/development/environment.yaml"] = "after: [staging]\nlimits: {replace: unlimited}\n"
    commit = acme.push(files, "Grow")
    acme.poll()
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development (1 resource), and waits after `staging`: it is deployed as soon as "
        "what "
        f"this commit wants there is applied. {live(acme)}",
        "lockstep why shop staging",
    )


def test_it_is_only_observed(acme: World) -> None:
    commit = pushed(acme, 2, **{"environment.yaml": "mode: observe\n"})
    acme.settle()
    id = acme.last("development").id
    assert asked(acme, commit) == (
        f"{named(commit)} changes shop/development (1 resource), and is not applied: the environment is in `mode: "
        f"observe`, where what Git wants is planned and never applied; deployment {id} planned it. A commit that sets "
        f"`mode: follow` there changes that. {live(acme)}",
        "",
    )


def test_a_commit_that_left_the_branch(acme: World) -> None:
    first = str(acme.environment("development").live_commit)
    commit = pushed(acme, 2)
    acme.settle()
    git_factories.commit(acme.repo, project(development=sized(3), staging=sized(1)), message="Other", parents=[first])
    acme.poll()
    acme.settle()
    text, command = asked(acme, commit)
    assert text.startswith(
        f"{named(commit)} is not on branch main any more (it was force-pushed): Git wants nothing of it now. When it "
        "was "
        f"decided: commit {commit[:10]} “Grow” by Ada changes shop/development, and was deployed {NOW}"
    )
    assert command == ""


def test_a_commit_that_nobody_has_decided_on(acme: World) -> None:
    unknown = "abcdef" * 6
    assert asked(acme, unknown) == (
        f"Commit abcdefabcd is not known on branch main of repository `acme`, which was last polled {NOW}: it was not "
        "pushed there, or the next poll finds it.",
        "lockstep refresh acme",
    )


def test_a_commit_from_before_lockstep(tmp_path: Path) -> None:
    with world(tmp_path) as acme:
        old = acme.push(project(development=sized(1)), "Begin")
        acme.push({"README.md": "# Acme\n"}, "Say hello")
        acme.poll()
        assert asked(acme, old) == (
            f"Commit {old[:10]} is in repository `acme`, and nobody decided on it: it came before Lockstep began to "
            "watch "
            "branch main, or it is on another branch.",
            "",
        )


def test_an_environment_that_was_not_there_yet(acme: World) -> None:
    first = str(acme.environment("development").live_commit)
    files = project(development=sized(1), staging=sized(1), live=sized(1))
    acme.push(files, "Go live")
    acme.poll()
    acme.settle()
    id = acme.last("live").id
    text, _ = asked(acme, first, "live")
    commit = str(acme.environment("live").live_commit)
    assert text == (
        f"{named(first, 'Begin')} says nothing of shop/live: the environment was not declared there, or not yet known "
        "to "
        f"Lockstep. What is live there is commit {commit[:10]}, by deployment {id}."
    )
    assert acme.last("live").status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("environment", "commit", "message"),
    [
        ("developmnet", None, "project `shop` has no environment `developmnet`; did you mean `development`?"),
        ("development", "abc", "commit `abc` cannot be looked up; give 4 digits of its id at least"),
    ],
)
def test_what_cannot_be_asked(acme: World, environment: str, commit: str | None, message: str) -> None:
    with pytest.raises(NotFoundError) as e:
        why(acme.doors, "shop", environment, commit)
    assert str(e.value) == message


def test_it_was_cancelled_discarded_or_expired(acme: World) -> None:
    acme.runner.script = Script(counts={"destroy": 1})
    for size, end in ((2, "discarded"), (3, "cancelled"), (4, "expired")):
        commit = pushed(acme, size, **{"environment.yaml": "limits: {destroy: 0}\n"})
        acme.settle()
        id = acme.last("development").id
        if end == "discarded":
            actions.discard(acme.doors, "bea", id)
        elif end == "cancelled":
            actions.cancel(acme.doors, "bea", id)
        else:
            acme.clock.forward(timedelta(hours=25))
            upkeep.tidy(acme.doors)
        acme.settle()
        text, command = asked(acme)
        row = acme.last("development")
        word = "cancelled" if end == "cancelled" else "discarded"
        assert text == (
            f"{named(commit)} changes shop/development. Deployment {id} was {word}: {row.message}. It is not tried "
            f"again until a person, or another commit, asks for it. {live(acme)}"
        )
        assert (row.message, command) == (
            {"discarded": "discarded by bea", "cancelled": "cancelled by bea", "expired": "discarded (expired)"}[end],
            f"lockstep retry {id}",
        )


def test_it_is_held_since_the_environment_was_deleted(acme: World) -> None:
    acme.runner.script = Script(counts={})
    actions.destroy(acme.doors, "ann", "shop", "development", reason="not needed")
    acme.settle()
    commit = pushed(acme, 2)
    text, command = asked(acme)
    assert (text, command) == (
        f"{named(commit)} changes shop/development, and is held: ann has destroyed shop/development, {NOW} "
        "(destroyed by ann: not needed). Nothing is deployed there.",
        "lockstep resume shop development",
    )


def test_it_is_behind_what_a_person_deploys(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    actions.deploy_manifest(acme.doors, "ann", "shop", "development", MANIFEST)
    row = acme.last("development")
    acme.claim()
    acme.carry(row.id)
    actions.resume(acme.doors, "ann", "shop", "development")
    commit = pushed(acme, 2)
    text, _ = asked(acme)
    assert text == (
        f"{named(commit)} changes shop/development (1 resource), and waits: behind deployment {row.id} by ann. It is "
        "deployed as soon as that is over. "
        f"Deployment {acme.deployments('development')[0].id} was the last that succeeded there; a later one began to "
        "change it and has not."
    )


def test_a_repository_that_cannot_be_asked(acme: World) -> None:
    shutil.move(acme.repo.path, f"{acme.repo.path.rstrip('/')}.away")
    acme.poll()
    error = read.repositories(acme.doors.store)[0].error
    text, command = asked(acme, "feedfeed")
    assert (text, command) == (
        f"Commit feedfeed is not known, and repository `{REPOSITORY}` could not be polled: {error}.",
        f"lockstep refresh {REPOSITORY}",
    )
    assert error is not None
