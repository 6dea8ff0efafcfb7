"""What does the database hold? Every table, its keys, and the rules that the database itself keeps."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from controller.history.columns import NUMBER, Base


class RepositoryRow(Base):
    __tablename__ = "repositories"

    id: Mapped[str] = mapped_column(primary_key=True)
    url: Mapped[str]
    branch: Mapped[str]
    head: Mapped[str | None]
    decided_tip: Mapped[str | None]
    first_commit: Mapped[str | None]  # the tip at first sight: what came before it was before Lockstep
    polled_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    wake: Mapped[int] = mapped_column(default=1)  # raised by whatever may change a decision
    woken: Mapped[int] = mapped_column(default=0)  # the value of `wake` that the last decision began with
    catalogue: Mapped[dict[str, Any] | None]  # of the decided tip
    problems: Mapped[list[Any]] = mapped_column(default=list)  # of the decided tip, that no environment bears alone
    release: Mapped[str | None]  # that computed the digests of its environments
    hints: Mapped[int] = mapped_column(default=0)  # raised by each delivery that says that a ref may have moved
    answered: Mapped[int] = mapped_column(default=0)  # the value of `hints` that the last poll began with
    hinted_at: Mapped[datetime | None]


class CommitRow(Base):
    __tablename__ = "commits"
    __table_args__ = (sa.Index(None, "repository", "position"), sa.Index(None, "id"))

    repository: Mapped[str] = mapped_column(sa.ForeignKey("repositories.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]  # on the walk; a later one is newer
    author_name: Mapped[str]
    author_email: Mapped[str]
    committer_email: Mapped[str | None]  # None: noted by a release that did not ask
    committed_at: Mapped[datetime]
    message: Mapped[str]
    on_branch: Mapped[bool]


class RangeRow(Base):
    """Commits that have no verdicts of their own, as one range."""

    __tablename__ = "commit_ranges"

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    repository: Mapped[str] = mapped_column(sa.ForeignKey("repositories.id"))
    after: Mapped[str | None]  # exclusive; None: from the beginning
    until: Mapped[str]  # inclusive where `after` is given, else exclusive
    why: Mapped[str]
    created_at: Mapped[datetime]


class ProjectRow(Base):
    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(sa.ForeignKey("repositories.id"))
    display_name: Mapped[str]
    created_at: Mapped[datetime]


class EnvironmentRow(Base):
    __tablename__ = "environments"
    __table_args__ = (
        sa.Index(
            "one_environment_of_a_name",
            "project",
            "name",
            unique=True,
            sqlite_where=sa.text("removed_at IS NULL"),
            postgresql_where=sa.text("removed_at IS NULL"),
        ),
        sa.Index(None, "repository"),
    )

    uuid: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str]
    name: Mapped[str]
    type: Mapped[str]
    origin: Mapped[str]
    status: Mapped[str]
    repository: Mapped[str | None] = mapped_column(sa.ForeignKey("repositories.id"))
    version: Mapped[int] = mapped_column(default=0)  # raised by every change of what decisions depend on
    applied: Mapped[str | None]
    applied_deployment: Mapped[str | None]
    last_success: Mapped[str | None]  # deployment that last succeeded, also while `applied` is none
    decided_digest: Mapped[str | None]
    decided_deployment: Mapped[str | None]
    decided_ended: Mapped[str | None]
    desired: Mapped[str | None]
    desired_commit: Mapped[str | None]  # the last one on the walk whose digest differs from its predecessor's
    valid_desired: Mapped[str | None]  # the newest digest of a valid commit, also while the tip is rejected
    live_commit: Mapped[str | None]
    problems: Mapped[list[Any]] = mapped_column(default=list)
    note: Mapped[str] = mapped_column(default="")  # what it waits for, one sentence
    declared: Mapped[bool] = mapped_column(default=True)  # in Git, at the decided tip
    binding: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str | None]  # None: Git
    expires_at: Mapped[datetime | None]  # when it is destroyed by itself
    removed_at: Mapped[datetime | None]
    on_removal: Mapped[str | None]  # what it says of itself; None: it was not decided on since that is kept
    folder: Mapped[str | None]  # Git's id of its directory, when it was last declared
    renamed_from: Mapped[str | None]  # uuid of one that is gone and had the same files: waits until somebody says so
    drift_every: Mapped[int | None]  # seconds between two looks for drift; None: nobody looks
    drift_heal: Mapped[bool] = mapped_column(default=False)
    # Of its settings, as they were last readable: `mode: observe`, and the names in `after`.
    observes: Mapped[bool] = mapped_column(default=False)
    after: Mapped[list[Any]] = mapped_column(default=list)
    drift_due_at: Mapped[datetime | None] = mapped_column(index=True)
    drifted: Mapped[bool] = mapped_column(default=False)  # the last look found something changed from outside
    drifted_since: Mapped[datetime | None]  # when a look found that first
    drift_deployment: Mapped[str | None]  # the last look that succeeded
    drift_checked_at: Mapped[datetime | None]
    heals: Mapped[int] = mapped_column(default=0)  # in a row that did not put it right
    heal_not_before: Mapped[datetime | None]
    adoption: Mapped[dict[str, Any] | None]  # what is taken over that exists, until a deployment has succeeded with it


class HoldRow(Base):
    __tablename__ = "holds"
    __table_args__ = (
        sa.Index(
            "one_hold_of_a_kind",
            "scope",
            "kind",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    kind: Mapped[str]
    scope: Mapped[str]
    who: Mapped[str]
    why: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    desired_digest: Mapped[str | None]
    released_by: Mapped[str | None]  # commit that ends it as soon as nothing else holds the environment up
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


class DeploymentRow(Base):
    __tablename__ = "deployments"
    __table_args__ = (
        # I1: at most one apply or destroy per environment at any time.
        sa.Index(
            "one_apply_per_environment",
            "environment_uuid",
            unique=True,
            sqlite_where=sa.text("status IN ('applying', 'interrupted')"),
            postgresql_where=sa.text("status IN ('applying', 'interrupted')"),
        ),
        sa.Index(
            "open_deployments",
            "environment_uuid",
            "number",
            sqlite_where=sa.text("cleared IS 0"),
            postgresql_where=sa.text("cleared IS false"),
        ),
        sa.Index(None, "environment_uuid", "number"),
        sa.Index(None, "project", "environment", "number"),
        sa.Index(None, "repository", "commit", "number"),
        sa.Index(None, "status", "number"),
        sa.Index(None, "request"),
        sa.Index(
            "kept_logs",
            "completed_at",
            sqlite_where=sa.text("log_closed IS 1 AND log_recipient IS NOT NULL AND log_removed_at IS NULL"),
            postgresql_where=sa.text("log_closed IS true AND log_recipient IS NOT NULL AND log_removed_at IS NULL"),
        ),
        sa.Index(
            "kept_outputs",
            "completed_at",
            sqlite_where=sa.text("outputs_recipient IS NOT NULL AND outputs_removed_at IS NULL"),
            postgresql_where=sa.text("outputs_recipient IS NOT NULL AND outputs_removed_at IS NULL"),
        ),
    )

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)  # in order of opening
    id: Mapped[str] = mapped_column(unique=True)
    project: Mapped[str]
    environment: Mapped[str]
    environment_uuid: Mapped[str]
    mode: Mapped[str]
    status: Mapped[str]
    rank: Mapped[str]
    no_changes: Mapped[bool] = mapped_column(default=False)
    repository: Mapped[str | None]
    commit: Mapped[str | None]
    commit_author: Mapped[str | None]
    commit_email: Mapped[str | None]
    committer_email: Mapped[str | None]
    commit_subject: Mapped[str | None]
    source_commit: Mapped[str | None]
    ref: Mapped[str | None]
    request: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    created_by: Mapped[str]
    reason: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    desired_digest: Mapped[str]
    bundle_digest: Mapped[str | None]
    plan_digest: Mapped[str | None]
    fingerprint: Mapped[str | None]
    counts: Mapped[dict[str, Any] | None]
    binding: Mapped[dict[str, Any]]  # what it runs with: uuid, runner, state, engine
    must_approve: Mapped[str] = mapped_column(default="")  # why a person has to look, whatever the plan says
    approved_by: Mapped[str | None]
    approved_fingerprint: Mapped[str | None]  # of the plan that was approved; one with the same needs no second look
    approval_expires_at: Mapped[datetime | None]
    cancelled_by: Mapped[str | None]  # who asked for it; the engine may still be ending
    superseded_by: Mapped[str | None]
    follow_up_of: Mapped[str | None]
    source_deployment: Mapped[str | None]  # whose stored inputs it has: rolled back to, tried again, destroyed
    hold_until: Mapped[datetime | None]  # when the hold that it makes ends by itself
    imports: Mapped[bool] = mapped_column(default=False)  # its plan takes over what interrupted applies may have made
    apply_started_at: Mapped[datetime | None]
    applied_before: Mapped[str | None]  # digest that was applied when the apply began
    engine_version: Mapped[str | None]  # that planned it
    tries: Mapped[int] = mapped_column(default=0)  # deployments of the same before it that failed for a passing reason
    attempts: Mapped[int] = mapped_column(default=0)  # to start the phase that is due
    replans: Mapped[int] = mapped_column(default=0)  # plans that the state had overtaken
    not_before: Mapped[datetime | None]
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    log_level: Mapped[str] = mapped_column(default="info")  # `debug`: the engine traces into the log
    log_recipient: Mapped[str | None]
    log_key: Mapped[bytes | None]
    outputs_recipient: Mapped[str | None]
    outputs_key: Mapped[bytes | None]
    log_closed: Mapped[bool] = mapped_column(default=False)
    cleared: Mapped[bool] = mapped_column(default=False)  # it has ended, and nothing of its run is left
    log_removed_at: Mapped[datetime | None]  # by retention
    outputs_removed_at: Mapped[datetime | None]


class WaitRow(Base):
    """Environments whose open deployments from Git go before this deployment."""

    __tablename__ = "deployment_waits"

    deployment: Mapped[str] = mapped_column(sa.ForeignKey("deployments.id"), primary_key=True)
    environment_uuid: Mapped[str] = mapped_column(primary_key=True)


class TurnRow(Base):
    """When a project had its last turn: the lower the number, the longer ago. A project without one never had any."""

    __tablename__ = "queue_turns"

    project: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(NUMBER)


class ArtifactRow(Base):
    """A document or file by the sha256 of what it says; sealed where it may hold more than everybody may see."""

    __tablename__ = "artifacts"

    digest: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bool] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class PartRow(Base):
    """Which artifact is which part of a deployment: manifest, desired, modules, guards, bundle, plan, summary…"""

    __tablename__ = "deployment_parts"
    __table_args__ = (
        sa.ForeignKeyConstraint(["digest", "sealed"], ["artifacts.digest", "artifacts.sealed"]),
        sa.Index(None, "digest", "sealed"),
        sa.Index(
            "kept_plans",
            "deployment",
            sqlite_where=sa.text("name = 'plan'"),
            postgresql_where=sa.text("name = 'plan'"),
        ),
    )

    deployment: Mapped[str] = mapped_column(sa.ForeignKey("deployments.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    sealed: Mapped[bool]


class VerdictRow(Base):
    __tablename__ = "verdicts"
    __table_args__ = (
        sa.ForeignKeyConstraint(["repository", "commit"], ["commits.repository", "commits.id"]),
        sa.Index(None, "repository", "commit", "kind"),
        sa.Index(None, "environment_uuid", "desired"),
        sa.Index(None, "repository", "kind"),
        sa.Index(None, "deployment"),
    )

    environment_uuid: Mapped[str] = mapped_column(primary_key=True)
    repository: Mapped[str] = mapped_column(primary_key=True)
    commit: Mapped[str] = mapped_column(primary_key=True)
    project: Mapped[str]
    environment: Mapped[str]
    kind: Mapped[str]
    deployment: Mapped[str | None]
    other_commit: Mapped[str | None]
    reason: Mapped[str] = mapped_column(default="")
    problems: Mapped[list[Any]] = mapped_column(default=list)
    desired: Mapped[str | None]
    changed: Mapped[bool]  # its digest differs from its predecessor's
    decided_at: Mapped[datetime]


class EventRow(Base):
    __tablename__ = "events"

    deployment: Mapped[str] = mapped_column(sa.ForeignKey("deployments.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any]]


class LogChunkRow(Base):
    __tablename__ = "log_chunks"

    deployment: Mapped[str] = mapped_column(sa.ForeignKey("deployments.id"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]


class OutputsRow(Base):
    __tablename__ = "outputs"

    deployment: Mapped[str] = mapped_column(sa.ForeignKey("deployments.id"), primary_key=True)
    content: Mapped[bytes]


class EnvironmentKeyRow(Base):
    """A key of one environment, sealed: `state` encrypts state and plan, `fingerprint` signs what plans say."""

    __tablename__ = "environment_keys"

    environment_uuid: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[bytes]
    created_at: Mapped[datetime]


class ProviderPinRow(Base):
    __tablename__ = "provider_pins"

    environment_uuid: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    constraints: Mapped[str | None]
    hashes: Mapped[list[Any]]
    deployment: Mapped[str]  # that found it
    created_at: Mapped[datetime]


class ModulePinRow(Base):
    """What a tag or branch is, that a module of a repository names."""

    __tablename__ = "module_pins"

    repository: Mapped[str] = mapped_column(sa.ForeignKey("repositories.id"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)  # as written, with its `ref`
    commit: Mapped[str | None]  # None: it was never found
    created_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]  # since then it is `commit`; None: from the first time on
    checked_at: Mapped[datetime]
    failures: Mapped[int]  # of its remote, in a row
    error: Mapped[str | None]  # why it could not be found the last time


class TokenRow(Base):
    __tablename__ = "tokens"

    name: Mapped[str] = mapped_column(primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    projects: Mapped[list[Any] | None]  # None: all
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class AuditRow(Base):
    __tablename__ = "audit"

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    origin: Mapped[str] = mapped_column(default="")  # from where: an address and a program; empty: the controller
    reason: Mapped[str] = mapped_column(default="")
    before: Mapped[dict[str, Any] | None]  # what the act changed, as it was and as it is
    after: Mapped[dict[str, Any] | None]
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class RequestRow(Base):
    """A ref that was planned against the watched branch, and what was found before any engine ran."""

    __tablename__ = "requests"

    number: Mapped[int] = mapped_column(NUMBER, primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    repository: Mapped[str] = mapped_column(sa.ForeignKey("repositories.id"))
    ref: Mapped[str]
    head: Mapped[str]
    base: Mapped[str]
    base_branch: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    findings: Mapped[dict[str, Any]]  # conflicts, problems, unchanged environments, graph differences


class IdempotencyRow(Base):
    __tablename__ = "idempotency_keys"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    created_at: Mapped[datetime]
    status: Mapped[int | None]  # None: the first request is still at work
    response: Mapped[bytes | None]


class WebhookDeliveryRow(Base):
    """What a forge delivered, by its own id; kept for as long as it might be delivered again."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (sa.Index(None, "repository", "received_at"),)

    repository: Mapped[str] = mapped_column(sa.ForeignKey("repositories.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    received_at: Mapped[datetime]
    event: Mapped[str] = mapped_column(default="")
    said: Mapped[str] = mapped_column(default="")  # what it came to, one sentence
    origin: Mapped[str] = mapped_column(default="")
    times: Mapped[int] = mapped_column(default=1)  # that it was delivered
    accepted: Mapped[bool] = mapped_column(default=True)


class LeaseRow(Base):
    """Who may do a timed or single-flight act now; taken over when it has run out."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[datetime]
