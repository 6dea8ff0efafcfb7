"""What is read of files in the engine's language, in both of its syntaxes."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller import hcl

MEBIBYTE = 1 << 20


def shape(body: hcl.Body) -> Any:
    """Names of attributes, and blocks with theirs."""
    return [*body.attributes, *((block.type, *block.labels, shape(block.body)) for block in body.blocks)]


def strings(code: str) -> list[str]:
    return [found.text for expression in hcl.parse(code).attributes.values() for found in hcl.strings(expression)]


def told(code: str) -> str:
    with pytest.raises(hcl.HclError) as e:
        hcl.parse(code)
    return str(e.value)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        pytest.param("\ufeffa = 1 # b = 2\n// c = 3\nd=4", ["a", "d"], id="comments"),
        pytest.param("a /* x\n */ = 1\r\nb = 2\r\n", ["a", "b"], id="ends-of-lines"),
        pytest.param('a "b" c {\n d = 1\n e {}\n}\n', [("a", "b", "c", ["d", ("e", [])])], id="blocks"),
        pytest.param('a { b = "}" }', [("a", ["b"])], id="one-line"),
        pytest.param("a = [\n b,\n {\n c = 1 }\n]\nd = f(\n1\n)\n", ["a", "d"], id="values-of-many-lines"),
        pytest.param("a = <<E\nb = 1\n  E\nc = 1\n", ["a", "c"], id="heredoc"),
        pytest.param("a = <<-É-1\r\nE\r\n\tÉ-1 \r\nc = 1\r\n", ["a", "c"], id="heredoc-with-an-indented-mark"),
        pytest.param("a = <<E\n${1}E\nb = 1\n\N{NO-BREAK SPACE}E\nc = 1\n", ["a", "c"], id="heredoc-that-goes-on"),
        pytest.param("a = <<E\n${[<<F\nE\nF\n]}\nE\nc = 1\n", ["a", "c"], id="heredoc-in-a-heredoc"),
        pytest.param('a = "${"}"}"\nb = "$${"\nc = "%%{$$$%"\n', ["a", "b", "c"], id="strings-in-strings"),
        pytest.param('été-1 = "\\"{"\n', ["été-1"], id="names-and-escapes"),
    ],
)
def test_the_blocks_and_attributes_of_a_file_are_found(code: str, found: Any) -> None:
    assert shape(hcl.parse(code)) == found


@pytest.mark.parametrize(
    ("code", "what"),
    [
        pytest.param('a = 1\n b = "x\n"', "2:6: this string is not closed", id="string"),
        pytest.param('a = "x\\\n"', "1:5: this string is not closed", id="string-of-two-lines"),
        pytest.param('a = "${x"', "1:9: this string is not closed", id="string-in-a-string"),
        pytest.param('a = "x ${', "1:8: this `${` is not closed", id="interpolation"),
        pytest.param('a = "x %{ if }', "1:5: this string is not closed", id="string-behind-a-directive"),
        pytest.param("a = <<E\nx\n EE\n", "1:5: the text that `<<E` begins is not closed", id="heredoc"),
        pytest.param("a = 1\n/* x", "2:1: this comment is not closed", id="comment"),
        pytest.param("a {\n b = [1,\n c\n", "2:6: this `[` is not closed", id="list"),
        pytest.param("a {\n b = [1\n}\n", "3:1: this `}` closes nothing", id="other-bracket"),
        pytest.param("a = 1\n}\n", "2:1: this `}` closes nothing", id="bracket-of-nothing"),
        pytest.param('"a" = 1', '1:1: `"a"` is not a name', id="quoted-name"),
        pytest.param("a = 1\na = 2", "2:1: `a` is set twice", id="twice"),
        pytest.param("a b\n{}", "1:4: `a` is followed by neither `=` nor a block", id="block-on-the-next-line"),
        pytest.param("a", "1:2: `a` is followed by neither `=` nor a block", id="name-alone"),
        pytest.param("a = " + "[" * 101, "1:105: brackets are nested too deeply", id="depth"),
        pytest.param("a = " + '"${' * 101, "1:306: brackets are nested too deeply", id="depth-in-strings"),
    ],
)
def test_what_is_none_of_the_language_is_said_with_line_and_column(code: str, what: str) -> None:
    assert told(code) == what


def test_brackets_may_be_nested_as_deeply_as_anybody_writes_them() -> None:
    assert strings("a = " + "{b=[" * 49 + '"x"' + "]}" * 49) == ["x"]
    assert len(strings("a = " + '"${' * 99 + "1" + '}"' * 99)) == 99


def test_strings_are_found_with_what_stands_before_them() -> None:
    code = 'a = "x"\nmodule "m" {\n  b = f("y", "z ${g("w")}")\n  c = { d = "v" }\n  e = <<E\n${"u"}\nE\n}\n'
    top = hcl.parse(code)
    expressions = [*top.attributes.values(), *next(top.of("module")).body.attributes.values()]
    found = [each for expression in expressions for each in hcl.strings(expression)]
    assert [(each.text, each.before, hcl.Lines(code).place(each.offset)) for each in found] == [
        ("x", ("", ""), (1, 5)),
        ("y", ("f", "("), (3, 9)),
        ("w", ("g", "("), (3, 21)),
        ('z ${g("w")}', ('"y"', ","), (3, 14)),
        ("v", ("d", "="), (4, 13)),
        ("u", ("", ""), (6, 3)),
    ]


def test_a_call_on_several_lines_is_a_call() -> None:
    (found,) = hcl.strings(hcl.parse('a = file( # c\n  "x"\n)\n').attributes["a"])
    assert found.before == ("file", "(")


def test_the_strings_in_a_template_are_found_up_to_where_it_breaks() -> None:
    assert [found.text for found in hcl.in_template('"no" ${f("a", "b")} $${"c"} %{ if "d" } ${"')] == ["a", "b", "d"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (r'"a\n\"\\é\u00e9\U0001F600 $${x} %%{y}"', 'a\n"\\éé\N{GRINNING FACE} ${x} %{y}'),
        ('["a", b.c, 1, "d${e}",\n ["f"],]', ["a", None, None, None, ["f"]]),
        ('{ a = "b", "c": ["d"]\n e = f\n "${g}" = "h" }', {"a": "b", "c": ["d"], "e": None}),
        ('"a" == "b"', None),
        ("<<E\na\nE\n", None),
        (r'"\UFFFFFFFF"', None),
        (r'"\uD800"', None),
        ("", None),
    ],
)
def test_what_an_expression_of_literals_yields_is_known(expression: str, value: Any) -> None:
    assert hcl.literal(hcl.parse(f"x = {expression}\n").attributes["x"]) == value


def test_the_texts_of_a_file_in_json_syntax_have_their_keys_and_places() -> None:
    text = '{"a": {"b": ["c", {"d": "e\\n\\u00e9"}], "f": 1},\n "f": "b"}'
    lines = hcl.Lines(text)
    assert [(each.text, each.keys, lines.place(each.offset)) for each in hcl.texts(text) if not each.is_key] == [
        ("c", ("a", "b"), (1, 14)),
        ("e\né", ("a", "b", "d"), (1, 25)),
        ("b", ("f",), (2, 7)),
    ]
    assert [(each.text, each.keys) for each in hcl.texts(text) if each.is_key] == [
        ("a", ()),
        ("b", ("a",)),
        ("d", ("a", "b")),
        ("f", ("a",)),
        ("f", ()),
    ]


def test_a_key_that_stands_twice_has_both_values() -> None:
    """In this syntax it means two blocks; a reader of plain JSON sees only the last one."""
    text = '{"module": {"a": 1}, "module": [{"b": 2}], "output": {}}'
    assert hcl.document(text) == {"module": [{"a": 1}, {"b": 2}], "output": {}}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{\n "a": }', "2:7: this is not JSON"),
        ("", "1:1: this is not JSON"),
        ('["a' * 9, "1:6: this is not JSON"),
        ("[" * 101 + "]" * 101, "1:101: brackets are nested too deeply"),
        ("[" * 100_000, "1:1: this is not JSON"),
        ("1" * 10_000, "1:1: this is not JSON"),
    ],
)
def test_what_is_no_json_is_said_with_line_and_column(text: str, what: str) -> None:
    with pytest.raises(hcl.HclError) as e:
        list(hcl.texts(text))
    assert str(e.value) == what


@given(st.text(alphabet='aE"{}[]()=,.#/*<-\n\r\\$%~ ', max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(hcl.HclError):
        for expression in hcl.parse(text).attributes.values():
            list(hcl.strings(expression))
            hcl.literal(expression)
    list(hcl.in_template(text))
    with suppress(hcl.HclError):
        list(hcl.texts(text))


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        ("", '"'),
        ("a = ", '"'),
        ('a = "', '"'),
        ("", "{"),
        ("a = ", "{}"),
        ("", "a {"),
        ("a = ", '"${'),
        ('a = "', "$"),
        ('a = "', "\\"),
        ("a = 1 ", "/* "),
        ("a = ", "<<E\n"),
        ("a = <<", "E-"),
        ("a = <<E\n", "${"),
        ("a = <<E\n", " "),
        ("a = <<E\n", "\r"),
        ("a = ", "("),
        ("", " "),
        ("", "é"),
        ("", "[" * 99 + "]" * 99 + ","),
    ],
)
def test_a_mebibyte_of_anything_takes_seconds(start: str, piece: str) -> None:
    """A pattern that goes back over what it took, once for each sign, would take hours."""
    text = start + piece * (MEBIBYTE // len(piece))
    before = time.process_time()
    with suppress(hcl.HclError):
        for expression in hcl.parse(text).attributes.values():
            list(hcl.strings(expression))
    list(hcl.in_template(text))
    with suppress(hcl.HclError):
        list(hcl.texts(text))
    assert time.process_time() - before < 60
