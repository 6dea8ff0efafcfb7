"""What a promoted environment takes of its source, and when: the hard cases. The plain ones are in test_follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.deployments import actions
from controller.history import read
from controller.model.deployment import Mode, Status
from controller.model.document import Json
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Phase
from tests.databases import both_databases
from tests.deploy_factories import Script, World, sized, world

SHOP = "projects/shop"
FREE = "limits: {replace: unlimited}\n"
MANIFEST: Json = {"workloads": {"api": {"resources": {"db": {"type": "thing", "params": {"size": 9}}}}}}


def files(size: int, target: str = "source: environment://staging\n") -> dict[str, str]:
    return {
        f"{SHOP}/staging/environment.yaml": FREE,
        f"{SHOP}/staging/app.manifest.yaml": sized(size),
        f"{SHOP}/production/environment.yaml": target + FREE,
    }


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """Production takes what staging has, which is of size 1."""
    with world(tmp_path) as made:
        made.deploy(files(1))
        yield made


def size(acme: World, name: str = "production") -> int:
    """What was deployed last with success there."""
    found = acme.environment(name)
    manifest = read.details(acme.doors.store, str(found.last_success)).manifest
    value: int = manifest["workloads"]["api"]["resources"]["db"]["params"]["size"]
    return value


def of_production(acme: World) -> list[Deployment]:
    return acme.deployments("production")


def quiet(acme: World) -> bool:
    before = len(acme.deployments())
    for _ in range(3):
        acme.poll()
        acme.settle()
    return len(acme.deployments()) == before


def test_while_the_source_is_applying_the_target_keeps_what_it_has(acme: World) -> None:
    acme.runner.script = Script(hangs_in=Phase.APPLY)
    acme.push(files(2))
    acme.poll()
    acme.settle()
    busy = acme.last("staging")
    assert (busy.status, size(acme), len(of_production(acme))) == (Status.APPLYING, 1, 1)
    acme.runner.script = Script()
    acme.runner.finish(busy.id)
    acme.settle()
    assert (size(acme), len(of_production(acme)), quiet(acme)) == (2, 2, True)


def test_while_the_source_waits_for_approval_the_target_keeps_what_it_has(acme: World) -> None:
    acme.runner.script = Script(counts={"destroy": 1})
    acme.push(files(2))
    acme.poll()
    acme.settle()
    waiting = acme.last("staging")
    assert (waiting.status, size(acme), len(of_production(acme))) == (Status.AWAITING_APPROVAL, 1, 1)
    acme.runner.script = Script()
    actions.approve(acme.doors, "ann", waiting.id)
    acme.settle()
    row = acme.last("production")
    assert (size(acme), row.reason, quiet(acme)) == (2, f"environment://staging was deployed ({waiting.id})", True)


@pytest.mark.parametrize(("follow", "taken"), [("", 1), ("follow: any\n", 9)])
def test_what_a_person_deployed_to_the_source_is_taken_only_where_the_target_says_so(
    acme: World, follow: str, taken: int
) -> None:
    acme.deploy(files(1, f"source: environment://staging\n{follow}"))
    actions.deploy_manifest(acme.doors, "ann", "shop", "staging", MANIFEST)
    acme.settle()
    assert (size(acme, "staging"), size(acme), quiet(acme)) == (9, taken, True)


def test_a_source_that_was_rolled_back_takes_the_target_back_only_where_that_says_so(acme: World) -> None:
    first = acme.last("staging").id
    acme.deploy(files(2, "source: environment://staging\nfollow: any\n"))
    actions.rollback(acme.doors, "ann", "shop", "staging", first)
    acme.settle()
    assert (size(acme, "staging"), size(acme)) == (1, 1)
    acme.deploy(files(2))
    assert (size(acme), quiet(acme)) == (2, True)


def test_a_deployment_as_the_source_is_taken_and_stays(acme: World) -> None:
    first = acme.last("staging").id
    acme.deploy(files(5, f"source: deployment://{first}\n"))
    assert (size(acme, "staging"), size(acme), quiet(acme)) == (5, 1, True)


@pytest.mark.parametrize("id", ["00000000-0000-4000-8000-000000000000", "other"])
def test_a_deployment_that_is_none_of_the_project_leaves_the_target_as_it_is(acme: World, id: str) -> None:
    if id == "other":
        acme.deploy({"projects/till/live/app.manifest.yaml": sized(7)})
        id = read.deployments(acme.doors.store, project="till", limit=1)[0].id
    commit = acme.deploy(files(5, f"source: deployment://{id}\n"))
    assert (size(acme), len(of_production(acme)), quiet(acme)) == (1, 1, True)
    assert acme.told(commit)["production"] == f"held (deployment://{id} has nothing deployed)"


@both_databases
def test_through_a_chain_of_three_each_success_wakes_the_next_one_once(acme: World) -> None:
    chain = files(1) | {f"{SHOP}/live/environment.yaml": f"source: environment://production\n{FREE}"}
    acme.deploy(chain)
    before = {name: len(acme.deployments(name)) for name in ("staging", "production", "live")}
    acme.deploy({f"{SHOP}/staging/app.manifest.yaml": sized(4)})
    after = {name: len(acme.deployments(name)) - count for name, count in before.items()}
    assert (after, size(acme, "live"), quiet(acme)) == ({"staging": 1, "production": 1, "live": 1}, 4, True)
    order = [row.environment for row in acme.deployments()[-3:]]
    assert order == ["staging", "production", "live"]


@both_databases
def test_a_target_that_waits_for_approval_is_asked_anew_when_its_source_succeeds_again(acme: World) -> None:
    acme.deploy(files(1, "source: environment://staging\napproval: plan\n"))
    acme.deploy(files(2, "source: environment://staging\napproval: plan\n"))
    waiting = acme.last("production")
    assert waiting.status is Status.AWAITING_APPROVAL
    commit = acme.deploy(files(3, "source: environment://staging\napproval: plan\n"))
    newer = acme.last("production")
    found = read.deployment(acme.doors.store, waiting.id)
    assert (found.status, found.superseded_by, newer.status) == (Status.SUPERSEDED, newer.id, Status.AWAITING_APPROVAL)
    actions.approve(acme.doors, "ann", newer.id)
    acme.settle()
    row = read.deployment(acme.doors.store, newer.id)
    assert (row.status, row.mode, row.source_commit, size(acme)) == (Status.SUCCEEDED, Mode.DEPLOY, commit, 3)


def test_a_source_that_is_not_there_leaves_the_target_as_it_is_and_says_so(acme: World) -> None:
    commit = acme.push({f"{SHOP}/production/environment.yaml": f"source: environment://stagging\n{FREE}"}, "A typo")
    acme.poll()
    acme.settle()
    assert acme.told(commit)["production"] == "rejected"
    assert acme.environment("production").problems == (
        f"{SHOP}/production/environment.yaml:1:9: project `shop` has no environment `stagging`; "
        "did you mean `staging`?",
    )
    assert (size(acme), len(of_production(acme)), quiet(acme)) == (1, 1, True)


def test_a_source_that_was_destroyed_leaves_the_target_as_it_is_and_says_so(acme: World) -> None:
    acme.runner.script = Script(counts={})
    actions.destroy(acme.doors, "ann", "shop", "staging")
    acme.settle()
    assert acme.environment("production").note == "environment://staging has nothing deployed"
    assert (size(acme), len(of_production(acme)), quiet(acme)) == (1, 1, True)
    actions.resume(acme.doors, "ann", "shop", "staging")
    acme.settle()
    assert (acme.environment("production").note, size(acme), len(of_production(acme))) == ("", 1, 1)


def test_a_source_that_was_never_deployed_is_waited_for(tmp_path: Path) -> None:
    with world(tmp_path) as acme:
        acme.runner.script = Script(plan=Ended.FAILED, message="no")
        acme.deploy(files(1))
        assert acme.environment("production").note == "environment://staging has nothing deployed"
        acme.runner.script = Script()
        actions.retry(acme.doors, "ann", acme.last("staging").id)
        acme.settle()
        assert (size(acme), len(of_production(acme))) == (1, 1)


def test_a_source_of_another_type_brings_its_manifest_and_not_its_type(acme: World) -> None:
    types = "".join(f"- {{id: {name}, display_name: A type}}\n" for name in ("development", "staging", "live"))
    typed = {f"{SHOP}/production/environment.yaml": f"type: live\nsource: environment://staging\n{FREE}"}
    acme.deploy({"platform/environment-types.yaml": types} | typed, "Have a type of its own")
    acme.deploy({f"{SHOP}/staging/app.manifest.yaml": sized(4)})
    waiting = of_production(acme)[-1]
    assert waiting.message == "the environment's type changes from production to live"
    actions.approve(acme.doors, "bea", waiting.id)
    acme.settle()
    assert [acme.environment(name).type for name in ("staging", "production")] == ["staging", "live"]
    assert size(acme) == 4
