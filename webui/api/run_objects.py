"""What does the API give out of one run? Its inputs, how far it came, its logs and outputs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from controller.tofu.progress import Outcome
from webui.api.objects import Shown


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
