"""What does the API give out of environments and deployments? What is not named here does not leave.

One model per object; those of an area of its own are in `<area>_objects`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

from controller.model.deployment import (
    EngineKind,
    EnvironmentStatus,
    HoldKind,
    Mode,
    Origin,
    Status,
)


class Shown(BaseModel):
    """Built from a record value by its attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Problem(Shown):
    """A problem document (RFC 9457). `problems` has one line for each thing that is wrong."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[str] = []


class Health(Shown):
    status: str


class Project(Shown):
    id: str


class Projects(Shown):
    items: list[Project]
    next: str | None = None


class Decision(Shown):
    digest: str
    deployment: str | None
    ended: Status | None


class Hold(Shown):
    kind: HoldKind
    scope: str
    who: str
    why: str
    since: datetime
    until: datetime | None
    desired_digest: str | None


class Holds(Shown):
    items: list[Hold]
    next: str | None = None


class StateStorage(Shown):
    """Where the state lies; its settings are not shown."""

    type: str


class Binding(Shown):
    uuid: str
    runner: str
    state: StateStorage
    engine: EngineKind


class Environment(Shown):
    uuid: str
    project: str
    name: str
    type: str
    origin: Origin
    status: EnvironmentStatus
    repository: str | None
    applied: str | None
    applied_deployment: str | None
    decided: Decision | None
    desired: str | None
    binding: Binding | None
    live_commit: str | None
    holds: list[Hold]
    problems: list[str]
    created_at: datetime
    last_success: str | None
    note: str
    created_by: str | None = Field(description="null: Git")
    expires_at: datetime | None = Field(description="when it is destroyed by itself")
    drift_every: int | None = Field(description="seconds between two looks for drift; null: nobody looks")
    drift_heal: bool
    drifted: bool = Field(description="the last look found something else than what was deployed")
    drifted_since: datetime | None = Field(description="when a look found that first")
    drift_deployment: str | None = Field(description="the last look that succeeded")
    drift_checked_at: datetime | None
    heals: int = Field(description="in a row that did not last")


class Environments(Shown):
    items: list[Environment]
    next: str | None = None


class Counts(Shown):
    create: int
    update: int
    destroy: int
    replace: int


class Deployment(Shown):
    id: str
    project: str
    environment: str
    environment_uuid: str
    mode: Mode
    status: Status
    no_changes: bool
    repository: str | None
    commit: str | None
    commit_author: str | None
    commit_subject: str | None
    source_commit: str | None
    ref: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    created_by: str
    reason: str
    message: str
    desired_digest: str
    bundle_digest: str | None
    plan_digest: str | None
    counts: Counts | None
    superseded_by: str | None
    follow_up_of: str | None
    source_deployment: str | None
    log_recipient: str | None
    outputs_recipient: str | None
    warnings: list[str]
    log_removed_at: datetime | None
    outputs_removed_at: datetime | None


class Deployments(Shown):
    items: list[Deployment]
    next: str | None = None


class Destroyed(Shown):
    """`deployment` null: there was nothing to destroy, and the environment is gone, or held, already."""

    deployment: Deployment | None


class LeftBehind(Shown):
    """What nobody looks after once an environment is forgotten; `addresses` null: its state cannot be looked into."""

    resources: list[str]
    addresses: list[str] | None
    state: str


class DryRun(Shown):
    """What a deployment would be; nothing of it was stored. `is_new`: it differs from what is applied."""

    project: str
    environment: str
    desired_digest: str
    is_new: bool
    changes: list[str]
    warnings: list[str]
    manifest: dict[str, Any]


class Deployed(Shown):
    """The deployment that was opened, or what it would be."""

    deployment: Deployment | None = None
    dry_run: DryRun | None = None


class PlannedRef(Shown):
    """A ref as it would be after a merge: what plans it, and the comment for a request as it reads now."""

    id: str
    ref: str
    commit: str
    base: str
    deployments: list[Deployment]
    problems: dict[str, list[str]]
    conflicts: list[str]
    unchanged: list[str]
    comment: str


class Description(RootModel[dict[str, Any]]):
    """The OpenAPI document."""


class Adopted(Shown):
    """The deployment that takes over what exists; null where nothing is to be taken over any more."""

    deployment: Deployment | None


class BindingNow(Shown):
    """What an environment is bound to; `changes`: what Git wants to be otherwise, which only a move can bring.

    `trouble`: why nobody can tell.
    """

    binding: Binding | None
    changes: list[str]
    trouble: str
