"""Is a new environment an old one, renamed? Asked and answered on the page, through the API and the command line."""

from __future__ import annotations

import pytest

from controller.model.deployment import Role
from tests.deploy_factories import project, sized
from tests.pages.test_acting import Company, company  # noqa: F401  (a fixture)

OLD, NEW = "/environments/shop/staging", "/environments/shop/stage"
QUESTION = "shop/staging is gone from Git, and shop/stage has the same files."


@pytest.fixture
def renamed(company: Company) -> Company:  # noqa: F811
    """The directory of shop/staging is called `stage` now."""
    tree = company.at_work
    tree.deploy(project(staging=sized(2)))
    files = project(staging=sized(2))
    there = {path.replace("/staging/", "/stage/"): text for path, text in files.items()}
    tree.deploy(dict.fromkeys(files) | there, "Call it stage")
    return company


def test_both_pages_ask_and_the_button_answers(renamed: Company):
    visitor = renamed.site.visitor("alice")
    assert QUESTION in visitor.see(OLD)
    assert QUESTION in visitor.see(NEW)
    assert "waits until somebody says whether it is shop/staging under another name" in visitor.see("/")
    uuid = renamed.at_work.environment("staging").uuid
    visitor.send(f"{OLD}/move", page=NEW, to="shop/stage", answer="same")
    seen = visitor.see(NEW)
    assert "shop/staging is shop/stage now." in seen
    assert QUESTION not in seen
    assert renamed.at_work.environment("stage").uuid == uuid


def test_the_other_button_says_that_they_are_two(renamed: Company):
    visitor = renamed.site.visitor("alice")
    visitor.send(f"{OLD}/move", page=OLD, to="shop/stage", answer="two")
    assert "shop/stage is another one than shop/staging." in visitor.see(NEW)
    assert QUESTION not in visitor.see(OLD)


def test_the_api_answers_for_those_who_may_deploy_in_both_projects(renamed: Company):
    viewer = renamed.site.api("carl", Role.VIEWER)
    assert viewer.post(f"{OLD}/move", {"to": "stage"}).status_code == 403
    mine = renamed.site.api("dora", Role.DEPLOYER, projects=("shop",))
    refused = mine.post(f"{OLD}/move", {"to": "store/stage"})
    said = "project `store` does not exist; check its name, or ask for a token that includes its project"
    assert (refused.status_code, refused.json["detail"]) == (404, said)
    made = mine.post(f"{OLD}/move", {"to": "stage"})
    assert (made.status_code, made.json["name"]) == (200, "stage")
    assert made.json["uuid"] == renamed.at_work.environment("stage").uuid
