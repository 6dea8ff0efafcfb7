"""What does the API give out of Git? Repositories, their commits, and what became of each in every environment."""

from __future__ import annotations

from datetime import datetime

from controller.model.deployment import VerdictKind
from webui.api.objects import Shown


class Verdict(Shown):
    project: str
    environment: str
    kind: VerdictKind
    deployment: str | None
    other_commit: str | None
    reason: str
    problems: list[str]


class Commit(Shown):
    repository: str
    id: str
    author_name: str
    author_email: str
    committed_at: datetime
    message: str
    on_branch: bool
    counts: dict[VerdictKind, int]  # how many environments have which verdict
    verdicts: list[Verdict]  # in a list of commits the first hundred that are not `unchanged`


class Commits(Shown):
    items: list[Commit]
    next: str | None = None


class Repository(Shown):
    id: str
    url: str
    branch: str
    head: str | None
    decided_tip: str | None
    polled_at: datetime | None
    error: str | None
    problems: list[str]  # of the newest commit, those of no environment
    is_connected: bool = True


class Repositories(Shown):
    items: list[Repository]
    next: str | None = None


class Why(Shown):
    """Why a commit is not deployed in an environment, or that it is; `command` would change it, empty: none can."""

    project: str
    environment: str
    commit: str | None
    text: str
    command: str
