"""What does a commit say about one environment? The merged manifest and the environment's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from controller.errors import Place
from controller.model.document import Node

DEFAULT_CLASS = "default"
SCORE_WORKLOAD = "score-workload"  # the resource that a workload written in Score is, by alias and type


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that a workload, or the environment, asks for. `params` is a map node, or None."""

    type: str
    class_: str
    id: str | None
    params: Node | None
    place: Place


@dataclass(frozen=True, slots=True)
class Workload:
    """`outputs`: name -> string node, placeholders unresolved."""

    resources: Mapping[str, Resource]
    outputs: Mapping[str, Node]
    place: Place


@dataclass(frozen=True, slots=True)
class Manifest:
    """The merged manifest of an environment; `document` is the same as a tree with the place of each leaf."""

    workloads: Mapping[str, Workload]
    shared: Mapping[str, Resource]
    document: Node


class Approval(StrEnum):
    NONE = "none"
    DESTROY = "destroy"
    PLAN = "plan"


class AfterMerge(StrEnum):
    APPLY = "apply"
    HOLD = "hold"


class OnRemoval(StrEnum):
    APPROVE = "approve"
    DESTROY = "destroy"
    KEEP = "keep"

    @property
    def foretold(self) -> str:
        """What would become of an environment if its directory were gone, as a phrase."""
        return _FORETOLD[self]


_FORETOLD = {
    OnRemoval.APPROVE: "it would be marked for removal",
    OnRemoval.DESTROY: "it would be destroyed (on_removal: destroy)",
    OnRemoval.KEEP: "it would stay as it is (on_removal: keep)",
}


class Follow(StrEnum):
    FOLLOW = "follow"
    OBSERVE = "observe"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many managed instances a plan may destroy or replace without approval; None: any number."""

    destroy: int | None = 0
    replace: int | None = 0


@dataclass(frozen=True, slots=True)
class EnvironmentConfig:
    """`environment.yaml` with its defaults filled in, and where it stands."""

    type: str
    place: Place
    uuid: str | None = None
    source: str | None = None  # environment://X or deployment://ID
    follow: str = "git"  # git | any
    after: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    approval: Approval = Approval.DESTROY
    limits: Limits = Limits()
    protected: tuple[str, ...] = ()
    self_approval: bool = True
    after_merge: AfterMerge | None = None  # None: hold where the type is production and approval is not none
    on_removal: OnRemoval = OnRemoval.APPROVE
    drift_every: timedelta | None = None
    drift_heal: bool = False
    mode: Follow = Follow.FOLLOW
    recipients: tuple[str, ...] = ()  # the project's and its own
    output_recipients: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict, compare=False)  # of the values that are given, by key

    def place_of(self, key: str) -> Place:
        """Where a key's value stands; where it is not given, where the environment does."""
        return self.places.get(key, self.place)


@dataclass(frozen=True, slots=True)
class ProjectConfig:
    """`project.yaml`; `defaults` is a map of environment.yaml's keys, or None."""

    id: str
    display_name: str
    recipients: tuple[str, ...] = ()
    defaults: Node | None = None
