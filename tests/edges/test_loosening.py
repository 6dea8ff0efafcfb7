"""A guard that a commit loosens guards that very commit still; the next one has the new guard."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.deployments import actions, guarding
from controller.errors import NotAllowedError
from controller.history import read, work
from controller.model.deployment import Status
from controller.model.record import Deployment
from controller.runner.protocol import Ended, Phase
from controller.secrets import age
from tests.deploy_factories import Script, World, sized, world

HERE = "projects/shop/development"
DESTROYS, REPLACES = Script(counts={"destroy": 1}), Script(counts={"replace": 1})
DELETED: Mapping[str, Any] = {"address": "a.b", "action": "delete", "module": "thing.default#workloads.api.db"}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def deployed(acme: World, settings: str, size: int, script: Script | None = None) -> Deployment:
    """A commit with these settings and this size; the deployment that it made."""
    acme.runner.script = script or Script()
    acme.push({f"{HERE}/environment.yaml": settings, f"{HERE}/app.manifest.yaml": sized(size)}, f"Size {size}")
    acme.poll()
    acme.settle()
    return read.deployment(acme.doors.store, acme.last("development").id)


@pytest.mark.parametrize(
    ("strict", "loose", "script", "status", "message"),
    [
        pytest.param(
            "approval: plan\n",
            "approval: none\n",
            Script(),
            Status.AWAITING_APPROVAL,
            "every plan needs approval here (approval: plan)",
            id="approval",
        ),
        pytest.param(
            "limits: {destroy: 0}\n",
            "limits: {destroy: unlimited}\n",
            DESTROYS,
            Status.AWAITING_APPROVAL,
            "it would destroy 1 resource, 0 may be without approval (limits.destroy)",
            id="limits.destroy",
        ),
        pytest.param(
            "limits: {replace: 0}\n",
            "limits: {replace: 5}\n",
            REPLACES,
            Status.AWAITING_APPROVAL,
            "it would replace 1 resource, 0 may be without approval (limits.replace)",
            id="limits.replace",
        ),
        pytest.param(
            "protected: [thing]\nlimits: {destroy: unlimited}\n",
            "protected: []\nlimits: {destroy: unlimited}\n",
            Script(counts={"destroy": 1}, changes=(DELETED,)),
            Status.REJECTED,
            "it would destroy a.b of `thing.default#workloads.api.db`, and type `thing` is protected",
            id="protected",
        ),
        pytest.param(
            "type: development\n",
            "type: production\n",
            Script(),
            Status.AWAITING_APPROVAL,
            "the environment's type changes from development to production",
            id="type",
        ),
    ],
)
def test_the_commit_that_loosens_a_guard_is_guarded_by_the_old_one(
    acme: World, strict: str, loose: str, script: Script, status: Status, message: str
) -> None:
    acme.push({"platform/environment-types.yaml": "- {id: development}\n- {id: production}\n"})
    first = deployed(acme, strict, 1)
    if first.status is Status.AWAITING_APPROVAL:
        actions.approve(acme.doors, "bea", first.id)
        acme.settle()
    row = deployed(acme, loose, 2, script)
    assert (row.status, row.message) == (status, message)
    if status is Status.AWAITING_APPROVAL:
        actions.approve(acme.doors, "bea", row.id)
        acme.settle()
    else:  # what needs the protection to be gone comes after the commit that takes it away
        deployed(acme, loose, 3)
    assert deployed(acme, loose, 4, script).status is Status.SUCCEEDED


def test_self_approval_is_refused_still_in_the_commit_that_allows_it(acme: World) -> None:
    settings = {f"{HERE}/environment.yaml": "approval: plan\nself_approval: false\n"}
    files = settings | {f"{HERE}/app.manifest.yaml": sized(1)}
    acme.push(files, "Size 1", committer=("Merger", "merger@acme.example"))
    acme.poll()
    acme.settle()
    first = acme.last("development")
    for name in ("Ada", "ada@acme.example", "merger@acme.example"):
        with pytest.raises(NotAllowedError) as e:
            actions.approve(acme.doors, name, first.id)
        assert str(e.value) == f"deployment {first.id} was started by {name}; somebody else has to approve it"
    actions.approve(acme.doors, "bea", first.id)
    acme.settle()
    row = deployed(acme, "approval: plan\nself_approval: true\n", 2)
    with pytest.raises(NotAllowedError):
        actions.approve(acme.doors, "Ada", row.id)
    actions.approve(acme.doors, "bea", row.id)
    acme.settle()
    last = deployed(acme, "approval: plan\nself_approval: true\n", 3)
    actions.approve(acme.doors, "Ada", last.id)
    acme.settle()
    assert read.deployment(acme.doors.store, last.id).status is Status.SUCCEEDED


@pytest.mark.parametrize("key", ["recipients", "output_recipients"])
def test_who_is_added_as_a_reader_reads_from_the_next_deployment_on(acme: World, key: str) -> None:
    old, new = age.generate().recipient, age.generate().recipient
    deployed(acme, f"{key}: [{old}]\n", 1)
    both = f"{key}: [{old}, {new}]\n"
    row = deployed(acme, both, 2)
    assert getattr(guarding.effective(acme.doors, before(acme, row)), key) == (old,)
    after = deployed(acme, both, 3)
    assert set(getattr(guarding.own(acme.doors, after.id), key)) == {old, new}


def before(acme: World, row: Deployment) -> work.Work:
    """The deployment as it was guarded: against what had succeeded before it."""
    found = work.work(acme.doors.store, row.id)
    assert found.environment is not None
    earlier = acme.deployments("development")[0].id
    return dataclasses.replace(found, environment=dataclasses.replace(found.environment, last_success=earlier))


def test_an_environment_yaml_that_became_invalid_leaves_the_last_valid_one_on_guard(acme: World) -> None:
    deployed(acme, "limits: {destroy: 0}\n", 1)
    acme.push({f"{HERE}/environment.yaml": "limits: {destroy: none}\n"}, "Break it")
    acme.poll()
    acme.settle()
    assert len(acme.deployments("development")) == 1
    acme.runner.script = DESTROYS
    made = actions.destroy(acme.doors, "ann", "shop", "development")
    assert made is not None
    acme.settle()
    found = read.deployment(acme.doors.store, made.id)
    assert (found.status, found.message) == (
        Status.AWAITING_APPROVAL,
        "it would destroy 1 resource, 0 may be without approval (limits.destroy)",
    )


def test_after_a_partial_failure_there_is_a_new_plan_never_the_saved_one(acme: World) -> None:
    deployed(acme, "", 1)
    failed = deployed(acme, "", 2, Script(apply=Ended.FAILED, message="apply failed: quota"))
    acme.runner.script = Script()
    again = actions.retry(acme.doors, "ann", failed.id)
    acme.settle()
    phases = [phase for phase, id in acme.runner.started if id == again.id]
    assert phases == [Phase.PLAN, Phase.APPLY]
    assert read.deployment(acme.doors.store, again.id).plan_digest != failed.plan_digest


def provider(id: str) -> str:
    return f"provider_type: cloud\nid: {id}\nsource: example.com/acme/cloud\nversion_constraint: '>= 1.0'\n"


def test_who_chooses_another_provider_for_what_is_there_is_asked_under_the_old_guard(acme: World) -> None:
    module = (
        "id: thing\nresource_type: thing\nmodule_source: .\nmodule_params:\n  size: {type: number}\n"
        "provider_mapping: {cloud: cloud.%s}\nrules:\n- {}\n"
    )
    both = {"platform/providers/cloud.yaml": f"{provider('main')}---\n{provider('other')}"}
    free = {f"{HERE}/environment.yaml": "limits: {replace: unlimited}\n"}
    acme.deploy(both | free | {"platform/modules/thing/module.yaml": module % "main"}, "Main")
    acme.deploy({f"{HERE}/app.manifest.yaml": sized(2)}, "Grow")
    acme.deploy({"platform/modules/thing/module.yaml": module % "other"}, "Other")
    row = acme.last("development")
    assert (row.status, row.message) == (
        Status.AWAITING_APPROVAL,
        "the provider of `thing.default#workloads.api.db` changes from cloud.main to cloud.other",
    )
    actions.approve(acme.doors, "bea", row.id)
    acme.settle()
    assert read.deployment(acme.doors.store, row.id).status is Status.SUCCEEDED
