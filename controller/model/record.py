"""What does the history tell? The rows of the database as values; times are aware, in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.model.bundle import Binding
from controller.model.deployment import (
    EnvironmentStatus,
    HoldKind,
    Mode,
    Origin,
    Rank,
    Status,
    VerdictKind,
)
from controller.model.document import Json
from controller.model.manifest import OnRemoval


@dataclass(frozen=True, slots=True)
class Repository:
    id: str  # of the connection
    url: str  # without credentials
    branch: str
    head: str | None  # newest commit seen
    decided_tip: str | None  # newest commit that all environments were decided for
    polled_at: datetime | None
    error: str | None  # why the last poll failed
    problems: tuple[str, ...] = ()  # of the decided tip, that no environment bears alone


@dataclass(frozen=True, slots=True)
class Decision:
    """The newest digest that a decision was made for, and how it ended (None: still open)."""

    digest: str
    deployment: str | None
    ended: Status | None


@dataclass(frozen=True, slots=True)
class Hold:
    kind: HoldKind
    scope: str  # "P/E", "P", or "*" for all
    who: str
    why: str
    since: datetime
    until: datetime | None
    desired_digest: str | None  # what Git wanted then


@dataclass(frozen=True, slots=True)
class Adoption:
    """What a person wants to be taken over that exists; it holds until a deployment has succeeded with it."""

    by: str
    at: str
    what: str  # a few words
    imports: str | None = field(default=None, repr=False)  # sealed: address -> id


@dataclass(frozen=True, slots=True)
class Lasting:
    """What an environment's settings say that counts between commits, and while later settings cannot be read."""

    observes: bool = False
    after: tuple[str, ...] = ()  # names of environments that go first
    drift_every: int | None = None  # seconds between two looks for drift; None: nobody looks
    drift_heal: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    uuid: str
    project: str
    name: str
    type: str
    origin: Origin
    status: EnvironmentStatus
    repository: str | None
    applied: str | None  # digest
    applied_deployment: str | None
    decided: Decision | None
    desired: str | None  # digest that Git wants at the decided tip; None where rejected or not declared
    binding: Binding | None
    live_commit: str | None
    holds: tuple[Hold, ...]
    problems: tuple[str, ...]  # why the tip is rejected for this environment
    created_at: datetime
    last_success: str | None = None  # deployment that last succeeded, also while `applied` is none
    note: str = ""  # what it waits for, one sentence
    declared: bool = True  # in Git, at the decided tip
    on_removal: OnRemoval | None = None  # what counts when its directory disappears; None: not known yet
    created_by: str | None = None  # None: Git
    expires_at: datetime | None = None  # when it is destroyed by itself
    lasting: Lasting = Lasting()
    folder: str | None = None  # Git's id of its directory, when it was last declared
    renamed_from: str | None = None  # uuid of one that is gone and had the same files
    drifted: bool = False  # the last look found something else than what was deployed
    drifted_since: datetime | None = None  # when a look found that first
    drift_deployment: str | None = None  # the last look that succeeded
    drift_checked_at: datetime | None = None
    heals: int = 0  # in a row that did not last
    adoption: Adoption | None = None

    @property
    def slug(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def observes(self) -> bool:
        return self.lasting.observes

    @property
    def drift_every(self) -> int | None:
        return self.lasting.drift_every

    @property
    def drift_heal(self) -> bool:
        return self.lasting.drift_heal


@dataclass(frozen=True, slots=True)
class Counts:
    """Managed instances that a plan creates, updates, destroys, replaces (a replacement counts only there)."""

    create: int = 0
    update: int = 0
    destroy: int = 0
    replace: int = 0


@dataclass(frozen=True, slots=True)
class Deployment:
    id: str
    project: str
    environment: str
    environment_uuid: str
    mode: Mode
    status: Status
    no_changes: bool
    rank: Rank
    repository: str | None
    commit: str | None
    commit_author: str | None
    commit_subject: str | None
    source_commit: str | None  # of the source's deployment, where promoted
    ref: str | None  # of a plan for a request: refs/pull/7/head, a branch
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    created_by: str  # "git", or the name of the token
    reason: str  # why it was opened, one sentence
    message: str  # how it ended or what it waits for, one sentence
    desired_digest: str
    bundle_digest: str | None
    plan_digest: str | None
    counts: Counts | None
    superseded_by: str | None
    follow_up_of: str | None
    source_deployment: str | None  # whose stored inputs it has: rolled back to, tried again, destroyed
    log_recipient: str | None
    outputs_recipient: str | None
    warnings: tuple[str, ...] = ()
    log_removed_at: datetime | None = None  # by retention
    outputs_removed_at: datetime | None = None


def removed(at: datetime) -> str:
    """What is said of something that is gone because it was old."""
    return f"removed on {at:%Y-%m-%d} by retention"


@dataclass(frozen=True, slots=True)
class OpenDeployment:
    """A deployment in the line of an environment that has not ended."""

    id: str
    digest: str
    rank: Rank
    status: Status
    who: str
    must_approve: str = ""
    plan_only: bool = False


@dataclass(frozen=True, slots=True)
class Details:
    """The larger parts of a deployment. All public: no secret is in any of them, outside manifests."""

    manifest: Json  # the merged manifest
    desired: Mapping[str, Json]  # the canonical document; its graph by `tofu.desired.decode`
    summary: Json  # of the plan, as runner.protocol describes; None before it is planned
    diagnostics: tuple[Json, ...]  # public parts
    events: tuple[Json, ...]  # steps and resources, in order, with times
    log_key: bytes | None  # the log identity, an age message to the recipients; None where a person holds it
    outputs_key: bytes | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one commit in one environment."""

    repository: str
    commit: str
    project: str
    environment: str
    kind: VerdictKind
    deployment: str | None = None
    other_commit: str | None = None  # that reverted it
    reason: str = ""  # of a hold
    problems: tuple[str, ...] = ()  # of a rejection, `path:line:column: what; what to do`


@dataclass(frozen=True, slots=True)
class CommitRecord:
    repository: str
    id: str
    author_name: str
    author_email: str
    committer_email: str | None
    committed_at: datetime
    message: str
    on_branch: bool
    verdicts: tuple[Verdict, ...] = ()  # all, or the first of those that are not `unchanged`, as was asked
    counts: Mapping[VerdictKind, int] = field(default_factory=dict)  # of all its verdicts


@dataclass(frozen=True, slots=True)
class CommitRange:
    """Commits that have no verdicts of their own, and why: they came before Lockstep, or were too many."""

    after: str | None  # exclusive; None: from the beginning
    until: str
    why: str


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A node of what is applied now, with the metadata that its module returned."""

    coordinate: str  # T.C#I
    module: str | None  # None: a workload
    metadata: Json
    deployment: str


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """What a forge delivered, and what it came to. Of those that are not from the forge there is one for all."""

    repository: str
    id: str
    received_at: datetime  # the first time; of those that were refused, the last
    event: str
    said: str
    origin: str
    times: int
    is_accepted: bool


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """A ref that was planned against the watched branch, and what was found before any engine ran."""

    id: str
    repository: str
    ref: str
    head: str
    base: str
    base_branch: str
    created_by: str
    created_at: datetime
    deployments: tuple[str, ...]
    conflicts: tuple[str, ...]  # paths that do not merge
    problems: Mapping[str, tuple[str, ...]]  # P/E -> why it cannot be planned
    unchanged: tuple[str, ...]  # P/E
    notes: Mapping[str, str]  # P/E -> why it is not planned although it would change
    differences: Mapping[str, Json]  # P/E -> {"changes": [sentence…], "mermaid": text}
