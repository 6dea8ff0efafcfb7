"""How does a row read as a value?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from controller.history.tables import (
    AuditRow,
    CommitRow,
    DeploymentRow,
    EnvironmentRow,
    HoldRow,
    RepositoryRow,
    RequestRow,
    TokenRow,
    VerdictRow,
)
from controller.model.access import AuditRecord, TokenRecord
from controller.model.bundle import Binding, StateStorage
from controller.model.deployment import (
    EngineKind,
    EnvironmentStatus,
    HoldKind,
    Mode,
    Origin,
    Rank,
    Role,
    Status,
    VerdictKind,
)
from controller.model.document import Json
from controller.model.manifest import OnRemoval
from controller.model.record import (
    Adoption,
    CommitRecord,
    Counts,
    Decision,
    Deployment,
    Environment,
    Hold,
    Lasting,
    Repository,
    RequestRecord,
    ResourceRow,
    Verdict,
)
from controller.tofu.desired import decode


def repository(row: RepositoryRow) -> Repository:
    return Repository(
        row.id, row.url, row.branch, row.head, row.decided_tip, row.polled_at, row.error, tuple(row.problems)
    )


def environment(row: EnvironmentRow | sa.Row[Any], holds: Sequence[Hold]) -> Environment:
    """`holds`: all that are not ended; those of its scopes are taken."""
    return Environment(
        uuid=row.uuid,
        project=row.project,
        name=row.name,
        type=row.type,
        origin=Origin(row.origin),
        status=EnvironmentStatus(row.status),
        repository=row.repository,
        applied=row.applied,
        applied_deployment=row.applied_deployment,
        decided=decision(row),
        desired=row.desired,
        binding=binding(row.binding) if row.binding else None,
        live_commit=row.live_commit,
        holds=tuple(hold for hold in holds if hold.scope in (f"{row.project}/{row.name}", row.project, "*")),
        problems=tuple(row.problems),
        created_at=row.created_at,
        last_success=row.last_success,
        note=row.note,
        declared=row.declared,
        on_removal=OnRemoval(row.on_removal) if row.on_removal else None,
        created_by=row.created_by,
        expires_at=row.expires_at,
        lasting=Lasting(row.observes, tuple(row.after), row.drift_every, row.drift_heal),
        folder=row.folder,
        renamed_from=row.renamed_from,
        drifted=row.drifted,
        drifted_since=row.drifted_since,
        drift_deployment=row.drift_deployment,
        drift_checked_at=row.drift_checked_at,
        heals=row.heals,
        adoption=Adoption(**row.adoption) if row.adoption else None,
    )


def decision(row: EnvironmentRow | sa.Row[Any]) -> Decision | None:
    if row.decided_digest is None:
        return None
    ended = Status(row.decided_ended) if row.decided_ended else None
    return Decision(row.decided_digest, row.decided_deployment, ended)


def binding(document: Mapping[str, Json]) -> Binding:
    state = StateStorage(document["state"]["type"], document["state"]["settings"])
    return Binding(document["uuid"], document["runner"], state, EngineKind(document["engine"]))


def binding_document(value: Binding) -> dict[str, Json]:
    state = {"type": value.state.type, "settings": dict(value.state.settings)}
    return {"uuid": value.uuid, "runner": value.runner, "state": state, "engine": str(value.engine)}


def hold(row: HoldRow) -> Hold:
    return Hold(HoldKind(row.kind), row.scope, row.who, row.why, row.since, row.until, row.desired_digest)


def deployment(row: DeploymentRow) -> Deployment:
    return Deployment(
        id=row.id,
        project=row.project,
        environment=row.environment,
        environment_uuid=row.environment_uuid,
        mode=Mode(row.mode),
        status=Status(row.status),
        no_changes=row.no_changes,
        rank=Rank(row.rank),
        repository=row.repository,
        commit=row.commit,
        commit_author=row.commit_author,
        commit_subject=row.commit_subject,
        source_commit=row.source_commit,
        ref=row.ref,
        created_at=row.created_at,
        started_at=row.started_at,
        completed_at=row.completed_at,
        created_by=row.created_by,
        reason=row.reason,
        message=row.message,
        desired_digest=row.desired_digest,
        bundle_digest=row.bundle_digest,
        plan_digest=row.plan_digest,
        counts=Counts(**row.counts) if row.counts is not None else None,
        superseded_by=row.superseded_by,
        follow_up_of=row.follow_up_of,
        source_deployment=row.source_deployment,
        log_recipient=row.log_recipient,
        outputs_recipient=row.outputs_recipient,
        warnings=tuple(row.warnings),
        log_removed_at=row.log_removed_at,
        outputs_removed_at=row.outputs_removed_at,
    )


def verdict(row: VerdictRow) -> Verdict:
    return Verdict(
        repository=row.repository,
        commit=row.commit,
        project=row.project,
        environment=row.environment,
        kind=VerdictKind(row.kind),
        deployment=row.deployment,
        other_commit=row.other_commit,
        reason=row.reason,
        problems=tuple(row.problems),
    )


def commit(
    row: CommitRow, verdicts: Sequence[VerdictRow] = (), counts: Mapping[VerdictKind, int] | None = None
) -> CommitRecord:
    return CommitRecord(
        repository=row.repository,
        id=row.id,
        author_name=row.author_name,
        author_email=row.author_email,
        committer_email=row.committer_email,
        committed_at=row.committed_at,
        message=row.message,
        on_branch=row.on_branch,
        verdicts=tuple(verdict(found) for found in verdicts),
        counts=counts or {},
    )


def token(row: TokenRow) -> TokenRecord:
    return TokenRecord(
        name=row.name,
        role=Role(row.role),
        projects=None if row.projects is None else tuple(row.projects),
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def audit(row: AuditRow) -> AuditRecord:
    return AuditRecord(
        number=row.number,
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        origin=row.origin,
        reason=row.reason,
        before=row.before,
        after=row.after,
        details=row.details,
    )


def request(row: RequestRow, deployments: tuple[str, ...]) -> RequestRecord:
    return RequestRecord(
        id=row.id,
        repository=row.repository,
        ref=row.ref,
        head=row.head,
        base=row.base,
        base_branch=row.base_branch,
        created_by=row.created_by,
        created_at=row.created_at,
        deployments=deployments,
        conflicts=tuple(row.findings["conflicts"]),
        problems={slug: tuple(found) for slug, found in row.findings["problems"].items()},
        unchanged=tuple(row.findings["unchanged"]),
        notes=row.findings.get("notes", {}),
        differences=row.findings["differences"],
    )


def resources(desired: Mapping[str, Json], metadata: Mapping[str, Json], deployment: str) -> list[ResourceRow]:
    """The nodes of a desired document, with the metadata that a deployment recorded under their coordinates."""
    if not desired:
        return []
    nodes = decode(desired).nodes.values()
    found = [
        ResourceRow(str(node.coordinate), node.module, metadata.get(str(node.coordinate)), deployment) for node in nodes
    ]
    return sorted(found, key=lambda row: row.coordinate)
