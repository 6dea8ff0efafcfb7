"""What does the platform offer, by the API?"""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.git.mirror import Mirror
from controller.history import module_pins
from controller.history.module_pins import Found
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


def _pinned(world: World) -> None:
    """Two modules name `v1` of one remote, which is a commit; another names what is not there."""
    code, gone = "git::https://git.example.com/m.git//db?ref=v1", "git::ssh://git@git.example.com/n.git"
    modules = [("old", code), ("new", code), ("other", gone)]
    catalogue = {
        "modules": [
            {"id": id_, "resource_type": "db", "description": "", "source": {"kind": "git", "address": address}}
            for id_, address in modules
        ]
        + [{"id": "own", "resource_type": "db", "description": "", "source": {"kind": "inline", "address": "inline"}}]
    }
    of = make.commit("Name two remotes")
    make.decided(world, [of], [], catalogue=catalogue)
    found = {code: Found("c" * 40), gone: Found(error="there is no such tag or branch")}
    module_pins.record(world.doors.store, "shop", found, found, world.doors.now())


def test_modules_are_listed_with_the_commits_of_their_tags(world: World):
    _pinned(world)
    found = {item["id"]: item["pin"] for item in world.api().get("/modules").json["items"]}
    at = world.doors.now().isoformat()
    pin = {"ref": "v1", "url": "https://git.example.com/m.git", "commit": "c" * 40, "error": None, "moved_at": None}
    none = {"ref": "HEAD", "url": "ssh://git@git.example.com/n.git", "commit": None, "moved_at": None}
    assert {id_: {**one, "checked_at": at} if one else None for id_, one in found.items()} == {
        "old": {**pin, "checked_at": at},
        "new": {**pin, "checked_at": at},
        "other": {**none, "error": "there is no such tag or branch", "checked_at": at},
        "own": None,
    }


def test_the_system_page_shows_which_commits_tags_are_and_what_could_not_be_asked(world: World):
    _pinned(world)
    visitor = world.visitor()
    seen = visitor.see("/system")
    assert "Tags and branches of modules 2" in seen
    assert "v1 https://git.example.com/m.git new, old shop cccccccccc" in seen
    assert "there is no such tag or branch; who uses it waits" in seen
    down = Found(error="the server is not ready (status 503)", failed=True)
    code = "git::https://git.example.com/m.git//db?ref=v1"
    module_pins.record(world.doors.store, "shop", {code: down}, [code], world.doors.now())
    assert "the server is not ready (status 503); cccccccccc goes on" in visitor.see("/system")
