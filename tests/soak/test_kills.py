"""The controller killed again and again, at moments of chance, while the sample is deployed; `make soak KILLS=20`."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.serve_factories import ledger, sample_repository, serving, until

pytestmark = [pytest.mark.soak, pytest.mark.engine]

ENVIRONMENTS = ["insights/live", "shop/development", "shop/production", "shop/staging"]


def test_a_controller_killed_at_random_loses_nothing_and_makes_nothing_twice(tmp_path: Path) -> None:
    kills = int(os.environ.get("KILLS", "20"))
    seed = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
    chance = random.Random(seed)
    print(f"\nSEED={seed} KILLS={kills}")
    sample_repository(tmp_path, "shop", "insights")
    with serving(tmp_path) as server:
        began = time.monotonic()
        server.start()
        statuses = Counter[str]()
        for _ in range(kills):
            time.sleep(chance.uniform(0.0, 2.5))
            server.kill()
            # While nobody serves, the history tells how far each deployment is.
            statuses.update(str(row.status) for row in server.kept())
            server.start()
        print(f"killed for the last time after {time.monotonic() - began:.0f} s")
        until("all environments in step", lambda: all_in_step(server.get("environments")["items"]), patience=300)
        rows = server.deployments()
        print(f"all in step after {time.monotonic() - began:.0f} s")
        print(f"killed while deployments were: {dict(statuses)}")
        print(f"restarts {kills}, deployments {len(rows)}, lost 0, doubled 0")
    assert sorted(f"{row['project']}/{row['environment']} {row['status']}" for row in rows) == [
        f"{slug} succeeded" for slug in ENVIRONMENTS
    ]
    assert sorted(ledger(tmp_path)) == [f"{slug} postgres-server main" for slug in ENVIRONMENTS]


def all_in_step(found: list[dict[str, object]]) -> bool:
    return len(found) == len(ENVIRONMENTS) and all(row["applied"] for row in found)
