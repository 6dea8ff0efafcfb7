"""Somebody killed at every step and at moments of chance, a thousand times; `make soak POINTS=1000`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.kills import campaign, rounds, table
from tests.kills.points import Point
from tests.runner_factories import engines

pytestmark = [pytest.mark.soak, pytest.mark.engine]

ENVIRONMENTS = 5
CHAPTER = 100  # points with one company; then another one is founded, and what it wrote is not read any more


def test_whoever_is_killed_and_wherever_nothing_is_lost_or_made_twice(tmp_path: Path) -> None:
    count = int(os.environ.get("POINTS", "100"))
    seed = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
    print(f"\nSEED={seed} POINTS={count}")
    began, reached, broken = time.monotonic(), list[Point](), list[str]()
    while len(reached) < count and not broken:
        more, broken = chapter(tmp_path / f"{len(reached)}", seed + len(reached), min(CHAPTER, count - len(reached)))
        reached += more
        print(f"{len(reached)} points after {time.monotonic() - began:.0f} s", flush=True)
    print(table.table(reached))
    assert broken == []


def chapter(folder: Path, seed: int, count: int) -> tuple[list[Point], list[str]]:
    folder.mkdir()
    with rounds.under_fire(folder, engines()[0], seed) as company:
        campaign.campaign(company, campaign.settle(company, ENVIRONMENTS), count)
    return company.points, company.broken
