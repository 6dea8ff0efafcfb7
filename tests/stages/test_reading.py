from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import ManifestError, Place, Problem
from controller.manifest import reading
from controller.model.document import Json, Node, find, leaves, plain
from tests.manifest_factories import complaints, node


def read(text: str | bytes) -> Json:
    return plain(reading.read_one("f.yaml", text if isinstance(text, bytes) else text.encode()))


def refused(text: str | bytes) -> list[str]:
    return complaints(lambda: read(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("yes", "yes", id="yes-is-text"),
        pytest.param("on", "on", id="on-is-text"),
        pytest.param("12:30", "12:30", id="sexagesimal-is-text"),
        pytest.param("1_000", "1_000", id="underscores-are-text"),
        pytest.param("2024-01-02", "2024-01-02", id="dates-are-text"),
        pytest.param("0b1", "0b1", id="binary-is-text"),
        pytest.param("1.2.3", "1.2.3", id="versions-are-text"),
        pytest.param("TRUE", True, id="boolean"),
        pytest.param("~", None, id="tilde-is-null"),
        pytest.param("", None, id="nothing-is-null"),
        pytest.param("-007", -7, id="leading-zeros-are-decimal"),
        pytest.param("0o17", 15, id="octal"),
        pytest.param("0x1F", 31, id="hexadecimal"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param(".5", 0.5, id="no-leading-zero"),
        pytest.param("'5'", "5", id="quotes-make-text"),
        pytest.param("! 5", "5", id="non-specific-tag-makes-text"),
        pytest.param("!!str 5", "5", id="tagged-text"),
        pytest.param("!!float 5", 5.0, id="tagged-float"),
        pytest.param("!!int '5'", 5, id="tagged-int"),
        pytest.param("e\u0301", "\u00e9", id="normalised-to-nfc"),
    ],
)
def test_a_scalar_has_the_value_that_yaml_1_2_gives_it(text: str, value: Json) -> None:
    found = read(f"a: {text}\n")["a"]
    assert (found, type(found)) == (value, type(value))


def test_every_value_and_key_remembers_its_place() -> None:
    found = node(
        """\
        a:
          - "b": ü
            c: [1, {d: 2}]
        """
    )
    place = lambda line, column: Place("f.yaml", line, column)  # noqa: E731
    item = find(found, ["a", 0])
    assert item is not None
    assert (found.place, found.entries["a"].key, item.place) == (place(1, 1), place(1, 1), place(2, 5))
    assert item.entries["b"] == Node("ü", place(2, 10), place(2, 5))
    assert find(found, ["a", 0, "c", 1, "d"]) == Node(2, place(3, 16), place(3, 13))


@pytest.mark.parametrize("text", ["a: 1\r\nb: 2\r\n", "\ufeffa: 1\nb: 2\n", "%YAML 1.2\n---\na: 1\nb: 2\n...\n"])
def test_line_ends_byte_order_mark_and_directive_do_not_matter(text: str) -> None:
    assert read(text) == {"a": 1, "b": 2}


def test_several_documents_are_read_and_empty_ones_left_out() -> None:
    found = reading.read("f.yaml", b"---\na: 1\n---\n# nothing\n---\nb: 2\n---\n")
    assert [plain(document) for document in found] == [{"a": 1}, {"b": 2}]


def test_an_empty_file_is_an_empty_map_at_its_beginning() -> None:
    assert reading.read_one("f.yaml", b"# nothing\n") == Node({}, Place("f.yaml", 1, 1))


def test_a_second_document_is_refused_where_one_is_wanted() -> None:
    assert refused("a: 1\n---\nb: 2\n") == ["f.yaml:3:1: a second document begins here; give it a file of its own"]


def test_aliases_and_merge_keys_work_and_keep_the_place_of_what_they_name() -> None:
    found = node("x: &x {a: 1, b: 2}\ny: *x\nz:\n  <<: [*x, {b: 3, c: 4}]\n  a: 9\n")
    assert plain(found)["y"] == {"a": 1, "b": 2}
    assert plain(found)["z"] == {"a": 9, "b": 2, "c": 4}
    assert found.entries["y"].place == Place("f.yaml", 1, 4)
    assert found.entries["y"].key == Place("f.yaml", 2, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "a: 1\na: 2", "2:1: the key `a` was already given at line 1, column 1; keep one of the two", id="double"
        ),
        pytest.param(
            "\u00e9: 1\ne\u0301: 2",
            "2:1: the key `\u00e9` was already given at line 1, column 1; keep one of the two",
            id="double-after-nfc",
        ),
        pytest.param("1: x", "1:1: the key `1` is a number, not a text; write it in quotes", id="number-as-key"),
        pytest.param("[a]: x", "1:1: a key is a list, not a text; write it in quotes", id="list-as-key"),
        pytest.param(
            "a: .inf",
            "1:4: `.inf` is a number that JSON does not have; write it in quotes, or leave it out",
            id="infinity",
        ),
        pytest.param("a: 1e999", "1:4: `1e999` is too large for a number; write it in quotes", id="huge-float"),
        pytest.param(
            "a: " + "9" * 101, "1:4: the number has more than 100 digits; write it in quotes", id="huge-integer"
        ),
        pytest.param(
            'a: "\\0"', "1:4: the text holds the character NUL; remove `\\0`; no resource can take it", id="escaped-nul"
        ),
        pytest.param("a: \0", "1:4: there is the character NUL in the file; remove it", id="nul"),
        pytest.param("a: \x1b", "1:4: there is a control character (U+001B) in the file; remove it", id="escape"),
        pytest.param(
            "a: b\u2028", "1:5: there is an invisible line break (U+2028) in the file; remove it", id="u-2028"
        ),
        pytest.param(b"a: 1\n\xc3\xa9: \xff", "2:4: the file is not UTF-8; save it as UTF-8", id="bad-utf-8"),
        *(
            pytest.param("a: 1".encode(code), f"1:1: the file is {code[:6].upper()}; save it as UTF-8", id=code)
            for code in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
        ),
        pytest.param(b" " * (2**20 + 1), "1:1: the file is larger than 1 MiB; split it", id="too-large"),
        pytest.param("a: !!binary aGk=", "1:4: the tag `!!binary` is not known here; remove it", id="binary"),
        pytest.param("a: !secret {}", "1:4: the tag `!secret` is not known here; remove it", id="tag-of-a-map"),
        pytest.param(
            "a: !!int x", "1:4: `x` does not fit the tag `!!int`; remove the tag or mend the value", id="wrong-tag"
        ),
        pytest.param(
            "a: !!int ''",
            "1:4: no value does not fit the tag `!!int`; remove the tag or mend the value",
            id="empty-int",
        ),
        pytest.param(
            "a: !!map [b]",
            "1:4: a list does not fit the tag `!!map`; remove the tag or mend the value",
            id="list-as-map",
        ),
        pytest.param(
            "a: !!str {b: c}",
            "1:4: a map does not fit the tag `!!str`; remove the tag or mend the value",
            id="map-as-text",
        ),
        pytest.param("? \n: x", "1:2: a key is empty, not a text; write it in quotes", id="empty-key"),
        pytest.param("a: &a {<<: *a}", "1:12: `*a` stands inside of what it names; remove it", id="merge-of-itself"),
        pytest.param(
            "base: &base 1\na: *bass",
            "2:4: nothing is named `&bass` before this line; did you mean `base`?",
            id="unknown-alias",
        ),
        pytest.param("a: &a [*a]", "1:8: `*a` stands inside of what it names; remove it", id="circle"),
        pytest.param(
            "<<: 1", '1:1: `<<` takes a map or a list of maps; write `"<<"` if a key is meant', id="merge-of-a-number"
        ),
        pytest.param("a:\n\tb: 1", "2:1: there is a tab where blanks belong; indent with blanks", id="tab"),
        pytest.param("a: 'x\nb: 1", "1:4: the text in quotes has no end; add the closing quote", id="open-quote"),
        pytest.param(
            "a: [1,\nb: 2",
            "1:4: the list or map in brackets that begins here has no end, or lacks a `,`; "
            "add the bracket or the comma",
            id="open-bracket",
        ),
        pytest.param(
            "a: [1,\n\n", "1:7: a value is missing here; write one, or remove the sign before it", id="end-in-a-list"
        ),
        pytest.param(
            "a: b: c",
            "1:5: there is a `:` that does not belong here; "
            "check the indentation, and put a value that holds `: ` in quotes",
            id="colon",
        ),
        pytest.param(
            "{a: {b:}}",
            "1:7: a `:` in brackets has no blank after it; write one, or put the text in quotes",
            id="colon-in-brackets",
        ),
        pytest.param(
            "a: `x`", "1:4: no value can begin with this character; write the whole value in quotes", id="backtick"
        ),
        pytest.param(
            "a:\n  - b\n - c",
            "3:2: the indentation does not fit the lines above, or a quote closed too early; line it up with them",
            id="indentation",
        ),
        pytest.param(
            'a: "\\ud83d"',
            "1:7: the escape in double quotes names no character; write the character itself, or as `\\U0001F600`",
            id="lone-surrogate",
        ),
        pytest.param("[" * 200, "1:101: values are nested more than 100 deep; make it flatter", id="too-deep"),
        pytest.param(
            "a: " + "[" * 5000, "1:1003: values are nested more than 100 deep; make it flatter", id="far-too-deep"
        ),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str | bytes, message: str) -> None:
    assert refused(text) == [f"f.yaml:{message}"]


def test_all_mistakes_of_a_file_are_reported_at_once() -> None:
    assert refused("a: .nan\n2: b\na: c\nd: *e\nf: [") == [
        "f.yaml:1:4: `.nan` is a number that JSON does not have; write it in quotes, or leave it out",
        "f.yaml:2:1: the key `2` is a number, not a text; write it in quotes",
        "f.yaml:3:1: the key `a` was already given at line 1, column 1; keep one of the two",
        "f.yaml:4:4: nothing is named `&e` before this line; name something `&e` before",
        "f.yaml:5:5: a value is missing here; write one, or remove the sign before it",
    ]


def test_aliases_cannot_make_a_file_explode() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert refused("\n".join(lines)) == [
        "f.yaml:5:36: aliases make the file grow by more than 100,000 values, or as much text; write fewer aliases"
    ]


@pytest.mark.parametrize(
    ("long", "place"),
    [
        pytest.param("&x " + "y" * 500_000, "2:32", id="text"),
        pytest.param("&x {" + "y" * 500 + ": 1}", "2:25004", id="key"),
    ],
)
def test_aliases_of_long_texts_cannot_make_a_file_explode(long: str, place: str) -> None:
    """100,000 times half a megabyte filled the memory."""
    assert refused(f"a: {long}\nb: [{'*x,' * 100_000}]") == [
        f"f.yaml:{place}: aliases make the file grow by more than 100,000 values, or as much text; write fewer aliases"
    ]


@pytest.mark.parametrize("text", ["a: 1\rb:\r  - .nan\r", "a: 1\r\nb:\r\n  - .nan\r\n", "a: 1\nb:\r  - .nan\n"])
def test_every_kind_of_line_end_counts_as_one(text: str) -> None:
    assert refused(text) == [
        "f.yaml:3:5: `.nan` is a number that JSON does not have; write it in quotes, or leave it out"
    ]


def test_texts_in_blocks_and_quotes_remember_where_they_begin() -> None:
    found = node("a: |\n  x\nb: >-\n    y\nc: 'q\n  r'\nd:\n  - &z {e: \"f\"}\n")
    assert [(plain(leaf), leaf.place.line, leaf.place.column) for _, leaf in leaves(found)] == [
        ("x\n", 1, 4),
        ("y", 3, 4),
        ("q r", 5, 4),
        ([{"e": "f"}], 8, 3),
    ]
    assert find(found, ["d", 0, "e"]) == Node("f", Place("f.yaml", 8, 12), Place("f.yaml", 8, 9))


def test_aliases_cannot_make_a_file_too_deep() -> None:
    deep = "[" * 60 + "1" + "]" * 60
    assert refused(f"a: &a {deep}\nb: {'[' * 50}*a{']' * 50}") == [
        "f.yaml:2:54: values are nested more than 100 deep; make it flatter"
    ]


@given(st.text(alphabet=st.sampled_from("ab:-?[]{}&*!|>'\"%@`#,~<=0. \n\t\\é\x85\ufeff"), max_size=40))
def test_nothing_makes_the_reader_fail_but_with_places(text: str) -> None:
    for parser in (reading._PARSER, yaml.SafeLoader):
        assert all(isinstance(problem.where, Place) for problem in _problems(text, parser))


def _problems(text: str, parser: type) -> tuple[Problem, ...]:
    try:
        reading._Reader("f.yaml", text, parser).documents()
    except ManifestError as error:
        return error.problems
    return ()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**9), 10**9)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text("ab:#-é ", max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1: ", min_size=1, max_size=4), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
def test_json_is_read_as_itself(value: Json) -> None:
    assert read(json.dumps({"a": value})) == {"a": value}
