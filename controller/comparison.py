"""What does one wish for an environment want otherwise than another? The same values for a terminal and for a forge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.graph import diff, draw
from controller.graph.diff import Change, sentence
from controller.model.document import Json
from controller.model.graph import Graph
from controller.tofu import desired, pinning


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of an environment: the graph, and the desired document that was made of it."""

    graph: Graph
    document: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that is different. `ambiguities` are sentences on what is not taken for a move, `versions` on locked ones."""

    before: Graph = field(default_factory=Graph)
    after: Graph = field(default_factory=Graph)
    changes: tuple[Change, ...] = ()
    ambiguities: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.changes and not self.versions

    @property
    def sentences(self) -> tuple[str, ...]:
        """What changes, one sentence each."""
        return (*map(sentence, self.changes), *self.versions)

    @property
    def mermaid(self) -> str:
        """What changes as a flow chart, with what stands beside it; empty where no node changes."""
        return draw.changes_mermaid(self.after, self.changes, self.before) if self.changes else ""


def wish_of(document: Mapping[str, Json]) -> Wish:
    """The wish behind a stored document."""
    return Wish(desired.decode(document), document)


def compare(before: Wish | None, after: Wish | None) -> Comparison:
    """What is different in `after`; None stands for an environment that is not declared."""
    old, new = (one.graph if one else Graph() for one in (before, after))
    found = diff.difference(old, new)
    versions = pinning.changed(before.document, after.document) if before and after else ()
    return Comparison(old, new, found.changes, found.ambiguities, versions)
