"""What is new in a graph, and what has merely got another name?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from controller.graph.diff import ChangeKind, diff, difference, moves, sentence
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.graph import Graph, ProviderBlock, ProviderKey
from tests.graph_factories import graph_of, module, platform
from tests.tofu_factories import graph as plain_graph
from tests.tofu_factories import inline, local, resource

MODULES = (
    module("db", module_params="{size: {type: any, is_optional: true}}", dependencies="{net: {type: net}}"),
    module("big", "db", rules="[{resource_class: large}]", module_params="{size: {type: any, is_optional: true}}"),
    module("net", coprovisioned="[{type: log, is_dependent_on_current: true}]"),
    module("log"),
)
FILES = platform(*MODULES)


def graph(text: str, files: dict[str, str] = FILES) -> Graph:
    return graph_of(text, files)


def changes(before: Graph | None, after: Graph) -> list[tuple[str, str, str]]:
    return [(str(change.kind), str(change.coordinate), change.sentence) for change in diff(before, after)]


def moved(before: str, after: str) -> dict[str, str]:
    return {str(new): str(old) for new, old in moves(graph(before), graph(after)).moved.items()}


ONE = "workloads: {api: {resources: {a: {type: db, params: {size: 1}}}, outputs: {U: '${resources.a.outputs.x}'}}}"
TWO = "workloads: {api: {resources: {a: {type: db, params: {size: 2}}}, outputs: {U: x, V: y}}}"


def test_a_first_graph_is_all_added() -> None:
    assert changes(None, graph("workloads: {api: {resources: {n: {type: net}}}}")) == [
        (
            "added",
            "log.default#workloads.api.n",
            "made by module `log`, as co-provisioned resource 1 of `net.default#workloads.api.n`",
        ),
        ("added", "net.default#workloads.api.n", "made by module `net`, as resource `n` of workload `api`"),
        ("added", "workload.default#api", "workload added"),
    ]


def test_the_same_graph_has_no_changes() -> None:
    assert changes(graph(ONE), graph("\n\n" + ONE)) == []


def test_everything_gone_is_removed() -> None:
    assert changes(graph("shared: {n: {type: log}}"), graph("workloads: {}")) == [
        ("removed", "log.default#shared.n", "nothing asks for it any more; module `log` made it")
    ]


def test_params_and_outputs_that_changed_are_named() -> None:
    assert changes(graph(ONE), graph(TWO)) == [
        ("params_changed", "db.default#workloads.api.a", "param `size` changed"),
        ("params_changed", "workload.default#api", "output `U` changed, output `V` is new"),
    ]


def test_true_is_another_param_than_one() -> None:
    assert changes(graph(ONE), graph(ONE.replace("size: 1", "size: true"))) == [
        ("params_changed", "db.default#workloads.api.a", "param `size` changed")
    ]


def test_params_are_named_to_the_leaf() -> None:
    before = {
        "same": {"a": [1, {"b": 1}]},
        "list": [1, {"x": 1}],
        "longer": [1],
        "map": {"deep": {"gone": 1, "a.b": 2}},
    }
    after = {"same": {"a": [1, {"b": 1}]}, "list": [1, {"x": 2}], "longer": [1, 2], "map": {"deep": {"a.b": 3}}, "n": 0}
    text = "shared: {a: {type: db, params: {size: %s}}}"
    assert changes(graph(text % json.dumps(before)), graph(text % json.dumps(after))) == [
        (
            "params_changed",
            "db.default#shared.a",
            'params `size.list[1].x`, `size.longer`, `size.map.deep["a.b"]` changed, param `size.n` is new, '
            "param `size.map.deep.gone` is gone",
        )
    ]


def test_a_key_is_text_that_nobody_can_break_out_of() -> None:
    text = "shared: {a: {type: db, params: {size: {%s: 1}}}}"
    ((_, _, said),) = changes(graph(text % "x"), graph(text % '"a` <b>\\u202e"'))
    assert said == 'param `size["a\\u0060 <b>\\u202e"]` is new, param `size.x` is gone'


def test_many_params_are_counted() -> None:
    text = "shared: {a: {type: db, params: {size: %s}}}"
    many = {f"k{n:02}": 1 for n in range(20)}
    ((_, _, said),) = changes(graph(text % '{"z": 1}'), graph(text % json.dumps({"z": 1, **many})))
    names = ", ".join(f"`size.k{n:02}`" for n in range(8))
    assert said == f"params {names} and 12 more are new"


def test_what_a_user_writes_is_never_taken_for_a_reference() -> None:
    template = {"$": [["output", "log.default#shared.l", "x"]]}
    text = "shared: {l: {type: log}, a: {type: db, params: {size: %s}}}"
    files = platform(
        module("db", module_params="{size: {type: any}}", dependencies="{l: {type: log, id: shared.l}}"), module("log")
    )
    before, after = graph(text % "'${resources.l.outputs.x}'", files), graph(text % json.dumps(template), files)
    assert ("params_changed", "db.default#shared.a", "param `size` changed") in [
        (kind, at, said.partition(",")[0]) for kind, at, said in changes(before, after)
    ]


def sourced(old: ModuleSource, new: ModuleSource) -> str:
    ((_, _, said),) = changes(plain_graph(resource("db", source=old)), plain_graph(resource("db", source=new)))
    return said


REGISTRY = ModuleSource(SourceKind.REGISTRY, "acme/db/aws", "acme/db/aws@1.0.0", "1.0.0")
GIT = ModuleSource(SourceKind.GIT, "git::https://h/m.git?ref=v1", "x")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            REGISTRY,
            replace(REGISTRY, content="acme/db/aws@2.0.0", version="2.0.0"),
            "its version is `2.0.0` now, was `1.0.0`",
            id="version",
        ),
        pytest.param(
            replace(REGISTRY, version=None), REGISTRY, "its version is `1.0.0` now, was `any`", id="no-version-before"
        ),
        pytest.param(
            GIT,
            replace(GIT, address="git::https://h/m.git?ref=v2"),
            "its source is `git::https://h/m.git?ref=v2` now, was `git::https://h/m.git?ref=v1`",
            id="tag",
        ),
        pytest.param(
            replace(GIT, version="a" * 40),
            replace(GIT, version="b" * 40),
            "`ref=v1` moved from aaaaaaaaaa to bbbbbbbbbb",
            id="a-branch-that-moved",
        ),
        pytest.param(inline("# a"), inline("# b"), "its code changed", id="inline"),
        pytest.param(local("m", "0" * 16), local("m", "1" * 16), "its code changed", id="files"),
        pytest.param(inline("# a"), REGISTRY, "its source is `acme/db/aws@1.0.0` now, was inline code", id="kind"),
    ],
)
def test_what_changed_about_the_code_is_said(old: ModuleSource, new: ModuleSource, said: str) -> None:
    assert sourced(old, new) == f"module `echo`: {said}"


def test_a_commit_that_nobody_looked_up_is_no_change() -> None:
    pinned = replace(GIT, version="a" * 40)
    assert diff(plain_graph(resource("db", source=GIT)), plain_graph(resource("db", source=pinned))) == ()


def test_another_module_is_named_with_its_version() -> None:
    old = plain_graph(resource("db", module="small", source=REGISTRY))
    new = plain_graph(resource("db", module="big", source=replace(REGISTRY, version="2.0.0")))
    assert [change.sentence for change in diff(old, new)] == ["module `big@2.0.0` takes the place of `small@1.0.0`"]


AWS = ProviderKey("aws", "main")
BLOCK = ProviderBlock("hashicorp/aws", "~> 5.0", {"region": "eu", "assume_role[0]": {"arn": "a"}})


@pytest.mark.parametrize(
    ("key", "block", "said"),
    [
        (ProviderKey("aws", "eu"), BLOCK, "provider `aws` is `aws.eu` now, was `aws.main`"),
        (AWS, replace(BLOCK, version_constraint="~> 6.0"), "version of provider `aws` is `~> 6.0` now, was `~> 5.0`"),
        (AWS, replace(BLOCK, version_constraint=None), "version of provider `aws` is `any` now, was `~> 5.0`"),
        (AWS, replace(BLOCK, source="acme/aws"), "source of provider `aws` is `acme/aws` now, was `hashicorp/aws`"),
        (
            AWS,
            replace(BLOCK, configuration={"region": "us", "assume_role[0]": {"arn": "a"}, "profile": "p"}),
            "provider `aws`: argument `region` changed, provider `aws`: argument `profile` is new",
        ),
        (
            AWS,
            replace(BLOCK, configuration={"region": "eu", "assume_role[0]": {"arn": "b"}}),
            'provider `aws`: argument `["assume_role[0]"].arn` changed',
        ),
    ],
)
def test_what_changed_about_a_provider_is_said(key: ProviderKey, block: ProviderBlock, said: str) -> None:
    old = plain_graph(resource("db", providers={"aws": AWS}), providers={AWS: BLOCK})
    new = plain_graph(resource("db", providers={"aws": key}), providers={key: block})
    assert [change.sentence for change in diff(old, new)] == [f"module `echo`: {said}"]


def test_what_may_be_a_move_is_said_beside_the_changes() -> None:
    found = difference(graph("shared: {a: {type: log}}"), graph("shared: {b: {type: log}, c: {type: log}}"))
    assert [change.kind for change in found.changes] == ["removed", "added", "added"]
    assert len(found.ambiguities) == 1


def test_a_change_is_one_sentence() -> None:
    assert [sentence(change) for change in diff(graph("workloads: {}"), graph("shared: {n: {type: log}}"))] == [
        "`log.default#shared.n` added: made by module `log`, as shared resource `n`"
    ]


def test_a_new_dependency_is_named() -> None:
    before, after = "{a: {type: log}}", "{a: {type: log}, b: {type: log, id: b}}"
    assert changes(
        graph(f"workloads: {{api: {{resources: {before}}}}}"), graph(f"workloads: {{api: {{resources: {after}}}}}")
    ) == [
        ("added", "log.default#b", "made by module `log`, as resource `b` of workload `api`"),
        ("params_changed", "workload.default#api", "depends on `log.default#b` now"),
    ]


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        pytest.param(module("log", module_inputs="{a: 1}"), "module `log`: input `a` is new", id="inputs"),
        pytest.param(
            module("log").replace("/opt", "/srv"),
            "module `log`: its source is `/srv/module` now, was `/opt/module`",
            id="source",
        ),
        pytest.param(module("log", ordering="strict"), "module `log`: its ordering is `strict` now", id="ordering"),
        pytest.param(module("log2", "log"), "module `log2` takes the place of `log`", id="module"),
        pytest.param(
            module("log", provider_mapping="{aws: aws.main}"), "module `log`: provider `aws` is new", id="provider"
        ),
    ],
)
def test_what_changed_about_the_module_is_said(changed: str, sentence: str) -> None:
    providers = "provider_type: aws\nid: main\nsource: hashicorp/aws\n"
    before, after = platform(module("log"), providers=providers), platform(changed, providers=providers)
    text = "shared: {a: {type: log}}"
    assert changes(graph(text, before), graph(text, after)) == [("module_changed", "log.default#shared.a", sentence)]


def test_a_provider_that_is_configured_otherwise_changes_its_users() -> None:
    def files(region: str) -> dict[str, str]:
        providers = f"provider_type: aws\nid: main\nsource: hashicorp/aws\nconfiguration: {{region: {region}}}\n"
        return platform(module("log", provider_mapping="{aws: aws.main}"), providers=providers)

    text = "shared: {a: {type: log}}"
    assert changes(graph(text, files("x")), graph(text, files("y"))) == [
        ("module_changed", "log.default#shared.a", "module `log`: provider `aws`: argument `region` changed")
    ]


def test_an_alias_with_another_name_moves_with_all_that_it_brought() -> None:
    before = "workloads: {api: {resources: {a: {type: db, params: {size: 1}}, b: {type: db, params: {size: 2}}}}}"
    assert moved(before, before.replace("{a:", "{c:")) == {
        "db.default#workloads.api.c": "db.default#workloads.api.a",
        "net.default#workloads.api.c": "net.default#workloads.api.a",
        "log.default#workloads.api.c": "log.default#workloads.api.a",
    }


def test_a_move_is_told_and_references_to_it_are_not_changes() -> None:
    text = "workloads: {api: {resources: {a: {type: log}}, outputs: {U: '${resources.a.outputs.x}'}}}"
    found = diff(graph(text), graph(text.replace("a: {type", "b: {type").replace("resources.a", "resources.b")))
    assert [(change.kind, str(change.coordinate), str(change.previous), change.sentence) for change in found] == [
        (
            ChangeKind.MOVED,
            "log.default#workloads.api.b",
            "log.default#workloads.api.a",
            "`log.default#workloads.api.a` is called `log.default#workloads.api.b` now; what is there is kept",
        ),
        (ChangeKind.PARAMS_CHANGED, "workload.default#api", "None", "its resources have other aliases"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        pytest.param(
            "workloads: {api: {resources: {a: {type: log}, b: {type: log}}}}",
            "workloads: {web: {resources: {a: {type: log}, b: {type: log}}}}",
            {
                "log.default#workloads.web.a": "log.default#workloads.api.a",
                "log.default#workloads.web.b": "log.default#workloads.api.b",
            },
            id="a-workload-with-another-name",
        ),
        pytest.param(
            "workloads: {api: {resources: {a: {type: db, params: {size: {name: api}}}}}}",
            "workloads: {web: {resources: {a: {type: db, params: {size: {name: web}}}}}}",
            {
                "db.default#workloads.web.a": "db.default#workloads.api.a",
                "log.default#workloads.web.a": "log.default#workloads.api.a",
                "net.default#workloads.web.a": "net.default#workloads.api.a",
            },
            id="params-that-say-the-workloads-name",
        ),
        pytest.param(
            "workloads: {api: {resources: {a: {type: log}}}}",
            "workloads: {api: {resources: {a: {type: log, id: main}}}}",
            {"log.default#main": "log.default#workloads.api.a"},
            id="another-id-under-the-same-alias",
        ),
        pytest.param(
            "shared: {a: {type: log}}",
            "shared: {b: {type: log}}",
            {"log.default#shared.b": "log.default#shared.a"},
            id="a-shared-resource",
        ),
        pytest.param(
            "shared: {a: {type: db, params: {size: 1}}, b: {type: db, params: {size: 2}}}",
            "shared: {c: {type: db, params: {size: 1}}}",
            {
                "db.default#shared.c": "db.default#shared.a",
                "net.default#shared.c": "net.default#shared.a",
                "log.default#shared.c": "log.default#shared.a",
            },
            id="one-renamed-one-removed",
        ),
        pytest.param(
            "shared: {a: {type: db, params: {size: 1}}}",
            "shared: {b: {type: db, params: {size: 2}}}",
            {},
            id="other-params-are-another-thing",
        ),
        pytest.param(
            "workloads: {api: {resources: {a: {type: db}}}}",
            "workloads: {api: {resources: {a: {type: db, class: large}}}}",
            {},
            id="another-module-is-another-thing",
        ),
        pytest.param(
            "workloads: {api: {resources: {a: {type: log}}}, job: {resources: {n: {type: net, id: x}}}}",
            "workloads: {job: {resources: {n: {type: net, id: x}, b: {type: log}}}}",
            {},
            id="another-workload-has-another-one",
        ),
    ],
)
def test_only_what_can_be_nothing_else_is_moved(before: str, after: str, pairs: dict[str, str]) -> None:
    assert moved(before, after) == pairs


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "shared: {a: {type: log}}",
            "shared: {b: {type: log}, c: {type: log}}",
            "`log.default#shared.a` may be among the new `log.default#shared.b` and `log.default#shared.c`; which is "
            "which "
            "cannot be told, so nothing is moved: rename one at a time to keep what is there",
        ),
        (
            "workloads: {api: {resources: {a: {type: log}, b: {type: log}}}}",
            "workloads: {api: {resources: {c: {type: log}}}}",
            "`log.default#workloads.api.a` and `log.default#workloads.api.b` may be the new "
            "`log.default#workloads.api.c`; "
            "which is which cannot be told, so nothing is moved: rename one at a time to keep what is there",
        ),
        (
            "workloads: {a: {resources: {x: {type: log}}}, b: {resources: {x: {type: log}}}}",
            "workloads: {c: {resources: {x: {type: log}}}, d: {resources: {x: {type: log}}}}",
            "`workload.default#a` and `workload.default#b` may be among the new `workload.default#c` and "
            "`workload.default#d`; which is which cannot be told, so nothing is moved: rename one at a time to keep "
            "what "
            "is there",
        ),
    ],
)
def test_what_could_be_two_things_is_not_moved_and_said(before: str, after: str, said: str) -> None:
    found = moves(graph(before), graph(after))
    assert (found.moved, found.ambiguities) == ({}, (said,))


def test_many_alike_are_said_in_one_sentence() -> None:
    old = ", ".join(f"a{n}: {{type: log}}" for n in range(300))
    new = ", ".join(f"b{n}: {{type: log}}" for n in range(300))
    found = moves(graph(f"shared: {{{old}}}"), graph(f"shared: {{{new}}}"))
    assert found.moved == {}
    assert len(found.ambiguities) == 1
    assert "and 295 more may be among the new" in found.ambiguities[0]


def test_a_workload_with_another_name_is_told_as_that() -> None:
    text = "workloads: {api: {resources: {a: {type: log}}, outputs: {U: '${resources.a.outputs.x}'}}}"
    found = diff(graph(text), graph(text.replace("api", "web")))
    assert [(str(change.kind), change.sentence) for change in found] == [
        ("moved", "`log.default#workloads.api.a` is called `log.default#workloads.web.a` now; what is there is kept"),
        ("moved", "workload `api` is called `web` now"),
    ]
