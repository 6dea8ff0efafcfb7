"""What is a deployment, and in which states can it and its environment be?"""

from __future__ import annotations

import hashlib
from enum import StrEnum

# The digest that a destroy wants: of nothing, which no commit can want.
NOTHING = hashlib.sha256(b"{}").hexdigest()


class Mode(StrEnum):
    DEPLOY = "deploy"
    PLAN_ONLY = "plan_only"
    DESTROY = "destroy"
    ROLLBACK = "rollback"
    DRIFT = "drift"
    REBIND = "rebind"  # to another runner or state storage; nothing of what is there changes


# Those that change their environment; plans and drift checks only look at it.
CHANGES = (Mode.DEPLOY, Mode.DESTROY, Mode.ROLLBACK, Mode.REBIND)


class Status(StrEnum):
    QUEUED = "queued"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLYING = "applying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PLANNED = "planned"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    DISCARDED = "discarded"
    INTERRUPTED = "interrupted"  # the runner is lost; what it did is being found out


OPEN = frozenset({Status.QUEUED, Status.PLANNING, Status.AWAITING_APPROVAL, Status.APPLYING, Status.INTERRUPTED})
FINAL = frozenset(Status) - OPEN
# A newer deployment takes the place of one in these; a running apply is never replaced.
REPLACEABLE = frozenset({Status.QUEUED, Status.PLANNING, Status.AWAITING_APPROVAL})
# A person may have these tried again.
TRIED_AGAIN = frozenset({Status.FAILED, Status.REJECTED, Status.DISCARDED, Status.CANCELLED})


# Who destroys by himself because somebody said beforehand that it be done: Git by `on_removal`, the clock by a term.
GIT, CONTROLLER = "git", "lockstep"
BY_ITSELF = frozenset({GIT, CONTROLLER})


class VerdictKind(StrEnum):
    DEPLOYED = "deployed"
    SUPERSEDED = "superseded"
    REVERTED = "reverted"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    HELD = "held"


class HoldKind(StrEnum):
    PINNED = "pinned"
    DESTROYED = "destroyed"
    SUSPENDED = "suspended"


class EnvironmentStatus(StrEnum):
    ACTIVE = "active"
    MARKED_FOR_REMOVAL = "marked_for_removal"
    DELETING = "deleting"
    DELETE_FAILED = "delete_failed"


class Origin(StrEnum):
    GIT = "git"
    CLI = "cli"
    PREVIEW = "preview"


class EngineKind(StrEnum):
    OPENTOFU = "opentofu"
    TERRAFORM = "terraform"


class Role(StrEnum):
    """What a token may do, each more than the one before."""

    VIEWER = "viewer"
    DEPLOYER = "deployer"
    ADMIN = "admin"


class Rank(StrEnum):
    """Who goes first in an environment's line; highest first."""

    DESTROY = "destroy"
    ROLLBACK = "rollback"
    PERSON = "person"
    GIT = "git"
    HEAL = "heal"
