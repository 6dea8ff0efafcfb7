"""What do placeholders yield, and where may they stand?"""

from __future__ import annotations

import pytest

from controller.errors import ManifestError
from controller.model.bundle import Context
from controller.model.graph import Coordinate, Output, ProviderKey, Template, Value, Variable
from tests.graph_factories import CONTEXT, graph_of, module, platform, shown

TYPES = "id: db\noutput_schema: {properties: {host: {type: string}, users: {type: object}}}\n---\nid: net\n"
ANY = "{size: {type: any, is_optional: true}}"


def problems(text: str, files: dict[str, str], context: Context = CONTEXT) -> list[str]:
    with pytest.raises(ManifestError) as error:
        graph_of(text, files, context)
    return [str(problem) for problem in error.value.problems]


def of_module(inputs: str, **keys: str) -> dict[str, str]:
    """A module `db` that depends on `net`."""
    database = module("db", module_inputs=inputs, module_params=ANY, dependencies="{net: {type: net}}", **keys)
    return platform(database, module("net", module_params=ANY), types=TYPES)


MAIN = "shared: {main: {type: db, id: main}}"


def inputs(value: str) -> Value:
    graph = graph_of(MAIN, of_module(f"{{x: {value}}}"))
    return shown(graph.nodes[Coordinate("db", "default", "main")].inputs)["x"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param(
            '"${context.project_id}/${context.env_id}:${context.env_type_id}"', "shop/staging:development", id="context"
        ),
        pytest.param('"${context.org_id}"', "acme", id="organization"),
        pytest.param('"${context.res_type}.${context.res_class}#${context.res_id}"', "db.default#main", id="resource"),
        pytest.param('"${resources.net.outputs.a.b}"', "<net.default#main a.b>", id="dependency"),
        pytest.param("\"${select.dependencies('net').outputs.a}\"", "<[net.default#main] a>", id="selection"),
        pytest.param("\"${select.consumers('net').outputs.a}\"", "<[] a>", id="empty-selection"),
        pytest.param('"$${a} $\\\\{b}"', "${a} ${b}", id="escapes"),
        pytest.param(
            '{l: ["${context.env_id}", {"${context.env_id}": 1}], n: null}',
            {"l": ["staging", {"${context.env_id}": 1}], "n": None},
            id="depth-but-no-keys",
        ),
        pytest.param("[1, 1.5, true, null, {}, []]", [1, 1.5, True, None, {}, []], id="other-values"),
    ],
)
def test_module_inputs_yield(written: str, value: Value) -> None:
    assert inputs(written) == value


def test_nulls_at_the_top_are_left_out() -> None:
    graph = graph_of("shared: {main: {type: db, params: {size: null}}}", of_module("{x: null, y: 1}"))
    node = graph.nodes[Coordinate("db", "default", "shared.main")]
    assert (node.inputs, node.params) == ({"y": 1}, {})


def test_a_placeholder_alone_keeps_its_type_and_text_becomes_one_template() -> None:
    text = """
workloads:
  api:
    resources: {db: {type: db, id: main}}
    outputs:
      A: "${resources.db.outputs.host}"
      B: "pg://${resources.db.outputs.host}$${x}/${context.env_id}"
"""
    graph = graph_of(text, platform(module("db"), types=TYPES))
    host = Output(Coordinate("db", "default", "main"), ("host",))
    assert graph.nodes[Coordinate("workload", "default", "api")].outputs == {
        "A": Template((host,)),
        "B": Template(("pg://", host, "${x}/staging")),
    }


def test_params_of_a_workloads_resource_see_its_aliases_and_the_shared_ones() -> None:
    text = """
workloads:
  api:
    resources:
      a: {type: net, params: {size: ["${resources.b.outputs.host}", "${shared.c.outputs.host}", "${context.res_id}"]}}
      b: {type: db}
shared:
  c: {type: db}
"""
    graph = graph_of(text, of_module("{}"))
    node = graph.nodes[Coordinate("net", "default", "workloads.api.a")]
    assert shown(node.params) == {
        "size": ["<db.default#workloads.api.b host>", "<db.default#shared.c host>", "workloads.api.a"]
    }
    assert [str(target) for target in node.anonymous] == ["db.default#shared.c", "db.default#workloads.api.b"]


def test_self_of_a_workloads_resource_says_what_the_workload_outputs() -> None:
    text = """
workloads:
  api:
    resources:
      a: {type: net, params: {size: "u=${self.outputs.URL} p=${self.outputs.PLAIN} n=${self.outputs.USERS.admin}"}}
      b: {type: db}
    outputs: {URL: "pg://${resources.b.outputs.host}", PLAIN: text, USERS: "${resources.b.outputs.users}"}
"""
    node = graph_of(text, of_module("{}")).nodes[Coordinate("net", "default", "workloads.api.a")]
    host, admin = "<db.default#workloads.api.b host>", "<db.default#workloads.api.b users.admin>"
    assert shown(node.params) == {"size": f"u=pg://{host} p=text n={admin}"}
    assert [str(target) for target in node.anonymous] == ["db.default#workloads.api.b"]


def test_params_of_what_a_module_needs_see_the_modules_aliases() -> None:
    files = platform(
        module(
            "db",
            dependencies="{net: {type: net}, "
            "log: {type: log, params: {x: '${resources.net.outputs.id} ${context.res_type}'}}}",
            coprovisioned="[{type: log, id: extra, params: {x: '${self.outputs.host}'}}]",
        ),
        module("net"),
        module("log", module_params="{x: {type: string}}"),
        types=TYPES,
    )
    nodes = graph_of(MAIN, files).nodes
    assert shown(nodes[Coordinate("log", "default", "main")].params) == {"x": "<net.default#main id> log"}
    assert shown(nodes[Coordinate("log", "default", "extra")].params) == {"x": "<db.default#main host>"}


def test_params_of_a_shared_resource_see_the_dependencies_of_its_module() -> None:
    graph = graph_of('shared: {a: {type: db, params: {size: "${resources.net.outputs.id}"}}}', of_module("{}"))
    assert shown(graph.nodes[Coordinate("db", "default", "shared.a")].params) == {"size": "<net.default#shared.a id>"}


SELECTING = """
workloads:
  api:
    resources:
      a: {type: db, class: small}
      b: {type: db, class: large, id: main}
      r: {type: net, params: {size: "SELECTION"}}
  job:
    resources:
      b: {type: db, class: large, id: main}
      n: {type: net, id: main, params: {size: "${resources.b.outputs.host}"}}
"""


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        pytest.param(
            "${select.dependencies('db').outputs.host}",
            ["db.large#main", "db.small#workloads.api.a"],
            id="of-the-workload",
        ),
        pytest.param("${select.dependencies('db.small').outputs.host}", ["db.small#workloads.api.a"], id="class"),
        pytest.param("${select.dependencies('db#main').outputs.host}", ["db.large#main"], id="id"),
        pytest.param(
            "${select.dependencies('db').consumers('net').outputs.x}",
            ["net.default#main"],
            id="by-a-placeholder-in-params",
        ),
        pytest.param("${select.dependencies('db').consumers('net#@').outputs.x}", ["net.default#main"], id="same-id"),
        pytest.param(
            "${select.dependencies('db').consumers('workload').dependencies('db.@').outputs.host}",
            [],
            id="no-class-of-a-workload",
        ),
        pytest.param(
            "${select.dependencies('db.small').consumers('workload').dependencies('db').outputs.host}",
            ["db.large#main", "db.small#workloads.api.a"],
            id="through-a-workload",
        ),
    ],
)
def test_selections_go_along_edges(selection: str, found: list[str]) -> None:
    files = platform(
        module("db", rules="[{resource_class: small}, {resource_class: large}]"),
        module("net", module_params=ANY),
        types=TYPES,
    )
    text = SELECTING.replace("SELECTION", selection)
    node = graph_of(text, files).nodes[Coordinate("net", "default", "workloads.api.r")]
    key = selection.rpartition(".")[2].removesuffix("}")
    assert shown(node.params) == {"size": f"<[{', '.join(found)}] {key}>"}
    assert [str(target) for target in node.anonymous] == found


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "${var.X}",
            "`${var.X}` may not stand in `module_inputs`; only the configuration of a provider may use `var`; give the "
            "module a provider or read its own vault",
        ),
        (
            "${shared.a.outputs.x}",
            "`${shared.a.outputs.x}` may not stand in `module_inputs`; only a workload's resources and outputs may use "
            "`shared`",
        ),
        (
            "${self.outputs.x}",
            "`${self.outputs.x}`: the module would wait for its own output; take the value from where it comes from",
        ),
        (
            "${resources.nett.outputs.x}",
            "`${resources.nett.outputs.x}`: module `db` has no dependency `nett`; did you mean `net`?",
        ),
        (
            "${select.consumers('dbs').outputs.x}",
            "`${select.consumers('dbs').outputs.x}`: resource type `dbs` is unknown; did you mean `db`?",
        ),
        (
            "${select.consumers('workload').outputs.x}",
            "`${select.consumers('workload').outputs.x}`: nothing can use the outputs of a workload; end on a resource "
            "type; what a workload outputs leaves the environment only",
        ),
        (
            "${select.consumers('db').outputs.hots}",
            "`${select.consumers('db').outputs.hots}`: resource type `db` has no output `hots`; did you mean `host`?",
        ),
        (
            "x ${select.consumers('net').outputs.x}",
            "`${select.consumers('net').outputs.x}` yields a list; let it be the whole value, with no text around it",
        ),
        (
            "${x}",
            "placeholder `${x}` begins with `x`, which is none of `context`, `resources`, `select`, `self`, `shared`, "
            "`var`; write `$${` for a literal `${`",
        ),
    ],
)
def test_what_is_wrong_in_a_module_is_told_once_at_the_module(value: str, told: str) -> None:
    found = problems("shared: {a: {type: db}, b: {type: db}}", of_module(f'{{x: "{value}"}}'))
    assert found == [f"platform/modules/db.yaml:5:20: {told}"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "${resources.dbs.outputs.host}",
            "`${resources.dbs.outputs.host}`: workload `api` has no resource `dbs`; did you mean `db`?",
        ),
        (
            "${resources.main.outputs.host}",
            "`${resources.main.outputs.host}`: workload `api` has no resource `main`; it is a shared resource: write "
            "`${shared.main.outputs.host}`",
        ),
        (
            "${shared.mian.outputs.host}",
            "`${shared.mian.outputs.host}`: there is no shared resource `mian`; did you mean `main`?",
        ),
        (
            "${resources.db.outputs.hots}",
            "`${resources.db.outputs.hots}`: resource type `db` has no output `hots`; did you mean `host`?",
        ),
        (
            "${resources.db.outputs.port}",
            "`${resources.db.outputs.port}`: resource type `db` has no output `port`; it has `host`, `users`",
        ),
        (
            "${resources.db.outputs.host.x}",
            "`${resources.db.outputs.host.x}`: output `host` of resource type `db` has no key `x`; it has no keys",
        ),
        (
            "${context.res_id}",
            "`${context.res_id}` may not stand in outputs of a workload; only `module_inputs` and `params` may use "
            "`res_type`, `res_class` and `res_id`",
        ),
        (
            "${self.outputs.X}",
            "`${self.outputs.X}` may not stand in outputs of a workload; only `module_inputs` and `params` may use "
            "`self`",
        ),
        (
            "${select.dependencies('db').outputs.host}",
            "`${select.dependencies('db').outputs.host}` may not stand in outputs of a workload; only `module_inputs` "
            "and `params` may use `select`",
        ),
    ],
)
def test_what_is_wrong_in_an_output_is_told_at_the_output(value: str, told: str) -> None:
    text = f'workloads:\n  api:\n    resources: {{db: {{type: db}}}}\n    outputs:\n      X: "{value}"\n{MAIN}\n'
    assert problems(text, of_module("{}")) == [f"m.yaml:5:10: {told}"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            "${self.outputs.Y}",
            "`${self.outputs.Y}`: workload `api` has no output `Y`; `self` is the workload here; name one of its "
            "`outputs`",
        ),
        (
            "${self.outputs.X.a}",
            "`${self.outputs.X.a}`: output `X` of the workload is a text and has no key `a` (for "
            "`net.default#workloads.api.n`, resource `n` of workload `api` at m.yaml:4:7); write `${self.outputs.X}`",
        ),
        (
            "${var.A}",
            "`${var.A}` may not stand in params of a workload's resource; only the configuration of a provider may use "
            "`var`; give the module a provider or read its own vault",
        ),
    ],
)
def test_what_is_wrong_in_params_is_told_at_the_param(value: str, told: str) -> None:
    resource = f'n: {{type: net, params: {{size: "{value}"}}}}'
    text = f"workloads:\n  api:\n    resources:\n      {resource}\n    outputs: {{X: text}}\n"
    assert problems(text, of_module("{}")) == [f"m.yaml:4:37: {told}"]


def test_a_shared_resource_cannot_see_the_other_shared_ones() -> None:
    text = 'shared:\n  a: {type: net, params: {size: "${shared.b.outputs.x}"}}\n  b: {type: net}\n'
    assert problems(text, of_module("{}")) == [
        "m.yaml:2:33: `${shared.b.outputs.x}` may not stand in params of a shared resource; only a workload's "
        "resources "
        "and outputs may use `shared`"
    ]


def test_an_organization_that_is_not_named_cannot_be_asked_for() -> None:
    context = Context("shop", "staging", "development")
    assert problems(MAIN, of_module('{x: "${context.org_id}"}'), context) == [
        "platform/modules/db.yaml:5:20: `${context.org_id}`: this repository names no organization (for "
        "`db.default#main`, "
        "shared resource `main` at m.yaml:1:10); add `organization: ID` to `lockstep.yaml`"
    ]


AWS = """\
provider_type: aws
id: main
source: hashicorp/aws
version_constraint: ~> 6
configuration: CONFIGURATION
"""


def with_provider(configuration: str) -> dict[str, str]:
    provider = AWS.replace("CONFIGURATION", configuration)
    database = module("db", dependencies="{a: {type: net, id: x}, b: {type: net}}", provider_mapping="{aws: aws.main}")
    return platform(database, module("net"), types=TYPES, providers=provider)


TWO = "shared: {one: {type: db}, two: {type: db}}"


def test_a_provider_without_references_is_one_block_for_all() -> None:
    graph = graph_of(TWO, with_provider('{region: "${var.REGION}", tags: {env: "${context.env_id}"}, none: null}'))
    key = ProviderKey("aws", "main")
    block = graph.providers[key]
    assert list(graph.providers) == [key]
    assert (block.source, block.version_constraint) == ("hashicorp/aws", "~> 6")
    assert block.configuration == {"region": Template((Variable("REGION"),)), "tags": {"env": "staging"}}
    assert {node.coordinate.id: dict(node.providers) for node in graph.nodes.values() if node.module == "db"} == {
        "shared.one": {"aws": key},
        "shared.two": {"aws": key},
    }


def test_nodes_with_the_same_references_share_a_block() -> None:
    graph = graph_of(TWO, with_provider('{vpc: "${resources.a.outputs.id}"}'))
    shared = Output(Coordinate("net", "default", "x"), ("id",))
    assert list(graph.providers) == [ProviderKey("aws", "main", (shared,), ("${resources.a.outputs.id}",))]


def test_nodes_with_other_references_have_blocks_of_their_own() -> None:
    graph = graph_of(TWO, with_provider('{vpc: "${resources.b.outputs.id}", dns: "${resources.a.outputs.id}"}'))
    own, common = Coordinate("net", "default", "shared.one"), Coordinate("net", "default", "x")
    node = graph.nodes[Coordinate("db", "default", "shared.one")]
    written = ("${resources.a.outputs.id}", "${resources.b.outputs.id}")
    key = ProviderKey("aws", "main", (Output(common, ("id",)), Output(own, ("id",))), written)
    assert node.providers == {"aws": key}
    assert shown(graph.providers[key].configuration) == {"dns": f"<{common} id>", "vpc": f"<{own} id>"}
    assert len(graph.providers) == 2


def test_what_is_wrong_in_a_provider_names_the_module_that_lacks_it() -> None:
    files = with_provider('{a: "${resources.c.outputs.id}", b: "${self.outputs.id}", c: "${context.res_id}"}')
    assert problems(TWO, files) == [
        "platform/providers/all.yaml:5:20: `${resources.c.outputs.id}`: module `db`, which uses provider `aws.main`, "
        "has no "
        "dependency `c`; it has `a`, `b`",
        "platform/providers/all.yaml:5:52: `${self.outputs.id}` may not stand in the configuration of a provider; only "
        "`module_inputs` and `params` may use `self`",
        "platform/providers/all.yaml:5:77: `${context.res_id}` may not stand in the configuration of a provider; only "
        "`module_inputs` and `params` may use `res_type`, `res_class` and `res_id`",
    ]
