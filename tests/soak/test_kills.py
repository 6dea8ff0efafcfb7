"""The controller of the demo killed again and again, at moments of chance; `make soak KILLS=20`."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pygit2
import pytest

from cli.demo import LONGER_EVENTS, NEW_COLLECTOR, REQUEST
from cli.demo_repository import Change
from controller.history import read, store
from controller.model.deployment import FINAL
from tests import git_factories
from tests.serve_factories import Server, ledger, sample_repository, serving, until
from tests.soak import told

pytestmark = [pytest.mark.soak, pytest.mark.engine]

ENVIRONMENTS = ["insights/live", "shop/development", "shop/production", "shop/staging"]


@dataclass
class Killer:
    """Kills while an act goes on, and asks the page after each restart."""

    server: Server
    chance: random.Random
    killed_in: Counter[str] = field(default_factory=Counter)
    lies: list[str] = field(default_factory=list)

    def kill(self, times: int) -> None:
        for _ in range(times):
            time.sleep(self.chance.uniform(0.0, 2.5))
            self.server.kill()
            # While nobody serves, the history tells how far each deployment is.
            self.killed_in.update(str(row.status) for row in self.server.kept())
            self.server.start()
            with opened(self.server) as kept:
                self.lies += told.lies(lambda path: self.server.page(path).text, kept)


@contextmanager
def opened(server: Server) -> Iterator[store.Store]:
    found = server.history()
    try:
        yield found
    finally:
        store.close(found)


def test_the_demo_ends_the_same_however_often_its_controller_is_killed(tmp_path: Path) -> None:
    kills = int(os.environ.get("KILLS", "20"))
    seed = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
    print(f"\nSEED={seed} KILLS={kills}")
    undisturbed, _ = demo(tmp_path / "undisturbed", 0, seed)
    began = time.monotonic()
    end, killer = demo(tmp_path / "killed", kills, seed)
    print(f"killed while deployments were: {dict(killer.killed_in)}")
    print(f"restarts {kills} in {time.monotonic() - began:.0f} s, deployments {len(end['deployments'])}")
    print(f"lies told by the page {len(killer.lies)}")
    assert killer.lies == []
    assert end == undisturbed


def demo(folder: Path, kills: int, seed: int) -> tuple[dict[str, Any], Killer]:
    """Four environments, a commit that changes one, a request that is planned; how it ends."""
    folder.mkdir()
    # Servers that start slowly: so most of the time something is at work.
    repo, first = sample_repository(folder, "shop", "insights", seconds=8)
    with serving(folder) as server:
        killer = Killer(server, random.Random(seed))
        server.start()
        killer.kill(kills // 2)
        until("all environments in step", lambda: in_step(server, first), patience=300)
        second = pushed(repo, NEW_COLLECTOR, "main")
        killer.kill(kills // 4)
        until("the collector", lambda: in_step(server, second), patience=300)
        third = pushed(repo, LONGER_EVENTS, REQUEST)
        server.post("plans", {"ref": REQUEST, "repository": None})
        killer.kill(kills - kills // 2 - kills // 4)
        until("the plans", lambda: at_rest(server), patience=300)
        with opened(server) as kept:
            killer.lies += told.lies(lambda path: server.page(path).text, kept)
            names = {first: "first", second: "second", third: "third"}
            return the_end(kept, names) | {"ledger": sorted(ledger(folder))}, killer


def pushed(repo: pygit2.Repository, change: Change, branch: str) -> str:
    """Commit on main, or on a new branch of it."""
    tip = str(repo.references["refs/heads/main"].target)
    text = repo[repo[tip].tree[change.path].id].data.decode()
    assert change.old in text
    files: dict[str, git_factories.Content] = {change.path: text.replace(change.old, change.new)}
    return git_factories.commit(repo, files, message=change.message, branch=branch, parents=[tip])


def in_step(server: Server, commit: str) -> bool:
    """Whether everything is decided up to this commit, and what it wants is there."""
    tip = server.get("repositories")["items"][0]["decided_tip"]
    found = server.get("environments")["items"]
    is_applied = len(found) == len(ENVIRONMENTS) and all(each["applied"] for each in found)
    return is_applied and tip == commit and at_rest(server)


def at_rest(server: Server) -> bool:
    return all(row["status"] in FINAL for row in server.deployments())


def the_end(kept: store.Store, names: dict[str, str]) -> dict[str, Any]:
    """What is left of it all: nothing of time and chance."""
    deployments = [
        (f"{row.project}/{row.environment}", str(row.mode), str(row.status), names.get(row.commit or ""), row.counts)
        for row in read.deployments(kept, limit=200)
    ]
    live = {each.slug: names.get(each.live_commit or "") for each in read.environments(kept)}
    return {"deployments": sorted(deployments, key=str), "live": live}
