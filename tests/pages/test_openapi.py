"""Does the OpenAPI document describe what is served?"""

from __future__ import annotations

import re

import jsonschema
import pytest

from tests.webui_factories import World
from webui.api import openapi
from webui.api.table import ROUTES

DOCUMENT = openapi.document(ROUTES)


def test_it_is_served_to_everybody(world: World):
    reply = world.client().get("/api/v1/openapi.json")
    assert (reply.status_code, reply.json) == (200, DOCUMENT)


def test_every_rule_of_the_api_is_described(world: World):
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in world.app().url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, found in DOCUMENT["paths"].items() for method in found}
    assert served == described


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for found in DOCUMENT["paths"].values() for operation in found.values()]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere():
    names = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert names == set(DOCUMENT["components"]["schemas"])


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_every_schema_is_a_json_schema(name: str):
    jsonschema.Draft202012Validator.check_schema(DOCUMENT["components"]["schemas"][name])


@pytest.mark.parametrize(
    "path", ["/projects", "/environments", "/deployments", "/commits", "/repositories", "/audit", "/whoami"]
)
def test_replies_are_as_described(shop: World, path: str):
    reference = DOCUMENT["paths"][f"/api/v1{path}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    schema = {**reference, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(shop.api().get(path).json)


def test_roles_are_said():
    assert DOCUMENT["paths"]["/api/v1/deployments/{id}/approve"]["post"]["description"] == "Needs role deployer."
    assert "security" not in DOCUMENT["paths"]["/api/v1/openapi.json"]["get"]
