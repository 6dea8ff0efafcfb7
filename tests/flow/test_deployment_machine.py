"""Any history of pushes, acts and crashes, over many environments and two controllers; long form in `make soak`."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.machine.company import template
from tests.machine.deployments import DeploymentMachine


def test_whatever_happens_nothing_is_lost_doubled_or_left(tmp_path: Path) -> None:
    """I1, I2, I3, I5 and I9, against a world outside the database."""

    class Machine(DeploymentMachine):
        made = template(tmp_path / "template")

    few = settings(max_examples=12, stateful_step_count=25, deadline=None, derandomize=True, database=None)
    run_state_machine_as_test(Machine, settings=settings(few, suppress_health_check=list(HealthCheck)))
