"""The canonical document of what Git wants."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import ConflictError, ManifestError, Place
from controller.model.bundle import Pins, ProviderPin
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.deployment import EngineKind
from controller.model.graph import Graph, Output, Outputs, ProviderBlock, ProviderKey, Template, Variable
from controller.tofu import values
from controller.tofu.desired import decode, desired, needs, repinned
from controller.tofu.names import provider_name
from tests.conftest import Golden
from tests.tofu_factories import at, document, graph, inline, ref, resource, workload

AWS = ProviderKey("aws", "main", (Output(at("network"), ("region",)),), ("${resources.net.outputs.region}",))


def everything() -> Graph:
    """A graph with one of each."""
    block = ProviderBlock(
        "hashicorp/aws",
        "~> 5.0",
        {"region": ref("network", "region"), "token": Template((Variable("TOKEN"),)), "assume_role[0]": {"arn": "a"}},
    )
    git = ModuleSource(
        SourceKind.GIT, "git::https://g.example/m.git//db?ref=v1", "git::https://g.example/m.git//db?ref=v1"
    )
    return graph(
        workload("api", {"URL": Template(("pg://", Output(at("db"), ("y",)), "/${x}"))}, {"db": "db"}),
        resource(
            "db", module="pg", source=git, params={"size": 5, "a": None}, providers={"aws": AWS}, ordering="strict"
        ),
        resource(
            "network",
            inputs={"x": ["${y}", {"$note": None, "all": Template((Outputs((at("dns"),), ("id",)),))}]},
            after=("dns",),
        ),
        resource("dns"),
        providers={AWS: block},
    )


def test_the_document_is_final(golden: Golden) -> None:
    pins = Pins(
        {"registry.opentofu.org/hashicorp/aws": ProviderPin("5.1.0", "~> 5.0", ("zh:b", "h1:a"))},
        {"git::https://g.example/m.git//db?ref=v1": "c" * 40},
    )
    made = desired(everything(), pins, EngineKind.OPENTOFU, {inline().content: ()})
    golden.check("tofu/desired.json", json.dumps(made.document, indent=2, sort_keys=True) + "\n")
    assert json.loads(made.text) == made.document
    assert made.text == json.dumps(made.document, separators=(",", ":"), sort_keys=True)


def test_decoding_gives_the_graph_that_was_encoded() -> None:
    made = desired(everything(), Pins(), EngineKind.OPENTOFU)
    again = desired(decode(json.loads(made.text)), Pins(), EngineKind.OPENTOFU)
    assert again == made


def test_a_document_that_does_not_say_what_providers_were_written_with_is_read_as_it_was() -> None:
    stored = json.loads(desired(everything(), Pins(), EngineKind.OPENTOFU).text)
    (block,) = stored["providers"].values()
    del block["written"]
    assert [provider_name(key) for key in decode(stored).providers] == ["aws-main-6e8e170e"]


def test_a_decoded_node_is_called_what_the_workload_calls_it() -> None:
    decoded = decode(
        document(workload("api", needs={"store": "db"}), resource("db"), resource("dns", needs={"d": "db"}))
    )
    assert {str(node.coordinate): (node.origin, str(node.place)) for node in decoded.nodes.values()} == {
        "db.default#x": ("resource `store` of workload `api`", "db.default#x:1:1"),
        "dns.default#x": ("`dns.default#x`", "dns.default#x:1:1"),
        "workload.default#api": ("`workload.default#api`", "workload.default#api:1:1"),
    }


def test_a_document_of_another_format_is_refused() -> None:
    with pytest.raises(ConflictError) as e:
        decode({"format": 9})
    assert str(e.value) == "this deployment was written in format 9; use the release of Lockstep that wrote it"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["$", "$$", "$x", "x", "output", "var"]), inner),
)


@given(json_values)
def test_no_value_of_the_users_is_taken_for_a_template(value: Any) -> None:
    encoded = values.encode(value)
    assert values.references(encoded) == []
    assert values.decode(encoded) == value


def test_texts_that_say_the_same_are_the_same() -> None:
    split = Template(("a", "", "b", Output(at("db"), ("y",)), ""))
    assert values.encode(split) == {"$": ["ab", {"output": "db.default#x", "path": ["y"]}]}
    assert values.encode(Template(("a", "b"))) == "ab"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(resource("db", params={"size": 6}), id="a-param"),
        pytest.param(resource("db", params={"size": "5"}), id="a-type"),
        pytest.param(resource("db", params={"size": 5}, source=inline("locals {}")), id="code-of-a-module"),
        pytest.param(resource("db", params={"size": 5}, needs={"a": "db#y"}), id="an-edge"),
        pytest.param(resource("db", params={"size": 5}, ordering="strict"), id="the-order"),
    ],
)
def test_what_decides_what_exists_changes_the_digest(other: Any) -> None:
    before = desired(graph(resource("db", params={"size": 5})), Pins(), EngineKind.OPENTOFU)
    assert desired(graph(other), Pins(), EngineKind.OPENTOFU).digest != before.digest


def test_places_origins_and_unused_providers_and_pins_do_not_change_the_digest() -> None:
    node = resource("db")
    moved = replace(node, place=Place("other.yaml", 9, 9), origin="something else")
    before = desired(graph(node), Pins(), EngineKind.OPENTOFU, {inline().content: ()})
    pins = Pins({"registry.opentofu.org/hashicorp/aws": ProviderPin("5.0.0", None, ())}, {"git::https://a/b": "c" * 40})
    unused = {ProviderKey("aws", "main"): ProviderBlock("hashicorp/aws", None, {})}
    after = desired(graph(moved, providers=unused), pins, EngineKind.OPENTOFU, {inline().content: ()})
    assert after == before


def test_a_pin_that_is_needed_changes_the_digest_whether_resolved_or_written_in() -> None:
    aws, other = "registry.opentofu.org/hashicorp/aws", "registry.opentofu.org/hashicorp/random"
    pins = {aws: ProviderPin("5.0.0", None, ("h1:x",)), other: ProviderPin("3.0.0", None, ())}
    requires = {inline().content: (aws,)}
    before = desired(graph(resource("db")), Pins(), EngineKind.OPENTOFU, requires)
    resolved = desired(graph(resource("db")), Pins(pins), EngineKind.OPENTOFU, requires)
    assert resolved.digest != before.digest
    assert repinned(before.document, pins) == resolved
    assert resolved.document["pins"] == {"providers": {aws: {"version": "5.0.0", "hashes": ["h1:x"]}}}


def test_code_that_cannot_be_seen_may_need_every_pin() -> None:
    made = desired(graph(resource("db")), Pins({"a/b/c": ProviderPin("1.0.0", None, ())}), EngineKind.OPENTOFU)
    assert needs(made.document) is None
    assert made.document["pins"] == {"providers": {"a/b/c": {"version": "1.0.0", "hashes": []}}}


def test_everything_that_the_engine_would_not_take_is_said_at_once() -> None:
    key = ProviderKey("aws", "main")
    block = ProviderBlock(
        "hashicorp/aws",
        None,
        {"alias": "a", "//": 1, "x": 1, "x[0]": {"\\": 2}, "y": Template((Variable("version"),)), "z": ref("gone")},
    )
    wrong = resource("db", params={"count": 1, "1a": 2, "ok": ref("workload#api", "URL")}, providers={"aws": key})
    node = resource("dns", inputs={"x": ref("db", "0")})
    with pytest.raises(ManifestError) as e:
        desired(graph(wrong, node, workload("api"), providers={key: block}), Pins(), EngineKind.OPENTOFU)
    assert str(e.value).splitlines() == [
        "api.manifest.yaml:3:5: `0` cannot be the name of an output in resource `dns`; "
        "refer to an output of a resource",
        "api.manifest.yaml:3:5: `1a` of resource `db` cannot be the name of a module input; give it another name",
        "api.manifest.yaml:3:5: `workload.default#api` is not a resource that has outputs in resource `db`; "
        "refer to an output of a resource",
        "api.manifest.yaml:3:5: the engine keeps the module input `count` of resource `db` for itself; "
        "give it another name",
        "provider `aws.main`: `//` cannot be the name of an argument; use letters, digits, `_` and `-`",
        "provider `aws.main`: `\\` cannot be the name of an argument; use letters, digits, `_` and `-`",
        "provider `aws.main`: `gone.default#x` is not a resource that has outputs; refer to an output of a resource",
        "provider `aws.main`: `version` cannot be the name of a variable; give the runner's variable another name",
        "provider `aws.main`: `x` is both an argument and a nested block; keep one of them",
        "provider `aws.main`: the engine keeps the argument `alias` for itself; leave it out",
    ]


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    program = (
        "from tests.stages.test_desired import everything\n"
        "from controller.tofu.bind import bind, offline\n"
        "from controller.tofu.desired import desired\n"
        "from controller.model.bundle import Pins\n"
        "from controller.model.deployment import EngineKind\n"
        "made = desired(everything(), Pins(), EngineKind.OPENTOFU)\n"
        "print(made.digest, bind(made.document, offline()).digest)\n"
    )
    said = {
        subprocess.run(
            (sys.executable, "-c", program),
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
