"""Events come late, twice, in any order or not at all, and the controller ends in between: the end is the same.

The long form is `EVENTS=500 make soak`.
"""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings

from tests.events import chance, known
from tests.events.agreement import agree
from tests.events.controller import template
from tests.events.story import Act


def test_the_end_is_the_same_whatever_a_controller_gets_to_know(tmp_path: Path) -> None:
    """I2, I4, I9."""
    with template(tmp_path / "template") as made:

        @settings(
            max_examples=16, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(acts=chance.acts, one=chance.plans, other=chance.plans)
        def story(acts: list[Act], one: list[tuple[str, ...]], other: list[tuple[str, ...]]) -> None:
            agree(made, acts, one, other)

        for acts, one, other in known.STORIES:
            story = example(acts, one, other)(story)
        story()
