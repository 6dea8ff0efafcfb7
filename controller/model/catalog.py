"""What does the platform offer? Resource types, modules, providers, runners, and the rules that choose among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.errors import Place, Problem
from controller.model.bundle import Context
from controller.model.document import Json, Node


@dataclass(frozen=True, slots=True)
class EnvironmentType:
    id: str
    display_name: str
    production: bool
    place: Place


@dataclass(frozen=True, slots=True)
class ResourceType:
    """`output_schema`: a JSON schema of the outputs, or None where any output is allowed."""

    id: str
    description: str
    output_schema: Json
    is_developer_accessible: bool
    place: Place


class SourceKind(StrEnum):
    LOCAL = "local"  # a folder of this repository
    INLINE = "inline"  # code in the module's file
    GIT = "git"  # git::https:// or git::ssh://
    REGISTRY = "registry"  # [host/]namespace/name/provider
    PATH = "path"  # an absolute folder on the runner


@dataclass(frozen=True, slots=True)
class GitRef:
    """A tag or branch of a repository, which may be another commit tomorrow; `HEAD` is the default branch."""

    url: str
    name: str

    def moved(self, before: str, after: str) -> str:
        """That it is another commit than it was, as a phrase."""
        said = "the default branch" if self.name == "HEAD" else f"`ref={self.name}`"
        return f"{said} moved from {before[:10]} to {after[:10]}"


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """Where a module's code is.

    LOCAL: `address` is the folder's path in the repository, `includes` further folders, `content` a digest over all
    their Git ids. INLINE: `code` is the text, `content` its sha256. GIT, REGISTRY, PATH: `address` as the engine
    takes it, `version` an exact version, a pinned commit, or None; `content` names both.
    """

    kind: SourceKind
    address: str
    content: str
    version: str | None = None
    code: str | None = None
    includes: tuple[str, ...] = ()

    @property
    def ref(self) -> GitRef | None:
        """The tag or branch that is written; None where the source is no repository, or names a whole commit."""
        if self.kind is not SourceKind.GIT:
            return None
        place, _, query = self.address.removeprefix("git::").partition("?")
        scheme, _, path = place.partition("://")
        name = next((pair.removeprefix("ref=") for pair in query.split("&") if pair.startswith("ref=")), "HEAD")
        is_commit = len(name) in (40, 64) and not name.strip("0123456789abcdef")
        return None if is_commit else GitRef(f"{scheme}://{path.partition('//')[0]}", name)


@dataclass(frozen=True, slots=True)
class ModuleParam:
    type: str  # string number bool list map any
    is_optional: bool
    description: str
    variable: str | None = None  # of the module's code, where it is not called as the param


@dataclass(frozen=True, slots=True)
class Requirement:
    """A dependency or co-provisioned resource of a module. `class_` and `id` as written; None where left out."""

    type: str
    class_: str | None
    id: str | None
    params: Node | None
    place: Place
    is_dependent_on_current: bool = False
    copy_dependents_from_current: bool = False


@dataclass(frozen=True, slots=True)
class ModuleRule:
    module_id: str
    resource_type: str
    resource_class: str
    resource_id: str | None
    project_id: str | None
    env_type_id: str | None
    env_id: str | None
    place: Place

    def holds(self, context: Context) -> bool:
        """Whether it counts in an environment; None means any."""
        return (
            self.project_id in (None, context.project_id)
            and self.env_type_id in (None, context.env_type_id)
            and self.env_id in (None, context.env_id)
        )


@dataclass(frozen=True, slots=True)
class Module:
    id: str
    description: str
    resource_type: str
    source: ModuleSource
    params: Mapping[str, ModuleParam]
    inputs: Mapping[str, Node]
    provider_mapping: Mapping[str, tuple[str, str]]  # local name -> (provider type, provider id)
    dependencies: Mapping[str, Requirement]
    coprovisioned: tuple[Requirement, ...]
    rules: tuple[ModuleRule, ...]
    place: Place
    ordering: str = "references"  # references | strict


@dataclass(frozen=True, slots=True)
class Provider:
    type: str
    id: str
    description: str
    source: str
    version_constraint: str | None
    configuration: Node | None
    place: Place


@dataclass(frozen=True, slots=True)
class RunnerRule:
    runner_id: str
    project_id: str | None
    env_type_id: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class Runner:
    """`configuration` and `state_storage` are the documents as written, `type` among their keys."""

    id: str
    description: str
    configuration: Mapping[str, Json]
    state_storage: Mapping[str, Json]
    rules: tuple[RunnerRule, ...]
    place: Place

    @property
    def type(self) -> str:
        return str(self.configuration["type"])


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything by its id; providers by (type, id)."""

    environment_types: Mapping[str, EnvironmentType] = field(default_factory=dict)
    resource_types: Mapping[str, ResourceType] = field(default_factory=dict)
    modules: Mapping[str, Module] = field(default_factory=dict)
    providers: Mapping[tuple[str, str], Provider] = field(default_factory=dict)
    runners: Mapping[str, Runner] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Breakage:
    """Something wrong with the platform: stops environments that use one of `resource_types`; None: all of them.

    Among these are providers, as `TYPE.ID`: no module may use one any more that was used when it was last applied.
    """

    problem: Problem
    resource_types: frozenset[str] | None
