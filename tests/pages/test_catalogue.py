"""What does the platform offer, by the API?"""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.git.mirror import Mirror
from controller.model.tree import walk
from tests import git_factories, sample_factories
from tests import webui_factories as make
from tests.webui_factories import World


@pytest.fixture
def sampled(tmp_path: Path) -> World:
    """The sample's first commit is decided for shop/development, and nothing else."""
    world = make.world(tmp_path / "data")
    origin = tmp_path / "origin.git"
    tree = sample_factories.sample()
    files = {path: tree.read(path) for path, _ in walk(tree)}
    git_factories.commit(git_factories.repository(origin), files)
    mirror = Mirror(tmp_path / "mirror.git", str(origin))
    mirror.fetch()
    tip = mirror.known()
    assert tip is not None
    make.watched(world, "shop", mirror)
    of = mirror.commit(tip)
    make.decided(world, [of], [make.wants(world, "shop/development", of)])
    return world


def test_an_environment_is_offered_what_rules_allow(sampled: World):
    found = sampled.api().get("/environments/shop/development/available-resource-types").json["items"]
    assert [item["id"] for item in found] == ["bucket", "dns", "postgres", "queue", "route", "volume"]
    postgres = next(item for item in found if item["id"] == "postgres")
    assert [(option["resource_class"], option["resource_id"]) for option in postgres["options"]] == [("default", None)]
    assert postgres["options"][0]["module_id"] == "postgres"


def test_one_type_can_be_asked_for(sampled: World):
    found = sampled.api().get("/environments/shop/development/available-resource-types?type=dns").json["items"]
    assert [item["id"] for item in found] == ["dns"]


def test_what_is_not_for_developers_is_shown_on_request(sampled: World):
    path = "/environments/shop/development/available-resource-types?include_inaccessible=true&type=network"
    assert [item["is_developer_accessible"] for item in sampled.api().get(path).json["items"]] == [False]


def test_an_environment_whose_repository_is_not_watched_any_more_says_so(shop: World):
    shop.doors.connections.clear()
    reply = shop.api().get("/environments/shop/development/available-resource-types")
    assert (reply.status_code, reply.json["detail"]) == (
        404,
        "environment `shop/development` belongs to no repository that is watched now; "
        "list it under `connections` in the settings",
    )


def test_an_unknown_repository_has_no_catalogue(world: World):
    reply = world.api().get("/modules?repository=shpo")
    assert (reply.status_code, reply.json["detail"]) == (404, "repository `shpo` is unknown; did you mean `shop`?")
