"""Whole entries replaced, dropped, values set: what a command line makes of a manifest."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import ManifestError
from controller.manifest import difference, overlay
from controller.manifest.overlay import Assignment
from controller.model.document import Json

BELOW: Json = {
    "workloads": {
        "api": {"resources": {"db": {"type": "postgres", "params": {"size": 5}}}, "outputs": {"URL": "x"}},
        "web": {"resources": {}},
    },
    "shared": {"dns": {"type": "dns"}},
}


def text(path: str) -> Assignment:
    return Assignment("--set", path)


def document(path: str) -> Assignment:
    return Assignment("--set-json", path, is_json=True)


def set_(*assignments: Assignment) -> Json:
    return overlay.changed(BELOW, assignments=assignments)


def refused(*assignments: Assignment) -> str:
    with pytest.raises(ManifestError) as e:
        set_(*assignments)
    return str(e.value)


def test_a_workload_and_a_shared_resource_are_replaced_as_a_whole() -> None:
    above = {"workloads": {"api": {"outputs": {"URL": "y"}}}, "shared": {"dns": {"type": "zone"}, "bus": {"type": "q"}}}
    assert overlay.merged(BELOW, above) == {
        "workloads": {"api": {"outputs": {"URL": "y"}}, "web": {"resources": {}}},
        "shared": {"dns": {"type": "zone"}, "bus": {"type": "q"}},
    }


def test_what_is_dropped_is_gone_and_what_is_not_there_is_told_with_a_near_name() -> None:
    assert overlay.changed(BELOW, drop_workloads=["web"], drop_shared=["dns"]) == {
        "workloads": {"api": BELOW["workloads"]["api"]},
    }
    with pytest.raises(ManifestError) as e:
        overlay.changed(BELOW, drop_workloads=["wbe", "nothing"], drop_shared=["dsn"])
    assert str(e.value).splitlines() == [
        "--drop-shared: there is no shared resource `dsn`; did you mean `dns`?",
        "--drop-workload: there is no workload `nothing`; leave it out, it is not there",
        "--drop-workload: there is no workload `wbe`; did you mean `web`?",
    ]


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        (text("workloads.api.outputs.URL=a=b"), ("workloads", "api", "outputs", "URL"), "a=b"),
        (text("workloads.api.resources.db.type=mysql"), ("workloads", "api", "resources", "db", "type"), "mysql"),
        (text("workloads.new.resources.q.class=big"), ("workloads", "new", "resources", "q", "class"), "big"),
        (text("shared.dns.id=main"), ("shared", "dns", "id"), "main"),
        (text("shared.new.params.zone="), ("shared", "new", "params", "zone"), ""),
        (
            document("workloads.api.resources.db.params.size=7"),
            ("workloads", "api", "resources", "db", "params", "size"),
            7,
        ),
        (document("shared.dns.params.tags.a=[1]"), ("shared", "dns", "params", "tags", "a"), [1]),
        (document('shared.bus={"type": "q"}'), ("shared", "bus"), {"type": "q"}),
        (document('workloads.api.resources.db={"type": "m"}'), ("workloads", "api", "resources", "db"), {"type": "m"}),
        (text('workloads.api.outputs."a.b"=x'), ("workloads", "api", "outputs", "a.b"), "x"),
        (text('workloads.api.outputs."a\\"b"=x'), ("workloads", "api", "outputs", 'a"b'), "x"),
    ],
)
def test_a_value_is_set_and_what_lacks_is_made(assignment: Assignment, path: tuple[str, ...], value: Json) -> None:
    found = set_(assignment)
    for step in path:
        found = found[step]
    assert found == value


def test_the_last_one_wins_and_the_manifest_itself_is_never_changed() -> None:
    before = deepcopy(BELOW)
    found = set_(text("shared.dns.type=one"), text("shared.dns.type=two"))
    assert (found["shared"]["dns"]["type"], BELOW) == ("two", before)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        (text("workloads"), "--set workloads: there is no `=`; write PATH=VALUE"),
        (
            text("=x"),
            '--set : the path is empty; write parts with dots between; a part with a dot in it in quotes: a."b.c"',
        ),
        (
            text("workloads..x=1"),
            "--set workloads..x: the path cannot be read from `.x` on; write parts with dots between; "
            'a part with a dot in it in quotes: a."b.c"',
        ),
        (text("workload.api=x"), "--set workload.api: a manifest has no `workload`; did you mean `workloads`?"),
        (text("shared=x"), "--set shared: the path ends too early; name a resource"),
        (
            text("shared.dns=x"),
            "--set shared.dns: this is a map, and the value a text; set a part of it, or all of it with --set-json",
        ),
        (text("shared.dns.tpye=x"), "--set shared.dns.tpye: a resource has no `tpye`; did you mean `type`?"),
        (text("shared.dns.type.x=x"), "--set shared.dns.type.x: `type` of a resource has no parts; set it as a whole"),
        (
            text("workloads.api.ouputs.X=1"),
            "--set workloads.api.ouputs.X: a workload has no `ouputs`; did you mean `outputs`?",
        ),
        (
            text("workloads.api.outputs.X.y=1"),
            "--set workloads.api.outputs.X.y: output `X` has no parts; set it as a whole",
        ),
        (
            document("shared.dns.params.a=yes"),
            "--set-json shared.dns.params.a: the value is no JSON (Expecting value: line 1 column 1 (char 0)); "
            'write it as JSON, texts in quotes: "like this"',
        ),
        (
            document("workloads.api.resources.db.params.size.x=1"),
            "--set-json workloads.api.resources.db.params.size.x: `size` is no map; "
            "set a part of a map, or the whole of it",
        ),
    ],
)
def test_a_path_that_cannot_be_is_explained(assignment: Assignment, said: str) -> None:
    assert refused(assignment) == said


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(refused(text("a=1"), text("b=1"), document("shared.x=no")).splitlines()) == 3


def test_a_text_and_json_for_the_same_are_refused_because_they_have_no_order() -> None:
    assert refused(text("shared.dns.params.a=x"), document("shared.dns.params={}")) == (
        "--set-json shared.dns.params: `shared.dns.params.a` is set as a text, too, and which of them comes last "
        "cannot be "
        "told; set both with --set-json, the last one wins"
    )


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\\'), min_size=1, max_size=8)


@given(NAMES, NAMES, st.text(max_size=5).filter(lambda value: "\ud800" not in value))
def test_every_name_can_be_addressed_in_quotes(workload: str, output: str, value: str) -> None:
    found = set_(text(f'workloads."{workload}".outputs."{output}"={value}'))
    assert found["workloads"][workload]["outputs"][output] == value


def test_a_difference_is_told_leaf_by_leaf() -> None:
    after = deepcopy(BELOW)
    after["workloads"]["api"]["resources"]["db"]["params"]["size"] = "5"
    after["workloads"]["api"]["outputs"] = {"a.b": "z"}
    del after["workloads"]["web"]
    assert difference.lines(BELOW, after) == [
        '- workloads.api.outputs.URL: "x"',
        '+ workloads.api.outputs."a.b": "z"',
        '~ workloads.api.resources.db.params.size: 5 → "5"',
        "- workloads.web.resources: {}",
    ]
    assert difference.lines(BELOW, BELOW) == difference.lines({}, {"workloads": {}, "shared": {}}) == []
