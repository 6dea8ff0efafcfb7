"""What is handed to a runner? The canonical desired document, what binds it to one environment, and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.model.deployment import EngineKind
from controller.model.document import Json


@dataclass(frozen=True, slots=True)
class ProviderPin:
    """One entry of a dependency lock file."""

    version: str
    constraints: str | None
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pins:
    """What a commit leaves open and was recorded.

    `providers`: registry address (`registry.opentofu.org/hashicorp/aws`) -> pin.
    `modules`: module source with a tag or branch -> full commit id.
    """

    providers: Mapping[str, ProviderPin] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What `${context.…}` yields."""

    project_id: str
    env_id: str
    env_type_id: str
    org_id: str | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """What Git wants of one environment: a JSON document, its canonical text, and the sha256 of that, in hex."""

    document: Mapping[str, Json]
    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class StateStorage:
    """Where the state lies: `type` local, s3, gcs, azurerm, kubernetes or http, and the type's own settings."""

    type: str
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """What ties an environment to its state for as long as it lives."""

    uuid: str
    runner: str
    state: StateStorage
    engine: EngineKind


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything the engine reads, as files: path -> content, `main.tf.json` among them. `digest` covers them all."""

    files: Mapping[str, bytes]
    digest: str
    variables: tuple[str, ...] = ()  # names of `${var.X}` that the runner has to supply
    notes: tuple[str, ...] = ()  # sentences for the user: a move that is ambiguous, and the like
    kept: Mapping[str, Json] | None = None  # document of removed nodes that stay this time, for the `bind` of the next
