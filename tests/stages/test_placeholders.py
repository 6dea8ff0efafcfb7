"""What does a text with `${…}` in it say?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.graph.placeholders import (
    ContextKey,
    Hop,
    MalformedError,
    OfResource,
    OfSelf,
    OfShared,
    RunnerVariable,
    Selection,
    escape,
    parse,
)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param("${context.env_id}", ContextKey("${context.env_id}", "env_id"), id="context"),
        pytest.param("${var.TOKEN}", RunnerVariable("${var.TOKEN}", "TOKEN"), id="var"),
        pytest.param(
            "${resources.my-db_1.outputs.host}",
            OfResource("${resources.my-db_1.outputs.host}", "my-db_1", ("host",)),
            id="resources",
        ),
        pytest.param(
            "${shared.dns.outputs.zones.0.name}",
            OfShared("${shared.dns.outputs.zones.0.name}", "dns", ("zones", "0", "name")),
            id="shared-with-a-path",
        ),
        pytest.param("${self.outputs.id}", OfSelf("${self.outputs.id}", ("id",)), id="self"),
        pytest.param(
            "${select.consumers('workload').dependencies('db.@#@-x.y').outputs.host}",
            Selection(
                "${select.consumers('workload').dependencies('db.@#@-x.y').outputs.host}",
                (Hop("consumers", "workload", None, None), Hop("dependencies", "db", "@", "@-x.y")),
                ("host",),
            ),
            id="select",
        ),
    ],
)
def test_each_form_is_read(text: str, part: object) -> None:
    assert parse(text) == (part,)


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("a $ b $$ c {d} $x", "a $ b $$ c {d} $x", id="lone-dollars"),
        pytest.param("$${x}", "${x}", id="doubled-dollar"),
        pytest.param(r"$\{x}", "${x}", id="backslash"),
        pytest.param("$$${x}", "$${x}", id="a-dollar-before-the-doubled-one"),
        pytest.param(r"$\\{x}", r"$\{x}", id="further-backslashes-stand-for-themselves"),
    ],
)
def test_literal_text_stays_and_escapes_are_undone(text: str, literal: str) -> None:
    assert parse(text) == (literal,)


def test_text_and_placeholders_keep_their_order() -> None:
    assert parse("a${var.A}$${b}${var.C}") == (
        "a",
        RunnerVariable("${var.A}", "A"),
        "${b}",
        RunnerVariable("${var.C}", "C"),
    )


@given(st.text(alphabet="$\\{}ab.", max_size=12))
def test_whatever_is_escaped_comes_back(text: str) -> None:
    assert parse(escape(text)) == (text,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${}", "placeholder `${}` is empty; say what it yields, or write `$${` for a literal `${`"),
        ("a ${b", "`${` at character 3 is not closed; close it with `}`, or write `$${` for a literal `${`"),
        ("${{ x }}", "`${` at character 1 has another `{` before its `}`; write `$${` for a literal `${`"),
        ("${ var.A }", "placeholder `${ var.A }` has blanks in it; leave them out, or write `$${` for a literal `${`"),
        (
            "x ${resource.db.outputs.host}",
            "placeholder `${resource.db.outputs.host}` begins with `resource`, which is none of `context`, "
            "`resources`, "
            "`select`, `self`, `shared`, `var` (at character 3); did you mean `resources`?",
        ),
        (
            "${HOME}",
            "placeholder `${HOME}` begins with `HOME`, which is none of `context`, `resources`, `select`, `self`, "
            "`shared`, `var`; write `$${` for a literal `${`",
        ),
        ("${context.env}", "`env` in `${context.env}` is not a key of `context`; did you mean `env_id`?"),
        (
            "${context.zone}",
            "`zone` in `${context.zone}` is not a key of `context`; it has `env_id`, `env_type_id`, `org_id`, "
            "`project_id`, `res_class`, `res_id`, `res_type`",
        ),
        (
            "${var.1x}",
            "`1x` in `${var.1x}` is not a name of a variable; write `${var.NAME}`; a name begins with a letter or `_` "
            "and has letters, digits, `_` and `-`",
        ),
        (
            "${var.source}",
            "the engine keeps the name `source` for itself; give the runner's variable another name",
        ),
        (
            "${resources.db}",
            "placeholder `${resources.db}` lacks `.outputs.` after `resources.db`; write `${resources.db.outputs.KEY}`",
        ),
        ("${resources}", "placeholder `${resources}` names no alias; write `${resources.ALIAS.outputs.KEY}`"),
        ("${self.id}", "placeholder `${self.id}` lacks `.outputs.` after `self`; write `${self.outputs.KEY}`"),
        (
            "${shared.a.outputs.}",
            "placeholder `${shared.a.outputs.}` lacks a key after a dot; write `${shared.a.outputs.KEY}`",
        ),
        (
            "${resources.a.outputs.b[0]}",
            "key `b[0]` in `${resources.a.outputs.b[0]}` has other characters than letters, digits, `_` and `-`; write "
            "`${resources.a.outputs.KEY}`; there are no functions, operators or indexes",
        ),
        (
            "x ${resources.a.outputs.0.b}",
            "`0` in `${resources.a.outputs.0.b}` cannot be the name of an output (at character 3); it begins with a "
            "letter or `_`",
        ),
        (
            "${select.outputs.x}",
            "placeholder `${select.outputs.x}` selects nothing; write `${select.dependencies('TYPE').outputs.KEY}` or "
            "`${select.consumers('TYPE').outputs.KEY}`",
        ),
        (
            "${select.dependency('db').outputs.x}",
            "`dependency` in `${select.dependency('db').outputs.x}` is no way to go; did you mean `dependencies`?",
        ),
        (
            "${select.consumers('a b').outputs.x}",
            "placeholder `${select.consumers('a b').outputs.x}` has blanks in it; leave them out, or write `$${` for a "
            "literal `${`",
        ),
        (
            "${select.consumers('#x').outputs.x}",
            "filter `#x` in `${select.consumers('#x').outputs.x}` cannot be read; write `TYPE`, `TYPE.CLASS` or "
            "`TYPE.CLASS#ID`",
        ),
    ],
)
def test_a_mistake_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(MalformedError) as error:
        parse(text)
    assert str(error.value) == message


def test_all_mistakes_of_a_text_are_told_and_what_is_right_is_kept() -> None:
    with pytest.raises(MalformedError) as error:
        parse("${a} ${var.X} ${b}")
    assert [mistake.what.partition(",")[0] for mistake in error.value.mistakes] == [
        "placeholder `${a}` begins with `a`",
        "placeholder `${b}` begins with `b`",
    ]
    assert RunnerVariable("${var.X}", "X") in error.value.parts


@given(st.text(alphabet="${}'().#@ abresourcesoutputsselectcontextvar\n", max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        assert parse(text)
    except MalformedError as error:
        mistakes = error.mistakes
    else:
        return
    assert mistakes


def test_a_text_full_of_escapes_is_read_in_one_go() -> None:
    """Each of a hundred thousand escapes copied all that stood before it."""
    assert parse("$${" * 100_000) == ("${" * 100_000,)


@pytest.mark.parametrize("tail", ["", "}", "{}"])
def test_a_text_full_of_openings_is_read_in_one_go(tail: str) -> None:
    """Found by fuzzing: for each `${` the whole rest of the text was searched for the `}` that closes it."""
    with pytest.raises(MalformedError) as error:
        parse("${select. {" * 100_000 + tail)
    assert len(error.value.mistakes) == 100_000
