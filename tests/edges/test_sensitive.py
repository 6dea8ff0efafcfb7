"""Which strings of a workload's outputs are hidden, key by key?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.model.graph import Output, Template
from controller.runner import sensitive
from controller.tofu.bind import bind, offline
from controller.tofu.names import METADATA
from tests.tofu_factories import at, document, engine_at, inline, ref, resource, workload

ROUTE = inline("""
resource "terraform_data" "password" {
  input = "canary-password"
}
resource "terraform_data" "marked" {
  input = sensitive("canary-marked")
}
output "url" {
  value = "https://shop.example"
}
output "addresses" {
  value = { main = "https://main.example", other = "https://other.example" }
}
output "secret_address" {
  value     = "https://hidden.example"
  sensitive = true
}
output "derived" {
  value = "pg://${terraform_data.marked.output}"
}
output "password" {
  value     = terraform_data.password.output
  sensitive = true
}
output "platform_orchestrator_metadata" {
  value = {
    Url    = "https://shop.example"
    Main   = "https://main.example"
    Hidden = "https://hidden.example"
    Leak   = terraform_data.password.output
  }
}
""")
WEB = workload(
    "7web",
    {
        "URL": ref("route", "url"),
        "ALL": ref("route", "addresses"),
        "SECRET": ref("route", "secret_address"),
        "DERIVED": ref("route", "derived"),
        "BOTH": Template((Output(at("route"), ("url",)), " ", Output(at("route"), ("password",)))),
        "PASSWORD": ref("route", "password"),
        "TEXT": "only text",
    },
)
HIDDEN = {
    "https://other.example",  # open, and nowhere public
    "https://hidden.example",  # declared sensitive, whatever the metadata says
    "pg://canary-marked",
    "https://shop.example canary-password",
    "canary-password",
    "only text",
}


@pytest.mark.engine
@pytest.mark.parametrize("program", ["terraform", "tofu"])
def test_what_a_module_shows_and_does_not_declare_sensitive_is_not_hidden(program: str, tmp_path: Path) -> None:
    """The address of a route stood as `(masked)` in its metadata because a workload gave it as an output."""
    engine = engine_at(tmp_path, program)
    engine.write(bind(document(WEB, resource("route", source=ROUTE)), offline()).files)
    engine.run("init", "-no-color", "-input=false")
    engine.run("plan", "-out=plan", "-no-color", "-input=false")
    show = json.loads(engine.run("show", "-json", "plan"))
    opened = sensitive.open_keys(show)
    assert opened == {"w_7web": ["ALL", "DERIVED", "TEXT", "URL"]}
    assert set(sensitive.in_show(show)) & {"https://shop.example", "https://main.example"} == set()

    engine.run("apply", "-no-color", "-input=false", "plan")
    outputs = json.loads(engine.run("output", "-json"))
    assert set(sensitive.in_outputs(outputs, opened)) == HIDDEN
    assert set(sensitive.in_outputs(outputs)) == HIDDEN | {"https://shop.example", "https://main.example"}

    engine.run("plan", "-out=plan", "-no-color", "-input=false")
    again = set(sensitive.in_show(json.loads(engine.run("show", "-json", "plan"))))
    assert again >= HIDDEN
    assert again & {"https://shop.example", "https://main.example"} == set()


def configured(value: Any, **outputs: Any) -> dict[str, Any]:
    calls = {"m": {"module": {"outputs": outputs}}}
    written = {"api": {"expression": {"constant_value": value}}}
    return {"configuration": {"root_module": {"outputs": written, "module_calls": calls}}}


@pytest.mark.parametrize(
    ("value", "outputs"),
    [
        pytest.param({"K": "${module.m.y}"}, {"y": {"sensitive": True}}, id="declared-sensitive"),
        pytest.param({"K": "${module.m.y}"}, {}, id="not-declared-at-all"),
        pytest.param({"K": "${module.other.y}"}, {"y": {}}, id="another-module"),
        pytest.param({"K": "${module.m}"}, {"y": {}}, id="a-whole-module"),
        pytest.param({"K": "${[module.m.y, module.m.z]}"}, {"y": {}, "z": {"sensitive": True}}, id="one-of-two"),
        pytest.param({"K": "${var.token}"}, {"y": {}}, id="a-variable"),
        pytest.param({"K": {"deep": "x"}}, {"y": {}}, id="no-text"),
        pytest.param("${module.m.y}", {"y": {}}, id="no-map"),
    ],
)
def test_in_doubt_no_key_is_open(value: Any, outputs: dict[str, Any]) -> None:
    assert sensitive.open_keys(configured(value, **outputs)) == {}


def test_a_key_of_outputs_that_are_declared_plain_is_open() -> None:
    assert sensitive.open_keys(configured({"K": "${[module.m.y, module.m.y]}"}, y={})) == {"api": ["K"]}


def test_marked_metadata_opens_nothing() -> None:
    outputs = {
        "api": {"sensitive": True, "value": {"K": "s-value"}},
        METADATA: {"sensitive": True, "value": {"n": {"Url": "s-value"}}},
    }
    assert set(sensitive.in_outputs(outputs, {"api": ["K"]})) == {"s-value"}
    outputs[METADATA]["sensitive"] = False
    assert set(sensitive.in_outputs(outputs, {"api": ["K"]})) == set()


@pytest.mark.parametrize("odd", [{"api": "K"}, {"api": None}, {"other": ["K"]}, {}])
def test_a_list_of_open_keys_of_an_odd_shape_opens_nothing(odd: Any) -> None:
    outputs = {
        "api": {"sensitive": True, "value": {"K": "s-value"}},
        METADATA: {"sensitive": False, "value": {"n": {"Url": "s-value"}}},
    }
    assert set(sensitive.in_outputs(outputs, odd)) == {"s-value"}
