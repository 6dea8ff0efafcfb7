"""Which module makes a resource, and which runner serves an environment?"""

from __future__ import annotations

import pytest

from controller.catalog import rules
from controller.model.bundle import Context
from tests.graph_factories import CONTEXT, catalog, module, platform

ANY = module("any", "db", rules="[{}]")
BY_TYPE = module("by-type", "db", rules="[{env_type_id: development}]")
BY_PROJECT = module("by-project", "db", rules="[{project_id: shop}]")
BY_BOTH = module("by-both", "db", rules="[{project_id: shop, env_type_id: development}]")
BY_ENVIRONMENT = module("by-environment", "db", rules="[{project_id: shop, env_id: staging}]")
BY_ID = module("by-id", "db", rules="[{resource_id: main}]")
LARGE = module("large", "db", rules="[{resource_class: large}]")
ELSEWHERE = module("elsewhere", "db", rules="[{project_id: blog, env_id: staging}, {env_type_id: production}]")


def chosen(modules: tuple[str, ...], class_: str = "default", id_: str = "x", context: Context = CONTEXT) -> str | None:
    found = rules.modules_for(catalog(platform(*modules)), context)("db", class_, id_)
    return None if found is None else found.id


@pytest.mark.parametrize(
    ("modules", "winner"),
    [
        pytest.param((ANY,), "any", id="one-for-all"),
        pytest.param((ANY, BY_TYPE), "by-type", id="type-before-all"),
        pytest.param((BY_TYPE, BY_PROJECT), "by-project", id="project-before-type"),
        pytest.param((BY_PROJECT, BY_BOTH), "by-both", id="both-before-project"),
        pytest.param((BY_BOTH, BY_ENVIRONMENT), "by-environment", id="environment-before-both"),
        pytest.param((ANY, ELSEWHERE), "any", id="rules-for-other-environments-do-not-hold"),
        pytest.param((ELSEWHERE,), None, id="none-holds"),
        pytest.param((module("none", "db", rules="[]"),), None, id="no-rule-no-choice"),
    ],
)
def test_the_most_specific_rule_wins(modules: tuple[str, ...], winner: str | None) -> None:
    assert chosen(modules) == winner
    assert chosen(tuple(reversed(modules))) == winner


def test_a_rule_for_the_id_goes_before_one_for_the_environment() -> None:
    assert chosen((BY_ENVIRONMENT, BY_ID), id_="main") == "by-id"
    assert chosen((BY_ENVIRONMENT, BY_ID), id_="other") == "by-environment"


def test_a_class_never_falls_back_to_another() -> None:
    assert chosen((ANY, LARGE), class_="large") == "large"
    assert chosen((ANY, LARGE), class_="small") is None
    assert chosen((ANY, BY_ID), class_="large", id_="main") is None


RUNNER = "runner_configuration: {type: local}"
RUNNERS = f"""\
id: all
{RUNNER}
rules: [{{}}]
---
id: by-type
{RUNNER}
rules: [{{env_type_id: production}}]
---
id: by-project
{RUNNER}
rules: [{{project_id: shop}}]
---
id: by-both
{RUNNER}
rules: [{{project_id: shop, env_type_id: production}}]
---
id: never
{RUNNER}
"""


@pytest.mark.parametrize(
    ("project", "type_", "winner"),
    [
        ("blog", "development", "all"),
        ("blog", "production", "by-type"),
        ("shop", "development", "by-project"),
        ("shop", "production", "by-both"),
    ],
)
def test_the_most_specific_runner_wins(project: str, type_: str, winner: str) -> None:
    found = rules.runner_for(catalog(platform(module("db"), runners=RUNNERS)), project, type_)
    assert found is not None
    assert found.id == winner


def test_without_any_runner_there_is_a_local_one() -> None:
    found = rules.runner_for(catalog(platform(module("db"))), "shop", "production")
    assert found is rules.LOCAL
    assert (found.type, found.configuration["env"], found.state_storage) == ("local", {}, {"type": "local"})


def test_a_runner_without_rules_serves_nobody() -> None:
    known = catalog(platform(module("db"), runners=f"id: never\n{RUNNER}\n"))
    assert rules.runner_for(known, "shop", "production") is None
