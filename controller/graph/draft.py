"""A node of the graph while it is still being found out: who asked for it, with what, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.errors import Place
from controller.graph.allowed import Spot
from controller.model.catalog import Module
from controller.model.document import Node
from controller.model.graph import Coordinate


@dataclass(frozen=True, slots=True)
class Given:
    """Params as somebody wrote them. Their aliases are those of `definer`; None: of the node that receives them."""

    params: Node
    definer: Coordinate | None
    spot: Spot
    origin: str


@dataclass(slots=True)
class Draft:
    """Changes only while the graph grows and its texts are resolved; a GraphNode is made of it at the end."""

    coordinate: Coordinate
    place: Place
    origin: str
    spelled: Mapping[str, Place] = field(default_factory=dict)  # where its type and class are written, by key
    parent: Draft | None = None  # that asked for it first; None where the manifest did
    inherits: bool = False  # its id was made from the parent's
    given: list[Given] = field(default_factory=list)  # equal as written; the first one counts
    module: Module | None = None
    outputs: Mapping[str, Node] = field(default_factory=dict)  # of a workload
    edges: dict[str, Coordinate] = field(default_factory=dict)
    anonymous: dict[Coordinate, Place] = field(default_factory=dict)  # with the place that makes it wait
    waits: dict[Coordinate, Place] = field(default_factory=dict)  # the same, by placeholders

    @property
    def targets(self) -> set[Coordinate]:
        """All that it depends on."""
        return {*self.edges.values(), *self.anonymous, *self.waits}

    @property
    def root(self) -> Draft:
        """The node of the manifest that it goes back to."""
        here = self
        while here.parent is not None:
            here = here.parent
        return here

    @property
    def lineage(self) -> str:
        """What brought it into being, back to the line of the manifest."""
        root = self.root
        if root is self:
            return f"{self.origin} at {self.place}"
        return f"{self.origin}, brought into being by {root.origin} at {root.place}"
