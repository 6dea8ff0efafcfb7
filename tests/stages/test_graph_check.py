"""Are the texts of modules and providers right, whether anything uses them or not?"""

from __future__ import annotations

from controller.errors import ManifestError
from controller.graph.check import check
from tests.graph_factories import catalog, graph_of, module, platform

PROVIDERS = """\
provider_type: aws
id: main
source: hashicorp/aws
configuration: {a: '${resources.vpc.outputs.id}', b: '${x}'}
---
provider_type: aws
id: other
source: hashicorp/aws
configuration: {a: "${select.consumers('db').outputs.x}"}
"""
FILES = platform(
    module("db", module_inputs="{x: '${resources.net.outputs.id}'}", provider_mapping="{aws: aws.main}"),
    module("queue", provider_mapping="{aws: aws.main}", dependencies="{vpc: {type: net, params: {y: '${var.X}'}}}"),
    module("net"),
    providers=PROVIDERS,
    types="id: net\noutput_schema: {properties: {name: {}}}\n",
)


def test_everything_is_told_with_the_resource_types_that_it_stops() -> None:
    told = [(str(each.problem), each.resource_types) for each in check(catalog(FILES))]
    unknown = "is none of `context`, `resources`, `select`, `self`, `shared`, `var`; write `$${` for a literal `${`"
    assert told == [
        (
            "platform/modules/db.yaml:5:20: `${resources.net.outputs.id}`: module `db` has no dependency `net`; it has "
            "none",
            {"db"},
        ),
        (
            "platform/modules/queue.yaml:6:45: `${var.X}` may not stand in params of a dependency; only the "
            "configuration of "
            "a provider may use `var`; give the module a provider or read its own vault",
            {"queue"},
        ),
        (
            "platform/providers/all.yaml:4:20: `${resources.vpc.outputs.id}`: module `db`, which uses provider "
            "`aws.main`, "
            "has no dependency `vpc`; it has none",
            {"db"},
        ),
        (
            "platform/providers/all.yaml:4:20: `${resources.vpc.outputs.id}`: resource type `net` has no output `id`; "
            "it has "
            "`name`",
            {"queue"},
        ),
        (
            f"platform/providers/all.yaml:4:54: placeholder `${{x}}` begins with `x`, which {unknown}",
            {"db", "queue"},
        ),
        (
            "platform/providers/all.yaml:9:20: `${select.consumers('db').outputs.x}` may not stand in the "
            "configuration of a "
            "provider; only `module_inputs` and `params` may use `select`",
            {"aws.other"},
        ),
    ]


def test_the_same_words_are_used_when_an_environment_meets_them() -> None:
    """So that whoever tells both tells them once."""
    try:
        graph_of("shared: {a: {type: db}}", FILES)
    except ManifestError as error:
        found = set(error.problems)
    assert found == {each.problem for each in check(catalog(FILES)) if "db" in (each.resource_types or ())}


def test_a_sound_catalogue_has_nothing_to_tell() -> None:
    assert check(catalog(platform(module("db", module_inputs="{x: '${context.res_id}'}")))) == ()
