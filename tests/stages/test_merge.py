from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import Place
from controller.manifest import merge
from controller.model.document import Json, leaves, placed, plain
from tests.manifest_factories import complaints, node


def united(*texts: str) -> Json:
    return plain(merge.unite([node(text, f"{number}.yaml") for number, text in enumerate(texts)]))


def overlaid(base: str, patch: str) -> Json:
    return plain(merge.overlay(node(base, "base.yaml"), node(patch, "patch.yaml")))


@pytest.mark.parametrize(
    ("texts", "result"),
    [
        pytest.param(["a: 1", "b: 2"], {"a": 1, "b": 2}, id="different-keys"),
        pytest.param(["a: {b: 1}", "a: {c: {d: 2}}"], {"a": {"b": 1, "c": {"d": 2}}}, id="leaf-by-leaf"),
        pytest.param(["a: [1, {b: 2}]", "a: [1, {b: 2}]"], {"a": [1, {"b": 2}]}, id="the-same-list-twice"),
        pytest.param(["a: {}", "a: {b: 1}"], {"a": {"b": 1}}, id="empty-beside-filled"),
        pytest.param(["a: {}", "a: {}"], {"a": {}}, id="empty-beside-empty"),
    ],
)
def test_documents_are_united_leaf_by_leaf(texts: list[str], result: Json) -> None:
    assert [united(*order) for order in itertools.permutations(texts)] == [result] * len(
        list(itertools.permutations(texts))
    )


@pytest.mark.parametrize(
    ("texts", "messages"),
    [
        pytest.param(
            ["a: {b: 1}", "a:\n  b: 2"],
            ["1.yaml:2:6: `a.b` is the number `2` here, but the number `1` in 0.yaml:1:8; keep one of the two"],
            id="two-numbers",
        ),
        pytest.param(
            ["a: 1", "a: 1.0", "a: true"],
            [
                "1.yaml:1:4: `a` is the number `1.0` here, but the number `1` in 0.yaml:1:4; keep one of the two",
                "2.yaml:1:4: `a` is `true` here, but the number `1` in 0.yaml:1:4; keep one of the two",
            ],
            id="same-to-python",
        ),
        pytest.param(
            ["a: [1]", "a: [1, 2]"],
            ["1.yaml:1:4: `a` is another list here than in 0.yaml:1:4; keep one of the two"],
            id="two-lists",
        ),
        pytest.param(
            ["a: null", "a: 1"],
            ["1.yaml:1:4: `a` is the number `1` here, but `null` in 0.yaml:1:4; keep one of the two"],
            id="null-and-value",
        ),
        pytest.param(
            ["a: x", "a: {}"],
            ["1.yaml:1:4: `a` is a map here, but the text `x` in 0.yaml:1:4; keep one of the two"],
            id="text-and-map",
        ),
    ],
)
def test_two_values_for_one_leaf_are_a_conflict_with_both_places(texts: list[str], messages: list[str]) -> None:
    assert complaints(lambda: united(*texts)) == messages
    assert (
        complaints(lambda: merge.unite(node(t, f"{n}.yaml") for n, t in reversed(list(enumerate(texts))))) == messages
    )


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [
        pytest.param("{a: 1, b: 2}", "{a: 3}", {"a": 3, "b": 2}, id="scalars-replace"),
        pytest.param("{a: [1, 2]}", "{a: [3]}", {"a": [3]}, id="lists-replace"),
        pytest.param("{a: {b: 1, c: 2}}", "{a: {c: 3, d: 4}}", {"a": {"b": 1, "c": 3, "d": 4}}, id="maps-merge"),
        pytest.param("{a: {b: {c: 1, d: 2}}}", "{a: {b: {c: null}}}", {"a": {"b": {"d": 2}}}, id="null-deletes-deep"),
        pytest.param("{a: {b: 1}}", "{a: {b: null}}", {"a": {}}, id="the-last-key-leaves-an-empty-map"),
        pytest.param("{a: {b: 1}}", "{a: {}}", {"a": {"b": 1}}, id="an-empty-map-changes-nothing"),
        pytest.param("{a: 1}", "{a: {b: 2}}", {"a": {"b": 2}}, id="a-map-replaces-a-scalar"),
        pytest.param("{a: {b: 1}}", "{a: 2}", {"a": 2}, id="a-scalar-replaces-a-map"),
        pytest.param("{a: 1}", "{a: [null, {b: null}]}", {"a": [None, {"b": None}]}, id="null-in-a-list-is-a-value"),
        pytest.param("{a: {b: null}}", "{c: 1}", {"a": {"b": None}, "c": 1}, id="null-of-the-base-stays"),
    ],
)
def test_a_layer_is_laid_over_another_as_json_merge_patch(base: str, patch: str, result: Json) -> None:
    assert overlaid(base, patch) == result


@pytest.mark.parametrize(
    ("base", "patch", "message"),
    [
        pytest.param(
            "{a: {database: 1}}",
            "a:\n  databse: null",
            "patch.yaml:2:3: `null` deletes `a.databse`, which the layer below does not have; did you mean `database`?",
            id="near-name",
        ),
        pytest.param(
            "{work: {api: {db: 1}}}",
            "work: {apii: {db: null}}",
            "patch.yaml:1:15: `null` deletes `work.apii.db`, which the layer below does not have; did you mean `api`?",
            id="above",
        ),
        pytest.param(
            "{}",
            "a: null",
            "patch.yaml:1:1: `null` deletes `a`, which the layer below does not have; remove the line",
            id="far",
        ),
    ],
)
def test_deleting_what_is_not_there_is_an_error_with_a_near_name(base: str, patch: str, message: str) -> None:
    assert complaints(lambda: overlaid(base, patch)) == [message]


def test_each_leaf_of_the_result_keeps_its_place() -> None:
    lower = merge.unite([node("a: {b: 1}", "1.yaml"), node("a: {c: 1}", "2.yaml")])
    result = merge.overlay(lower, node("\na: {d: 1, b: 2}", "3.yaml"))
    assert {path: leaf.place for path, leaf in leaves(result)} == {
        ("a", "b"): Place("3.yaml", 2, 14),
        ("a", "c"): Place("2.yaml", 1, 8),
        ("a", "d"): Place("3.yaml", 2, 8),
    }


DOCUMENTS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.integers(0, 2) | st.just([1]),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=3,
)


@given(DOCUMENTS, DOCUMENTS)
def test_overlay_without_null_is_rfc_7396_and_leaves_its_input_alone(base: Json, patch: Json) -> None:
    one, other = placed(base, Place("base")), placed(patch, Place("patch"))
    assert plain(merge.overlay(one, other)) == rfc_7396(base, patch)
    assert (plain(one), plain(other)) == (base, patch)


@given(DOCUMENTS)
def test_uniting_a_document_with_itself_or_nothing_changes_nothing(document: Json) -> None:
    one = placed(document, Place("one"))
    assert merge.unite([one, one, placed({}, Place("two"))]) == one


def rfc_7396(target: Json, patch: Json) -> Json:
    """The function that the RFC itself gives."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = rfc_7396(result.get(name), value)
    return result
