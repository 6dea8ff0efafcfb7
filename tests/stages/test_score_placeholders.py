from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.graph import placeholders
from controller.manifest import score_placeholders
from controller.manifest.score_placeholders import Scope
from tests.manifest_factories import cases, node

METADATA = """\
name: api
other: {key: value}
annotations: {"key.com/foo-bar": "it is ${resources.db.host}"}
team: {n: 1.0, name: <ops>, list: [b, a], none: null, yes: true, big: 1e21, small: 0.0000001, half: 0.5}
"""


def rewritten(text: str, *, source_of: bool = False) -> tuple[str, list[str]]:
    scope = Scope(node(METADATA), frozenset({"db", "data"}), source_of)
    found, mistakes = score_placeholders.rewritten(text, scope)
    return found, [f"{mistake.at}: {mistake.what}; {mistake.remedy}" for mistake in mistakes]


@pytest.mark.parametrize(
    ("text", "result"),
    cases(
        {
            "no-placeholder": ("$abc", "$abc"),
            "two-dollars": ("abc $$ abc", "abc $ abc"),
            "runs-of-dollars": ("a $ b $$ c $$$ d", "a $ b $ c $$ d"),
            "escaped": ("$${abc}", "$\\{abc}"),
            "escaped-nonsense": ("$${abc .4t3298y *(^&(*}", "$\\{abc .4t3298y *(^&(*}"),
            "escaped-after-a-dollar": ("$$$${abc}", "$$\\{abc}"),
            "not-closed": ("${metadata.name", "$\\{metadata.name"),
            "not-closed-after-a-dollar": ("$${metadata.name", "$\\{metadata.name"),
            "backslash": ("$\\{x} $\\\\{y}", "$\\\\{x} $\\\\\\{y}"),
            "metadata": ("I am ${metadata.name}.", "I am api."),
            "escaped-dot": ("${metadata.annotations.key\\.com/foo-bar}", "it is $\\{resources.db.host}"),
            "map": ("${metadata.other}", '{"key":"value"}'),
            "as-go-writes-it": (
                "${metadata.team}",
                '{"big":1e+21,"half":0.5,"list":["b","a"],"n":1,"name":"\\u003cops\\u003e","none":null,"small":1e-7,'
                '"yes":true}',
            ),
            "number": ("${metadata.team.n}", "1"),
            "output": ("${resources.db.host}", "${resources.db.outputs.host}"),
            "deep-output": ("a-${resources.db.a.b-c}-z", "a-${resources.db.outputs.a.b-c}-z"),
            "two": ("${resources.db.a}${resources.db.b}", "${resources.db.outputs.a}${resources.db.outputs.b}"),
            "context-is-passed-on": ("$${context.env_id}", "${context.env_id}"),
            "shared-is-passed-on": ("x$${shared.dns.outputs.host}", "x${shared.dns.outputs.host}"),
            "select-is-passed-on": ("$${select.consumers('a').outputs.b}", "${select.consumers('a').outputs.b}"),
            "resources-are-not": ("$${resources.db.outputs.host}", "$\\{resources.db.outputs.host}"),
        }
    ),
)
def test_a_score_text_becomes_the_text_of_a_manifest(text: str, result: str) -> None:
    assert rewritten(text) == (result, [])


def test_a_bare_resource_is_its_source_as_the_source_of_a_volume() -> None:
    assert rewritten("${resources.data}", source_of=True) == ("${resources.data.outputs.source}", [])


@pytest.mark.parametrize(
    ("text", "mistake"),
    cases(
        {
            "empty": (
                "a ${}",
                "2: placeholder `${}` begins with neither `metadata` nor `resources`; "
                "write `$${}` if the text itself is meant",
            ),
            "shell": (
                "${HOME}",
                "0: placeholder `${HOME}` begins with neither `metadata` nor `resources`; "
                "write `$${HOME}` if the text itself is meant",
            ),
            "blanks": (
                "${ metadata.name }",
                "0: placeholder `${ metadata.name }` begins with neither `metadata` nor `resources`; "
                "did you mean `metadata`?",
            ),
            "near-root": (
                "${resource.db.host}",
                "0: placeholder `${resource.db.host}` begins with neither `metadata` nor `resources`; "
                "did you mean `resources`?",
            ),
            "no-key": ("${metadata}", "0: placeholder `${metadata}` names no key; write it as `${metadata.name}`"),
            "unknown-key": (
                "${metadata.nam}",
                "0: placeholder `${metadata.nam}` looks for `nam`, which `metadata` does not have; "
                "did you mean `name`?",
            ),
            "no-map": (
                "${metadata.name.foo}",
                "0: placeholder `${metadata.name.foo}` looks for `foo`, but `metadata.name` is no map; "
                "write `${metadata.name}`",
            ),
            "index": (
                "${metadata.team.list.0}",
                "0: placeholder `${metadata.team.list.0}` looks for `0`, but `metadata.team.list` is no map; "
                "write `${metadata.team.list}`",
            ),
            "nested": (
                "${metadata.${metadata.name}}",
                "0: placeholder `${metadata.${metadata.name}` looks for `${metadata`, which `metadata` does not have; "
                "add it, or write `$${…}` if the text itself is meant",
            ),
            "no-resource": (
                "${resources}",
                "0: placeholder `${resources}` names no resource; write it as `${resources.NAME.KEY}`",
            ),
            "unknown-resource": (
                "${resources.dbb.host}",
                "0: placeholder `${resources.dbb.host}` names the resource `dbb`, which this file does not have; "
                "did you mean `db`?",
            ),
            "bare": (
                "${resources.db}",
                "0: placeholder `${resources.db}` names a whole resource, which only the source of a volume may; "
                "name one of its outputs, as in `${resources.db.host}`",
            ),
            "key-with-a-dot": (
                "${resources.db.a\\.b}",
                "0: placeholder `${resources.db.a\\.b}` asks for an output `a.b`; "
                "an output's name has letters, digits, `_` and `-` only",
            ),
            "key-with-blanks": (
                "${resources.db.this has spaces!}",
                "0: placeholder `${resources.db.this has spaces!}` asks for an output `this has spaces!`; "
                "an output's name has letters, digits, `_` and `-` only",
            ),
            "output-without-a-letter": (
                "${resources.db.0.x}",
                "0: placeholder `${resources.db.0.x}` asks for an output `0`, which no module can have; "
                "an output's name begins with a letter or `_`",
            ),
            "key-without-a-name": (
                "${resources.db.}",
                "0: placeholder `${resources.db.}` asks for an output ``; "
                "an output's name has letters, digits, `_` and `-` only",
            ),
            "dollar-before": (
                "costs $$${resources.db.price}",
                "8: a `$` stands directly before the placeholder `${resources.db.outputs.price}`, "
                "which a manifest cannot say; put something between them",
            ),
        }
    ),
)
def test_a_placeholder_that_says_nothing_is_a_mistake(text: str, mistake: str) -> None:
    assert rewritten(text)[1] == [mistake]


def test_all_mistakes_of_a_text_are_reported() -> None:
    assert [line.partition(":")[0] for line in rewritten("${a} ${metadata.name} ${resources.b.c}")[1]] == ["0", "22"]


@given(st.text(alphabet="${}\\.abc ", max_size=30))
def test_an_escaped_text_is_read_by_the_graph_as_it_was(text: str) -> None:
    assert placeholders.parse(score_placeholders.literal(text)) == (text,)


@given(st.text(alphabet="${}\\ab", max_size=12))
def test_what_is_rewritten_without_mistakes_can_be_read_by_the_graph(text: str) -> None:
    found, mistakes = rewritten(text)
    if not mistakes:
        assert len(placeholders.parse(found)) == 1


@pytest.mark.parametrize("piece", ["$$${", "x${metadata-$$", "${"])
def test_a_text_full_of_openings_is_read_in_one_go(piece: str) -> None:
    """Found by fuzzing: for each `${` the whole rest of the text was searched for the `}` that closes it."""
    text, mistakes = rewritten(piece * 100_000)
    assert mistakes == []
    assert len(text) >= 200_000
