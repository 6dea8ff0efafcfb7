"""Takes the engine's output apart: text for the log, public events, private ids, sensitive values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from controller.runner import output, sensitive
from controller.runner.output import Lines, Said

RESOURCE = {"addr": "module.a.aws_db.it", "resource_type": "aws_db"}


def line(message: str, **more: Any) -> bytes:
    return json.dumps({"@level": "info", "@message": message, **more}).encode()


def test_a_stream_is_cut_into_lines_as_it_comes() -> None:
    lines = Lines()

    assert list(lines.feed(b"one\ntw")) == [b"one"]
    assert list(lines.feed(b"o\n\nthree")) == [b"two", b""]
    assert list(lines.rest()) == [b"three"]
    assert list(lines.rest()) == []


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    lines = Lines()
    pieces = [piece for _ in range(6) for piece in lines.feed(b"x" * 1024 * 1024)]

    assert sum(map(len, pieces)) >= 4 * 1024 * 1024


def test_the_begin_of_a_resource_is_an_event() -> None:
    said = output.read(
        line("Creating...", type="apply_start", hook={"resource": RESOURCE, "action": "create", "id_value": "x"})
    )

    assert said == Said(
        "Creating...\n",
        event={"type": "apply_start", "address": "module.a.aws_db.it", "resource_type": "aws_db", "action": "create"},
    )


def test_the_id_of_what_was_made_is_private() -> None:
    hook = {"resource": RESOURCE, "action": "create", "id_key": "id", "id_value": "db-1", "elapsed_seconds": 3}
    said = output.read(line("Creation complete [id=db-1]", type="apply_complete", hook=hook))

    assert said.event == {
        "type": "apply_complete",
        "address": "module.a.aws_db.it",
        "resource_type": "aws_db",
        "action": "create",
        "seconds": 3,
    }
    assert said.identity == {
        "address": "module.a.aws_db.it",
        "resource_type": "aws_db",
        "action": "create",
        "key": "id",
        "value": "db-1",
    }


@pytest.mark.parametrize(
    ("written", "state"),
    [
        pytest.param(
            '"state":{"serial":1.00000000000000000001},"type":"log"', '{"serial":1.00000000000000000001}', id="raw"
        ),
        pytest.param('"type":"log", "state": {"serial": 1}', '{"serial": 1}', id="spaced"),
        pytest.param('"type":"planned_change","state":{"serial":1}', None, id="of-something-else"),
        pytest.param('"type":"log","state":"gone"', None, id="no-state"),
    ],
)
def test_a_state_that_is_said_is_kept_to_the_letter_and_not_logged(written: str, state: str | None) -> None:
    said = output.read(f'{{"@message":"Emergency state dump",{written}}}'.encode())
    assert (said.text, said.state) == ("Emergency state dump\n", state.encode() if state else None)


def test_a_summary_of_changes_is_an_event() -> None:
    changes = {"add": 1, "change": 0, "remove": 2, "operation": "apply"}

    assert output.read(line("Apply complete!", type="change_summary", changes=changes)).event == {
        "type": "change_summary",
        "operation": "apply",
        "changes": {"add": 1, "change": 0, "remove": 2},
    }


@pytest.mark.parametrize(
    "type_", ["provision_progress", "planned_change", "outputs", "refresh_start", "log", "version"]
)
def test_all_else_is_for_the_log_alone(type_: str) -> None:
    assert output.read(line("(local-exec): canary", type=type_, hook={"output": "canary"})) == Said(
        "(local-exec): canary\n"
    )


def test_a_diagnostic_is_written_out_in_full() -> None:
    given = {
        "severity": "error",
        "summary": "Invalid index",
        "detail": "The given key\ndoes not exist.",
        "address": "module.a.aws_db.it",
        "range": {"filename": "modules/a/main.tf", "start": {"line": 3}},
        "snippet": {
            "context": 'resource "aws_db" "it"',
            "code": "  name = var.names[7]",
            "start_line": 3,
            "values": [{"traversal": "var.names", "statement": "is list of string with 2 elements"}],
        },
    }
    said = output.read(line("Error: Invalid index", type="diagnostic", diagnostic=given))

    assert said.diagnostic == given
    assert said.event is None
    assert said.text == (
        "Error: Invalid index\n\n"
        "  with module.a.aws_db.it,\n"
        '  on modules/a/main.tf line 3, in resource "aws_db" "it":\n'
        "     3:   name = var.names[7]\n"
        "        var.names is list of string with 2 elements\n\n"
        "The given key\ndoes not exist.\n\n"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(b"no json", "no json\n", id="text"),
        pytest.param(b"", "\n", id="empty"),
        pytest.param(b'{"@message": ', '{"@message": \n', id="half"),
        pytest.param(b'{"other": 1}', '{"other": 1}\n', id="other"),
        pytest.param(b'{"@message": null}', '{"@message": null}\n', id="no-message"),
        pytest.param(b"[" * 100_000, "[" * 100_000 + "\n", id="deep"),
        pytest.param(b'{"a":' * 100_000, '{"a":' * 100_000 + "\n", id="deep-object"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd\n", id="bytes"),
        pytest.param(b"\x1b[1;31mred\x1b[0m\r", "red\n", id="colours"),
    ],
)
def test_whatever_comes_is_kept_as_text(given: bytes, text: str) -> None:
    assert output.read(given) == Said(text)


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "apply_start"},
        {"type": "apply_start", "hook": []},
        {"type": "apply_complete", "hook": {"resource": "x", "id_key": 7}},
        {"type": "change_summary", "changes": None},
        {"type": "diagnostic", "diagnostic": {}},
        {"type": "diagnostic", "diagnostic": {"range": 7, "snippet": {"code": 1, "start_line": "x", "values": 3}}},
        {"type": "diagnostic", "diagnostic": "x"},
        {"type": ["x"]},
    ],
)
def test_a_message_of_an_odd_shape_is_no_accident(odd: dict[str, Any]) -> None:
    assert output.read(line("message", **odd)).text != ""


def test_sensitive_values_of_a_plan_are_found() -> None:
    show = {
        "variables": {"PASSWORD": {"value": "s-variable"}, "NAME": {"value": "open"}},
        "configuration": {"root_module": {"variables": {"PASSWORD": {"sensitive": True}, "NAME": {}}}},
        "resource_changes": [
            {
                "change": {
                    "before": {"key": "s-before", "list": ["open", "s-item"]},
                    "before_sensitive": {"key": True, "list": [False, True]},
                    "after": {"key": {"deep": ["s-deep", 1234567]}, "open": "open"},
                    "after_sensitive": {"key": True},
                }
            }
        ],
        "output_changes": {"api": {"before": None, "after": {"URL": "s-output"}, "after_sensitive": True}},
        "prior_state": {"values": {"outputs": {"api": {"sensitive": True, "value": "s-prior"}}}},
        "planned_values": {
            "root_module": {
                "child_modules": [{"resources": [{"values": {"p": "s-planned"}, "sensitive_values": {"p": True}}]}]
            }
        },
    }

    assert sorted(sensitive.in_show(show)) == [
        "1234567",
        "s-before",
        "s-deep",
        "s-item",
        "s-output",
        "s-planned",
        "s-prior",
        "s-variable",
    ]


def test_sensitive_values_of_a_state_and_of_outputs_are_found() -> None:
    resources = [{"values": {"password": "s-state", "name": "open"}, "sensitive_values": {"password": True}}]
    outputs = {"api": {"sensitive": True, "value": {"URL": "s-output"}}, "open": {"sensitive": False, "value": "open"}}

    assert list(sensitive.in_show({"values": {"root_module": {"resources": resources}}})) == ["s-state"]
    assert list(sensitive.in_outputs(outputs)) == ["s-output"]


@pytest.mark.parametrize(
    "odd", [{}, {"values": None}, {"resource_changes": {}}, {"variables": []}, {"output_changes": {"a": 1}}]
)
def test_a_document_of_an_odd_shape_has_no_secrets(odd: dict[str, Any]) -> None:
    assert list(sensitive.in_show(odd)) == []
