"""Text that the engine reads back unchanged."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controller.tofu import escape, values
from controller.tofu.render import expression
from tests.tofu_factories import engine_at

HOSTILE = [
    "${x}",
    "$${x}",
    "$$${x}",
    "%{if x}",
    "%%{x}",
    "%%%{x}",
    "$",
    "$$",
    "${",
    "%{",
    "$%{",
    "%${",
    "{",
    "}",
    "${~x~}",
]
HOSTILE += [
    "",
    "//",
    "$$$",
    'a\\b"c',
    '${"$"}',
    "\\${x}",
    "é€😀",
    "\x00\x1f\x7f",
    "line\n${\tx}",
    "\u2028",
    "true",
    "null",
    "1e9",
    "\ufeff",
    "\ufeff\ufeffx",
    "\ufeff\r${x}",
]


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def texts() -> st.SearchStrategy[str]:
    """Strings made of what templates are made of, normalised as the reader of YAML does and the engine too."""
    pieces = st.sampled_from(["$", "%", "{", "}", "~", '"', "\\", "x", "\n", "\r", " ", "é", "😀", "/", ".", "\ufeff"])
    whole = st.one_of(st.lists(pieces, max_size=12).map("".join), st.text(max_size=12))
    return whole.map(_normal)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("a ${b} %{c}", "a $${b} %%{c}", id="both-openings"),
        pytest.param("$5 for 100% {x}", "$5 for 100% {x}", id="nothing-else"),
        pytest.param("$${x}", "$$${x}", id="what-looks-escaped"),
        pytest.param("\ufeff\r$", '${"\\ufeff"}${"\\r"}$', id="a-byte-order-mark-that-the-engine-would-drop"),
        pytest.param("a\ufeffb", "a\ufeffb", id="and-one-that-it-keeps"),
        pytest.param("a\rb", "a\rb", id="a-carriage-return-alone"),
        pytest.param("a$\r$${b}", 'a${"$\\r"}$$${b}', id="and-before-an-opening"),
    ],
)
def test_only_what_opens_a_template_is_escaped(text: str, written: str) -> None:
    assert escape.literal(text) == written


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        pytest.param([("var.x",)], "${var.x}", id="a-reference-alone-keeps-its-type"),
        pytest.param(["a ${", ("var.x",), "}"], "a $${${var.x}}", id="text-around"),
        pytest.param(["costs $", ("var.x",)], 'costs ${"$"}${var.x}', id="a-dollar-right-before"),
        pytest.param(["a", "$$", ("var.x",)], 'a${"$$"}${var.x}', id="dollars-in-a-part-of-their-own"),
        pytest.param([("var.x",), "${y}"], "${var.x}$${y}", id="text-behind"),
        pytest.param(["a\rb\r\n$", ("var.x",)], 'a${"\\r"}b\r\n${"$"}${var.x}', id="a-lone-carriage-return"),
        pytest.param(
            ["\ufeff$", ("var.x",), "\ufeff"], '${"\\ufeff"}${"$"}${var.x}${"\\ufeff"}', id="byte-order-marks"
        ),
        pytest.param(["$", "{x}"], "$${x}", id="an-opening-across-two-parts"),
    ],
)
def test_expressions_stand_between_escaped_texts(parts: list[str | tuple[str]], written: str) -> None:
    assert escape.template(parts) == written


def test_a_step_that_is_no_identifier_is_an_index() -> None:
    assert escape.traversal("module.a", ["b", "c-d", "0", "-e"]) == 'module.a.b.c-d["0"]["-e"]'


@pytest.mark.engine
@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(texts(), min_size=100, max_size=150))
def test_the_engine_gives_every_text_back_as_value_and_as_key(
    tmp_path_factory: pytest.TempPathFactory, found: list[str]
) -> None:
    folder: Path = tmp_path_factory.mktemp("escape")
    strings = [*HOSTILE, *found]
    meant = {f"o{n}": [text, {text: [{text: text}]}, _normal(f"A{text}A")] for n, text in enumerate(strings)}
    encoded = {f"o{n}": {"value": _written(text)} for n, text in enumerate(strings)}
    config = json.dumps({"output": encoded}).encode()
    assert engine_at(folder).applied({"main.tf.json": config}) == meant


def _written(text: str) -> list[Any]:
    upper = ('upper("a")',)
    return [*expression(values.encode([text, {text: [{text: text}]}])), escape.template([upper, text, upper])]
