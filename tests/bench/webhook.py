"""How long does a forge wait until its delivery is noted, when many come at once and the controller has work to do?

The load is open: when each delivery is due is fixed beforehand, and its time counts from then, so that one that is slow
makes all wait that are due behind it. Forges and controller share this machine.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import math
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pygit2

from tests import git_factories
from tests.bench import company, measure
from tests.bench.measure import Figure
from tests.serve_factories import Server, serving, until

A_SECOND, SECONDS, BOUND = 100, 30, 0.100
ENVIRONMENTS = 1000
_SECRET = "a secret of the forge"
_FORGES = 24  # deliveries that can be under way at a time
_PATIENCE, _LOOK = 120.0, 0.25  # seconds for a decision, and between two looks, which are work for the controller, too
_PADDING = 8_000  # bytes: a usual push event is so long


def figures(_repetitions: int, seconds: int = SECONDS, environments: int = ENVIRONMENTS) -> Iterator[Figure]:
    """A hundred deliveries a second; the slowest in a hundred counts. Once: there are thousands of them."""
    with _served(environments) as (server, push):
        measure.say("deliveries ")
        yield from _told("a delivery is answered", _load(server, seconds, "quiet"))
        over = threading.Event()
        with ThreadPoolExecutor(1) as beside:
            decided = beside.submit(_push_on, server, push, over)
            took = _load(server, seconds, "busy")
            over.set()
        pushes = f"while pushes change {environments} environments"
        yield from _told(f"  the same {pushes}", took)
        yield Figure(f"  decisions {pushes}", f"{decided.result() / seconds:.2f} a second")


@contextmanager
def _served(environments: int) -> Iterator[tuple[Server, Callable[[], str]]]:
    """A controller that knows this many environments and deploys none: all of them are suspended."""
    with tempfile.TemporaryDirectory(prefix="lockstep-bench-") as name:
        folder = Path(name)
        (folder / "hook-secret").write_text(_SECRET)
        repo = git_factories.repository(folder / "origin.git")
        first = git_factories.commit(repo, {"README.md": "Nothing yet"})
        connection = {"id": "acme", "url": str(folder / "origin.git"), "poll": "1h", "forge": "github"}
        connection["webhook_secret_file"] = str(folder / "hook-secret")
        with serving(folder, connections=[connection]) as server:
            server.start()
            until("the first commit", lambda: _tip(server) == first)
            server.post("suspend", {"reason": "only measured here"})
            measure.say(f"{environments} environments are made ")
            push = _pushes(repo, environments)
            _settle(server, push)
            yield server, push


def _pushes(repo: pygit2.Repository, environments: int) -> Callable[[], str]:
    """Push a change of the module that all environments use, another one each time."""
    company.push(repo, company.made(repo, environments))
    sizes = iter(range(1_000_000))
    return lambda: company.push(repo, company.with_module(repo, next(sizes)))


def _settle(server: Server, push: Callable[[], str]) -> None:
    wanted = push()
    assert _deliver(server, wanted) == 202
    give_up = time.monotonic() + _PATIENCE
    while _tip(server) != wanted:
        assert time.monotonic() < give_up, "in vain was waited for a decision on all environments"
        time.sleep(_LOOK)


def _push_on(server: Server, push: Callable[[], str], over: threading.Event) -> int:
    """One push after the other, each as soon as the one before is decided; how many there were."""
    many = 0
    while not over.is_set():
        _settle(server, push)
        many += 1
    return many


def _tip(server: Server) -> str | None:
    tip: str | None = server.get("repositories")["items"][0]["decided_tip"]
    return tip


def _load(server: Server, seconds: int, series: str) -> Sequence[float]:
    """What each of the deliveries took, from the moment when it was due."""
    many = A_SECOND * seconds
    began = time.perf_counter() + 0.5

    def deliver(number: int) -> float:
        due = began + number / A_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        assert _deliver(server, f"{series}-{number}") == 202
        if number % (many // 10) == 0:
            measure.say(".")
        return time.perf_counter() - due

    with ThreadPoolExecutor(_FORGES) as forges:
        return list(forges.map(deliver, range(many)))


def _deliver(server: Server, id: str) -> int:
    """As a forge does: a connection of its own, a signature over the body."""
    body = json.dumps({"ref": "refs/heads/main", "after": id, "padding": "x" * _PADDING}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": id,
        "X-Hub-Signature-256": "sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest(),
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", "/hooks/acme", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def _told(name: str, took: Sequence[float]) -> Iterator[Figure]:
    slowest = sorted(took)[math.ceil(len(took) * 0.99) - 1]
    what = f"{name}, at {A_SECOND} a second: 99 in 100 within"
    yield Figure(what, measure.shown(slowest), "", None, f"< {BOUND * 1000:.0f} ms", slowest < BOUND)
    yield Figure("  the middle one", measure.shown(statistics.median(took)))
    yield Figure("  the slowest one", measure.shown(max(took)))
