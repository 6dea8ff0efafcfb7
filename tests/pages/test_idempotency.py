"""Is the same request, sent twice, done once?"""

from __future__ import annotations

import pytest
from flask import Response

from controller.errors import ConflictError
from controller.history import access
from tests import webui_factories as make
from tests.webui_factories import World
from webui.api import idempotency
from webui.api.idempotency import Asked


def test_the_second_request_gets_the_first_reply(world: World):
    done: list[int] = []

    def act() -> Response:
        done.append(1)
        return Response('{"id":"x"}', status=201, mimetype="application/json")

    asked = Asked("bot", "key", "digest")
    first = idempotency.once(world.doors, asked, act)
    again = idempotency.once(world.doors, asked, act)
    assert (again.status_code, again.get_data(), again.headers["Idempotency-Replayed"]) == (
        201,
        first.get_data(),
        "true",
    )
    assert done == [1]


def test_the_key_of_one_caller_says_nothing_to_another(world: World):
    for caller in ("bot", "eve"):
        reply = idempotency.once(world.doors, Asked(caller, "key", "digest"), lambda: Response("{}"))
        assert "Idempotency-Replayed" not in reply.headers


def test_a_key_is_good_for_one_request_only(world: World):
    idempotency.once(world.doors, Asked("bot", "key", "one"), lambda: Response("{}"))
    with pytest.raises(ConflictError) as e:
        idempotency.once(world.doors, Asked("bot", "key", "two"), lambda: Response("{}"))
    assert str(e.value) == "the idempotency key `key` was used for another request; take a new one"


def test_two_at_a_time_are_told_apart(world: World):
    access.begin_request(world.store, "bot", "key", "digest", world.now)
    with pytest.raises(ConflictError) as e:
        idempotency.once(world.doors, Asked("bot", "key", "digest"), lambda: Response("{}"))
    assert str(e.value) == ("the first request with the idempotency key `key` is still at work; ask again in a moment")


def test_a_refused_request_may_be_made_again(world: World):
    def refuse() -> Response:
        raise ConflictError("not now")

    with pytest.raises(ConflictError):
        idempotency.once(world.doors, Asked("bot", "key", "digest"), refuse)
    assert idempotency.once(world.doors, Asked("bot", "key", "digest"), lambda: Response("{}")).status_code == 200


def test_a_key_that_is_too_long_is_refused(world: World):
    make.watched(world)
    reply = world.api().post("/repositories/shop/refresh", {}, **{"Idempotency-Key": "k" * 201})
    assert reply.json["detail"] == "header: `Idempotency-Key` has 201 characters; give 1 to 200"
