"""Keys of instances are values; names in an address are code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.tofu.addresses import masked
from controller.tofu.plan import summarize

SECRET = 'hunter2 "hunter2" ${x}'
# As the engine writes it.
WRITTEN = 'hunter2 \\"hunter2\\" $${x}'


def mask(text: str) -> str:
    return text.replace(SECRET, "(masked)").replace("aws_x", "(masked)")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        pytest.param("module.db.aws_x.it", "module.db.aws_x.it", id="names"),
        pytest.param('module.db.aws_x.it["eu-1"]', 'module.db.aws_x.it["eu-1"]', id="harmless"),
        pytest.param("aws_x.it[0]", "aws_x.it[0]", id="number"),
        pytest.param(f'module.db.aws_x.it["{WRITTEN}"]', 'module.db.aws_x.it["(masked)"]', id="whole"),
        pytest.param(f'aws_x.it["a \\" {WRITTEN}"]', 'aws_x.it["a \\" (masked)"]', id="part"),
        pytest.param(f'module.db["{WRITTEN}"].aws_x.it["]"]', 'module.db["(masked)"].aws_x.it["]"]', id="module"),
        pytest.param('data.aws_x.it["\\xyz"]', 'data.aws_x.it["\\xyz"]', id="unreadable"),
        pytest.param('provider["x.example/acme/aws_x"].y', 'provider["x.example/acme/aws_x"].y', id="provider"),
        pytest.param('module.m.provider["h/n/aws_x"]', 'module.m.provider["h/n/aws_x"]', id="provider-of-a-module"),
        pytest.param('aws_x.provider["aws_x"]', 'aws_x.provider["(masked)"]', id="resource-of-that-name"),
    ],
)
def test_secrets_in_keys_are_masked(address: str, public: str) -> None:
    assert masked(address, mask) == public


@given(st.text())
def test_no_key_comes_through_a_mask_of_everything(key: str) -> None:
    assert masked(f"a.b[{json.dumps(key)}]", lambda _: "(masked)") == 'a.b["(masked)"]'


@given(st.text())
def test_an_address_without_secrets_is_left_as_it_is(key: str) -> None:
    address = f"a.b[{json.dumps(key)}]"
    assert masked(address, str) == address


def test_addresses_in_the_summary_of_a_plan_are_masked() -> None:
    change = {"actions": ["update"], "before": {SECRET: 1}, "after": {SECRET: 1}}
    resource = {
        "address": f'aws_x.it["{WRITTEN}"]',
        "previous_address": f'aws_x.old["{WRITTEN}"]',
        "mode": "managed",
        "type": "aws_x",
        "name": "it",
        "change": change,
    }
    (found,) = summarize({"resource_changes": [resource]}, mask)["changes"]
    assert (found["address"], found["previous_address"]) == ('aws_x.it["(masked)"]', 'aws_x.old["(masked)"]')
    assert SECRET not in json.dumps(found)
