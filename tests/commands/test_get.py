"""What does `lockstep get` print?"""

from __future__ import annotations

import json

import pytest
import yaml

import cli
from controller.history import module_pins, watching
from controller.history.tables import RepositoryRow
from controller.model.deployment import VerdictKind
from tests import webui_factories as make
from tests.webui_factories import World

CODE = "git::https://git.example.com/m.git//db?ref=v1"
COMMIT = make.commit_id("Add the shop")[:10]


def _out(capsys, *line: str) -> str:
    assert cli.main(["get", *line]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def _rows(text: str) -> list[list[str]]:
    import re

    return [re.split(r"  +", line) for line in text.splitlines()]


def test_projects(capsys, shop: World):
    assert _out(capsys, "projects") == "PROJECT\nshop\n"


def test_environments(capsys, shop: World):
    assert _rows(_out(capsys, "environments")) == [
        ["ENVIRONMENT", "TYPE", "ORIGIN", "STATUS", "LIVE COMMIT", "IN STEP", "HELD", "PROBLEMS", "DRIFTED", "ENDS"],
        ["shop/development", "development", "git", "active", COMMIT, "yes", "-", "-", "-", "-"],
    ]


def test_deployments(capsys, shop: World):
    assert _rows(_out(capsys, "deployments", "shop", "development")) == [
        ["DEPLOYMENT", "ENVIRONMENT", "MODE", "STATUS", "COMMIT", "SUBJECT", "BY", "OPENED"],
        [
            make.newest(shop),
            "shop/development",
            "deploy",
            "succeeded",
            COMMIT,
            "Add the shop",
            "git",
            "2026-07-01T12:00:00Z",
        ],
    ]


def test_repositories(capsys, shop: World):
    make.watched(shop, "billing")
    error = "https://git.example/billing.git: the server did not answer in time; the next poll tries again"
    watching.polled(shop.store, "billing", shop.now, error=error)
    rows = {row[0]: row[1:] for row in _rows(_out(capsys, "repositories"))}
    assert rows == {
        "REPOSITORY": ["BRANCH", "HEAD", "DECIDED", "POLLED", "PROBLEMS", "ERROR"],
        "billing": ["main", "-", "-", "2026-07-01T12:00:00Z", "-", error],
        "shop": ["main", COMMIT, COMMIT, "2026-07-01T12:00:00Z", "-", "-"],
    }


def test_what_is_wrong_with_a_commit_and_is_of_no_environment_is_said(capsys, shop: World):
    problem = "projects/shop/Development:1:1: `Development` is not a valid environment id; use lower-case letters"
    with shop.store.writing() as session:
        session.get_one(RepositoryRow, "shop").problems = [problem]
    assert cli.main(["get", "repositories"]) == 0
    out, err = capsys.readouterr()
    assert _rows(out)[1] == ["shop", "main", COMMIT, COMMIT, "2026-07-01T12:00:00Z", "1", "-"]
    assert err == f"shop at {COMMIT}: {problem}\n"


def test_a_page_that_is_not_the_last_says_how_to_go_on(capsys, shop: World):
    make.by_person(shop, "shop/development", "grace")
    id = make.newest(shop)
    assert cli.main(["get", "deployments", "--limit", "1"]) == 0
    assert capsys.readouterr().err == f"there is more; give --before {id} for the next page\n"
    assert id not in _out(capsys, "deployments", "--before", id)


@pytest.mark.parametrize(("form", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_machines_get_what_the_server_said(capsys, shop: World, form: str, load):
    found = load(_out(capsys, "deployments", "-o", form))
    assert found["items"][0]["commit_author"] == "Ada Example"
    assert found["next"] is None


def test_one_deployment(capsys, shop: World):
    found = yaml.safe_load(_out(capsys, "deployment", make.newest(shop)[:8]))
    assert (found["status"], found["commit_subject"]) == ("succeeded", "Add the shop")


def test_the_manifest_of_a_deployment_or_an_environment(capsys, shop: World):
    assert yaml.safe_load(_out(capsys, "manifest", make.newest(shop))) == make.MANIFEST
    assert json.loads(_out(capsys, "manifest", "shop", "development", "-o", "json")) == make.MANIFEST


def test_a_third_word_after_manifest_is_wrong_usage(capsys, server: World):
    assert cli.main(["get", "manifest", "a", "b", "c"]) == 2
    assert capsys.readouterr().err == "too many words; give the ID of a deployment, or PROJECT ENVIRONMENT\n"


def test_resources(capsys, shop: World):
    assert _rows(_out(capsys, "resources", "shop", "development")) == [
        ["RESOURCE", "MODULE", "METADATA"],
        ["dns.default#shared.dns", "dns-zone", "-"],
        ["network.default#shared.net", "network", "-"],
        ["postgres.default#workloads.api.db", "postgres", "-"],
        ["workload.default#api", "(workload)", "-"],
    ]


def test_commits(capsys, shop: World):
    assert _rows(_out(capsys, "commits")) == [
        ["COMMIT", "AUTHOR", "SUBJECT", "VERDICTS"],
        [COMMIT, "Ada Example", "Add the shop", "shop/development deployed"],
    ]


def test_of_many_environments_it_is_said_how_many_a_commit_changes(capsys, server: World):
    of = make.commit("Change all")
    slugs = [f"shop/e{number}" for number in range(9)]
    make.decided(server, [of], [make.wants(server, slug, of, opens=False, kind=VerdictKind.HELD) for slug in slugs])
    assert _rows(_out(capsys, "commits"))[1][3] == "9 held"


def test_a_commit(capsys, shop: World):
    assert _rows(_out(capsys, "commit", COMMIT)) == [
        ["ENVIRONMENT", "VERDICT", "DEPLOYMENT", "WHY"],
        ["shop/development", "deployed", make.newest(shop), "-"],
    ]
    assert json.loads(_out(capsys, "commit", COMMIT, "-o", "json"))["counts"] == {"deployed": 1}


def test_a_name_from_elsewhere_does_not_move_the_cursor(capsys, server: World):
    of = make.commit("Evil", message="\x1b[2JEvil\n")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    assert "\x1b" not in _out(capsys, "commits")


def test_the_catalogue(capsys, server: World):
    of = make.commit("Add the shop")
    catalogue = {
        "modules": [
            {"id": "postgres", "resource_type": "postgres", "description": "A database.", "source": {"address": CODE}},
            {"id": "network", "resource_type": "network", "description": "A network."},
        ],
        "resource_types": [{"id": "postgres", "description": "A database."}],
        "providers": [
            {"id": "main", "provider_type": "aws", "source": "hashicorp/aws", "version_constraint": "~> 5.0"}
        ],
        "runners": [{"id": "local", "type": "local", "variables": ["A", "B"], "description": ""}],
    }
    make.decided(server, [of], [], catalogue=catalogue)
    store, now = server.doors.store, server.doors.now()
    module_pins.record(store, "shop", {CODE: module_pins.Found("c" * 40)}, [CODE], now)
    down = module_pins.Found(error="the server is not ready (status 503)", failed=True)
    module_pins.record(store, "shop", {CODE: down}, [CODE], now)
    assert _rows(_out(capsys, "modules"))[2] == ["network", "network", "-", "A network.", "shop"]
    said = "v1 = cccccccccc (the server is not ready (status 503))"
    assert _rows(_out(capsys, "modules"))[1] == ["postgres", "postgres", said, "A database.", "shop"]
    assert _rows(_out(capsys, "resource-types"))[1] == ["postgres", "A database.", "shop"]
    assert _rows(_out(capsys, "providers"))[1] == ["aws.main", "hashicorp/aws", "~> 5.0", "shop"]
    assert _rows(_out(capsys, "runners", "--repository", "shop"))[1] == ["local", "local", "A, B", "-", "shop"]


def test_the_audit_trail(capsys, shop: World):
    shop.api("bea").post("/tokens", {"name": "ci", "role": "viewer"})
    rows = _rows(_out(capsys, "audit", "--subject", "ci"))
    assert rows == [
        ["AT", "WHO", "WHAT", "ON", "CHANGED", "FROM", "WHY"],
        ["2026-07-01T12:00:00Z", "bea", "token.create", "ci", "role: none → viewer", "127.0.0.1, a test", "-"],
    ]
    assert _rows(_out(capsys, "audit", "--actor", "bob")) == [rows[0]]
