"""The public part of a diagnostic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from controller.tofu.bind import bind, offline
from controller.tofu.diagnostics import public
from controller.tofu.names import module_name
from tests.stages.test_desired import everything
from tests.tofu_factories import at, document, engine_at, inline, resource, workload

SECRET = "hunter2-hunter2"


def masked(text: str) -> str:
    return text.replace(SECRET, "(masked)")


def said(step: str = "plan", main: str = "", **parts: Any) -> dict[str, Any] | None:
    return public({"severity": "error", "summary": "Bad thing", **parts}, step, masked, main)


def spot(filename: str, line: int) -> dict[str, Any]:
    return {"filename": filename, "start": {"line": line, "column": 1, "byte": 1}, "end": {"line": line, "column": 9}}


@pytest.mark.parametrize("step", ["init", "validate"])
def test_a_detail_is_public_before_any_provider_has_spoken(step: str) -> None:
    assert said(step, detail=f"No such thing as {SECRET}.", summary=f"No {SECRET}") == {
        "severity": "error",
        "summary": "No (masked)",
        "detail": "No such thing as (masked).",
    }


@pytest.mark.parametrize(
    ("step", "parts"),
    [
        pytest.param("plan", {}, id="plan"),
        pytest.param("apply", {}, id="apply"),
        pytest.param("show", {}, id="show"),
        pytest.param("validate", {"address": "module.m.aws_x.it"}, id="a-resource"),
        pytest.param("init", {"address": 'provider["registry.terraform.io/hashicorp/aws"].a'}, id="a-provider"),
        pytest.param(
            "validate", {"snippet": {"context": 'resource "aws_x" "it"', "values": []}}, id="inside-a-resource"
        ),
        pytest.param("validate", {"snippet": {"context": 'provider "aws"'}}, id="inside-a-provider"),
    ],
)
def test_a_detail_stays_in_the_log_where_a_provider_may_have_written_it(step: str, parts: dict[str, Any]) -> None:
    found = said(step, detail="said: abc", **parts)
    assert found is not None
    assert (found["withheld"], found.get("detail")) == (True, None)
    assert "abc" not in json.dumps(found)


def test_values_of_a_snippet_are_never_public() -> None:
    snippet = {
        "context": 'output "x"',
        "code": f"x = {SECRET}",
        "values": [{"traversal": "var.x", "statement": SECRET}],
    }
    assert SECRET not in json.dumps(said("validate", snippet=snippet, detail="d"))


def test_an_address_says_whose_it_is() -> None:
    made = document(resource("db"), workload("0api"))
    main = bind(made, offline()).files["main.tf.json"].decode()
    name = module_name(at("db"))
    address = f'module.{name}.module.deep["a.b"].aws_x.it[0]'
    assert said(address=address, main=main) == {
        "severity": "error",
        "summary": "Bad thing",
        "address": address,
        "module": "db.default#x",
        "resource": 'module.deep["a.b"].aws_x.it[0]',
    }
    assert said(address="module.gone.aws_x.it", main=main) == {
        "severity": "error",
        "summary": "Bad thing",
        "address": "module.gone.aws_x.it",
        "module": "gone",
        "resource": "aws_x.it",
    }
    assert said(address='provider["r/h/aws"].a') == {
        "severity": "error",
        "summary": "Bad thing",
        "address": 'provider["r/h/aws"].a',
        "provider": 'provider["r/h/aws"].a',
    }


def test_a_file_of_a_local_module_is_named_as_in_git() -> None:
    found = said(range=spot("modules/m/0123456789ab/platform/modules/m/main.tf", 7))
    assert found == {"severity": "error", "summary": "Bad thing", "file": "platform/modules/m/main.tf", "line": 7}


@pytest.mark.parametrize(
    ("text", "whose"),
    [
        pytest.param('"size"', {"module": "db.default#x"}, id="an-input-of-a-module"),
        pytest.param('"token"', {"provider": "aws-main-93b8ab48"}, id="a-provider"),
        pytest.param('"URL"', {"workload": "api"}, id="an-output-of-a-workload"),
        pytest.param('"backend"', {}, id="none-of-them"),
        pytest.param('"dns.default#x"', {}, id="the-metadata"),
    ],
)
def test_a_line_of_the_generated_file_is_said_of_what_it_was_written_for(text: str, whose: dict[str, str]) -> None:
    graph = everything()
    main = bind(document(*graph.nodes.values(), providers=graph.providers), offline()).files["main.tf.json"].decode()
    line = next(n for n, written in enumerate(main.splitlines(), 1) if text in written)
    assert said(range=spot("main.tf.json", line), main=main) == {"severity": "error", "summary": "Bad thing", **whose}


def test_the_engines_remark_on_our_way_of_naming_is_nobodys_business() -> None:
    assert public({"severity": "warning", "summary": "Duplicate required provider"}, "init", masked) is None
    assert public({"severity": "error"}, "init", masked) is None


@pytest.mark.engine
@pytest.mark.parametrize(
    ("code", "params", "diagnostic"),
    [
        pytest.param(
            'variable "x" {}\n',
            {"x": 1, "surplus": 1},
            {
                "summary": "Extraneous JSON object property",
                "detail": 'No argument or block type is named "surplus".',
                "module": "db.default#x",
            },
            id="in-the-generated-file",
        ),
        pytest.param(
            'variable "x" {}\noutput "y" {\n  value = var.nope\n}\n',
            {"x": 1},
            {
                "summary": "Reference to undeclared input variable",
                "detail": 'An input variable with the name "nope" has not been declared. '
                'This variable can be declared with a variable "nope" {} block.',
                "code_of": "echo",
                "line": 3,
            },
            id="in-inline-code",
        ),
    ],
)
def test_diagnostics_of_a_real_engine_lead_to_their_cause(
    tmp_path: Path, code: str, params: dict[str, Any], diagnostic: dict[str, Any]
) -> None:
    bundle = bind(document(resource("db", source=inline(code), params=params)), offline())
    engine = engine_at(tmp_path)
    engine.write(bundle.files)
    engine.run("init", "-backend=false", "-input=false")
    main = bundle.files["main.tf.json"].decode()
    assert [public(one, "validate", masked, main) for one in engine.diagnostics()] == [
        {"severity": "error", **diagnostic}
    ]


def test_a_metadata_output_that_lockstep_did_not_write_is_no_trouble() -> None:
    """A user saw the supervisor stop over a main.tf.json whose metadata output held a number."""
    found = {"severity": "error", "summary": "No", "range": {"filename": "modules/a/x/main.tf", "start": {"line": 1}}}
    strange = '{"output": {"platform_orchestrator_metadata": {"value": {"a.b#c": 1}}}}'
    told = public({**found, "address": "module.m.terraform_data.x"}, "plan", lambda text: text, strange)
    assert told is not None
    assert told["module"] == "m"


def test_urls_lose_what_may_open_a_door() -> None:
    """Registries redirect to addresses that are signed, mirrors may have a password."""
    text = (
        "unsuccessful request to https://bot:hunter3@mirror.example/a/thing.zip?X-Signature=abc&b=1: 403 Forbidden, "
        'see "https://docs.example/it?topic=x" or git::ssh://git@forge.example/m.git.'
    )
    clean = (
        "unsuccessful request to https://mirror.example/a/thing.zip 403 Forbidden, "
        'see "https://docs.example/it" or git::ssh://forge.example/m.git.'
    )
    found = said("init", summary=text, detail=text)
    assert found is not None
    assert (found["summary"], found["detail"]) == (clean, clean)
