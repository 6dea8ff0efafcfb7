"""What is a route of the API? Enough to serve it and to describe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import BaseModel

from controller.deployments.doors import Doors
from controller.model.deployment import Role
from controller.model.record import Deployment
from webui.access import Caller

ENVIRONMENT = "/environments/{project}/{environment}"
DEPLOYMENT = "/deployments/{id}"


class Scope(StrEnum):
    """To what a token's list of projects is applied, before the view is called."""

    OPEN = "open"  # no token is needed
    LISTED = "listed"  # any token; the view shows what its holder may see
    PROJECT = "project"  # the project in the path
    DEPLOYMENT = "deployment"  # the project of the deployment in the path
    ALL = "all"  # a token for all projects


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and allowed. `query` and `body` are of the route's models."""

    doors: Doors
    caller: Caller
    path: Mapping[str, str]
    query: Any = None
    body: Any = None
    record: Deployment | None = None  # with Scope.DEPLOYMENT

    @property
    def deployment(self) -> Deployment:
        if self.record is None:
            raise LookupError("the route has no Scope.DEPLOYMENT")
        return self.record


@dataclass(frozen=True, slots=True)
class Raw:
    """A reply that is not JSON."""

    content: str
    media: str


Reply: TypeAlias = BaseModel | Raw | None


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str  # `{name}` stands for one part
    role: Role
    scope: Scope
    summary: str
    view: Callable[[Call], Reply]
    response: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    status: int = 200
    media: tuple[str, ...] = ()  # further media types that the view may reply with
    is_secret: bool = False  # the reply holds a secret: it is never kept
    largest_body: int | None = None  # bytes, where it may be larger than that of the others

    @property
    def is_repeatable(self) -> bool:
        """Whether an `Idempotency-Key` is taken."""
        return self.method == "POST" and not self.is_secret

    @property
    def name(self) -> str:
        """The operation id: `get_deployments_id_plan`."""
        words = self.path.replace("{", "").replace("}", "").replace("-", "_").replace(".", "_").strip("/")
        return f"{self.method.lower()}_{words.replace('/', '_')}"

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))
