"""The text for a pull request: what would change, what cannot be planned, within every forge's limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from controller.forge import comment
from controller.forge.comment import EnvironmentPlan, PlanReport
from controller.model.deployment import Status
from controller.model.record import Counts
from tests.conftest import Golden


def change(action: str, address: str, **more: Any) -> dict[str, Any]:
    return {"action": action, "address": address, "module": "t.default#a", "attributes": ["input"]} | more


def plan(slug: str = "shop/staging", **more: Any) -> EnvironmentPlan:
    return replace(EnvironmentPlan(slug, "d1", Status.PLANNED, counts=Counts(create=1)), **more)


def report(**more: Any) -> PlanReport:
    return replace(PlanReport("acme", "refs/heads/feature", "a" * 40, "b" * 40, "main"), **more)


def test_a_whole_comment(golden: Golden) -> None:
    staging = plan(
        counts=Counts(create=1, update=1, replace=1),
        changes=(
            change("create", "module.a.terraform_data.x"),
            change("replace", "module.b.terraform_data.y", reason="replace_because_tainted", attributes=["a", "b"]),
            change("move", "module.d.terraform_data.z", previous_address="module.c.terraform_data.z", attributes=[]),
        ),
        differences=("params of `t.default#a` changed: `size`",),
        mermaid="flowchart LR\n  a --> b\n",
        link="https://lockstep.example/deployments/d1",
        warnings=("staging/manifest.yaml:3:4: image without a tag; pin it",),
    )
    production = plan(
        "shop/production",
        deployment="d2",
        status=Status.FAILED,
        counts=None,
        message="plan failed: No value for required variable",
        diagnostics=({"severity": "error", "summary": "No value for required variable", "address": "module.a"},),
    )
    quiet = plan("shop/development", counts=Counts(), no_changes=True)
    text = comment.comment(
        report(
            plans=(staging, production, quiet),
            problems={
                "blog/live": (
                    "projects/blog/live/manifest.yaml:2:3: unknown key `worklods`; did you mean `workloads`?",
                )
            },
            unchanged=("blog/test",),
        )
    )
    golden.check("comment/whole.md", text)


def test_the_first_line_finds_the_comment_again() -> None:
    assert comment.comment(report()).splitlines()[0] == "<!-- lockstep plan acme -->"
    assert comment.marker("a>b c") == "<!-- lockstep plan a-b-c -->"


@pytest.mark.parametrize(
    ("found", "headline"),
    [
        pytest.param({}, "nothing would change", id="nothing"),
        pytest.param({"plans": (plan(),)}, "1 environment would change", id="one"),
        pytest.param({"plans": (plan(), plan("a/b"))}, "2 environments would change", id="two"),
        pytest.param({"plans": (plan(no_changes=True),)}, "nothing would change", id="empty-plan"),
        pytest.param({"plans": (plan(status=Status.FAILED),)}, "the plan of 1 environment failed", id="failed"),
        pytest.param({"problems": {"a/b": ("x",)}}, "1 environment cannot be planned", id="rejected"),
        pytest.param({"conflicts": ("a.yaml",)}, "this does not merge", id="conflict"),
    ],
)
def test_the_headline_says_what_counts_most(found: dict[str, Any], headline: str) -> None:
    assert comment.comment(report(**found)).splitlines()[2] == f"### Lockstep: {headline}"


def test_a_conflict_names_its_paths() -> None:
    text = comment.comment(report(conflicts=("projects/a.yaml", "b.yaml")))
    assert "Merging into `main` conflicts; nothing was planned. Merge or rebase, then plan again." in text
    assert text.endswith("- `projects/a.yaml`\n- `b.yaml`\n")


def test_what_is_destroyed_or_replaced_is_flagged() -> None:
    text = comment.comment(report(plans=(plan(counts=Counts(destroy=2, replace=1)),)))
    assert "| `shop/staging` |  |  | 2 | 1 | ⚠️ destroys 2, replaces 1 |" in text


def test_dangerous_changes_come_first() -> None:
    changes = (change("create", "a.a"), change("update", "b.b"), change("delete", "c.c"), change("replace", "d.d"))
    text = comment.comment(report(plans=(plan(changes=changes),)))
    assert [line.split("|")[1].strip() for line in text.splitlines() if line.endswith("`input` |")] == [
        "⚠️ −",
        "⚠️ −/+",
        "+",
        "~",
    ]


def test_nothing_in_a_message_is_markup() -> None:
    nasty = "x|y `z` <img src=x> @everyone\nsecond"
    text = comment.comment(report(plans=(plan(status=Status.FAILED, message=nasty),), problems={"a/b": (nasty,)}))
    assert "- ``x|y `z` <img src=x> @everyone second``" in text
    assert "| ❌ ``x\\|y `z` <img src=x> @everyone second`` |" in text


def test_a_table_row_stays_a_row() -> None:
    changes = (change("update", 'module.a.x["p|q"]'),)
    text = comment.comment(report(plans=(plan(changes=changes),)))
    assert '| ~ | `module.a.x["p\\|q"]` | `input` |' in text


@pytest.mark.parametrize("count", [10, 300, 3000, 30_000])
def test_however_much_changes_the_comment_can_be_posted(count: int) -> None:
    changes = tuple(change("create", f"module.number_{n}.terraform_data.x") for n in range(count))
    mermaid = "flowchart LR\n" + "".join(f"  n{n} --> n{n + 1}\n" for n in range(count))
    text = comment.comment(report(plans=(plan(changes=changes, mermaid=mermaid),)))
    assert len(text.encode()) <= 65_000
    assert "| `shop/staging` | 1 |  |  |  | planned |" in text


def test_however_many_environments_change_the_comment_can_be_posted() -> None:
    plans = tuple(plan(f"project-{n}/production", changes=(change("create", "a.b"),)) for n in range(2000))
    text = comment.comment(report(plans=plans))
    assert len(text.encode()) <= 65_000
    assert text.endswith("_The rest was left out: it did not fit._\n")


def test_left_out_details_are_counted() -> None:
    changes = tuple(change("create", f"module.{'long' * 100}_{n}.terraform_data.x") for n in range(400))
    text = comment.comment(report(plans=(plan(changes=changes),)))
    assert "| | … and 350 more | |" in text
    assert text.endswith("_Some details were left out: they did not fit._\n")
