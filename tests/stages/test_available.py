"""What can be asked for in an environment?"""

from __future__ import annotations

from controller.catalog.available import AvailableType, Option, available
from controller.model.catalog import ModuleParam
from tests.graph_factories import CONTEXT, catalog, module, platform

FILES = platform(
    module("small", "db", rules="[{}]", module_params="{size: {type: number}}"),
    module("big", "db", rules="[{resource_class: large}, {resource_id: main, project_id: shop}]"),
    module("other", "db", rules="[{env_type_id: production}]"),
    module("queue", rules="[{project_id: blog}]"),
    module("hidden"),
    types="id: db\ndescription: A database.\noutput_schema: {properties: {host: {}}}\n---\nid: hidden\n"
    "is_developer_accessible: false\n---\nid: unused\n",
)


def test_each_type_tells_its_options_in_this_environment() -> None:
    assert available(catalog(FILES), CONTEXT) == [
        AvailableType(
            id="db",
            description="A database.",
            output_schema={"properties": {"host": {}}},
            is_developer_accessible=True,
            options=(
                Option(
                    "default",
                    None,
                    "platform/modules/small.yaml:4:9",
                    "small",
                    {"size": ModuleParam("number", False, "")},
                ),
                Option("default", "main", "platform/modules/big.yaml:4:34", "big", {}),
                Option("large", None, "platform/modules/big.yaml:4:9", "big", {}),
            ),
        )
    ]


def test_types_not_meant_for_developers_come_when_asked_for() -> None:
    known = catalog(FILES)
    assert [found.id for found in available(known, CONTEXT, include_inaccessible=True)] == ["db", "hidden"]
    assert [found.id for found in available(known, CONTEXT, type_id="hidden", include_inaccessible=True)] == ["hidden"]
    assert available(known, CONTEXT, type_id="queue") == []
