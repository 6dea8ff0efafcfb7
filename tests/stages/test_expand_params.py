"""Does a node give its module what it needs?"""

from __future__ import annotations

import pytest

from controller.errors import ManifestError
from tests.graph_factories import graph_of, module, platform

FILES = platform(
    module(
        "db",
        module_params="{name: {type: string}, size: {type: number, is_optional: true}, "
        "on: {type: bool, is_optional: true}, list: {type: list, is_optional: true}, map: {type: map, is_optional: "
        "true}, any: {type: any, is_optional: "
        "true}}",
    )
)


def problems(params: str, files: dict[str, str] = FILES) -> list[str]:
    with pytest.raises(ManifestError) as error:
        graph_of(f"shared:\n  a: {{type: db, params: {params}}}\n", files)
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    "params",
    [
        "{name: x, size: 1, on: true, list: [1], map: {a: 1}, any: null}",
        "{name: x, size: 1.5, list: [], map: {}, any: {a: [1]}}",
        '{name: "${context.env_id}", size: "${context.env_id}", on: "${context.env_id}"}',
        '{name: "x${context.env_id}", size: "1${context.env_id}", on: "${context.env_id}x", any: "x"}',
        '{name: x, list: "${context.env_id}", map: "${context.env_id}"}',
        "{name: x, size: null}",
    ],
)
def test_what_fits_is_taken(params: str) -> None:
    assert len(graph_of(f"shared: {{a: {{type: db, params: {params}}}}}", FILES).nodes) == 1


@pytest.mark.parametrize(
    ("param", "told"),
    [
        ("name: 1", "2:32: param `name` of module `db` is a string, not a number (for A); quote it"),
        ("name: true", "2:32: param `name` of module `db` is a string, not true or false (for A); quote it"),
        (
            "name: x, size: '1'",
            "2:41: param `size` of module `db` is a number, not a string (for A); write it without quotes",
        ),
        (
            "name: x, size: true",
            "2:41: param `size` of module `db` is a number, not true or false (for A); write a number, or a "
            "placeholder that yields one",
        ),
        (
            "name: x, on: 1",
            "2:39: param `on` of module `db` is true or false, not a number (for A); write true or false, or a "
            "placeholder that yields one",
        ),
        (
            "name: x, list: {}",
            "2:41: param `list` of module `db` is a list, not a map (for A); write a list, or a placeholder that "
            "yields one",
        ),
        (
            "name: x, map: []",
            "2:40: param `map` of module `db` is a map, not a list (for A); write a map, or a placeholder that yields "
            "one",
        ),
        (
            "name: x, map: 'x ${context.env_id}'",
            "2:40: param `map` of module `db` is a map, not a string (for A); write a map, or a placeholder that "
            "yields one",
        ),
        ("name: x, siez: 1", "2:35: module `db` has no param `siez` (for A); did you mean `size`?"),
        (
            "name: x, region: 1",
            "2:35: module `db` has no param `region` (for A); it takes `any`, `list`, `map`, `name`, `on`, `size`",
        ),
        ("size: 1", "2:25: module `db` needs param `name`, a string (for A); add `name` to its `params`"),
        ("name: null", "2:25: module `db` needs param `name`, a string (for A); add `name` to its `params`"),
        ("nmae: x", "2:26: module `db` has no param `nmae` (for A); did you mean `name`?"),
    ],
)
def test_what_does_not_fit_is_told(param: str, told: str) -> None:
    about = "for `db.default#shared.a`, shared resource `a` at m.yaml:2:3"
    assert problems(f"{{{param}}}") == [f"m.yaml:{told.replace('for A', about)}"]


def test_all_problems_are_told() -> None:
    assert len(problems("{size: x, on: x, zone: x}")) == 4


def test_nothing_given_is_told_at_the_resource() -> None:
    with pytest.raises(ManifestError) as error:
        graph_of("shared:\n  a: {type: db}\n", FILES)
    assert str(error.value) == (
        "m.yaml:2:3: module `db` needs param `name`, a string (for `db.default#shared.a`, shared resource `a`); add "
        "`name` "
        "to its `params`"
    )


def test_params_that_a_module_gives_are_told_at_the_module() -> None:
    files = platform(module("app", dependencies="{d: {type: db, params: {nam: x}}}"), module("db", module_params="{}"))
    with pytest.raises(ManifestError) as error:
        graph_of("shared:\n  a: {type: app}\n  b: {type: app}\n", files)
    assert str(error.value) == (
        "platform/modules/app.yaml:5:39: module `db` has no param `nam` (for `db.default#shared.a`, dependency `d` of "
        "`app.default#shared.a`, brought into being by shared resource `a` at m.yaml:2:3 and 1 more); it takes none"
    )
