"""What of a plan everybody may read, and when two plans are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.tofu.bind import bind, offline
from controller.tofu.names import module_name
from controller.tofu.plan import fingerprint, summarize
from tests.tofu_factories import at, document, engine_at, inline, ref, resource, workload

NAME = module_name(at("db"))


def change(*actions: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    return {"actions": list(actions), "before": before, "after": after, "after_unknown": {}, **more}


def planned(of: dict[str, Any], address: str = f"module.{NAME}.aws_x.it", **more: Any) -> dict[str, Any]:
    module = address.rpartition(".aws_x")[0]
    inside = {"module_address": module} if module else {}
    return {"address": address, "mode": "managed", "type": "aws_x", "name": "it", "change": of, **inside, **more}


def show(*resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    metadata = change("no-op", before={"db.default#x": {}}, after={"db.default#x": {}})
    return {
        "resource_changes": list(resources),
        "output_changes": {"platform_orchestrator_metadata": metadata, **(outputs or {})},
    }


@pytest.mark.parametrize(
    ("resource_change", "entry"),
    [
        pytest.param(
            planned(change("create", after={"a": 1, "b": None})), {"action": "create", "attributes": ["a"]}, id="create"
        ),
        pytest.param(
            planned(change("update", before={"a": 1, "b": 2}, after={"a": 1, "b": 3})),
            {"action": "update", "attributes": ["b"]},
            id="update",
        ),
        pytest.param(
            planned(
                {
                    **change("update", before={"a": 1, "b": [1]}, after={"a": 1}),
                    "after_unknown": {"b": [True], "a": [False]},
                }
            ),
            {"action": "update", "attributes": ["b"]},
            id="known-after-the-apply",
        ),
        pytest.param(
            planned(
                change("update", before={"a": 1}, after={"a": 1}, before_sensitive={}, after_sensitive={"a": True})
            ),
            {"action": "update", "attributes": ["a"]},
            id="only-the-mark-of-a-secret",
        ),
        pytest.param(
            planned(change("delete", before={"a": 1})), {"action": "delete", "attributes": ["a"]}, id="delete"
        ),
        pytest.param(
            planned(
                change("delete", "create", before={"a": 1}, after={"a": 2}), action_reason="replace_because_tainted"
            ),
            {"action": "replace", "attributes": ["a"], "reason": "replace_because_tainted"},
            id="replace",
        ),
        pytest.param(
            planned(change("create", "delete", before={"a": 1}, after={"a": 2})),
            {"action": "replace", "attributes": ["a"]},
            id="replace-create-first",
        ),
        pytest.param(planned(change("forget", before={})), {"action": "forget", "attributes": []}, id="forget"),
        pytest.param(
            planned(change("no-op", before={"a": 1}, after={"a": 1}), previous_address="module.old.aws_x.it"),
            {"action": "move", "attributes": [], "previous_address": "module.old.aws_x.it"},
            id="move",
        ),
        pytest.param(
            planned(change("no-op", before={"a": 1}, after={"a": 1}, importing={"id": "i-1"})),
            {"action": "import", "attributes": []},
            id="import",
        ),
        pytest.param(
            planned(change("update", before={"a": 1}, after={"a": 2}, importing={"id": "i-1"})),
            {"action": "update", "attributes": ["a"], "import": True},
            id="import-and-update",
        ),
        pytest.param(
            planned(change("delete", before={"a": 1}), deposed="byebye"),
            {"action": "delete", "attributes": ["a"], "reason": "deposed"},
            id="deposed",
        ),
    ],
)
def test_a_change_is_told_by_names_alone(resource_change: dict[str, Any], entry: dict[str, Any]) -> None:
    common = {"address": f"module.{NAME}.aws_x.it", "module": "db.default#x", "type": "aws_x", "name": "it"}
    assert summarize(show(resource_change))["changes"] == [common | entry]


def test_what_does_not_change_is_not_told() -> None:
    assert summarize(show(planned(change("no-op", before={"a": 1}, after={"a": 1})))) == {
        "format": 1,
        "changes": [],
        "counts": {"create": 0, "update": 0, "destroy": 0, "replace": 0},
        "outputs": [],
        "empty": True,
    }


def test_what_is_taken_over_is_counted_by_itself() -> None:
    summary = summarize(
        show(
            planned(change("no-op", before={}, after={}, importing={"id": "i-1"}), "aws_x.one"),
            planned(change("update", before={"a": 1}, after={"a": 2}, importing={"id": "i-2"}), "aws_x.two"),
            planned(change("create", after={}), "aws_x.three"),
        )
    )
    assert (summary["imports"], summary["counts"]) == (2, {"create": 1, "update": 1, "destroy": 0, "replace": 0})
    assert "i-1" not in json.dumps(summary)


def test_managed_instances_count_and_a_replacement_once() -> None:
    data = planned(change("read", after={"a": 1}), "module.m.data.aws_x.it") | {
        "mode": "data",
        "module_address": "module.m",
    }
    resources = [
        planned(change("create", after={}), 'aws_x.it["a"]'),
        planned(change("create", after={}), 'aws_x.it["b"]'),
        planned(change("update", before={}, after={}), "module.unknown.aws_x.it"),
        planned(change("delete", before={})),
        planned(change("delete", "create", before={}, after={}), f"module.{NAME}.module.deep.aws_x.it"),
        data,
    ]
    summary = summarize(show(*resources))
    assert summary["counts"] == {"create": 2, "update": 1, "destroy": 1, "replace": 1}
    assert [(entry["address"], entry["module"]) for entry in summary["changes"]] == [
        ('aws_x.it["a"]', None),
        ('aws_x.it["b"]', None),
        (f"module.{NAME}.aws_x.it", "db.default#x"),
        (f"module.{NAME}.module.deep.aws_x.it", "db.default#x"),
        ("module.m.data.aws_x.it", None),
        ("module.unknown.aws_x.it", None),
    ]


def test_an_output_that_changes_alone_is_a_change() -> None:
    summary = summarize(show(outputs={"w_0api": change("update", before=1, after=2), "b": change("no-op")}))
    assert (summary["outputs"], summary["empty"]) == ([{"name": "0api", "action": "update"}], False)


def test_no_value_is_in_a_summary() -> None:
    secret = "hunter2-hunter2"
    resources = planned(change("update", before={"a": secret}, after={"a": {"b": [secret]}}))
    assert secret not in json.dumps(summarize(show(resources, outputs={"o": change("create", after=secret)})))


# Fingerprints

KEY = b"k" * 32


def imprint(*resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> str:
    return fingerprint(show(*resources, outputs=outputs), KEY)


ONE = planned(change("create", after={"a": 1}), "aws_x.one")
TWO = planned(change("update", before={"a": 1}, after={"a": 2}), "aws_x.two")


def test_plans_that_change_the_same_share_a_fingerprint_in_any_order() -> None:
    untouched = planned(change("no-op", before={"a": 1}, after={"a": 1}), "aws_x.three")
    assert imprint(ONE, TWO) == imprint(TWO, untouched, ONE)
    otherwise_before = planned(change("update", before={"a": 7}, after={"a": 2}), "aws_x.two")
    assert imprint(ONE, otherwise_before) == imprint(ONE, TWO)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(planned(change("create", after={"a": 1}), "aws_x.other"), id="address"),
        pytest.param(planned(change("create", after={"a": 2}), "aws_x.one"), id="value"),
        pytest.param(planned(change("create", after={"a": "1"}), "aws_x.one"), id="type"),
        pytest.param(planned(change("create", after={"a": {"?": None}}), "aws_x.one"), id="a-value-like-the-mark"),
        pytest.param(planned({**change("create", after={}), "after_unknown": {"a": True}}, "aws_x.one"), id="unknown"),
        pytest.param(planned(change("update", before={}, after={"a": 1}), "aws_x.one"), id="action"),
        pytest.param(planned(change("create", after={"a": 1}), "aws_x.one", previous_address="aws_x.old"), id="origin"),
        pytest.param(planned(change("create", after={"a": 1}, replace_paths=[["a"]]), "aws_x.one"), id="replace-path"),
    ],
)
def test_plans_that_differ_have_other_fingerprints(other: dict[str, Any]) -> None:
    assert imprint(other) != imprint(ONE)


def test_actions_on_outputs_and_the_key_count() -> None:
    assert imprint(ONE) != imprint(ONE, outputs={"o": change("create", after=1)})
    assert imprint(outputs={"o": change("update", after=1)}) == imprint(outputs={"o": change("update", after=2)})
    assert fingerprint(show(ONE), KEY) != fingerprint(show(ONE), b"other")


# Made anew whenever `x` changes.
ONCE = """
variable "x" {}
resource "terraform_data" "it" {
  triggers_replace = var.x
}
output "y" {
  value = terraform_data.it.id
}
"""


@pytest.mark.engine
def test_plans_of_a_real_engine_are_read(tmp_path: Path) -> None:
    engine = engine_at(tmp_path)

    def plan(*nodes: Any) -> dict[str, Any]:
        engine.write(bind(document(*nodes), offline()).files)
        engine.run("init", "-input=false")
        engine.run("plan", "-input=false", "-out=plan.bin")
        return json.loads(engine.run("show", "-json", "plan.bin"))

    def nodes(x: int) -> list[Any]:
        first = resource("db", source=inline(ONCE), params={"x": x})
        return [
            first,
            resource("dns", source=inline(ONCE), params={"x": ref("db")}),
            workload("api", {"Y": ref("dns")}),
        ]

    def entry(name: str, action: str, attributes: list[str], **more: str) -> dict[str, Any]:
        address = f"module.{module_name(at(name))}.terraform_data.it"
        common = {"type": "terraform_data", "name": "it", "module": str(at(name))}
        return {"address": address, "action": action, "attributes": attributes, **common, **more}

    first = plan(*nodes(1))
    assert summarize(first) == {
        "format": 1,
        "changes": [entry(name, "create", ["id", "triggers_replace"]) for name in ("db", "dns")],
        "counts": {"create": 2, "update": 0, "destroy": 0, "replace": 0},
        "outputs": [
            {"name": "api", "action": "create"},
            {"name": "platform_orchestrator_metadata", "action": "create"},
        ],
        "empty": False,
    }
    assert fingerprint(first, KEY) == fingerprint(plan(*nodes(1)), KEY)
    engine.run("apply", "-input=false", "plan.bin")
    assert summarize(plan(*nodes(1)))["empty"]
    second = summarize(plan(*nodes(2)))
    assert (second["counts"]["replace"], second["counts"]["destroy"]) == (2, 0)
    assert [change["module"] for change in summarize(plan())["changes"]] == ["db.default#x", "dns.default#x"]
