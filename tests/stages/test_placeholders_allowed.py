"""Which placeholder may stand in which place? Every cell of the table, in one test."""

from __future__ import annotations

from itertools import product

import pytest

from controller.errors import ManifestError
from tests.graph_factories import graph_of, module, platform

KINDS = {
    "context": "${context.env_id}",
    "res_*": "${context.res_id}",
    "var": "${var.TOKEN}",
    "resources": "${resources.net.outputs.id}",
    "shared": "${shared.one.outputs.id}",
    "self": "${self.outputs.OUT}",
    "select": "${select.dependencies('net').outputs.id}",
}
# y: may stand there. n: may not. o: only a circle could come of it, and that is said.
TABLE = {
    #                context res_* var resources shared self select
    "module_inputs": "y      y     n   y         n      o    y",
    "dependency":    "y      y     n   y         n      o    y",
    "coprovisioned": "y      y     n   y         n      y    y",
    "resource":      "y      y     n   y         y      y    y",
    "shared":        "y      y     n   y         n      o    y",
    "output":        "y      n     n   y         y      n    n",
    "provider":      "y      n     y   y         n      n    n",
}  # fmt: skip
CELLS = [(spot, kind, verdict) for spot, row in TABLE.items() for kind, verdict in zip(KINDS, row.split(), strict=True)]
PLACES = {
    "module_inputs": ("platform/modules/db.yaml:5:20", "`module_inputs`"),
    "dependency": ("platform/modules/db.yaml:8:63", "params of a dependency"),
    "coprovisioned": ("platform/modules/db.yaml:9:57", "params of a co-provisioned resource"),
    "resource": ("m.yaml:4:36", "params of a workload's resource"),
    "shared": ("m.yaml:8:31", "params of a shared resource"),
    "output": ("m.yaml:6:20", "outputs of a workload"),
    "provider": ("platform/providers/all.yaml:4:20", "the configuration of a provider"),
}
REMEDIES = {
    "var": "only the configuration of a provider may use `var`; give the module a provider or read its own vault",
    "shared": "only a workload's resources and outputs may use `shared`",
    "self": "only `module_inputs` and `params` may use `self`",
    "select": "only `module_inputs` and `params` may use `select`",
    "res_*": "only `module_inputs` and `params` may use `res_type`, `res_class` and `res_id`",
}
CIRCLES = {
    "module_inputs": "the module would wait for its own output",
    "dependency": "the dependency would wait for the module, which waits for it",
    "shared": "the resource would wait for its own output",
}
NET = "id: net\noutput_schema: {properties: {id: {type: string}}}\n---\nid: db\n---\nid: log\n"


def told(spot: str, text: str) -> list[str]:
    """What is said of an environment where `text` stands in one place, and `x` in all the others."""
    at = dict.fromkeys(TABLE, "x") | {spot: text}
    database = module(
        "db",
        module_inputs=f'{{i: "{at["module_inputs"]}"}}',
        module_params="{p: {type: any, is_optional: true}}",
        provider_mapping="{aws: aws.main}",
        dependencies=f'{{net: {{type: net}}, log: {{type: log, params: {{p: "{at["dependency"]}"}}}}}}',
        coprovisioned=f'[{{type: log, id: "@-beside", params: {{p: "{at["coprovisioned"]}"}}}}]',
    )
    provider = 'provider_type: aws\nid: main\nsource: hashicorp/aws\nconfiguration: {a: "' + at["provider"] + '"}\n'
    files = platform(
        database,
        module("log", module_params="{p: {type: any}}"),
        module("net"),
        types=NET,
        providers=provider,
    )
    manifest = f"""\
workloads:
  api:
    resources:
      main: {{type: db, params: {{p: "{at["resource"]}"}}}}
      net: {{type: net}}
    outputs: {{OUT: "{at["output"]}"}}
shared:
  two: {{type: db, params: {{p: "{at["shared"]}"}}}}
  one: {{type: net}}
"""
    try:
        graph_of(manifest, files)
    except ManifestError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_the_table_has_every_cell() -> None:
    assert [cell[:2] for cell in CELLS] == list(product(TABLE, KINDS))
    assert told("output", "x") == []


@pytest.mark.parametrize(("spot", "kind", "verdict"), CELLS, ids=str)
def test_a_placeholder_may_stand_where_the_table_says(spot: str, kind: str, verdict: str) -> None:
    text = KINDS[kind]
    place, name = PLACES[spot]
    expected = {
        "y": [],
        "n": [f"{place}: `{text}` may not stand in {name}; {REMEDIES.get(kind)}"],
        "o": [f"{place}: `{text}`: {CIRCLES.get(spot)}; take the value from where it comes from"],
    }
    assert told(spot, text) == expected[verdict]
