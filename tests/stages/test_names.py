"""Names that the configuration gives to things of the graph."""

from __future__ import annotations

import pytest

from controller.model.graph import Coordinate, Output, Outputs, ProviderKey
from controller.tofu.names import module_name, module_name_of, output_name, provider_name, workload_of
from tests.tofu_factories import at


@pytest.mark.parametrize(
    ("coordinate", "name"),
    [
        pytest.param(
            Coordinate("thing", "default", "workloads.work.thing1"),
            "thing_default_workloadsworkthing1_3ac0c440",
            id="as-the-platform-orchestrator-names-it",
        ),
        pytest.param(Coordinate("db", "default", "a" * 100), f"db_default_{'a' * 80}_9ce437f6", id="long-ids-are-cut"),
        pytest.param(Coordinate("3scale", "default", "x"), "t_3scale_default_x_bba65950", id="no-digit-goes-first"),
    ],
)
def test_a_module_is_named_by_its_coordinate_alone(coordinate: Coordinate, name: str) -> None:
    assert module_name(coordinate) == name
    assert module_name_of(str(coordinate)) == name


def test_dots_that_vanish_from_a_name_still_count_in_its_hash() -> None:
    assert module_name(at("db#a.b")) != module_name(at("db#ab"))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        pytest.param(ProviderKey("aws", "main"), "aws-main-5d5ec199", id="type-id-hash"),
        pytest.param(ProviderKey("my_aws", "eu_1"), "myaws-eu1-db9e9e6e", id="the-engine-takes-no-underscore"),
        pytest.param(ProviderKey("aws", "a--b-"), "aws-a-b-53fb354b", id="nor-two-dashes"),
    ],
)
def test_a_provider_is_named_by_type_and_id(key: ProviderKey, name: str) -> None:
    assert provider_name(key) == name


def test_a_provider_that_refers_to_resources_is_named_as_the_platform_orchestrator_names_it() -> None:
    child = Output(Coordinate("child", "default", "specific"), ("thing",))
    key = ProviderKey("example", "dynamic", (child,), ("${resources.c.outputs.thing}",))
    assert provider_name(key) == "example-dynamic-72648817"


def test_providers_with_other_references_are_other_blocks() -> None:
    one, two = "${resources.one.outputs.h}", "${resources.two.outputs.h}"
    keys = [
        ProviderKey("k8s", "main"),
        ProviderKey("k8s", "main", (Output(at("a"), ("h",)), Output(at("b"), ("h",))), (one, two)),
        ProviderKey("k8s", "main", (Output(at("b"), ("h",)), Output(at("a"), ("h",))), (one, two)),
        ProviderKey("k8s", "main", (Output(at("a"), ("h",)),), (one,)),
        ProviderKey("k8s", "main", (Outputs((at("a"), at("b")), ("h",)),), ("${select.dependencies('a').outputs.h}",)),
    ]
    assert len({provider_name(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(("workload", "output"), [("api", "api"), ("0api", "w_0api"), ("w-api", "w-api")])
def test_the_output_of_a_workload_leads_back_to_it(workload: str, output: str) -> None:
    assert output_name(workload) == output
    assert workload_of(output) == workload
