"""Under which names may the state know a node? What was renamed since the last success, attempt by attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from controller.model.graph import Coordinate


@dataclass(frozen=True, slots=True)
class Chain:
    """Pairs (old, new) that lead from every earlier name of a node to its present one.

    `contested`: old names that more than one node could have had; the engine is told nothing about them.
    """

    pairs: tuple[tuple[Coordinate, Coordinate], ...]
    contested: tuple[Coordinate, ...]

    @property
    def names(self) -> Mapping[Coordinate, Coordinate]:
        """Old name -> present one, whatever lies between."""
        after = dict(self.pairs)
        found = {}
        for old, new in after.items():
            name = new
            while name in after:
                name = after[name]
            found[old] = name
        return found


def chain(steps: Sequence[Mapping[Coordinate, Coordinate]], nodes: Collection[Coordinate]) -> Chain:
    """The chain that ends in the present `nodes`.

    `steps`, oldest first: new coordinate -> old one, from each previous document to the one after it. An attempt that
    failed may have renamed or not, so every name in between is given; none twice, and none that is in use now.
    """
    earlier = {node: _earlier(node, steps, nodes) for node in sorted(nodes)}
    claims = Counter(name for names in earlier.values() for name in names)
    pairs: list[tuple[Coordinate, Coordinate]] = []
    for node, names in earlier.items():
        known = [node, *(name for name in names if claims[name] == 1)]
        pairs += [(old, new) for new, old in pairwise(known)]
    return Chain(tuple(pairs), tuple(sorted(name for name, count in claims.items() if count > 1)))


def _earlier(
    node: Coordinate, steps: Sequence[Mapping[Coordinate, Coordinate]], nodes: Collection[Coordinate]
) -> list[Coordinate]:
    """Names before the present one, newest first."""
    name = node
    names: list[Coordinate] = []
    for step in reversed(steps):
        name = step.get(name, name)
        if name not in nodes and name not in names:
            names.append(name)
    return names
