"""What does the API give out? One model per object; what is not named here does not leave."""

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
    Role,
    Status,
    VerdictKind,
)
from controller.tofu.progress import Outcome


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


class Whoami(Shown):
    """The holder of the token; `projects` null: all of them."""

    name: str
    role: Role
    projects: list[str] | None


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


class Manifest(Shown):
    deployment: str
    manifest: dict[str, Any]


class GraphNode(Shown):
    resource: str
    module: str | None
    depends_on: list[str]
    origin: str


class Graph(Shown):
    deployment: str
    nodes: list[GraphNode]


class Plan(Shown):
    """The public summary of a plan: addresses, actions, names of changed attributes; never a value."""

    deployment: str
    summary: dict[str, Any] | None


class NodeProgress(Shown):
    """A node of the graph (`type.class#id`), null for what belongs to none; how many of its changes are done."""

    resource: str | None
    done: int
    total: int


class AddressProgress(Shown):
    """A change of the plan; `done` names the halves of a replacement (`delete`, `create`) that are."""

    address: str
    resource: str | None
    action: str
    outcome: Outcome
    done: list[str]


class Progress(Shown):
    """How far an apply came, or has come. What is only read is told of, and not counted.

    `unknown`: it was begun and no end was heard, or nobody could listen. `half_done`: a replacement whose other half
    was not reached. A deployment that succeeded has done everything.
    """

    deployment: str
    is_begun: bool = Field(description="false: no apply was begun")
    done: int
    total: int
    nodes: list[NodeProgress]
    addresses: list[AddressProgress]


class Events(Shown):
    """Steps and resources in order; `next` is what to give as `after` for those that follow."""

    items: list[dict[str, Any]]
    next: str | None = None


class Diagnostics(Shown):
    items: list[dict[str, Any]]
    next: str | None = None


class LogChunk(Shown):
    number: int
    content: str = Field(description="an age message, base64")


class LogChunks(Shown):
    """Encrypted; `key` is the log identity as an age message to its recipients, null where a person holds it."""

    items: list[LogChunk]
    next: str | None = None
    key: str | None = Field(description="base64")
    recipient: str | None
    is_open: bool = Field(description="more may follow")


class Outputs(Shown):
    """Encrypted; `key` as in LogChunks."""

    content: str = Field(description="an age message, base64")
    key: str | None = Field(description="base64")
    recipient: str | None


class Resource(Shown):
    """A resource that is live in an environment (`type.class#id`), with the metadata that its module returned."""

    resource: str = Field(validation_alias="coordinate")
    module: str | None
    deployment: str
    metadata: Any


class Resources(Shown):
    items: list[Resource]
    next: str | None = None


class ModuleParam(Shown):
    type: str
    is_optional: bool
    description: str


class ResourceOption(Shown):
    """A class, and an id where only that one is offered; the rule, by its place, and the module that makes it."""

    resource_class: str
    resource_id: str | None
    rule: str
    module_id: str
    module_params: dict[str, ModuleParam]


class AvailableResourceType(Shown):
    id: str
    description: str
    output_schema: Any
    is_developer_accessible: bool
    options: list[ResourceOption]


class AvailableResourceTypes(Shown):
    items: list[AvailableResourceType]
    next: str | None = None


class CatalogueItems(Shown):
    """Documents of the platform folder at the decided tip, each with the repository that it is from."""

    items: list[dict[str, Any]]
    next: str | None = None


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
    verdicts: list[Verdict]


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


class Token(Shown):
    """A token without its secret; its name is how it is told from others."""

    name: str
    role: Role
    projects: list[str] | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewToken(Token):
    """The only time that the secret is shown."""

    secret: str


class Tokens(Shown):
    items: list[Token]
    next: str | None = None


class AuditEntry(Shown):
    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    origin: str = Field(description="an address and a program; empty: the controller by itself")
    reason: str
    before: dict[str, Any] | None = Field(description="what the act changed, as it was; null: there was nothing")
    after: dict[str, Any] | None
    details: dict[str, Any]


class AuditTrail(Shown):
    items: list[AuditEntry]
    next: str | None = None


class WebhookDelivery(Shown):
    """What a forge delivered, and what it came to. All that were not from the forge are one, with id `refused`."""

    repository: str
    id: str
    received_at: datetime
    event: str
    said: str
    origin: str
    times: int
    is_accepted: bool


class WebhookDeliveries(Shown):
    items: list[WebhookDelivery]
    next: str | None = None


class Why(Shown):
    """Why a commit is not deployed in an environment, or that it is; `command` would change it, empty: none can."""

    project: str
    environment: str
    commit: str | None
    text: str
    command: str


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


class Reloaded(Shown):
    """Ids of connections that are other than before; `waiting`: settings that changed and wait for the next start."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    waiting: list[str]
