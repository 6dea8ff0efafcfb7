"""kill -9 of controller, supervisor, engine or all, at steps of deploy, rollback and destroy; `make soak` does more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kills import campaign, rounds, table
from tests.runner_factories import engines

pytestmark = pytest.mark.engine


def test_whoever_is_killed_nothing_is_lost_or_made_twice_and_all_comes_to_rest(tmp_path: Path) -> None:
    with rounds.under_fire(tmp_path, engines()[0], seed=4) as company:
        campaign.campaign(company, campaign.settle(company, 5), 20)
    assert company.broken == [], table.table(company.points)
