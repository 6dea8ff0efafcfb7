from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import Place
from controller.manifest import compose, layers, manifest_schema, merge
from controller.model.document import Json, Node, leaves, placed, plain
from controller.model.manifest import Manifest, Resource, Workload
from tests.manifest_factories import SCORE, Files, cases, complaints, composed, document_of, link, node, tree

ENTRY = {
    "type": "score-workload",
    "params": {"metadata": {"name": "api"}, "containers": {"main": {"image": "nginx"}}, "service": {}},
}


def refused(files: Files, base: Node | None = None) -> list[str]:
    return [line.removeprefix("projects/shop/") for line in complaints(lambda: composed(files, base))]


def test_an_environment_without_files_has_an_empty_manifest() -> None:
    assert document_of({}) == {}


def test_files_of_a_layer_are_united_and_the_environment_is_laid_over_its_project() -> None:
    files = {
        "a.manifest.yaml": "workloads: {api: {resources: {db: {type: postgres, params: {size: 1, tags: [a]}}}}}",
        "b.manifest.yaml": "workloads: {api: {outputs: {URL: x}}}\nshared: {dns: {type: dns}, old: {type: dns}}",
        "dev/c.manifest.yaml": "workloads: {api: {resources: {db: {class: large, params: {size: 2, tags: [b]}}}}}",
        "dev/d.manifest.yaml": "shared: {old: null}\nworkloads: {web: {}}",
    }
    assert document_of(files) == {
        "workloads": {
            "api": {
                "resources": {"db": {"type": "postgres", "class": "large", "params": {"size": 2, "tags": ["b"]}}},
                "outputs": {"URL": "x"},
            },
            "web": {},
        },
        "shared": {"dns": {"type": "dns"}},
    }


def test_a_manifest_file_adds_to_a_score_workload_of_its_layer() -> None:
    files = {
        "api.score.yaml": SCORE,
        "extra.manifest.yaml": "workloads: {api: {resources: {db: {type: postgres}}, outputs: {URL: x}}}",
    }
    assert document_of(files)["workloads"]["api"] == {
        "resources": {"score-workload": ENTRY, "db": {"type": "postgres"}},
        "outputs": {"URL": "x"},
    }


def test_the_environment_changes_a_score_workload_by_overrides_images_and_manifests() -> None:
    files = {
        "api.score.yaml": SCORE.replace("nginx", "."),
        "dev/environment.yaml": "images: {api: 'a:1'}",
        "dev/api.score-overrides.yaml": "containers: {main: {args: [x]}}",
        "dev/manifest.yaml": "workloads: {api: {resources: {score-workload: {class: ha}}}}",
    }
    found = document_of(files)["workloads"]["api"]["resources"]["score-workload"]
    assert found["class"] == "ha"
    assert found["params"]["containers"] == {"main": {"image": "a:1", "args": ["x"]}}


def test_the_manifest_of_the_source_stands_in_for_the_project_layer() -> None:
    base = node("workloads: {api: {resources: {db: {type: postgres, params: {n: null}}}}}", "staging")
    files = {
        "broken.manifest.yaml": "workloads: [",
        "dev/manifest.yaml": "workloads: {api: {resources: {db: {class: large}}}}",
        "dev/web.score.yaml": SCORE.replace("name: api", "name: web"),
    }
    found = document_of(files, base)["workloads"]
    assert found["api"] == {"resources": {"db": {"type": "postgres", "params": {"n": None}, "class": "large"}}}
    assert list(found) == ["api", "web"]


def test_each_leaf_keeps_its_place() -> None:
    files = {
        "manifest.yaml": "workloads: {api: {resources: {db: {type: postgres}}}}",
        "dev/manifest.yaml": "\nworkloads: {api: {resources: {db: {class: large}}}}",
    }
    found = composed(files).manifest
    resource = found.workloads["api"].resources["db"]
    assert resource == Resource("postgres", "large", None, None, Place("projects/shop/manifest.yaml", 1, 31))
    document = found.document.entries["workloads"].entries["api"].entries["resources"].entries["db"]
    assert {key: str(leaf.place) for key, leaf in document.entries.items()} == {
        "type": "projects/shop/manifest.yaml:1:42",
        "class": "projects/shop/dev/manifest.yaml:2:43",
    }


def test_the_old_name_of_outputs_works_with_a_warning() -> None:
    files = {
        "manifest.yaml": "workloads: {api: {variables: {A: x}}}",
        "dev/manifest.yaml": "workloads: {api: {outputs: {B: y}}}",
    }
    found = composed(files)
    assert plain(found.manifest.document) == {"workloads": {"api": {"outputs": {"A": "x", "B": "y"}}}}
    assert found.warnings == ("projects/shop/manifest.yaml:1:19: `variables` is the old name of `outputs`; rename it",)


@pytest.mark.parametrize(
    ("files", "messages"),
    cases(
        {
            "conflict": (
                {"a.manifest.yaml": "shared: {dns: {type: dns}}", "b.manifest.yaml": "shared: {dns: {type: dsn}}"},
                [
                    "b.manifest.yaml:1:22: `shared.dns.type` is the text `dsn` here, but the text `dns` in "
                    "projects/shop/a.manifest.yaml:1:22; keep one of the two"
                ],
            ),
            "null-in-the-lower-layer": (
                {"manifest.yaml": "shared: {dns: {type: dns, class: null, params: {a: null, b: {c: null}}}}"},
                [
                    "manifest.yaml:1:27: `shared.dns.class` has no value; "
                    "give it one, or remove it; only an environment's files delete"
                ],
            ),
            "nothing-to-delete": (
                {"manifest.yaml": "shared: {dns: {type: dns}}", "dev/manifest.yaml": "shared: {dsn: null}"},
                [
                    "dev/manifest.yaml:1:10: `null` deletes `shared.dsn`, which the layer below does not have; "
                    "did you mean `dns`?"
                ],
            ),
            "two-score-files": (
                {"a.score.yaml": SCORE, "b.score.yaml": SCORE},
                [
                    "b.score.yaml:2:18: workload `api` is in projects/shop/a.score.yaml already; "
                    "give one of the two another name"
                ],
            ),
            "score-in-both-layers": (
                {"api.score.yaml": SCORE, "dev/api.score.yaml": SCORE},
                [
                    "dev/api.score.yaml:2:18: workload `api` is in the project's projects/shop/api.score.yaml already; "
                    "rename it, or patch that one with `api.score-overrides.yaml`"
                ],
            ),
            "score-over-a-manifest": (
                {"manifest.yaml": "workloads: {api: {}}", "dev/api.score.yaml": SCORE},
                [
                    "dev/api.score.yaml:2:18: workload `api` is in the project's projects/shop/manifest.yaml already; "
                    "rename it, or change that one with a manifest file"
                ],
            ),
            "overrides-of-nothing": (
                {"api.score.yaml": SCORE, "dev/apy.score-overrides.yaml": "containers: {main: {args: [x]}}"},
                [
                    "dev/apy.score-overrides.yaml:1:1: there is no Score file of workload `apy` in the project's "
                    "directory; did you mean `api`?"
                ],
            ),
            "overrides-of-the-same-layer": (
                {"dev/api.score.yaml": SCORE, "dev/api.score-overrides.yaml": "metadata: {name: api}"},
                [
                    "dev/api.score-overrides.yaml:1:18: workload `api` is a Score file of this environment itself; "
                    "change that file"
                ],
            ),
            "two-overrides": (
                {
                    "api.score.yaml": SCORE,
                    "dev/a.score-overrides.yaml": "metadata: {name: api}",
                    "dev/b.score-overrides.yaml": "metadata: {name: api}",
                },
                [
                    "dev/b.score-overrides.yaml:1:18: workload `api` has overrides in "
                    "projects/shop/dev/a.score-overrides.yaml already; put them into one file"
                ],
            ),
            "overrides-of-nobody": (
                {"api.score.yaml": SCORE, "dev/score-overrides.yaml": "containers: {}"},
                [
                    "dev/score-overrides.yaml:1:1: it is not said which workload this patches; "
                    "add `metadata: {name: WORKLOAD}`"
                ],
            ),
            "unused-image": (
                {"api.score.yaml": SCORE.replace("nginx", "."), "dev/environment.yaml": "images: {api: a, apy: b}"},
                [
                    "dev/environment.yaml:1:18: no container takes the image of `apy`: only `image: .` in a Score file "
                    "does; did you mean `api`?"
                ],
            ),
            "no-map": (
                {"dev/manifest.yaml": "[]"},
                ["dev/manifest.yaml:1:1: a manifest must be a map; write `workloads:` and below it"],
            ),
            "two-documents": (
                {"dev/manifest.yaml": "a: 1\n---\nb: 2"},
                ["dev/manifest.yaml:3:1: a second document begins here; give it a file of its own"],
            ),
        }
    ),
)
def test_files_that_do_not_fit_together_are_refused(files: Files, messages: list[str]) -> None:
    assert refused(files) == messages


@pytest.mark.parametrize(
    ("files", "message"),
    cases(
        {
            "overrides": (
                {"dev/api.score-overrides.yaml": "containers: {}"},
                "dev/api.score-overrides.yaml:1:1: workload `api` comes from the source of this environment, "
                "where Score is converted already; change it with a manifest file",
            ),
            "images": (
                {"dev/environment.yaml": "images: {api: a}"},
                "dev/environment.yaml:1:10: workload `api` comes from the source of this environment, with its images; "
                "remove it",
            ),
            "score": (
                {"dev/api.score.yaml": SCORE},
                "dev/api.score.yaml:2:18: workload `api` comes from the source of this environment already; "
                "rename it, or change that one with a manifest file",
            ),
        }
    ),
)
def test_score_cannot_change_a_workload_of_the_source(files: Files, message: str) -> None:
    assert refused(files, node("workloads: {api: {}}")) == [message]


def test_images_of_the_project_s_defaults_may_stay_unused() -> None:
    assert document_of({"project.yaml": "defaults: {images: {api: a}}"}) == {}


def test_all_problems_of_an_environment_are_reported_at_once() -> None:
    files = {
        "a.manifest.yaml": "workload: {}\nshared: {dns: {type: dns, clas: x}}",
        "b.manifest.yaml": "shared: {dns: {type: dnx}",
        "c.manifest.yaml": "shared: {dns: {type: 5}, other: {tipe: x}}",
        "api.score.yaml": SCORE.replace("image", "imgae"),
        "dev/manifest.yaml": "workloads: {api: {resources: {db: {id: A}}}, gone: null}",
        "dev/x.score-overrides.yaml": "[",
    }
    assert refused(files) == [
        "a.manifest.yaml:1:1: unknown key `workload`; did you mean `workloads`?",
        "a.manifest.yaml:2:27: unknown key `clas`; did you mean `class`?",
        "api.score.yaml:4:10: unknown key `imgae`; did you mean `image`?",
        "b.manifest.yaml:1:9: the list or map in brackets that begins here has no end, or lacks a `,`; "
        "add the bracket or the comma",
        "c.manifest.yaml:1:22: `shared.dns.type` is the number `5` here, but the text `dns` in "
        "projects/shop/a.manifest.yaml:2:22; keep one of the two",
        "c.manifest.yaml:1:22: `type` must be a text, not the number `5`; write it in quotes",
        "c.manifest.yaml:1:34: unknown key `tipe`; did you mean `type`?",
        "dev/manifest.yaml:1:40: `A` is not a valid resource id; "
        "use up to 63 lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of each part",
        "dev/x.score-overrides.yaml:1:2: a value is missing here; write one, or remove the sign before it",
    ]


MANY = ", ".join(f"k{number}: 1" for number in range(101))


@pytest.mark.parametrize(
    ("text", "message"),
    cases(
        {
            "top-level-key": ("metadata: {}", "1:1: unknown key `metadata`; known here: `shared` and `workloads`"),
            "workload-key": (
                "workloads: {api: {resource: {}}}",
                "1:19: unknown key `resource`; did you mean `resources`?",
            ),
            "no-type": ("shared: {dns: {class: ab}}", "1:10: the key `type` is missing in `dns`; add it"),
            "reserved-type": (
                "shared: {dns: {type: workload}}",
                "1:22: the resource type `workload` is reserved; use another type",
            ),
            "workload-name": (
                "workloads: {Api: {}}",
                "1:13: `Api` is not a valid workload name; "
                "use 2 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or digit",
            ),
            "alias": (
                "workloads: {api: {resources: {a.b: {type: ab}}}}",
                "1:31: `a.b` is not a valid resource alias; use letters, digits, `_` and `-`",
            ),
            "class": (
                "shared: {dns: {type: dns, class: x}}",
                "1:34: `x` is not a valid resource class; "
                "use 2 to 63 letters, digits and `-`, beginning and ending with a letter or digit",
            ),
            "output": (
                "workloads: {api: {outputs: {PORT: 80}}}",
                "1:35: `PORT` must be a text, not the number `80`; write it in quotes",
            ),
            "both-outputs": (
                "workloads: {api: {outputs: {}, variables: {}}}",
                "1:32: `variables` and `outputs` are both given, and mean the same; move everything to `outputs`",
            ),
            "params": (
                f"shared: {{dns: {{type: dns, params: {{{', '.join(MANY.split(', ')[:21])}}}}}}}",
                "1:35: `params` has 21 entries; keep at most 20",
            ),
            "outputs": (
                f"workloads: {{api: {{outputs: {{{MANY.replace(': 1', ': a')}}}}}}}",
                "1:28: `outputs` has 101 entries; keep at most 100",
            ),
        }
    ),
)
def test_a_manifest_that_breaks_the_schema_is_refused(text: str, message: str) -> None:
    assert complaints(lambda: compose.manifest_of(node(text))) == [f"f.yaml:{message}"]
    assert refused({"dev/manifest.yaml": text}) == [f"dev/manifest.yaml:{message}"]


def test_a_manifest_as_the_orchestrator_prints_it_is_read() -> None:
    text = """\
        workloads:
          api:
            resources: {db: {type: postgres, class: null, id: null, params: {}}}
            variables: {URL: "${resources.db.outputs.url}"}
          web: {resources: {}, outputs: {}}
        shared: null
        """
    document = node(text)
    found = compose.manifest_of(document)
    resource = Resource("postgres", "default", None, None, Place("f.yaml", 3, 17))
    url = document.entries["workloads"].entries["api"].entries["variables"].entries["URL"]
    assert found == Manifest(
        {
            "api": Workload({"db": resource}, {"URL": url}, Place("f.yaml", 2, 3)),
            "web": Workload({}, {}, Place("f.yaml", 5, 3)),
        },
        {},
        found.document,
    )
    assert plain(found.document)["workloads"]["api"] == {
        "resources": {"db": {"type": "postgres", "params": {}}},
        "outputs": {"URL": "${resources.db.outputs.url}"},
    }


def test_a_link_to_a_file_of_the_repository_is_followed_and_no_other() -> None:
    files: Files = {"shared/dns.yaml": "shared: {dns: {type: dns}}", "manifest.yaml": link("shared/dns.yaml")}
    assert document_of(files) == {"shared": {"dns": {"type": "dns"}}}
    assert refused({**files, "dev/manifest.yaml": link("../../../../../etc/hosts")}) == [
        "dev/manifest.yaml:1:1: the symbolic link leads to no file of this repository; put the file in its place"
    ]


_NAMES = st.sampled_from(["ab", "cd", "ef"])
_VALUES = st.recursive(
    st.sampled_from([None, 1, 1.0, True, "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=4,
)
_RESOURCES = st.dictionaries(
    _NAMES,
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["dns", "db"]),
            "class": st.just("big"),
            "params": st.dictionaries(_NAMES, _VALUES, max_size=2),
        },
    ),
    max_size=2,
)
_PARTS = st.fixed_dictionaries(
    {},
    optional={
        "shared": _RESOURCES,
        "workloads": st.dictionaries(
            _NAMES,
            st.fixed_dictionaries(
                {},
                optional={
                    "resources": _RESOURCES,
                    "outputs": st.dictionaries(_NAMES, st.sampled_from(["u", "v"]), max_size=2),
                },
            ),
            max_size=2,
        ),
    },
)


@given(st.lists(_PARTS, min_size=2, max_size=5), st.randoms(use_true_random=False), st.booleans())
def test_the_order_in_which_the_files_of_a_layer_are_read_does_not_matter(
    parts: list[Json], chance: Random, is_lower: bool
) -> None:
    files = tree({f"{number}.manifest.yaml": json.dumps(part) for number, part in enumerate(parts)})
    paths = sorted(files.contents)
    shuffled = chance.sample(paths, len(paths))
    one, other = (layers.read(files, order, [], {}, {}, is_lower=is_lower) for order in (paths, shuffled))
    assert _said(one) == _said(other)


@given(st.lists(_PARTS, min_size=2, max_size=4), st.permutations(range(4)))
def test_the_names_of_the_files_of_a_layer_do_not_matter(parts: list[Json], numbers: list[int]) -> None:
    def whole(names: Sequence[int]) -> Json:
        files = tree({f"{names[at]}.manifest.yaml": json.dumps(part) for at, part in enumerate(parts)})
        layer = layers.read(files, sorted(files.contents), [], {}, {}, is_lower=False)
        conflicts = sum("keep one of the two" in problem.remedy for problem in layer.problems)
        return None if conflicts else json.dumps(plain(layer.document), sort_keys=True)

    assert whole(range(4)) == whole(numbers)


@given(st.lists(_PARTS, min_size=2, max_size=3), _PARTS)
def test_composing_leaves_what_was_read_as_it_was(parts: list[Json], patch: Json) -> None:
    lower = [placed(part, Place(f"{number}.yaml")) for number, part in enumerate(parts)]
    upper = placed(patch, Place("dev.yaml"))
    before = deepcopy((lower, upper))
    base, _ = merge.united(lower)
    merge.overlaid(base, upper)
    manifest_schema.problems_of(base, is_whole=True)
    assert (lower, upper) == before


def _said(layer: layers.Layer) -> Json:
    leaf_places = [(path, leaf.value, leaf.place) for path, leaf in leaves(layer.document)]
    return sorted(leaf_places, key=lambda leaf: str(leaf[0])), sorted(map(str, layer.problems))


_MANY = range(250)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"manifest.yaml": f"shared: {{{', '.join(f'a{n}: null' for n in _MANY)}}}"}, id="nulls"),
        pytest.param({"dev/manifest.yaml": f"shared: {{{', '.join(f'a{n}: null' for n in _MANY)}}}"}, id="deletions"),
        pytest.param(
            {
                f"{part}.manifest.yaml": f"shared: {{{', '.join(f'a{n}: {{type: {part}}}' for n in _MANY)}}}"
                for part in ("one", "two")
            },
            id="conflicts",
        ),
        pytest.param({"manifest.yaml": f"shared: {{{', '.join(f'a{n}: {{}}' for n in _MANY)}}}"}, id="types"),
        pytest.param({"dev/environment.yaml": f"images: {{{', '.join(f'a{n}: nginx' for n in _MANY)}}}"}, id="images"),
    ],
)
def test_who_made_more_than_a_hundred_mistakes_of_a_kind_sees_the_rest_later(files: Files) -> None:
    assert 100 <= len(refused(files)) <= 203
