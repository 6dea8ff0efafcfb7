"""What is always true of a graph and of a catalogue, whatever was written."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.catalog import read, rules
from controller.errors import ManifestError, Place
from controller.graph import draw
from controller.graph.check import check
from controller.graph.diff import diff, moves
from controller.graph.expand import expand, types_asked
from controller.model.graph import Graph
from tests.graph_factories import CONTEXT, manifest, tree

NAMES = ["aa", "bb", "cc"]
IDS = st.sampled_from([None, None, None, "@", "@-x", "x-@", "m", "m-x"])
PLAIN = ["x", "${context.res_id}", "${select.consumers('aa').outputs.o}"]
PROVIDER = "{provider_type: aws, id: main, source: a/b, configuration: {k: VALUE}}"
OF_PROVIDER = st.sampled_from([*["x"] * 4, '"${var.X}${context.env_id}"', '"${resources.d.outputs.o}"'])


def requirement(draw_: st.DrawFn, name: str, params: list[str]) -> dict[str, object]:
    """Mostly of a type further on, so that circles are not the rule."""
    types = NAMES[NAMES.index(name) + 1 :] * 10 + NAMES
    found: dict[str, object] = {"type": draw_(st.sampled_from(types))}
    if draw_(st.integers(0, 3)) == 0:
        found["params"] = {"p": draw_(st.sampled_from(params))}
    id_ = draw_(IDS)
    return {**found, "id": id_} if id_ else found


@st.composite
def platforms(draw_: st.DrawFn) -> dict[str, str]:
    """A module for each of three types, with random needs; the third has one more for one id."""
    files = {f"resource-types/{name}.yaml": f"id: {name}\n" for name in NAMES}
    files["providers/all.yaml"] = PROVIDER.replace("VALUE", draw_(OF_PROVIDER))
    for name in [*NAMES, "dd"]:
        type_ = "cc" if name == "dd" else name
        flags = {"is_dependent_on_current": draw_(st.booleans()), "copy_dependents_from_current": draw_(st.booleans())}
        dependencies = {"d": requirement(draw_, type_, PLAIN)} if draw_(st.booleans()) else {}
        inputs = [*PLAIN, "${resources.d.outputs.o}"] if dependencies else PLAIN
        beside = requirement(draw_, type_, [*PLAIN, "${self.outputs.o}"]) | flags
        document = {
            "resource_type": type_,
            "module_source": "/m",
            "module_params": {"p": {"type": "any", "is_optional": True}},
            "dependencies": dependencies,
            "coprovisioned": [beside] if draw_(st.booleans()) else [],
            "module_inputs": {"i": draw_(st.sampled_from(inputs))},
            "provider_mapping": {"x": "aws.main"} if draw_(st.booleans()) else {},
            "rules": [{"resource_id": "m-x"}] if name == "dd" else [{}],
        }
        files[f"modules/{name}.yaml"] = json.dumps(document)
    return files


def needs(name: str, id_: str | None, param: str | None) -> dict[str, object]:
    params = {} if param is None else {"params": {"p": param}}
    return {"type": name, **({"id": id_} if id_ else {}), **params}


def resource(*params: str | None) -> st.SearchStrategy[dict[str, object]]:
    ids = st.sampled_from([None, None, None, "m"])
    return st.builds(needs, st.sampled_from(NAMES), ids, st.sampled_from([None, None, "x", *params]))


WORKLOADS = st.fixed_dictionaries(
    {
        "resources": st.fixed_dictionaries(
            {"r1": resource("${shared.s1.outputs.o}", "${select.consumers('workload').dependencies('aa').outputs.o}")},
            optional={"r2": resource("${resources.r1.outputs.o}", "${self.outputs.O}")},
        ),
        "outputs": st.just({"O": "${resources.r1.outputs.o} ${shared.s1.outputs.o}"}),
    }
)
MANIFESTS = st.fixed_dictionaries(
    {
        "workloads": st.dictionaries(st.sampled_from(["w1", "w2"]), WORKLOADS),
        "shared": st.fixed_dictionaries({"s1": resource()}, optional={"s2": resource("${resources.d.outputs.o}")}),
    }
).map(json.dumps)


def expanded(files: dict[str, str], text: str) -> Graph | tuple[str, ...]:
    catalog = read.read(tree(files), "platform").catalog
    try:
        return expand(manifest(text), catalog, CONTEXT, rules.modules_for(catalog, CONTEXT))
    except ManifestError as error:
        return tuple(str(problem) for problem in error.problems)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(platforms(), MANIFESTS)
def test_expansion_ends_with_a_sound_graph_or_with_problems(files: dict[str, str], text: str) -> None:
    found = expanded(files, text)
    assert found == expanded(files, text)
    if isinstance(found, tuple):
        assert found
        return
    for node in found.nodes.values():
        targets = {*node.edges.values(), *node.anonymous}
        assert targets <= found.nodes.keys()
        assert node.coordinate not in targets
        assert set(node.anonymous).isdisjoint(node.edges.values())
    catalog = read.read(tree(files), "platform").catalog
    asked = types_asked(manifest(text), catalog, CONTEXT, rules.modules_for(catalog, CONTEXT))
    assert asked == {coordinate.type for coordinate in found.nodes}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(platforms(), MANIFESTS)
def test_in_which_order_things_are_written_is_irrelevant(files: dict[str, str], text: str) -> None:
    forth = expanded(files, text)
    back = expanded(
        {path: backwards(file) for path, file in reversed(files.items()) if path.startswith("modules/")}
        | {path: file for path, file in reversed(files.items()) if not path.startswith("modules/")},
        backwards(text),
    )
    if isinstance(forth, tuple) or isinstance(back, tuple):
        assert isinstance(forth, tuple)
        assert isinstance(back, tuple)
        return
    nowhere = Place("")
    assert [replace(node, place=nowhere) for node in forth.nodes.values()] == [
        replace(node, place=nowhere) for node in back.nodes.values()
    ]
    assert list(forth.providers.items()) == list(back.providers.items())


def backwards(text: str) -> str:
    """The same JSON with the keys of every object in the other order."""
    return json.dumps(json.loads(text, object_pairs_hook=lambda pairs: dict(reversed(pairs))))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(platforms(), MANIFESTS, MANIFESTS)
def test_a_diff_tells_every_node_that_is_new_or_gone(files: dict[str, str], before: str, after: str) -> None:
    old, new = expanded(files, before), expanded(files, after)
    if isinstance(old, tuple) or isinstance(new, tuple):
        return
    assert diff(new, new) == ()
    told = {change.coordinate for change in diff(old, new)} | {change.previous for change in diff(old, new)}
    assert old.nodes.keys() ^ new.nodes.keys() <= told
    renamed = moves(old, new).moved
    assert len(set(renamed.values())) == len(renamed)
    assert all(fresh in new.nodes and fresh not in old.nodes for fresh in renamed)
    assert all(gone in old.nodes and gone not in new.nodes for gone in renamed.values())
    assert (draw.svg(new), draw.mermaid(new)) == (draw.svg(new), draw.mermaid(new))


SCALARS = ["", "x", "aa", "${x}", ".", "inline", "aws.main"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(SCALARS),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "type", "x", "env"]), inner, max_size=2)
    ),
    max_leaves=4,
)
DOCUMENTS = {
    "modules/aa.yaml": ["id", "resource_type", "module_source", "module_params", "module_inputs", "dependencies",
                        "coprovisioned", "rules", "includes", "provider_mapping", "module_source_code"],
    "resource-types/aa.yaml": ["id", "output_schema", "description", "is_developer_accessible"],
    "providers/aa.yaml": ["id", "provider_type", "source", "configuration", "version_constraint"],
    "runners/aa.yaml": ["id", "runner_configuration", "state_storage_configuration", "rules"],
}  # fmt: skip
SOUND = {
    "modules/aa.yaml": {"resource_type": "aa", "module_source": "/m"},
    "resource-types/aa.yaml": {"id": "aa"},
    "providers/aa.yaml": {"id": "main", "provider_type": "aws", "source": "a/b"},
    "runners/aa.yaml": {"id": "aa", "runner_configuration": {"type": "local"}},
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_document_gives_located_problems_or_none(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    key = data.draw(st.sampled_from(DOCUMENTS[path]))
    documents = {**SOUND, path: {**SOUND[path], key: data.draw(VALUES)}}
    found = read.read(tree({name: json.dumps(document) for name, document in documents.items()}), "platform")
    for breakage in (*found.problems, *check(found.catalog)):
        assert isinstance(breakage.problem.where, Place)
        assert breakage.problem.what
        assert breakage.problem.remedy
