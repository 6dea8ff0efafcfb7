"""Does everything come to its end, and is it what Git wants then?"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from controller.deployments import upkeep
from controller.history import decided, watching
from controller.history.tables import DeploymentRow
from controller.model.deployment import FINAL, Status
from controller.reconcile import SETTLED
from tests.machine.luck import SLUGS, Luck
from tests.machine.people import People

_PATIENCE = 400  # steps until everything has to be at rest


class Rest(People):
    """A company that comes to rest."""

    def _end(self) -> None:
        """All is well from now on, and time passes: everything comes to its end, and what Git wants is there."""
        self.runner.luck = []
        self.keeper.forget()
        for who in (0, 1):
            self._crash(who)
        for _ in range(6):
            self._settle()
            self.clock.forward(timedelta(hours=25))
            upkeep.tidy(self.plain)
        self._settle()
        before = {id: row.status for id, row in self.laws.seen.items()}
        for _ in range(3):
            self.clock.forward(timedelta(minutes=10))
            self._settle()
        assert {id: row.status for id, row in self.laws.seen.items()} == before, "it is not quiet"
        self._check_rest()
        self._check_verdicts()
        for slug in SLUGS:
            self._check_environment(slug)

    def _settle(self) -> None:
        worker = self.workers[0]
        for _ in range(_PATIENCE):
            for id in sorted(self.runner.alive):
                self.runner.run_on(id, Luck())
            self._poll(worker.doors)
            before = self.runner.started.total(), sum(self.laws.transitions.values())
            for pick in range(4):
                self._turn(worker, pick, 20)
            is_quiet = not worker.carried and not self.runner.alive and not watching.undecided(self.store)
            if is_quiet and before == (self.runner.started.total(), sum(self.laws.transitions.values())):
                return
        raise AssertionError("it never settles")

    def _check_rest(self) -> None:
        with self.store.reading() as session:
            for row in session.scalars(sa.select(DeploymentRow).order_by(DeploymentRow.number)):
                assert Status(row.status) in FINAL, f"deployment {row.number} is {row.status} for ever"
                assert row.cleared, f"deployment {row.number} ({row.status}) is never cleared"
                assert row.worker is None, f"deployment {row.number} ({row.status}) is claimed by {row.worker}"
        runs = self.folder / "data" / "runs"
        assert not runs.exists() or not list(runs.iterdir())

    def _check_verdicts(self) -> None:
        first = self.made_tip
        for commit, declared in self.declared.items():
            if commit == first:
                continue
            found = [f"{one.project}/{one.environment}" for one in decided.commit(self.store, commit).verdicts]
            assert sorted(found) == sorted(declared), f"verdicts on {commit[:10]}: {found}, not {sorted(declared)}"

    @property
    def made_tip(self) -> str:
        return next(iter(self.declared))

    def _check_environment(self, slug: str) -> None:
        """It has what Git wants, or something says why it has not."""
        found = self._environment(slug)
        if found is None:
            assert slug not in self.declared[self.tip], f"{slug} is unknown although Git declares it"
            return
        if slug not in self.declared[self.tip] or found.holds or found.problems or found.note:
            return
        decided = found.decided
        is_settled = decided is not None and decided.digest == found.desired and decided.ended in SETTLED
        assert found.applied == found.desired or is_settled, f"{slug} is not what Git wants, and nothing says why"
