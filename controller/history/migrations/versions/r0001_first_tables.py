"""Make the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.history.columns import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artifacts",
        sa.Column("digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "sealed", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("action", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("subject", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("reason", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_table(
        "deployments",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("project", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("environment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("environment_uuid", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("mode", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("status", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("rank", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("no_changes", sa.Boolean(), nullable=False),
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("commit_author", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("commit_email", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("commit_subject", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("source_commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("ref", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("request", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("started_at", Instant(), nullable=True),
        sa.Column("completed_at", Instant(), nullable=True),
        sa.Column("created_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("reason", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("message", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("desired_digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("bundle_digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("plan_digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("fingerprint", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.Column("binding", sa.JSON(), nullable=False),
        sa.Column("must_approve", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("approved_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column(
            "approved_fingerprint", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True
        ),
        sa.Column("approval_expires_at", Instant(), nullable=True),
        sa.Column("cancelled_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("superseded_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("follow_up_of", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("apply_started_at", Instant(), nullable=True),
        sa.Column("applied_before", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("engine_version", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("replans", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("worker", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("log_recipient", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("log_key", sa.LargeBinary(), nullable=True),
        sa.Column("outputs_recipient", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("outputs_key", sa.LargeBinary(), nullable=True),
        sa.Column("log_closed", sa.Boolean(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deployments")),
        sa.UniqueConstraint("id", name=op.f("uq_deployments_id")),
    )
    op.create_index(
        op.f("ix_deployments_environment_uuid_number"), "deployments", ["environment_uuid", "number"], unique=False
    )
    op.create_index(
        op.f("ix_deployments_project_environment_number"),
        "deployments",
        ["project", "environment", "number"],
        unique=False,
    )
    op.create_index(
        op.f("ix_deployments_repository_commit_number"), "deployments", ["repository", "commit", "number"], unique=False
    )
    op.create_index(op.f("ix_deployments_request"), "deployments", ["request"], unique=False)
    op.create_index(op.f("ix_deployments_status_number"), "deployments", ["status", "number"], unique=False)
    op.create_index(
        "one_apply_per_environment",
        "deployments",
        ["environment_uuid"],
        unique=True,
        sqlite_where=sa.text("status IN ('applying', 'interrupted')"),
        postgresql_where=sa.text("status IN ('applying', 'interrupted')"),
    )
    op.create_index(
        "open_deployments",
        "deployments",
        ["environment_uuid", "number"],
        unique=False,
        sqlite_where=sa.text("cleared IS 0"),
        postgresql_where=sa.text("cleared IS false"),
    )
    op.create_table(
        "environment_keys",
        sa.Column("environment_uuid", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("purpose", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("environment_uuid", "purpose", name=op.f("pk_environment_keys")),
    )
    op.create_table(
        "holds",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("scope", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("who", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("why", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("desired_digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("released_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("ended_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_holds")),
    )
    op.create_index(
        "one_hold_of_a_kind",
        "holds",
        ["scope", "kind"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("key", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("request_digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("holder", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "provider_pins",
        sa.Column("environment_uuid", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("address", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("version", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("constraints", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("hashes", sa.JSON(), nullable=False),
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("environment_uuid", "address", name=op.f("pk_provider_pins")),
    )
    op.create_table(
        "repositories",
        sa.Column("id", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("url", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("branch", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("head", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("decided_tip", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("first_commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("polled_at", Instant(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("error", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("wake", sa.Integer(), nullable=False),
        sa.Column("woken", sa.Integer(), nullable=False),
        sa.Column("catalogue", sa.JSON(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("release", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
    )
    op.create_table(
        "tokens",
        sa.Column("name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("secret_hash", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("role", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("projects", sa.JSON(), nullable=True),
        sa.Column("created_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
    )
    op.create_table(
        "commit_ranges",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("after", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("until", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("why", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_commit_ranges_repository")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_commit_ranges")),
    )
    op.create_table(
        "commits",
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("id", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("author_name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("author_email", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("committed_at", Instant(), nullable=False),
        sa.Column("message", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("on_branch", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_commits_repository")),
        sa.PrimaryKeyConstraint("repository", "id", name=op.f("pk_commits")),
    )
    op.create_index(op.f("ix_commits_id"), "commits", ["id"], unique=False)
    op.create_index(op.f("ix_commits_repository_position"), "commits", ["repository", "position"], unique=False)
    op.create_table(
        "deployment_parts",
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.id"], name=op.f("fk_deployment_parts_deployment")),
        sa.ForeignKeyConstraint(
            ["digest", "sealed"],
            ["artifacts.digest", "artifacts.sealed"],
            name=op.f("fk_deployment_parts_digest_sealed"),
        ),
        sa.PrimaryKeyConstraint("deployment", "name", name=op.f("pk_deployment_parts")),
    )
    op.create_table(
        "deployment_waits",
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("environment_uuid", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.id"], name=op.f("fk_deployment_waits_deployment")),
        sa.PrimaryKeyConstraint("deployment", "environment_uuid", name=op.f("pk_deployment_waits")),
    )
    op.create_table(
        "environments",
        sa.Column("uuid", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("project", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("type", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("origin", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("status", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column(
            "applied_deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True
        ),
        sa.Column("last_success", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("decided_digest", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column(
            "decided_deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True
        ),
        sa.Column("decided_ended", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("desired", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("desired_commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("valid_desired", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("live_commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("note", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("binding", sa.JSON(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("removed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_environments_repository")),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_environments")),
    )
    op.create_index(op.f("ix_environments_repository"), "environments", ["repository"], unique=False)
    op.create_index(
        "one_environment_of_a_name",
        "environments",
        ["project", "name"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.id"], name=op.f("fk_events_deployment")),
        sa.PrimaryKeyConstraint("deployment", "n", name=op.f("pk_events")),
    )
    op.create_table(
        "log_chunks",
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.id"], name=op.f("fk_log_chunks_deployment")),
        sa.PrimaryKeyConstraint("deployment", "n", name=op.f("pk_log_chunks")),
    )
    op.create_table(
        "module_pins",
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("source", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_module_pins_repository")),
        sa.PrimaryKeyConstraint("repository", "source", name=op.f("pk_module_pins")),
    )
    op.create_table(
        "outputs",
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.id"], name=op.f("fk_outputs_deployment")),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_outputs")),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("display_name", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_projects_repository")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_table(
        "requests",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("ref", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("head", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("base", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("base_branch", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_by", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_requests_repository")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_requests")),
        sa.UniqueConstraint("id", name=op.f("uq_requests_id")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("id", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repositories.id"], name=op.f("fk_webhook_deliveries_repository")),
        sa.PrimaryKeyConstraint("repository", "id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_table(
        "verdicts",
        sa.Column("environment_uuid", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("repository", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("project", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("environment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("deployment", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("other_commit", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("reason", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("desired", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=True),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository", "commit"], ["commits.repository", "commits.id"], name=op.f("fk_verdicts_repository_commit")
        ),
        sa.PrimaryKeyConstraint("environment_uuid", "repository", "commit", name=op.f("pk_verdicts")),
    )
    op.create_index(op.f("ix_verdicts_deployment"), "verdicts", ["deployment"], unique=False)
    op.create_index(
        op.f("ix_verdicts_environment_uuid_desired"), "verdicts", ["environment_uuid", "desired"], unique=False
    )
    op.create_index(op.f("ix_verdicts_repository_commit"), "verdicts", ["repository", "commit"], unique=False)
    op.create_index(op.f("ix_verdicts_repository_kind"), "verdicts", ["repository", "kind"], unique=False)


def downgrade() -> None:
    for table in (
        "verdicts",
        "webhook_deliveries",
        "requests",
        "projects",
        "outputs",
        "module_pins",
        "log_chunks",
        "events",
        "environments",
        "deployment_waits",
        "deployment_parts",
        "commits",
        "commit_ranges",
        "tokens",
        "repositories",
        "provider_pins",
        "leases",
        "idempotency_keys",
        "holds",
        "environment_keys",
        "deployments",
        "audit",
        "artifacts",
    ):
        op.drop_table(table)
