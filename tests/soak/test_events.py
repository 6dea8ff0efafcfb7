"""The long form of `tests/flow/test_events.py`: `EVENTS=500 make soak`; `SEED=` has it again."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, given, settings

from tests.events import chance
from tests.events.agreement import agree
from tests.events.controller import template
from tests.events.story import Act

pytestmark = pytest.mark.soak


def test_the_end_is_the_same_whatever_a_controller_gets_to_know(tmp_path: Path) -> None:
    """As the short form, as long as one likes."""
    examples = int(os.environ.get("EVENTS", "200"))
    seed = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
    print(f"\nSEED={seed} EVENTS={examples}")
    seen: Counter[str] = Counter()
    with template(tmp_path / "template") as made:

        @hypothesis.seed(seed)
        @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(acts=chance.acts, one=chance.plans, other=chance.plans)
        def story(acts: list[Act], one: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> None:
            seen["histories"] += 1
            seen.update(type(act).__name__ for act in acts)
            seen.update(event for plan in (one, other) for events in plan for event in events)
            agree(made, acts, one, other)

        try:
            story()
        finally:
            print(", ".join(f"{name} {count}" for name, count in seen.most_common()))
