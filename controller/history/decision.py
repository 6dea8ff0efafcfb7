"""What does a decision say? Of a repository and of each of its environments; `decide` writes it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.history.opening import NewDeployment
from controller.model.document import Json
from controller.model.manifest import OnRemoval
from controller.model.record import CommitRange, Decision, Lasting
from controller.model.ruling import Ruling
from controller.model.tree import Commit


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision says of one environment. `version` None: the environment is new."""

    uuid: str
    project: str
    name: str
    version: int | None
    type: str
    told: tuple[Ruling, ...] = ()
    declared: bool = True
    marked: bool = False  # its directory is gone, and it is to be removed
    forgotten: bool = False  # its directory is gone, and it had nothing that could be destroyed
    on_removal: OnRemoval | None = None
    tip: str | None = None  # digest that Git wants at the tip; None where rejected or not declared
    desired: str | None = None  # of the newest valid commit
    desired_commit: str | None = None
    problems: tuple[str, ...] = ()
    note: str = ""
    decided: Decision | None = None  # None: stays as it is
    opening: NewDeployment | None = None
    superseded: tuple[str, ...] = ()
    ends_pin: str | None = None
    releases_pin: str | None = None
    lasting: Lasting = field(default_factory=Lasting)
    folder: str | None = None
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class DecidedRepository:
    """What a decision says of a repository; it holds only while `before` is the decided tip still."""

    id: str
    before: str | None
    tip: str
    woken: int
    release: str
    now: datetime
    commits: tuple[Commit, ...] = ()  # of the walk, oldest first
    rewritten: bool = False  # commits after `ancestor` left the branch (None: all)
    ancestor: str | None = None
    ranges: tuple[CommitRange, ...] = ()
    projects: Mapping[str, str] = field(default_factory=dict)  # id -> display name
    catalogue: Json = None
    problems: tuple[str, ...] = ()
    environments: tuple[Decided, ...] = ()
    standing: frozenset[str] = frozenset()  # uuids of those of which all but `told` is so already
