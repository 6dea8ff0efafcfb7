"""`main.tf.json`: what the engine reads of a desired document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.model.catalog import ModuleSource, SourceKind
from controller.model.graph import Output, Outputs, ProviderBlock, ProviderKey, Template, Variable
from controller.tofu import blocks, values
from controller.tofu.bind import bind, offline
from controller.tofu.names import module_name, output_name
from controller.tofu.render import expression, render, variables
from tests.conftest import Golden
from tests.stages.test_desired import everything
from tests.tofu_factories import at, document, engine_at, inline, ref, resource, workload


def rendered(*nodes: Any, **more: Any) -> dict[str, Any]:
    return json.loads(render(document(*nodes, **more)))


def module(of: str, *nodes: Any, **more: Any) -> dict[str, Any]:
    """The block of one node, its source left out."""
    block = rendered(*nodes, **more)["module"][module_name(at(of))]
    return {name: value for name, value in block.items() if name != "source"}


def test_the_configuration_is_final(golden: Golden) -> None:
    graph = everything()
    made = document(*graph.nodes.values(), providers=graph.providers)
    golden.check("tofu/main.tf.json", render(made).decode())
    assert variables(made) == ("TOKEN",)


def test_the_empty_graph_is_a_configuration(golden: Golden) -> None:
    golden.check("tofu/empty.tf.json", render(document()).decode())


def test_inputs_go_before_params_and_null_is_left_out_on_top_alone() -> None:
    node = resource("db", inputs={"x": 1}, params={"x": 2, "gone": None, "kept": {"a": None, "b": {}, "c": []}})
    assert module("db", node) == {"x": 1, "kept": {"a": None, "b": {}, "c": []}}


def test_a_reference_alone_keeps_its_type_and_within_text_becomes_text() -> None:
    path = Output(at("dns"), ("y", "host-name", "0"))
    node = resource(
        "db",
        params={
            "whole": Template((path,)),
            "part": Template(("a $", path, " ${b}")),
            "all": Template((Outputs((at("dns"), at("dns#y")), ("y",)),)),
            "none": Template((Outputs((), ("y",)),)),
        },
    )
    dns, other = f"module.{module_name(at('dns'))}", f"module.{module_name(at('dns#y'))}"
    assert module("db", node, resource("dns"), resource("dns#y")) == {
        "whole": f'${{{dns}.y.host-name["0"]}}',
        "part": f'a ${{"$"}}${{{dns}.y.host-name["0"]}} $${{b}}',
        "all": f"${{[{dns}.y, {other}.y]}}",
        "none": "${[]}",
    }


@pytest.mark.parametrize(
    ("node", "waits"),
    [
        pytest.param(resource("db", needs={"a": "dns"}), ["dns"], id="an-edge"),
        pytest.param(resource("db", after=("dns",)), ["dns"], id="an-anonymous-edge"),
        pytest.param(resource("db", needs={"a": "dns"}, params={"x": [ref("dns")]}), [], id="a-param-refers-to-it"),
        pytest.param(resource("db", needs={"a": "dns"}, inputs={"x": {"y": ref("dns")}}), [], id="an-input-does"),
        pytest.param(
            resource("db", needs={"a": "dns", "b": "zone"}, params={"x": ref("zone")}), ["dns"], id="one-of-two"
        ),
        pytest.param(
            resource("db", needs={"a": "dns"}, params={"x": ref("dns")}, ordering="strict"), ["dns"], id="strict-order"
        ),
        pytest.param(resource("db", needs={"a": "workload#api"}), [], id="a-workload-is-no-module"),
    ],
)
def test_only_edges_that_no_reference_expresses_are_written_out(node: Any, waits: list[str]) -> None:
    block = module("db", node, resource("dns"), resource("zone"), workload("api"))
    assert block.get("depends_on", []) == [f"module.{module_name(at(name))}" for name in waits]


def test_a_providers_configuration_expresses_an_edge() -> None:
    key = ProviderKey("aws", "main", (Output(at("dns"), ("y",)),), ("${resources.dns.outputs.y}",))
    block = ProviderBlock("hashicorp/aws", None, {"region": ref("dns")})
    node = resource("db", needs={"a": "dns"}, providers={"aws": key})
    assert "depends_on" not in module("db", node, resource("dns"), providers={key: block})


def test_numbered_maps_of_a_provider_are_nested_blocks_in_order() -> None:
    configuration = {
        "role[10]": {"arn": "c"},
        "role[2]": {"arn": "b", "tag[0]": {"k": "v"}, "none": None},
        "features[0]": {},
        "plain[0]": "no map",
        "map\\[0]": {"a[0]": {}},
        "tags": {"a[0]": {"${k}": 1}},
        "gone": None,
        "token": Template((Variable("T"),)),
    }
    assert blocks.body(values.encode(configuration), expression) == {
        "role": [{"arn": "b", "tag": [{"k": "v"}]}, {"arn": "c"}],
        "features": [{}],
        "plain[0]": "no map",
        "map[0]": {"a[0]": {}},
        "tags": {"a[0]": {"$${k}": 1}},
        "token": "${var.T}",
    }


@pytest.mark.parametrize(
    ("source", "written"),
    [
        pytest.param(inline("locals {}"), {"source": "./modules/m/599ffcf2e6bf"}, id="inline"),
        pytest.param(
            ModuleSource(SourceKind.LOCAL, "platform/modules/m", "0123456789abcdef"),
            {"source": "./modules/m/0123456789ab/platform/modules/m"},
            id="local",
        ),
        pytest.param(
            ModuleSource(SourceKind.REGISTRY, "a/b/c", "a/b/c@1.2.3", "1.2.3"),
            {"source": "a/b/c", "version": "1.2.3"},
            id="registry",
        ),
        pytest.param(
            ModuleSource(SourceKind.GIT, "git::https://h/m.git//s?depth=1&ref=v1", "x", "c" * 40),
            {"source": f"git::https://h/m.git//s?ref={'c' * 40}"},
            id="git-tag-with-a-recorded-commit",
        ),
        pytest.param(
            ModuleSource(SourceKind.GIT, "git::https://h/m.git", "x"), {"source": "git::https://h/m.git"}, id="git-open"
        ),
        pytest.param(
            ModuleSource(SourceKind.GIT, f"git::https://h/m.git?ref={'d' * 40}", "x", "d" * 40),
            {"source": f"git::https://h/m.git?ref={'d' * 40}"},
            id="git-commit",
        ),
        pytest.param(ModuleSource(SourceKind.PATH, "/opt/m", "/opt/m"), {"source": "/opt/m"}, id="path"),
    ],
)
def test_a_modules_code_is_found_where_its_source_says(source: ModuleSource, written: dict[str, str]) -> None:
    assert rendered(resource("db", module="m", source=source))["module"][module_name(at("db"))] == written


def test_every_workload_has_an_output_and_every_node_its_metadata() -> None:
    found = rendered(workload("0api", {"N": ref("db")}), workload("web"), resource("db"))["output"]
    name = module_name(at("db"))
    assert found == {
        output_name("0api"): {"sensitive": True, "value": {"N": f"${{module.{name}.y}}"}},
        "web": {"sensitive": True, "value": {}},
        "platform_orchestrator_metadata": {
            "value": {"db.default#x": f'${{lookup(module.{name}, "platform_orchestrator_metadata", {{}})}}'}
        },
    }


@pytest.mark.engine
def test_the_engine_finds_the_configuration_valid_and_evaluates_it_as_meant(tmp_path: Path) -> None:
    silent = inline('variable "x" {}\nresource "terraform_data" "it" {}\n')
    made = document(
        workload("0api", {"WHOLE": ref("db"), "TEXT": Template(("$", Output(at("db"), ("y", "list", "0")), "${x}"))}),
        resource("db", params={"x": {"list": [1, None, {}, []], "${key}": "%{value}", "$": "$${x}"}}),
        resource("dns", module="silent", source=silent, inputs={"x": ref("db", "y", "list")}, after=("queue",)),
        resource("queue", needs={"db": "db"}, params={"x": Template((Outputs((at("db"),), ("y",)),))}),
        resource("last", params={"x": ref("queue")}),
    )
    files = bind(made, offline()).files
    engine = engine_at(tmp_path)
    engine.accepts(files)
    echoed = {"list": [1, None, {}, []], "${key}": "%{value}", "$": "$${x}"}
    outputs = engine.applied(files)
    assert outputs["w_0api"] == {"WHOLE": echoed, "TEXT": "$1${x}"}
    assert outputs["platform_orchestrator_metadata"] == {
        "db.default#x": {"kind": "echo"},
        "dns.default#x": {},
        "last.default#x": {"kind": "echo"},
        "queue.default#x": {"kind": "echo"},
    }
