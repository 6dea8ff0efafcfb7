"""What did an earlier commit say of an environment, under the name that it had there?"""

from __future__ import annotations

from collections.abc import Mapping

from controller import pipeline
from controller.deployments.doors import Connection, Doors
from controller.deployments.evaluate import Evaluated
from controller.deployments.walking import Asking, uuid_of
from controller.history.standing import RepositoryStanding
from controller.pipeline import Repository


class Earlier:
    """Commits that were decided on before, each read once: where the tip is broken for all, all go back to the same.

    `former`: P/E -> what it was called at the first commits of the walk.
    """

    def __init__(
        self, doors: Doors, connection: Connection, now: RepositoryStanding, asking: Asking, former: Mapping[str, str]
    ) -> None:
        self._doors = doors
        self._connection = connection
        self._now = now
        self._asking = asking
        self._former = former
        self._read: dict[str, Repository] = {}

    def at(self, commit: str) -> Repository:
        if commit not in self._read:
            self._read[commit] = pipeline.read(self._connection.mirror.snapshot(commit).tree)
        return self._read[commit]

    def name(self, repository: Repository, slug: str) -> str | None:
        """As now, as before it was renamed, or that of whoever says that it is this one."""
        there = repository.found.environments
        known = [name for name in (slug, self._former.get(slug)) if name in there]
        standing = self._now.environments.get(slug)
        if known or standing is None:
            return known[0] if known else None
        return next((name for name in there if uuid_of(repository, name) == standing.environment.uuid), None)

    def answer(self, commit: str, slug: str) -> Evaluated | None:
        """What it wants of an environment with today's pins and sources; None where it does not declare it."""
        repository = self.at(commit)
        name = self.name(repository, slug)
        if name is None:
            return None
        question = self._asking.question(repository, slug, name)
        return self._doors.memory.answer(f"{self._connection.id} before", question)
