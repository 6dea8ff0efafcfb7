"""Tries to get a secret shown."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
from dataclasses import asdict, dataclass

import pytest

from controller.secrets.secret import Secret

CANARY = "canary-in-secret"


@dataclass
class Holder:
    secret: Secret


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(str, id="str"),
        pytest.param(repr, id="repr"),
        pytest.param(lambda secret: f"{secret} {secret!s} {secret!r} {secret:>40}", id="format"),
        pytest.param(lambda secret: "%s %r" % (secret, secret), id="percent"),  # noqa: UP031
        pytest.param(lambda secret: pprint.pformat([secret, {"x": secret}]), id="pprint"),
        pytest.param(lambda secret: str(Holder(secret)), id="dataclass"),
        pytest.param(lambda secret: str(asdict(Holder(secret))), id="asdict"),
        pytest.param(lambda secret: json.dumps({"x": secret}, default=str), id="json"),
    ],
)
def test_no_representation_gives_a_secret_away(shown: object) -> None:
    assert callable(shown)
    text = shown(Secret(CANARY))

    assert CANARY not in text
    assert "(secret)" in text


def test_a_secret_is_not_pickled() -> None:
    with pytest.raises(TypeError) as e:
        pickle.dumps(Secret(CANARY))

    assert str(e.value) == "a secret is never pickled; hand over the name under which it can be found"


def test_a_secret_is_no_json() -> None:
    with pytest.raises(TypeError) as e:
        json.dumps(Secret(CANARY))

    assert CANARY not in str(e.value)


def test_a_secret_has_no_attributes_to_look_at() -> None:
    assert not hasattr(Secret(CANARY), "__dict__")


def test_a_secret_reveals_itself_when_asked() -> None:
    assert Secret(CANARY).reveal() == CANARY
    assert copy.deepcopy(Secret(CANARY)).reveal() == CANARY
    assert copy.copy(Secret(CANARY)).reveal() == CANARY


def test_secrets_are_equal_when_their_strings_are() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert (bool(Secret("")), bool(Secret("a"))) == (False, True)
