"""Who reaches a serving controller may send it anything: only what the forge signed is accepted, and all is well."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from controller.forge import webhook
from tests import git_factories
from tests.serve_factories import Server, serving, until

SECRETS = {"acme": "a secret of the forge", "other": "a secret of another one"}
SLOW = 150  # connections; more than the server's threads, and more than it would keep open if nobody told it
PUSH = json.dumps({"ref": "refs/heads/main", "after": "1" * 40}).encode()
NOT_GIVEN = (
    "`X-Hub-Signature-256` is not what this body and the secret give; set the same secret in the forge and in the "
    "settings"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    git_factories.commit(git_factories.repository(tmp_path / "origin.git"), {"README.md": "# Nothing yet\n"})
    connections = []
    for id, secret in SECRETS.items():
        (tmp_path / id).write_text(secret)
        connection = {"id": id, "url": str(tmp_path / "origin.git"), "poll": "1h", "forge": "github"}
        connections.append(connection | {"webhook_secret_file": str(tmp_path / id)})
    with serving(tmp_path, connections=connections) as made:
        made.start()
        yield made


def signed(body: bytes, secret: str = SECRETS["acme"], id: str = "d-1") -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": id,
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def deliver(server: Server, body: Any, headers: dict[str, str], to: str = "acme") -> httpx.Response:
    return httpx.post(f"{server.url}/hooks/{to}", content=body, headers=headers, timeout=20, trust_env=False)


def delivered(server: Server) -> list[tuple[str, str, int, bool]]:
    rows = server.get("webhook-deliveries")["items"]
    return [(row["repository"], row["id"], row["times"], row["is_accepted"]) for row in rows]


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def head(lines: dict[str, str]) -> bytes:
    given = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /hooks/acme HTTP/1.1\r\nHost: lockstep.example\r\n{given}".encode()


def raw(server: Server, sent: bytes, *, hang_up: bool = False) -> int:
    """Send these bytes; the status of what is answered, 0 if nothing is."""
    with connect(server) as client:
        client.sendall(sent)
        if hang_up:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while b"\r\n" not in answer:
            read = client.recv(4096)
            if not read:
                return 0
            answer += read
        return int(answer.split()[1])


@contextmanager
def dribbling(server: Server, connections: int) -> Iterator[list[socket.socket]]:
    """That many deliveries that never end: some in their headers, some in their body, some in chunks of it."""
    chunked = signed(PUSH) | {"Transfer-Encoding": "chunked"}
    kinds = (
        (head(signed(PUSH)) + b"X-", b"x"),
        (head(signed(PUSH) | {"Content-Length": str(webhook.LARGEST)}) + b"\r\n{", b" "),
        (head(chunked) + b"\r\n", b"1\r\n \r\n"),
    )
    ended = threading.Event()
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(connect(server)) for _ in range(connections)]
        for n, client in enumerate(clients):
            client.sendall(kinds[n % len(kinds)][0])

        def dribble() -> None:
            while not ended.wait(0.2):
                for n, client in enumerate(clients):
                    client.sendall(kinds[n % len(kinds)][1])

        slow = threading.Thread(target=dribble)
        slow.start()
        try:
            yield clients
        finally:
            ended.set()
            slow.join()


def test_deliveries_that_never_end_keep_nobody_waiting(server: Server) -> None:
    with dribbling(server, SLOW) as clients:
        took = []
        for n in range(20):
            began = time.monotonic()
            assert deliver(server, PUSH, signed(PUSH, id=f"good-{n}")).status_code == 202
            assert server.page("/system").status_code == 200
            took.append(time.monotonic() - began)
        assert max(took) < 2
        for client in clients:  # they are still there: nobody made room by closing them
            client.setblocking(False)
            with pytest.raises(BlockingIOError):
                client.recv(1)
    assert {(id.partition("-")[0], accepted) for _, id, _, accepted in delivered(server)} == {("good", True)}


def test_what_is_too_large_is_refused_and_kept_nowhere(server: Server) -> None:
    large = b" " * (webhook.LARGEST + 1)
    reply = deliver(server, large, signed(large))
    assert (reply.status_code, reply.json()["detail"]) == (
        413,
        "the delivery is larger than 26 MiB; the repository is polled all the same",
    )
    # Nobody waits for what is said to be huge, however little of it has come.
    assert raw(server, head(signed(b"") | {"Content-Length": str(2 * webhook.LARGEST)}) + b"\r\n{") == 413
    just_fits = PUSH + b" " * (webhook.LARGEST - len(PUSH))
    assert deliver(server, just_fits, signed(just_fits, id="just fits")).status_code == 202
    assert delivered(server) == [("acme", "just fits", 1, True)]


def test_a_body_of_another_length_than_is_said_is_never_accepted(server: Server) -> None:
    def of_length(length: str) -> bytes:
        return head(signed(PUSH) | {"Content-Length": length}) + b"\r\n" + PUSH

    assert {
        "shorter": raw(server, of_length(str(len(PUSH) - 1))),
        "nothing": raw(server, of_length("0")),
        "longer": raw(server, of_length(str(len(PUSH) + 1)), hang_up=True),
        "below nothing": raw(server, of_length("-1")),
        "no number": raw(server, of_length("many")),
        "two lengths": raw(server, of_length(f"{len(PUSH)}\r\nContent-Length: 2")),
    } == {"shorter": 401, "nothing": 401, "longer": 0, "below nothing": 400, "no number": 400, "two lengths": 400}
    assert [accepted for *_, accepted in delivered(server)] == [False]


def test_a_body_in_chunks_is_read_like_any_other(server: Server) -> None:
    def in_chunks(*chunks: bytes) -> bytes:
        length = {"Transfer-Encoding": "chunked"}
        return head(signed(PUSH) | length) + b"\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)

    assert {
        "another": raw(server, in_chunks(PUSH[:5], b"x", PUSH[5:], b"")),
        "no end": raw(server, in_chunks(PUSH), hang_up=True),
        "no length": raw(server, head(signed(PUSH) | {"Transfer-Encoding": "chunked"}) + b"\r\nlong\r\n" + PUSH),
    } == {"another": 401, "no end": 0, "no length": 400}
    assert raw(server, in_chunks(PUSH[:5], PUSH[5:], b"")) == 202
    # A length besides the chunks counts for nothing: the same body, so it was noted before.
    assert raw(server, in_chunks(PUSH, b"").replace(b"Host", b"Content-Length: 5\r\nHost")) == 200
    assert sorted(delivered(server)) == [("acme", "d-1", 2, True), ("acme", "refused", 1, False)]


def test_a_delivery_that_comes_again_and_again_is_noted_once(server: Server) -> None:
    with ThreadPoolExecutor(10) as many:
        codes = many.map(lambda _: deliver(server, PUSH, signed(PUSH)).status_code, range(100))
        assert Counter(codes) == {202: 1, 200: 99}
    assert delivered(server) == [("acme", "d-1", 100, True)]


def test_only_the_secret_of_its_own_connection_counts(server: Server) -> None:
    until("the first poll", lambda: all(row["head"] for row in server.get("repositories")["items"]))
    assert deliver(server, PUSH, signed(PUSH, SECRETS["acme"]), to="acme").status_code == 202
    assert deliver(server, PUSH, signed(PUSH, SECRETS["other"]), to="other").status_code == 202
    for id in SECRETS:
        wrong = next(secret for name, secret in SECRETS.items() if name != id)
        reply = deliver(server, PUSH, signed(PUSH, wrong, id="d-2"), to=id)
        assert (reply.status_code, reply.json()["detail"]) == (401, NOT_GIVEN)
    assert sorted(delivered(server)) == [
        *(("acme", "d-1", 1, True), ("acme", "refused", 1, False)),
        *(("other", "d-1", 1, True), ("other", "refused", 1, False)),
    ]
    said = server.said()
    assert [secret for secret in SECRETS.values() if secret in said] == []
