"""What may be asked of the API? One model per body and query, and their faults in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Self, TypeAlias, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from controller.errors import ManifestError, Problem, suggest
from controller.model.deployment import Role, Status

M = TypeVar("M", bound=BaseModel)
LogLevel: TypeAlias = Literal["info", "debug"]  # `debug`: the engine traces into the log


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Asked):
    """`before` is the `next` of the page before."""

    before: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


class Audit(Page):
    """Of one subject (P/E, the id of a deployment, the name of a token), one actor, one action."""

    subject: str | None = None
    actor: str | None = None
    action: str | None = None


class WebhookDeliveries(Asked):
    repository: str | None = None
    limit: int = Field(default=50, ge=1, le=200)


class Commits(Page):
    repository: str | None = None


class Deployments(Page):
    project: str | None = None
    environment: str | None = None
    repository: str | None = None
    commit: str | None = None
    status: Status | None = None


class Environments(Asked):
    """All of them, or with `limit` a page: the first, or the one after `after`, the `next` of the page before."""

    project: str | None = None
    after: str = Field(default="", max_length=300)
    limit: int | None = Field(default=None, ge=1, le=1000)


class Why(Asked):
    """A commit, or a unique beginning of its id; without one the newest of the branch."""

    commit: str | None = Field(default=None, max_length=64)


class Catalogue(Asked):
    repository: str | None = None


class AvailableResourceTypes(Asked):
    """`include_inaccessible`: also those that are not meant for developers."""

    type: str | None = None
    include_inaccessible: bool = False


class Events(Asked):
    after: int = Field(default=0, ge=0)


class LogChunks(Asked):
    after: int = Field(default=0, ge=0, description="number of the last chunk that is known already")


class GraphFormat(StrEnum):
    JSON = "json"
    MERMAID = "mermaid"
    SVG = "svg"
    TEXT = "text"


class Graph(Asked):
    format: GraphFormat = GraphFormat.JSON


class ManifestText(Asked):
    """A manifest as it was written, in YAML or JSON: what is wrong with it is said with line and column."""

    name: str = Field(default="manifest", max_length=250, description="how its file is called in messages")
    text: str = Field(max_length=1024 * 1024)


class Deploy(Asked):
    """A manifest to deploy, as a document or as text. `expect_last`: refused unless this is the newest deployment."""

    manifest: dict[str, Any] | None = None
    source: ManifestText | None = None
    dry_run: bool = False
    plan_only: bool = False
    log_recipient: str | None = None
    log_level: LogLevel = "info"
    outputs_recipient: str | None = None
    expect_last: str | None = None
    hold_until: AwareDatetime | None = Field(default=None, description="when the hold that it makes ends by itself")
    reason: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _one_of_them(self) -> Deploy:
        if (self.manifest is None) == (self.source is None):
            raise ValueError("give either `manifest` or `source`")
        return self


class Rollback(Asked):
    """To which deployment; `expect_last`: refused unless that one is the newest."""

    deployment: str
    dry_run: bool = False
    plan_only: bool = False
    log_recipient: str | None = None
    log_level: LogLevel = "info"
    outputs_recipient: str | None = None
    expect_last: str | None = None
    hold_until: AwareDatetime | None = Field(default=None, description="when the hold that it makes ends by itself")
    reason: str = Field(default="", max_length=500)


class Destroy(Asked):
    """`expect_last`: refused unless this is the newest deployment."""

    log_recipient: str | None = None
    log_level: LogLevel = "info"
    expect_last: str | None = None
    current_providers: bool = Field(default=False, description="with provider blocks of today, not those of then")
    reason: str = Field(default="", max_length=500)


class PlanRef(Asked):
    """A branch, tag, request ref or commit id to plan; the repository may be left out where there is one."""

    ref: str = Field(min_length=1, max_length=250)
    repository: str | None = None


class Reason(Asked):
    """Why somebody does it; kept in the audit trail."""

    reason: str = Field(default="", max_length=500)


class _Term(Reason):
    """Until a time, or for a while from now."""

    expires_at: AwareDatetime | None = None
    expires_in_seconds: int | None = Field(default=None, ge=1, le=10 * 365 * 86_400)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.expires_at is not None and self.expires_in_seconds is not None:
            raise ValueError("give `expires_at` or `expires_in_seconds`, not both")
        return self

    def until(self, now: datetime) -> datetime | None:
        return now + timedelta(seconds=self.expires_in_seconds) if self.expires_in_seconds else self.expires_at


class CreateEnvironment(_Term):
    """An environment that Git does not declare; neither time: until somebody deletes it."""

    project: str
    name: str = Field(max_length=100)
    type: str


class ExtendEnvironment(_Term):
    """When it ends by itself; neither: never."""


class Suspend(Reason):
    """Until a time, or for a while; neither: until somebody resumes it."""

    until: AwareDatetime | None = None
    for_seconds: int | None = Field(default=None, ge=1, le=10 * 365 * 86_400)

    @property
    def lasts(self) -> timedelta | None:
        return timedelta(seconds=self.for_seconds) if self.for_seconds else None

    @model_validator(mode="after")
    def _one_of_them(self) -> Suspend:
        if self.until is not None and self.for_seconds is not None:
            raise ValueError("give `until` or `for_seconds`, not both")
        return self


class Approve(Reason):
    imports: bool = Field(
        default=False,
        alias="import",
        description="plan again, to take over what an interrupted apply has made; approves no plan",
    )


class CreateToken(Asked):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._@-]*$", max_length=100)
    role: Role
    projects: list[str] | None = Field(default=None, description="null: all projects")
    expires_in_days: int | None = Field(default=None, ge=1, le=3660)

    @property
    def lifetime(self) -> timedelta | None:
        return timedelta(days=self.expires_in_days) if self.expires_in_days else None


class Rebind(Reason):
    """`expect_last`: refused unless this deployment is the one that succeeded last."""

    log_recipient: str | None = None
    expect_last: str | None = None


class Adopt(Reason):
    """What an environment takes over. `forget`: nothing any more, and nothing else may be given."""

    uuid: str | None = Field(default=None, max_length=100, description="identity under which its storage has a state")
    state: str | None = Field(default=None, description="the file of a state, in clear; it is put into the storage")
    imports: dict[str, str] = Field(default_factory=dict, description="address of a resource -> id of what is there")
    forget: bool = False

    @model_validator(mode="after")
    def _or_nothing(self) -> Adopt:
        if self.forget and (self.uuid or self.state or self.imports):
            raise ValueError("give nothing else with `forget`")
        return self


def read_query(model: type[M], arguments: Mapping[str, str]) -> M:
    """The query of a request; raises ManifestError with every fault."""
    return _read(model, dict(arguments), "query")


def read_body(model: type[M], document: Any) -> M:
    """The body of a request; raises ManifestError with every fault."""
    if not isinstance(document, dict):
        raise ManifestError([Problem("body", "is not a JSON object", "send one with `Content-Type: application/json`")])
    return _read(model, document, "body")


def _read(model: type[M], given: dict[str, Any], where: str) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as e:
        raise ManifestError(_problem(model, error, where) for error in e.errors()) from e


def _problem(model: type[BaseModel], error: Any, where: str) -> Problem:
    if not error["loc"]:  # of a rule that concerns several keys
        return Problem(where, "its keys do not fit together", str(error["msg"]).removeprefix("Value error, "))
    *above, word = (str(part) for part in error["loc"])
    place = ".".join([where, *above])
    match error["type"]:
        case "extra_forbidden":
            known = sorted(model.model_fields)
            otherwise = f"known are {', '.join(known)}" if known else "nothing can be given here"
            return Problem(place, f"unknown key `{word}`", suggest(word, known, otherwise))
        case "missing":
            return Problem(place, f"`{word}` is missing", "add it")
        case "enum":
            return _unknown_word(place, word, error)
    message = str(error["msg"])
    return Problem(place, f"`{word}`: {message[:1].lower()}{message[1:]}", "correct it")


def _unknown_word(place: str, word: str, error: Any) -> Problem:
    known = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
    given = str(error["input"])
    return Problem(place, f"`{word}` cannot be `{given}`", suggest(given, known, f"give one of {', '.join(known)}"))


class Move(Reason):
    """What an environment that is gone from Git is called now; `decline`: that it is another one."""

    to: str = Field(min_length=1, max_length=201, description="a name in the same project, or PROJECT/NAME")
    decline: bool = False
