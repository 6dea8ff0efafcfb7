"""The long form of `tests/flow/test_deployment_machine.py`: `EXAMPLES=500 STEPS=60 make soak`; `SEED=` has it again."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import hypothesis
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.company import template
from tests.machine.deployments import DeploymentMachine
from tests.machine.luck import SLUGS

pytestmark = pytest.mark.soak


class Figures:
    """What was seen in all histories together."""

    def __init__(self) -> None:
        self.histories = 0
        self.deployments = 0
        self.phases: Counter[str] = Counter()
        self.twists: Counter[str] = Counter()
        self.transitions: Counter[str] = Counter()

    def add(self, machine: DeploymentMachine) -> None:
        self.histories += 1
        self.deployments += len(machine.laws.seen) - len(SLUGS)  # those of the template
        self.phases.update({str(phase): count for phase, count in machine.runner.started.items()})
        self.twists.update(machine.twists)
        self.transitions.update({f"{was} → {now}": n for (was, now), n in machine.laws.transitions.items()})

    def show(self) -> None:
        print(f"histories {self.histories}, deployments {self.deployments}, phases started {dict(self.phases)}")
        print(f"in the middle of something: {dict(self.twists)}")
        for change, count in sorted(self.transitions.items()):
            print(f"  {change:<40} {count}")


def test_whatever_happens_nothing_is_lost_doubled_or_left(tmp_path: Path) -> None:
    """As the short form, as long as one likes."""
    examples, steps = int(os.environ.get("EXAMPLES", "200")), int(os.environ.get("STEPS", "50"))
    seed = int(os.environ.get("SEED", str(time.time_ns() % 1_000_000)))
    print(f"\nSEED={seed} EXAMPLES={examples} STEPS={steps}")
    seen = Figures()

    class Machine(DeploymentMachine):
        made = template(tmp_path / "template")
        figures = staticmethod(seen.add)

    many = settings(max_examples=examples, stateful_step_count=steps, deadline=None, database=None)
    try:
        run_state_machine_as_test(
            hypothesis.seed(seed)(Machine), settings=settings(many, suppress_health_check=list(HealthCheck))
        )
    finally:
        seen.show()
