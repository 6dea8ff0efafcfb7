"""What is always true of the difference of two graphs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.graph.diff import ChangeKind, Difference, difference
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.graph import Graph, GraphNode, ProviderBlock, ProviderKey
from controller.tofu.desired import decode, desired
from tests.tofu_factories import graph, inline, ref, resource, workload

NAMES = ["db", "db#y", "dns", "dns#y", "app"]
VALUES = st.sampled_from(
    [1, True, 1.0, "", "x", None, [], {}, [1], {"a": 1}, {"$": [1]}, {"a": {"b": None}}, ref("dns")]
)
KEY = ProviderKey("aws", "main")


@st.composite
def nodes(draw: st.DrawFn, name: str, others: list[str]) -> GraphNode:
    needs = draw(st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(others), max_size=2)) if others else {}
    rest = sorted(set(others) - set(needs.values()))
    code = draw(st.sampled_from(["# 1", "# 2"]))
    return resource(
        name,
        module=draw(st.sampled_from(["one", "two"])) + code[-1],
        source=inline(code),
        inputs=draw(st.dictionaries(st.sampled_from(["i", "j"]), VALUES, max_size=1)),
        params=draw(st.dictionaries(st.sampled_from(["x", "y"]), VALUES, max_size=2)),
        needs=needs,
        after=tuple(sorted(draw(st.sets(st.sampled_from(rest), max_size=1)))) if rest else (),
        providers={"aws": KEY} if draw(st.booleans()) else {},
        ordering=draw(st.sampled_from(["references", "strict"])),
    )


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    names = ["dns", *draw(st.lists(st.sampled_from(NAMES), unique=True))]
    names = sorted(set(names), key=NAMES.index, reverse=True)
    found = [draw(nodes(name, names[index + 1 :])) for index, name in enumerate(names)]
    asks = draw(st.dictionaries(st.sampled_from(["r", "s"]), st.sampled_from(names), max_size=2))
    region = draw(st.sampled_from(["eu", "us"]))
    return graph(*found, workload("api", draw(st.dictionaries(st.just("U"), VALUES)), asks),
                 providers={KEY: ProviderBlock("hashicorp/aws", None, {"region": region})})  # fmt: skip


def wanted(of: Graph) -> Mapping[str, Any]:
    return desired(of, Pins(), EngineKind.OPENTOFU).document


def content(document: Mapping[str, Any]) -> dict[str, Any]:
    """All that is wanted of each node."""
    return {
        name: {
            **node,
            "module": (node.get("module"), document["modules"].get(node.get("module"))),
            "providers": {local: document["providers"][key] for local, key in node.get("providers", {}).items()},
        }
        for name, node in document["nodes"].items()
    }


def text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def told(found: Difference, *kinds: ChangeKind) -> set[str]:
    return {str(change.coordinate) for change in found.changes if change.kind in kinds}


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_nothing_differs_from_itself(one: Graph) -> None:
    assert difference(one, one) == Difference()
    assert difference(decode(wanted(one)), one) == Difference()


@settings(max_examples=300, deadline=None)
@given(graphs(), graphs())
def test_exactly_the_nodes_that_differ_are_told(before: Graph, after: Graph) -> None:
    found = difference(before, after)
    old, new = content(wanted(before)), content(wanted(after))
    former = {str(change.coordinate): str(change.previous) for change in found.changes if change.previous}
    assert told(found, ChangeKind.ADDED) == new.keys() - old.keys() - former.keys()
    assert told(found, ChangeKind.REMOVED) == old.keys() - new.keys() - set(former.values())
    assert told(found, ChangeKind.MOVED) == former.keys()
    if not former:  # references to what was moved have other names, and are the same
        different = {name for name in old.keys() & new.keys() if text(old[name]) != text(new[name])}
        assert told(found, ChangeKind.MODULE_CHANGED, ChangeKind.PARAMS_CHANGED) == different
    assert all(change.sentence for change in found.changes)


@settings(max_examples=300, deadline=None)
@given(graphs(), graphs())
def test_the_way_back_is_the_way_there_the_other_way_round(before: Graph, after: Graph) -> None:
    there, back = difference(before, after), difference(after, before)
    assert told(there, ChangeKind.ADDED) == told(back, ChangeKind.REMOVED)
    assert told(there, ChangeKind.REMOVED) == told(back, ChangeKind.ADDED)
    assert {(c.coordinate, c.previous) for c in there.changes if c.kind is ChangeKind.MOVED} == {
        (c.previous, c.coordinate) for c in back.changes if c.kind is ChangeKind.MOVED
    }
    changed = (ChangeKind.MODULE_CHANGED, ChangeKind.PARAMS_CHANGED)
    if not told(there, ChangeKind.MOVED):
        assert told(there, *changed) == told(back, *changed)
