"""What will exist, and what hangs on what? The resource graph of one environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from controller.errors import Place
from controller.model.catalog import ModuleSource

WORKLOAD = "workload"


class Coordinate(NamedTuple):
    """Type, class and id name a resource in its environment: same coordinate, same resource."""

    type: str
    class_: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}.{self.class_}#{self.id}"

    @classmethod
    def parse(cls, text: str) -> Coordinate:
        """Read what `str` wrote: neither type nor class has a dot, a class has no `#`."""
        head, _, id_ = text.partition("#")
        type_, _, class_ = head.partition(".")
        return cls(type_, class_, id_)


@dataclass(frozen=True, slots=True, order=True)
class Output:
    """An output of another node: `${resources.a.outputs.k.l}` after its alias was resolved."""

    node: Coordinate
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Outputs:
    """The same output of several nodes, as a list: what `${select…}` yields. Nodes are sorted."""

    nodes: tuple[Coordinate, ...]
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class Variable:
    """A variable of the runner: `${var.NAME}`."""

    name: str


Part: TypeAlias = str | Output | Outputs | Variable


@dataclass(frozen=True, slots=True)
class Template:
    """A string with references in it. A single reference and nothing else keeps the type of what it yields."""

    parts: tuple[Part, ...]


# A JSON value whose strings are literal text, or a Template where they hold references.
Value: TypeAlias = Any


@dataclass(frozen=True, slots=True, order=True)
class ProviderKey:
    """A provider as one configuration of it: users with the same references share a block.

    `references` are the Output and Outputs in its configuration, in order of their text, which is `written`.
    """

    type: str
    id: str
    references: tuple[Output | Outputs, ...] = ()
    written: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProviderBlock:
    source: str
    version_constraint: str | None
    configuration: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """A resource, or a workload (then `module` and `source` are None and `outputs` is what it gives)."""

    coordinate: Coordinate
    module: str | None
    source: ModuleSource | None
    inputs: Mapping[str, Value]
    params: Mapping[str, Value]
    outputs: Mapping[str, Value]
    edges: Mapping[str, Coordinate]  # alias -> node it depends on
    anonymous: tuple[Coordinate, ...]  # further nodes it depends on, sorted
    providers: Mapping[str, ProviderKey]  # local name in the module -> provider
    place: Place  # what brought it into being
    origin: str  # the same as a phrase: "resource `db` of workload `api`"
    ordering: str = "references"

    @property
    def targets(self) -> set[Coordinate]:
        """All that it depends on."""
        return {*self.edges.values(), *self.anonymous}


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in order of coordinate, provider blocks in order of key."""

    nodes: Mapping[Coordinate, GraphNode] = field(default_factory=dict)
    providers: Mapping[ProviderKey, ProviderBlock] = field(default_factory=dict)
