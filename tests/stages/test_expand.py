"""Which nodes does a manifest bring into being, and what depends on what?"""

from __future__ import annotations

import copy

import pytest

from controller.catalog import rules
from controller.errors import ManifestError, Place
from controller.graph import draw
from controller.graph.expand import expand, types_asked
from controller.model.graph import Coordinate, GraphNode
from tests.graph_factories import CONTEXT, catalog, graph_of, manifest, module, platform


def problems(text: str, files: dict[str, str]) -> list[str]:
    with pytest.raises(ManifestError) as error:
        graph_of(text, files)
    return [str(problem) for problem in error.value.problems]


def lines(text: str, files: dict[str, str]) -> list[str]:
    return draw.text(graph_of(text, files)).splitlines()


ONE = "workloads: {api: {resources: {db: {type: db}}}}"


def test_a_node_tells_where_it_comes_from() -> None:
    files = platform(module("db", dependencies="{net: {type: net}}"), module("net"))
    nodes = graph_of("workloads:\n  api:\n    resources:\n      db: {type: db}\n", files).nodes
    told = [(str(node.coordinate), node.module, node.origin, node.place) for node in nodes.values()]
    assert told == [
        ("db.default#workloads.api.db", "db", "resource `db` of workload `api`", Place("m.yaml", 4, 7)),
        (
            "net.default#workloads.api.db",
            "net",
            "dependency `net` of `db.default#workloads.api.db`",
            Place("platform/modules/db.yaml", 5, 16),
        ),
        ("workload.default#api", None, "workload `api`", Place("m.yaml", 2, 3)),
    ]


def test_ids_are_those_of_the_alias_unless_given() -> None:
    text = """
workloads:
  api: {resources: {db: {type: db}, own: {type: db, class: large, id: main}}}
shared:
  cache: {type: db}
  named: {type: db, id: main}
"""
    files = platform(module("db", rules="[{}, {resource_class: large}]"))
    assert lines(text, files) == [
        "db.default#main (module db)",
        "db.default#shared.cache (module db)",
        "db.default#workloads.api.db (module db)",
        "db.large#main (module db)",
        "workload.default#api",
        "  db -> db.default#workloads.api.db",
        "  own -> db.large#main",
    ]


def test_a_workload_joins_a_shared_resource_by_its_id() -> None:
    text = "workloads: {api: {resources: {c: {type: db, id: shared.c}}}}\nshared: {c: {type: db, params: {size: 1}}}\n"
    graph = graph_of(text, platform(module("db", module_params="{size: {type: number}}")))
    node = graph.nodes[Coordinate("db", "default", "shared.c")]
    assert (node.params, node.origin) == ({"size": 1}, "shared resource `c`")


def test_dependencies_inherit_the_id_and_take_class_and_id_where_an_at_stands() -> None:
    files = platform(
        module(
            "db",
            rules="[{resource_class: large}]",
            dependencies='{a: {type: net}, b: {type: net, class: "@-x", id: "@.y-@"}, c: {type: net, id: fixed}}',
        ),
        module("net", rules="[{}, {resource_class: large-x}]"),
    )
    assert lines("shared: {s: {type: db, class: large, id: i}}", files) == [
        "db.large#i (module db)",
        "  a -> net.default#i",
        "  b -> net.large-x#i.y-i",
        "  c -> net.default#fixed",
        "net.default#fixed (module net)",
        "net.default#i (module net)",
        "net.large-x#i.y-i (module net)",
    ]


def test_nodes_of_one_coordinate_are_one_node() -> None:
    files = platform(
        module("db", dependencies="{net: {type: net, id: main}}"),
        module("queue", dependencies="{net: {type: net, id: main}}"),
        module("net"),
    )
    assert lines("shared: {a: {type: db}, b: {type: queue}}", files) == [
        "db.default#shared.a (module db)",
        "  net -> net.default#main",
        "net.default#main (module net)",
        "queue.default#shared.b (module queue)",
        "  net -> net.default#main",
    ]


@pytest.mark.parametrize(
    ("flags", "edges"),
    [
        pytest.param("", [], id="alone"),
        pytest.param("is_dependent_on_current: true", [("backup", "db")], id="dependent-on-current"),
        pytest.param(
            "copy_dependents_from_current: true", [("queue", "backup"), ("workload", "backup")], id="copies-dependents"
        ),
        pytest.param(
            "is_dependent_on_current: true, copy_dependents_from_current: true",
            [("backup", "db"), ("queue", "backup"), ("workload", "backup")],
            id="both",
        ),
    ],
)
def test_what_is_coprovisioned_waits_as_its_flags_say(flags: str, edges: list[tuple[str, str]]) -> None:
    files = platform(
        module("db", coprovisioned=f"[{{type: backup, {flags}}}]"),
        module("queue", dependencies="{db: {type: db, id: main}}"),
        module("backup"),
    )
    text = "workloads: {api: {resources: {db: {type: db, id: main}, q: {type: queue}}}}"
    graph = graph_of(text, files)
    assert Coordinate("backup", "default", "main") in graph.nodes
    assert sorted((node.coordinate.type, to.type) for node in graph.nodes.values() for to in node.anonymous) == edges


def test_dependents_are_copied_along_a_chain() -> None:
    files = platform(
        module("db", coprovisioned="[{type: backup, copy_dependents_from_current: true}]"),
        module("backup", coprovisioned="[{type: audit, copy_dependents_from_current: true}]"),
        module("audit"),
    )
    assert lines(ONE, files)[-4:] == [
        "workload.default#api",
        "  db -> db.default#workloads.api.db",
        "  -> audit.default#workloads.api.db",
        "  -> backup.default#workloads.api.db",
    ]


def test_two_companions_that_copy_dependents_do_not_wait_for_each_other() -> None:
    both = "is_dependent_on_current: true, copy_dependents_from_current: true"
    files = platform(
        module("db", coprovisioned=f"[{{type: backup, {both}}}, {{type: audit, {both}}}]"),
        module("backup"),
        module("audit"),
    )
    assert lines(ONE, files) == [
        "audit.default#workloads.api.db (module audit)",
        "  -> db.default#workloads.api.db",
        "backup.default#workloads.api.db (module backup)",
        "  -> db.default#workloads.api.db",
        "db.default#workloads.api.db (module db)",
        "workload.default#api",
        "  db -> db.default#workloads.api.db",
        "  -> audit.default#workloads.api.db",
        "  -> backup.default#workloads.api.db",
    ]


def test_a_named_edge_takes_the_place_of_an_anonymous_one() -> None:
    files = platform(
        module(
            "db",
            dependencies="{net: {type: net}}",
            coprovisioned="[{type: backup, is_dependent_on_current: true}]",
        ),
        module("backup", dependencies="{db: {type: db}}"),
        module("net"),
    )
    assert "  -> db.default#workloads.api.db" not in lines(ONE, files)


SIZED = platform(module("db", module_params="{size: {type: any, is_optional: true}}"))


def test_different_params_for_one_resource_name_both_places() -> None:
    text = """
workloads:
  api: {resources: {db: {type: db, id: main, params: {size: 1}}}}
  job: {resources: {db: {type: db, id: main, params: {size: true}}}}
  web: {resources: {db: {type: db, id: main}}}
"""
    assert problems(text, SIZED) == [
        "m.yaml:4:54: resource `db` of workload `job` gives `db.default#main` other params than resource `db` of "
        "workload "
        "`api` at m.yaml:3:54; give both the same params, leave one of them out, or give one of the resources another "
        "id"
    ]


def test_params_that_say_the_same_in_other_ways_are_the_same() -> None:
    text = """
shared:
  a: {type: db, id: main, params: {size: {x: 1, y: [1.0]}}}
  b: {type: db, id: main, params: {size: {y: [1], x: 1.0}}}
  c: {type: db, id: main, params: {}}
"""
    assert lines(text, SIZED) == ["db.default#main (module db)"]


def test_the_same_words_with_another_meaning_are_different_params() -> None:
    """Each workload's `x` is another resource, though the text is the same."""
    given = '{db: {type: db, id: main, params: {size: "${resources.x.outputs.a}"}}, x: {type: db}}'
    text = f"workloads:\n  api: {{resources: {given}}}\n  job: {{resources: {given}}}\n"
    assert problems(text, SIZED) == [
        "m.yaml:3:54: resource `db` of workload `job` gives `db.default#main` the same params in words as resource "
        "`db` of "
        "workload `api` at m.yaml:2:54, but their placeholders mean other resources (for `db.default#main`, resource "
        "`db` "
        "of workload `api` at m.yaml:2:21); give one of the resources another id, or leave the params out of one"
    ]


@pytest.mark.parametrize(
    ("resource", "modules", "place", "told"),
    [
        pytest.param(
            "{type: dbs}",
            [module("db")],
            "2:16",
            "resource type `dbs` is unknown (for `dbs.default#main`, shared resource `main` at m.yaml:2:3); "
            "did you mean `db`?",
            id="unknown-type",
        ),
        pytest.param(
            "{type: workload}",
            [module("db")],
            "2:3",
            "`workload` is no resource type (for `workload.default#main`, shared resource `main`); it names the "
            "workloads "
            "themselves; declare them under `workloads`",
            id="workload",
        ),
        pytest.param(
            "{type: db}",
            [module("other", "net")],
            "2:3",
            "no module matches resource type `db`, class `default` (for `db.default#main`, shared resource `main`); no "
            "module makes a `db`; add one below `modules/`",
            id="no-module",
        ),
        pytest.param(
            "{type: db}",
            [module("pg", "db", rules="[]")],
            "2:3",
            "no module matches resource type `db`, class `default` (for `db.default#main`, shared resource `main`); a "
            "module without rules is never chosen; give `pg` a rule",
            id="no-rule",
        ),
        pytest.param(
            "{type: db}",
            [module("pg", "db", rules="[{env_type_id: production}]")],
            "2:3",
            "no module matches resource type `db`, class `default` in environment `shop/staging` of type `development` "
            "(for `db.default#main`, shared resource `main`); no rule for `db` holds there; add one to `pg`",
            id="rules-elsewhere",
        ),
        pytest.param(
            "{type: db, class: lagre}",
            [module("pg", "db", rules="[{resource_class: large}, {}]")],
            "2:27",
            "no module matches resource type `db`, class `lagre` in environment `shop/staging` of type `development` "
            "(for `db.lagre#main`, shared resource `main` at m.yaml:2:3); did you mean `large`?",
            id="near-class",
        ),
        pytest.param(
            "{type: db}",
            [module("pg", "db", rules="[{resource_id: orders}, {resource_id: users}]")],
            "2:3",
            "no module matches resource type `db`, class `default` in environment `shop/staging` of type `development` "
            "(for `db.default#main`, shared resource `main`); the rules for this class name only the ids `orders`, "
            "`users`; use one of them or add a rule without id",
            id="ids-only",
        ),
    ],
)
def test_what_no_module_makes_says_what_the_rules_know(
    resource: str, modules: list[str], place: str, told: str
) -> None:
    text = f"shared:\n  main: {resource.replace('}', ', id: main}')}\n"
    files = platform(*modules, types="id: db\n")
    assert problems(text, files) == [f"m.yaml:{place}: {told}"]


def test_what_a_module_needs_and_nobody_makes_goes_back_to_the_line_of_the_manifest() -> None:
    files = platform(module("db", dependencies="{net: {type: net}}"), types="id: net\n")
    text = "workloads:\n  api: {resources: {a: {type: db}, b: {type: db}, c: {type: db}}}\n"
    assert problems(text, files) == [
        "platform/modules/db.yaml:5:16: no module matches resource type `net`, class `default` (for "
        "`net.default#workloads.api.a`, dependency `net` of `db.default#workloads.api.a`, brought into being by "
        "resource "
        "`a` of workload `api` at m.yaml:2:21 and 2 more); no module makes a `net`; add one below `modules/`"
    ]


def test_a_module_that_keeps_making_new_resources_is_stopped_with_the_chain() -> None:
    files = platform(
        module("db", dependencies='{q: {type: queue, id: "@-q"}}'), module("queue", dependencies="{db: {type: db}}")
    )
    assert problems(ONE, files) == [
        "platform/modules/db.yaml:5:16: modules keep making new resources: `queue.default#workloads.api.db-q` → "
        "`db.default#workloads.api.db-q` → `queue.default#workloads.api.db-q-q` → … (for "
        "`queue.default#workloads.api.db-q`, dependency `q` of `db.default#workloads.api.db`, brought into being by "
        "resource `db` of workload `api` at m.yaml:1:31); give the one that makes the first again a fixed id, or a "
        "rule "
        "for another module"
    ]


def test_growing_ids_may_end_by_a_rule_for_one_of_them() -> None:
    files = platform(
        module("db", dependencies='{next: {type: db, id: "@-x"}}'),
        module("last", "db", rules="[{resource_id: main-x-x-x}]"),
    )
    assert [line for line in lines("shared: {m: {type: db, id: main}}", files) if "->" not in line] == [
        "db.default#main (module db)",
        "db.default#main-x (module db)",
        "db.default#main-x-x (module db)",
        "db.default#main-x-x-x (module last)",
    ]


def test_a_fixed_id_ends_a_chain_of_coprovisioned_resources() -> None:
    files = platform(
        module("db", coprovisioned="[{type: log, id: fixed}]"),
        module("log", coprovisioned='[{type: db, id: "@-long"}]'),
    )
    assert [line.partition(" ")[0] for line in lines("shared: {m: {type: db}}", files)] == [
        "db.default#fixed-long",
        "db.default#shared.m",
        "log.default#fixed",
    ]


def test_circles_of_modules_are_told_as_a_path() -> None:
    files = platform(
        module("db", dependencies="{net: {type: net}}"),
        module("net", dependencies="{zone: {type: zone}}"),
        module("zone", dependencies="{db: {type: db}}"),
    )
    assert problems(ONE, files) == [
        "platform/modules/db.yaml:5:16: resources wait for one another: `db.default#workloads.api.db` → "
        "`net.default#workloads.api.db` → `zone.default#workloads.api.db` → `db.default#workloads.api.db` (for "
        "`db.default#workloads.api.db`, resource `db` of workload `api` at m.yaml:1:31); take one of these away: the "
        "dependency `net` at platform/modules/db.yaml:5:16, the dependency `zone` at platform/modules/net.yaml:5:16, "
        "the "
        "dependency `db` at platform/modules/zone.yaml:5:16"
    ]


def test_circles_by_placeholders_are_told_too() -> None:
    text = """
workloads:
  api:
    resources:
      a: {type: db, params: {size: "${resources.b.outputs.x}"}}
      b: {type: db, params: {size: "${resources.a.outputs.x}"}}
"""
    assert problems(text, SIZED) == [
        "m.yaml:5:36: resources wait for one another: `db.default#workloads.api.a` → `db.default#workloads.api.b` → "
        "`db.default#workloads.api.a` (for `db.default#workloads.api.a`, resource `a` of workload `api` at "
        "m.yaml:5:7); "
        "take one of these away: the placeholder at m.yaml:5:36, the placeholder at m.yaml:6:36"
    ]


def test_all_problems_of_an_environment_are_told_at_once() -> None:
    text = """
workloads:
  api:
    resources:
      a: {type: dbs}
      b: {type: db, params: {siez: 1, size: "${resources.b.outputs.x}"}}
    outputs: {U: "${resources.c.outputs.x}"}
"""
    assert [line.partition(": ")[0] for line in problems(text, SIZED)] == [
        "m.yaml:5:17",
        "m.yaml:6:30",
        "m.yaml:6:45",
        "m.yaml:7:18",
    ]


def test_types_asked_for_are_known_though_there_are_problems() -> None:
    known = catalog(platform(module("db", dependencies="{net: {type: net}}"), types="id: net\n"))
    module_for = rules.modules_for(known, CONTEXT)
    asked = manifest("shared: {a: {type: db}, b: {type: que}}")
    assert types_asked(asked, known, CONTEXT, module_for) == {"db", "net", "que"}
    assert types_asked(asked, known, CONTEXT, module_for, broken={"db"}) == {"db", "que"}


def test_nodes_of_a_broken_type_are_complained_about_elsewhere() -> None:
    known = catalog(platform(module("db", dependencies="{net: {type: net}}"), types="id: net\n"))
    graph = expand(manifest(ONE), known, CONTEXT, rules.modules_for(known, CONTEXT), broken={"db"})
    assert [str(coordinate) for coordinate in graph.nodes] == ["db.default#workloads.api.db", "workload.default#api"]


def test_nothing_asked_for_is_an_empty_graph() -> None:
    assert graph_of("workloads: {}", SIZED).nodes == {}


def test_the_order_of_everything_written_is_irrelevant_and_nothing_is_mutated() -> None:
    modules = [
        module("db", dependencies="{net: {type: net}, zone: {type: zone, id: main}}"),
        module("net"),
        module("zone", coprovisioned="[{type: log}]"),
        module("log"),
    ]
    forth = catalog(platform(*modules))
    back = catalog(dict(reversed(platform(*modules).items())))
    here = manifest(
        "workloads: {api: {resources: {a: {type: db}, b: {type: db}}}, job: {resources: {a: {type: zone}}}}"
    )
    there = manifest(
        "workloads: {job: {resources: {a: {type: zone}}}, api: {resources: {b: {type: db}, a: {type: db}}}}"
    )
    before = copy.deepcopy((forth, here))
    one = expand(here, forth, CONTEXT, rules.modules_for(forth, CONTEXT))
    two = expand(there, back, CONTEXT, rules.modules_for(back, CONTEXT))
    assert (forth, here) == before
    assert [_without_place(node) for node in one.nodes.values()] == [
        _without_place(node) for node in two.nodes.values()
    ]
    assert one == expand(here, forth, CONTEXT, rules.modules_for(forth, CONTEXT))


def _without_place(node: GraphNode) -> tuple[object, ...]:
    return (str(node.coordinate), node.module, dict(node.edges), node.anonymous, node.origin)


KEPT = "id: net\nis_developer_accessible: false\noutput_schema: {properties: {id: {type: string}}}\n"


def test_what_the_platform_keeps_to_itself_no_manifest_may_ask_for() -> None:
    files = platform(module("net"), module("db", dependencies="{net: {type: net}}"), types=KEPT)
    text = "workloads:\n  api: {resources: {n: {type: net}, db: {type: db}}}\nshared:\n  n: {type: net}\n"
    told = "resource type `net` is not for manifests: it is not accessible to developers"
    remedy = "it comes with `db`, or set `is_developer_accessible: true` at platform/resource-types/all.yaml:1:1"
    assert problems(text, files) == [
        f"m.yaml:2:31: {told} (for `net.default#workloads.api.n`, resource `n` of workload `api` at m.yaml:2:21); "
        f"{remedy}",
        f"m.yaml:4:13: {told} (for `net.default#shared.n`, shared resource `n` at m.yaml:4:3); {remedy}",
    ]


def test_what_nothing_brings_along_has_another_remedy() -> None:
    assert problems("shared:\n  n: {type: net}\n", platform(module("net"), types=KEPT)) == [
        "m.yaml:2:13: resource type `net` is not for manifests: it is not accessible to developers (for "
        "`net.default#shared.n`, shared resource `n` at m.yaml:2:3); ask for another type, or set "
        "`is_developer_accessible: true` at platform/resource-types/all.yaml:1:1"
    ]


def test_a_workload_written_in_score_is_of_a_type_that_the_platform_keeps() -> None:
    files = platform(module("net"), types=KEPT)
    assert lines("workloads: {api: {resources: {score-workload: {type: net}}}}", files) == [
        "net.default#workloads.api.score-workload (module net)",
        "workload.default#api",
        "  score-workload -> net.default#workloads.api.score-workload",
    ]


def test_ids_that_modules_double_are_stopped() -> None:
    """Seven modules in a request from a fork asked for an id of ten million letters."""
    modules = [module("a0")]
    for n in range(1, 8):
        modules.append(module(f"a{n}", dependencies=f'{{d: {{type: a{n - 1}, id: "@@@@@@@@@@"}}}}'))
    (told,) = problems("shared: {main: {type: a7, id: x}}", platform(*modules))
    assert "would have an id of 10000 characters (for " in told
    assert told.endswith("; take an `@` away, or give it a fixed id")


def test_texts_that_grow_beyond_all_measure_are_stopped() -> None:
    """One param of a request from a fork would have filled the controller's memory."""
    param = "${self.outputs.X}" * 10_000
    outputs = "{X: " + "x" * 10_000 + "}"
    text = f'workloads: {{api: {{resources: {{a: {{type: db, params: {{size: "{param}"}}}}}}, outputs: {outputs}}}}}'
    assert problems(text, SIZED) == [
        "m.yaml:1:60: all texts of the graph together have more than 64 MiB here; let resources and modules pass less "
        "text"
    ]


def test_references_that_grow_beyond_all_measure_are_stopped() -> None:
    """Only texts were counted: an output of thousands of placeholders could be taken over thousands of times."""
    param = "${self.outputs.X}" * 10_000
    outputs = '{X: "' + "${resources.a.outputs.host}" * 10_000 + '"}'
    text = f'workloads: {{api: {{resources: {{a: {{type: db, params: {{size: "{param}"}}}}}}, outputs: {outputs}}}}}'
    (told,) = problems(text, SIZED)
    assert told.startswith("m.yaml:1:60: all texts of the graph together have more than 64 MiB here")


def test_selections_that_grow_beyond_all_measure_are_stopped() -> None:
    """Each of ten thousand resources that knew of all the others took twenty gigabytes."""
    select = "{x: \"${select.dependencies('net').consumers('db').outputs.host}\"}"
    needs = "{net: {type: net, id: main}}"
    files = platform(module("db", module_inputs=select, dependencies=needs), module("net"))
    one = ", ".join(f"r{n}: {{type: db}}" for n in range(99))
    (told,) = problems("workloads: {" + ", ".join(f"w{n}: {{resources: {{{one}}}}}" for n in range(11)) + "}", files)
    assert told == (
        "platform/modules/db.yaml:5:20: `${select.dependencies('net').consumers('db').outputs.host}`: all selections "
        "of the graph together have more than 1,000,000 outputs here; let fewer resources select, or select fewer of "
        "them"
    )


def test_many_nodes_with_much_text_are_stopped() -> None:
    files = platform(module("db", module_inputs=f"{{x: [{'x' * 500_000}, y]}}"))
    resources = ", ".join(f"r{n}: {{type: db}}" for n in range(99))
    (told,) = problems(f"workloads: {{a: {{resources: {{{resources}}}}}, b: {{resources: {{{resources}}}}}}}", files)
    assert told.startswith("platform/modules/db.yaml:5:21: all texts of the graph together have more than 64 MiB here")
