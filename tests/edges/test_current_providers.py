"""A destroy with the provider blocks of today: for those of then may have lost their access."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controller.deployments import actions
from controller.errors import ManifestError
from controller.history import read
from controller.model.deployment import Mode, Status
from tests.deploy_factories import Script, World, project, sized, world

PROVIDERS = "platform/providers/all.yaml"
MODULE = "platform/modules/thing/module.yaml"


def provider(region: str, id: str = "main", source: str = "example.com/acme/cloud", version: str = ">= 1.0") -> str:
    return (
        f"provider_type: cloud\nid: {id}\nsource: {source}\nversion_constraint: '{version}'\n"
        f"configuration: {{region: {region}, token: '${{var.TOKEN}}'}}\n"
    )


def module(mapping: str) -> str:
    return (
        "id: thing\nresource_type: thing\nmodule_source: .\nmodule_params:\n  size: {type: number}\n"
        f"provider_mapping: {mapping}\nrules:\n- {{}}\n"
    )


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    """shop/development was deployed with a provider in region `old`."""
    with world(tmp_path) as made:
        files = {PROVIDERS: provider("old"), MODULE: module("{cloud: cloud.main}")}
        made.deploy(project(development=sized(1), other=sized(1)) | files)
        made.runner.script = Script(counts={})
        yield made


def destroyed(acme: World, *, current: bool) -> dict[str, Any]:
    """The provider blocks that the destroy is planned with."""
    made = actions.destroy(acme.doors, "ann", "shop", "development", current_providers=current)
    acme.settle()
    assert made is not None
    row = read.deployment(acme.doors.store, made.id)
    assert (row.mode, row.status) == (Mode.DESTROY, Status.SUCCEEDED)
    blocks: dict[str, Any] = json.loads(acme.runner.bundles[row.id]["main.tf.json"])["provider"]
    return blocks


def regions(blocks: dict[str, Any]) -> list[str]:
    return [block["region"] for block in blocks.values()]


@pytest.mark.parametrize("current", [False, True])
@pytest.mark.parametrize("gone", [False, True])
def test_only_who_asks_for_them_gets_those_of_today(acme: World, current: bool, gone: bool) -> None:
    change: dict[str, Any] = {PROVIDERS: provider("new")}
    if gone:
        change |= dict.fromkeys(project(development=""))
    acme.push(change, "The old region is switched off")
    acme.poll()
    acme.decide()
    assert regions(destroyed(acme, current=current)) == ["new" if current else "old"]


def test_a_block_that_nothing_uses_today_stays_as_it_was_and_is_named(acme: World) -> None:
    acme.push({PROVIDERS: provider("new", id="other"), MODULE: module("{cloud: cloud.other}")}, "Another one")
    acme.poll()
    acme.decide()
    assert regions(destroyed(acme, current=True)) == ["old"]
    warnings = read.deployment(acme.doors.store, acme.last("development").id).warnings
    (said,) = [text for text in warnings if text.endswith("what was kept of it is used")]
    name = said.split("`")[1]
    assert said == f"provider `{name}` is not used today as it was then; what was kept of it is used"


def test_a_catalogue_that_is_broken_today_is_refused_with_its_place(acme: World) -> None:
    acme.push({MODULE: "id: thing\nresource_type: thing\n"}, "Break it")
    acme.poll()
    acme.decide()
    with pytest.raises(ManifestError) as e:
        actions.destroy(acme.doors, "ann", "shop", "development", current_providers=True)
    assert [str(problem) for problem in e.value.problems] == [
        "platform/modules/thing/module.yaml:1:1: the key `module_source` is missing; add it"
    ]
    assert regions(destroyed(acme, current=False)) == ["old"]
