"""Is one who made thousands of mistakes told of some of them, and soon? A file may have a mebibyte."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import validate
from controller import errors
from controller.model.tree import MemoryTree

MOST_SECONDS = 60.0  # of computing; a few are usual, and some of these files took hours
HEAD = "apiVersion: score.dev/v1b1\nmetadata: {name: web}\n"
MODULE = """\
resource_type: thing
module_source: inline
module_source_code: 'variable "p" {}'
module_params: {p: {type: any}}
"""
FILES = {
    "platform/environment-types.yaml": "- id: development\n",
    "platform/resource-types/thing.yaml": "id: thing\noutput_schema: {properties: {host: {}}}\n",
    "platform/modules/thing.yaml": f"{MODULE}rules: [{{}}]\n",
    "projects/shop/dev/environment.yaml": "{}\n",
}


ALIASES = ", ".join(f"al{number}: {{type: thing}}" for number in range(100))


def each(text: Callable[[int], str], times: int, between: str = "\n") -> str:
    return between.join(text(number) for number in range(times))


def resources(text: Callable[[int, int], str]) -> str:
    """A manifest with as many resources as there may be."""
    workloads = (f"w{one:02}: {{resources: {{{each(lambda n: text(one, n), 100, ', ')}}}}}" for one in range(100))  # noqa: B023
    return f"workloads: {{{', '.join(workloads)}}}"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param(
            "projects/shop/web.score.yaml",
            f"apiVersion: score.dev/v1b1\nmetadata:\n  name: web\n{each(lambda n: f'  key{n}: a', 10_000)}\n"
            "containers:\n  main:\n    image: x\n    variables:\n"
            + each(lambda n: f"      V{n}: ${{metadata.kex{n}}}", 10_000),
            id="metadata-of-score",
        ),
        pytest.param(
            "projects/shop/web.score.yaml",
            f"{HEAD}containers:\n"
            + each(lambda n: f"  c{n}: {{image: x, before: {{c{n + 1}: {{ready: started}}}}}}", 8_000)
            + "\n  c8000: {image: x, before: {c0: {ready: started}, d0: {ready: started}}}\n",
            id="containers-that-wait-for-one-another",
        ),
        pytest.param(
            "projects/shop/web.score.yaml",
            f"{HEAD}containers: {{main: {{image: x, files: {{"
            + each(lambda n: f"/f{n}: {{content: '${{metadata.nam{n}}}'}}", 15_000, ", ")
            + "}}}\n",
            id="texts-of-files",
        ),
        pytest.param(
            "projects/shop/web.score.yaml",
            f"apiVersion: score.dev/v1b1\nmetadata:\n  name: web\n  annotations:\n"
            f"{each(lambda n: f'    platform-orchestrator.dev/resTyp{n}: a', 20_000)}\n"
            "containers: {main: {image: x}}\n",
            id="annotations",
        ),
        pytest.param(
            "projects/shop/manifest.yaml",
            f"workloads: {{api: {{resources: {{{ALIASES}}}, outputs: {{A: '"
            + each(lambda n: f"${{resources.ax{n}.outputs.h}}", 30_000, "")
            + "'}}}\n",
            id="aliases",
        ),
        pytest.param(
            "projects/shop/manifest.yaml",
            "workloads: {api: {resources: {db: {type: thing}}, outputs: {A: '"
            + each(lambda n: f"${{resources.db.outputs.hos{n}}}", 30_000, "")
            + "'}}}\n",
            id="keys-of-outputs",
        ),
        pytest.param(
            "projects/shop/manifest.yaml",
            "workloads: {api: {resources: {db: {type: thing, params: {p: ["
            + each(lambda n: "'${resources.dx.outputs.x}'", 30_000, ", ")
            + "]}}}}}\n",
            id="params",
        ),
        pytest.param(
            "projects/shop/manifest.yaml", resources(lambda one, n: f"r{n}: {{type: thin-{one}-{n}}}"), id="types"
        ),
        pytest.param(
            "platform/resource-types/thing.yaml",
            f"id: thing\noutput_schema:\n{each(lambda n: f'  propertie{n}: a', 40_000)}\n",
            id="keywords-of-schemas",
        ),
        pytest.param(
            "platform/resource-types/thing.yaml",
            "id: thing\noutput_schema:\n  properties:\n" + each(lambda n: f"    p{n}: {{typ: a, type: strin}}", 30_000),
            id="types-of-schemas",
        ),
        pytest.param(
            "platform/modules/thing.yaml",
            f"{MODULE}rules:\n{each(lambda n: f'- {{env_type_id: develop{n}}}', 30_000)}\n",
            id="rules",
        ),
        pytest.param(
            "platform/modules/thing.yaml",
            f"{MODULE}module_inputs: {{q: '{'${resources.x.outputs.y}' * 30_000}'}}\nrules: [{{}}]\n".replace(
                'variable "p" {}', 'variable "p" {}\n\nvariable "q" {}'
            ),
            id="inputs",
        ),
    ],
)
def test_a_mebibyte_of_mistakes_is_told_soon(path: str, text: str) -> None:
    """Each mistake was compared with all names, and all were told, tens of thousands."""
    assert len(text) < 2**20
    problems = told({**FILES, path: text})
    assert 1 <= len(problems) <= 300


def test_deleting_thousands_of_keys_of_thousands_is_told_soon() -> None:
    """Each of a hundred deletions was compared with fifty thousand keys."""
    holder = "workloads: {{api: {{resources: {{db: {{{}params: {{p: {{{}}}}}}}}}}}}}\n".format
    lower = holder("type: thing, ", each(lambda n: f"key{n}: 1", 50_000, ", "))
    upper = holder("", each(lambda n: f"kex{n}: null", 50_000, ", "))
    problems = told({**FILES, "projects/shop/manifest.yaml": lower, "projects/shop/dev/manifest.yaml": upper})
    assert len(problems) == 100
    assert problems[0] == (
        "projects/shop/dev/manifest.yaml:1:49: `null` deletes `workloads.api.resources.db.params.p.kex0`, "
        "which the layer below does not have; remove the line"
    )


@pytest.mark.parametrize(
    ("environments", "text"),
    [
        pytest.param(200, "source: environment://env-{}", id="promotion"),
        pytest.param(200, "after: [env-{}]", id="waiting"),
        pytest.param(600, "source: environment://env-{}", id="longer-than-the-stack"),
    ],
)
def test_hundreds_of_environments_one_after_another_are_read_soon(environments: int, text: str) -> None:
    """For each of them all that it builds on was read anew, from its own beginning: a hundred took half a minute."""
    names = range(environments)
    files = {f"projects/shop/env-{n}/environment.yaml": text.format(n + 1) for n in names}
    assert len(told({**FILES, **files, f"projects/shop/env-{environments}/environment.yaml": "{}"})) == 0


def test_a_ring_of_environments_is_told_soon() -> None:
    files = {
        f"projects/shop/env-{n}/environment.yaml": f"source: environment://env-{(n + 1) % 200}" for n in range(200)
    }
    assert len(told({**FILES, **files})) == 200


def told(files: dict[str, str]) -> list[str]:
    tree = MemoryTree.of({path: text.encode() for path, text in files.items()})
    began = time.process_time()
    problems, _ = validate.examined(tree)
    assert time.process_time() - began < MOST_SECONDS
    return list(map(str, problems))


@given(st.text("abc-1", max_size=12), st.sets(st.text("abc-1", max_size=12), max_size=30))
def test_a_near_name_is_the_one_that_difflib_finds(word: str, names: Iterable[str]) -> None:
    found = get_close_matches(word, sorted(names), n=1, cutoff=0.6)
    if found:
        assert errors.near(word, names) == found[0]


def test_of_thousands_of_names_one_is_found_that_a_single_slip_leads_away_from() -> None:
    assert errors.near("stagign-17", [f"staging-{number}" for number in range(5_000)]) == "staging-17"
    assert errors.near("x" * 300, ["x" * 299]) is None
