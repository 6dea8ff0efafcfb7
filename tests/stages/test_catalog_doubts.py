"""What in the platform's documents is allowed, and yet perhaps not meant?"""

from __future__ import annotations

import pytest

from controller.catalog.doubts import doubts
from tests.graph_factories import catalog, module, platform

DECLARED = {"shop": ["staging", "production"], "blog": []}
INLINE = "id: db\nresource_type: db\nmodule_source: inline\nmodule_source_code: 'output \"x\" {}'\nrules: RULES\n"
RUNNER = "id: it\nrunner_configuration: {type: local}\nrules: RULES\n"


def told(rules: str) -> list[str]:
    return [str(each) for each in doubts(catalog(platform(INLINE.replace("RULES", rules))), DECLARED)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        pytest.param("[{}, {env_type_id: production}, {project_id: shop, env_id: staging}]", [], id="all-is-declared"),
        pytest.param(
            "[{project_id: shpo}]",
            ["5:9: the rule is for project `shpo`, which is not declared; did you mean `shop`?"],
            id="near-project",
        ),
        pytest.param(
            "[{project_id: accounts, env_id: live}]",
            ["5:9: the rule is for project `accounts`, which is not declared; mend the rule, or add the project"],
            id="project-to-come",
        ),
        pytest.param(
            "[{project_id: shop, env_id: stagin}, {project_id: blog, env_id: live}]",
            [
                "5:9: the rule is for environment `shop/stagin`, which is not declared; did you mean `staging`?",
                "5:45: the rule is for environment `blog/live`, which is not declared; mend the rule, or add the "
                "environment",
            ],
            id="environments",
        ),
        pytest.param("[]", ["1:1: module `db` has no rule, so it is never chosen; give it one"], id="no-rule"),
    ],
)
def test_a_rule_for_what_is_not_declared_is_told(rules: str, expected: list[str]) -> None:
    assert told(rules) == [f"platform/modules/db.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("[]", "1:1: runner `it` has no rule, so it serves nothing; give it one"),
        ("[{project_id: shpo}]", "3:9: the rule is for project `shpo`, which is not declared; did you mean `shop`?"),
    ],
)
def test_rules_of_runners_are_asked_too(rules: str, expected: str) -> None:
    files = platform(INLINE.replace("RULES", "[{}]"), runners=RUNNER.replace("RULES", rules))
    assert [str(each) for each in doubts(catalog(files), DECLARED)] == [f"platform/runners/all.yaml:{expected}"]


def test_what_lies_on_the_runner_is_of_no_commit() -> None:
    assert [str(each) for each in doubts(catalog(platform(module("db"))), DECLARED)] == [
        "platform/modules/db.yaml:1:1: what lies in `/opt/module` on the runner belongs to no commit: nobody sees when "
        "it changes; copy it into this repository, or name a Git source with a commit"
    ]
