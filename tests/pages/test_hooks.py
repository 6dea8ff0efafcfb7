"""Deliveries of forges: what is really theirs is noted once and asks for a poll; nothing else is ever harmful."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as Signer
from werkzeug.test import TestResponse

from controller.deployments.doors import Webhook
from controller.errors import problem
from controller.forge import webhook
from controller.forge.webhook import Forge
from controller.history import deliveries, watching
from controller.secrets.secret import Secret
from tests import webui_factories as make
from tests.databases import both_databases
from tests.webui_factories import World

KEY = "a secret of the forge"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PUSH = {"ref": "refs/heads/main", "before": "0" * 40, "after": "1" * 40, "repository": {"full_name": "acme/shop"}}
CLOUD = {"push": {"changes": [{"new": {"type": "branch", "name": "main"}, "old": None}]}}
CENTER = {"changes": [{"ref": {"id": "refs/heads/main"}, "type": "UPDATE"}]}


@pytest.fixture
def shop(world: World) -> World:
    make.watched(world, "shop")
    return world


def takes(world: World, forge: Forge, *secrets: str) -> None:
    """Let connection `shop` be of a forge."""
    found = world.doors.connections["shop"]
    hook = Webhook(forge, lambda: [Secret(secret) for secret in secrets])
    world.doors.connections["shop"] = replace(found, webhook=hook)  # type: ignore[index]


def digest(body: bytes, secret: str = KEY) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def github(body: bytes, event: str = "push", id: str = "d-1") -> dict[str, str]:
    return {"X-GitHub-Event": event, "X-GitHub-Delivery": id, "X-Hub-Signature-256": f"sha256={digest(body)}"}


def gitea(body: bytes) -> dict[str, str]:
    """As Gitea sends it: also in the words of others."""
    return {
        "X-Gitea-Event": "push",
        "X-Gitea-Delivery": "d-1",
        "X-Gitea-Signature": digest(body),
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": f"sha256={digest(body)}",
    }


def forgejo(body: bytes) -> dict[str, str]:
    own = {"X-Forgejo-Event": "push", "X-Forgejo-Delivery": "d-1", "X-Forgejo-Signature": digest(body)}
    return gitea(body) | own


def gitlab(_body: bytes) -> dict[str, str]:
    return {"X-Gitlab-Event": "Push Hook", "Idempotency-Key": "d-1", "X-Gitlab-Token": KEY}


def signed_gitlab(world: World, body: bytes, id: str = "d-1") -> dict[str, str]:
    """Signed by an implementation that is not ours."""
    signature = Signer(WHSEC).sign(id, world.now, body.decode())
    at = str(int(world.now.timestamp()))
    return {"X-Gitlab-Event": "Push Hook", "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature}


def bitbucket(body: bytes) -> dict[str, str]:
    return {"X-Event-Key": "repo:push", "X-Request-UUID": "d-1", "X-Hub-Signature": f"sha256={digest(body)}"}


def data_center(body: bytes) -> dict[str, str]:
    return {"X-Event-Key": "repo:refs_changed", "X-Request-Id": "d-1", "X-Hub-Signature": f"sha256={digest(body)}"}


def send(world: World, body: bytes, headers: Mapping[str, str], content_type: str = "application/json") -> TestResponse:
    return world.client().post("/hooks/shop", data=body, headers=dict(headers), content_type=content_type)


def body_of(payload: Any) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode()


def noted(world: World) -> list[tuple[str, str, str, int, bool]]:
    found = deliveries.newest(world.store)
    return [(row.id, row.event, row.said, row.times, row.is_accepted) for row in found]


@pytest.mark.parametrize(
    ("forge", "headers", "payload", "event"),
    [
        pytest.param(Forge.GITHUB, github, PUSH, "push", id="github"),
        pytest.param(Forge.GITLAB, gitlab, PUSH, "Push Hook", id="gitlab"),
        pytest.param(Forge.GITEA, gitea, PUSH, "push", id="gitea"),
        pytest.param(Forge.GITEA, forgejo, PUSH, "push", id="forgejo"),
        pytest.param(Forge.BITBUCKET, bitbucket, CLOUD, "repo:push", id="bitbucket-cloud"),
        pytest.param(Forge.BITBUCKET, data_center, CENTER, "repo:refs_changed", id="bitbucket-data-center"),
    ],
)
def test_a_push_is_noted_once_and_the_repository_asked(
    shop: World, forge: Forge, headers: Any, payload: Any, event: str
) -> None:
    takes(shop, forge, KEY)
    body = body_of({**payload, "by": "Zoë"})
    reply = send(shop, body, headers(body))
    name = "main" if forge is Forge.BITBUCKET and "push" in payload else "refs/heads/main"
    said = f"https://git.example/shop.git is asked ({name})"
    assert (reply.status_code, reply.get_data(as_text=True)) == (202, f"noted: {said}\n")
    assert deliveries.hinted(shop.store) == ["shop"]
    deliveries.answer(shop.store, "shop")
    again = send(shop, body, headers(body))
    assert (again.status_code, again.get_data(as_text=True)) == (200, "noted before\n")
    assert deliveries.hinted(shop.store) == []
    assert noted(shop) == [("d-1", event, said, 2, True)]


def test_a_delivery_that_gitlab_signed_is_fresh_or_refused(shop: World) -> None:
    takes(shop, Forge.GITLAB, WHSEC)
    body = body_of(PUSH)
    headers = signed_gitlab(shop, body)
    assert send(shop, body, headers).status_code == 202
    shop.clock[0] += make.timedelta(minutes=6)
    late = send(shop, body, headers)
    assert (late.status_code, late.json["detail"]) == (
        401,
        "the delivery was signed more than 5 minutes ago, or by another clock; set the clocks, then send it again",
    )
    clear = send(shop, body, {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": WHSEC})
    assert clear.status_code == 401  # a secret that signs is never taken as it is


@pytest.mark.parametrize("at", ["9" * 400, "9" * 5000, "-1", "1e9", "٣"])
def test_a_time_that_is_none_is_refused(shop: World, at: str) -> None:
    body = body_of(PUSH)
    for secret in (WHSEC, KEY):
        takes(shop, Forge.GITLAB, secret)
        headers = signed_gitlab(shop, body) | {"webhook-timestamp": at, "X-Gitlab-Token": "a guess"}
        reply = send(shop, body, headers)
        assert (reply.status_code, reply.json["detail"]) == (
            401,
            "the delivery was signed more than 5 minutes ago, or by another clock; set the clocks, then send it again",
        )


def test_a_secret_that_cannot_be_read_is_nobodys_fault_who_delivers(shop: World) -> None:
    found = shop.doors.connections["shop"]
    said = "connection `shop`: /etc/lockstep/hook cannot be read (No such file); check the path and its permissions"

    def secrets() -> list[Secret]:
        raise problem("connection `shop`", said.partition(": ")[2].partition("; ")[0], said.partition("; ")[2])

    hook = Webhook(Forge.GITHUB, secrets)
    shop.doors.connections["shop"] = replace(found, webhook=hook)  # type: ignore[index]
    body = body_of(PUSH)
    reply = send(shop, body, github(body))
    assert (reply.status_code, reply.json["detail"]) == (
        503,
        "the secret of connection `shop` cannot be read now; the system page of the controller says why, "
        "and the repository is polled all the same",
    )
    assert noted(shop) == [("refused", "", said, 1, False)]


def test_names_of_any_length_are_noted_in_short(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of({"ref": "refs/heads/" + "x" * 90_000})
    assert send(shop, body, github(body)).status_code == 202
    assert send(shop, body, github(body, "e" * 20_000, "d-2")).status_code == 202
    events = {row.id: (row.event, row.said) for row in deliveries.newest(shop.store)}
    assert events == {
        "d-1": ("push", f"https://git.example/shop.git is asked (refs/heads/{'x' * 189})"),
        "d-2": ("e" * 200, "nothing can have moved"),
    }


@pytest.mark.parametrize("secret", [KEY, "the one before"])
def test_two_secrets_are_good_while_one_is_exchanged(shop: World, secret: str) -> None:
    takes(shop, Forge.GITHUB, KEY, "the one before")
    body = body_of(PUSH)
    headers = github(body) | {"X-Hub-Signature-256": f"sha256={digest(body, secret)}"}
    assert send(shop, body, headers).status_code == 202


def forged(body: bytes) -> dict[str, dict[str, str]]:
    good = github(body)
    return {
        "none": {key: value for key, value in good.items() if key != "X-Hub-Signature-256"},
        "empty": good | {"X-Hub-Signature-256": ""},
        "empty digest, as Gitea sends without a secret": good | {"X-Hub-Signature-256": "sha256="},
        "of another secret": good | {"X-Hub-Signature-256": f"sha256={digest(body, 'guess')}"},
        "of an empty secret": good | {"X-Hub-Signature-256": f"sha256={digest(body, '')}"},
        "of another body": good | {"X-Hub-Signature-256": f"sha256={digest(body + b' ')}"},
        "without its prefix": good | {"X-Hub-Signature-256": digest(body)},
        "SHA-1, as in old times": good
        | {"X-Hub-Signature-256": "", "X-Hub-Signature": f"sha1={hmac.new(KEY.encode(), body, 'sha1').hexdigest()}"},
        "in the header of another forge": {**good, "X-Hub-Signature-256": "", "X-Gitea-Signature": digest(body)},
        "the secret itself": good | {"X-Hub-Signature-256": "", "X-Gitlab-Token": KEY},
        "no ASCII": good | {"X-Hub-Signature-256": "sha256=é"},
    }


@pytest.mark.parametrize("how", list(forged(b"")))
def test_what_is_not_signed_by_the_forge_is_refused(shop: World, how: str) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    reply = send(shop, body, forged(body)[how])
    assert reply.status_code == 401
    assert KEY not in reply.get_data(as_text=True)
    assert deliveries.hinted(shop.store) == []
    assert [row.is_accepted for row in deliveries.newest(shop.store)] == [False]


def test_a_connection_without_secret_refuses_even_what_is_signed_with_nothing(shop: World) -> None:
    takes(shop, Forge.GITHUB, "")
    body = body_of(PUSH)
    headers = github(body) | {"X-Hub-Signature-256": f"sha256={digest(body, '')}"}
    assert send(shop, body, headers).status_code == 401


def test_a_truncated_body_is_refused(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    reply = send(shop, body[:-1], github(body))
    assert (reply.status_code, reply.json["detail"]) == (
        401,
        "`X-Hub-Signature-256` is not what this body and the secret give; set the same secret in the forge and in the "
        "settings",
    )


@both_databases
def test_many_forged_ones_are_one_row(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    client = shop.client()
    for n in range(50):
        headers = github(body, id=f"forged-{n}") | {"X-Hub-Signature-256": "sha256=00"}
        client.post("/hooks/shop", data=body, headers=headers, content_type="application/json")
    assert [(row.id, row.times, row.is_accepted) for row in deliveries.newest(shop.store)] == [("refused", 1, False)]


def test_a_form_is_refused_with_what_to_do(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    reply = send(shop, b"payload=%7B%7D", {}, "application/x-www-form-urlencoded")
    assert (reply.status_code, reply.json["detail"]) == (
        415,
        "deliveries are read as `application/json`, not `application/x-www-form-urlencoded`; "
        "choose JSON in the webhook",
    )


def test_a_body_that_is_too_large_is_refused(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = b" " * (webhook.LARGEST + 1)
    reply = send(shop, body, github(body))
    assert (reply.status_code, reply.json["detail"]) == (
        413,
        "the delivery is larger than 26 MiB; the repository is polled all the same",
    )
    large = body_of(PUSH) + b" " * 5_000_000  # larger than any manifest may be
    assert send(shop, large, github(large)).status_code == 202


@pytest.mark.parametrize("event", ["ping", "issue_comment", "star", "workflow_run", "something_new"])
def test_what_is_merely_ignored_is_no_error(shop: World, event: str) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of({"zen": "Keep it logically awesome."})
    reply = send(shop, body, github(body, event))
    assert (reply.status_code, reply.get_data(as_text=True)) == (202, "noted: nothing can have moved\n")
    assert deliveries.hinted(shop.store) == []


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"ref": 7}', b'{"push": [], "changes": {"a": 1}}', b"[" * 100_000, b"\xff\xfe"],
)
def test_a_signed_body_that_makes_no_sense_is_only_a_hint(shop: World, body: bytes) -> None:
    takes(shop, Forge.GITHUB, KEY)
    assert send(shop, body, github(body)).status_code == 202
    assert deliveries.hinted(shop.store) == ["shop"]


def test_a_delivery_without_an_id_is_known_by_what_it_says(shop: World) -> None:
    takes(shop, Forge.GITLAB, KEY)
    body = body_of(PUSH)
    headers = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": KEY}
    assert send(shop, body, headers).status_code == 202
    assert send(shop, body, headers).status_code == 200
    assert send(shop, body + b" ", headers).status_code == 202


def test_what_has_no_connection_is_told_of_a_near_one(shop: World) -> None:
    reply = shop.client().post("/hooks/shpo", json={})
    assert (reply.status_code, reply.json["detail"]) == (404, "connection `shpo` does not exist; did you mean `shop`?")
    plain = shop.client().post("/hooks/shop", json={})
    assert (plain.status_code, plain.json["detail"]) == (
        404,
        "connection `shop` takes no deliveries; set its `forge` and `webhook_secret_env` (or `…_file`) in the "
        "settings; without them it is polled",
    )
    assert shop.client().get("/hooks/shop").json["detail"] == "deliveries are sent with POST"


def test_what_is_said_during_a_poll_makes_another_one(shop: World) -> None:
    deliveries.hint(shop.store, "shop", shop.now)
    deliveries.answer(shop.store, "shop")
    deliveries.hint(shop.store, "shop", shop.now)
    assert deliveries.hinted(shop.store) == ["shop"]
    deliveries.answer(shop.store, "shop")
    assert deliveries.hinted(shop.store) == []


@both_databases
def test_old_deliveries_are_forgotten(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    send(shop, body, github(body))
    assert deliveries.forget(shop.store, shop.now + make.timedelta(days=7)) == 0
    assert deliveries.forget(shop.store, shop.now + make.timedelta(days=7, seconds=1)) == 1


def test_a_repository_whose_forge_delivers_is_polled_less_often(shop: World) -> None:
    minute, patience = make.timedelta(minutes=1), make.timedelta(minutes=10)
    watching.polled(shop.store, "shop", shop.now, head="1" * 40)
    soon = shop.now + minute
    assert watching.is_due(shop.store, "shop", soon, minute, patience)
    deliveries.hint(shop.store, "shop", shop.now)
    assert not watching.is_due(shop.store, "shop", soon, minute, patience)
    assert watching.is_due(shop.store, "shop", shop.now + 5 * minute, minute, patience)
    assert watching.is_due(shop.store, "shop", shop.now + make.timedelta(hours=1), minute, patience)


@both_databases
def test_a_slow_delivery_keeps_nobody_waiting(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    with make.serving(shop.app()) as url:
        host, port = url.removeprefix("http://").split(":")
        slow = [socket.create_connection((host, int(port))) for _ in range(40)]
        lines = ("POST /hooks/shop HTTP/1.1", f"Host: {host}", "Content-Type: application/json", "Content-Length: 100")
        head = "\r\n".join(lines) + "\r\n\r\n"
        for one in slow:
            one.sendall(head.encode() + b"{")
        began = time.monotonic()
        found = httpx.post(
            f"{url}/hooks/shop", content=body, headers={**github(body), "Content-Type": "application/json"}, timeout=10
        )
        assert found.status_code == 202
        assert time.monotonic() - began < 5
        for one in slow:
            one.close()


@both_databases
def test_a_secret_of_gitlab_may_have_any_letters(shop: World) -> None:
    takes(shop, Forge.GITLAB, "schön und gut")
    body = body_of(PUSH)
    # Sent as bytes, as GitLab does; Python hands the bytes of a header on as Latin-1.
    sent = gitlab(body) | {"X-Gitlab-Token": "schön und gut".encode().decode("latin-1")}
    assert send(shop, body, sent).status_code == 202
    assert send(shop, body, sent | {"X-Gitlab-Token": "schon und gut"}).status_code == 401


def test_deliveries_at_the_same_moment_are_noted_once(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    codes: list[int] = []
    app = shop.app()  # one for all, as it is served: Python 3.11 cannot put up two at the same moment
    posts = [app.test_client().post for _ in range(8)]
    threads = [
        threading.Thread(
            target=lambda post=post: codes.append(
                post("/hooks/shop", data=body, headers=github(body), content_type="application/json").status_code
            )
        )
        for post in posts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200] * 7 + [202]


def test_what_was_delivered_is_shown_on_the_system_page_and_by_the_api(shop: World) -> None:
    takes(shop, Forge.GITHUB, KEY)
    body = body_of(PUSH)
    send(shop, body, github(body) | {"User-Agent": "GitHub-Hookshot/1"})
    send(shop, body, github(body) | {"User-Agent": "GitHub-Hookshot/1"})
    said = "https://git.example/shop.git is asked (refs/heads/main)"
    assert f"shop push 2 times {said} 127.0.0.1, GitHub-Hookshot/1" in shop.visitor().see("/system")
    assert shop.api("bea").get("/webhook-deliveries").json["items"] == [
        {
            "repository": "shop",
            "id": "d-1",
            "received_at": "2026-07-01T12:00:00Z",
            "event": "push",
            "said": said,
            "origin": "127.0.0.1, GitHub-Hookshot/1",
            "times": 2,
            "is_accepted": True,
        }
    ]
