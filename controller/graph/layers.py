"""Where does each node of a drawing stand? Columns from what depends to what is depended on, with few crossings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[int, int]

_SWEEPS = 8  # more change little
_MOST_BENDS = 20_000  # past this, long edges are drawn straight
_UNEVEN = 1.15  # how much more than its share a part of a wrapped column may hold, so that its like stay together
_FEWEST_ROWS, _ROWS = 10, 2.3  # a column holds so many times the square root of the number of nodes, at most


@dataclass(frozen=True, slots=True)
class Layers:
    """Columns of items, top to bottom: nodes (0 and up) and bends of long edges (below 0).

    `routes`: the bends of an edge, in order; edges to the next column have none. Edges to one node share their bends,
    and those from one to nodes that nothing else leads to.
    """

    columns: tuple[tuple[int, ...], ...]
    routes: Mapping[Edge, tuple[int, ...]]

    @property
    def links(self) -> tuple[Edge, ...]:
        """From item to item in the next column, each once."""
        column = {item: index for index, items in enumerate(self.columns) for item in items}
        steps = {link for (source, target), route in self.routes.items() for link in pairwise((source, *route, target))}
        return tuple(sorted(link for link in steps if column[link[1]] == column[link[0]] + 1))


def arrange(count: int, edges: Iterable[Edge], anchored: Collection[int] = ()) -> Layers:
    """Arrange nodes 0 to `count - 1`. The same input gives the same arrangement, also where edges form a circle.

    A node that nothing depends on stands beside what it depends on; an `anchored` one in the first column.
    """
    forward = sorted({edge for edge in edges if edge[0] != edge[1]})
    columns: list[list[int]] = []
    for node, depth in enumerate(_pulled(_depths(count, forward), forward, anchored)):
        columns += ([] for _ in range(len(columns), depth + 1))
        columns[depth].append(node)
    rows = max(_FEWEST_ROWS, math.ceil(_ROWS * math.sqrt(count)))
    if any(len(column) > rows for column in columns):
        whole = _ordered(columns, forward).columns
        columns = [part for column in whole for part in _wrapped([item for item in column if item >= 0], forward, rows)]
    return _ordered(columns, forward)


def essential(count: int, edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """The edges without those that a longer way implies; in a circle all stay."""
    forward = sorted({edge for edge in edges if edge[0] != edge[1]})
    depth = _depths(count, forward)
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in forward:
        if depth[source] < depth[target]:
            targets[source].append(target)
    reached = [0] * count  # sets of nodes, as bits
    implied: set[Edge] = set()
    for source in sorted(range(count), key=lambda node: -depth[node]):
        seen = 0
        for target in sorted(targets[source], key=lambda node: depth[node]):
            if seen >> target & 1:
                implied.add((source, target))
            seen |= 1 << target | reached[target]
        reached[source] = seen
    return tuple(edge for edge in forward if edge not in implied)


def _depths(count: int, edges: Sequence[Edge]) -> list[int]:
    """The longest way to each node from one that nothing depends on; edges that close a circle do not count."""
    targets: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        targets[source].append(target)
        waiting[target] += 1
    depth = [0] * count
    ready = [node for node in range(count) if not waiting[node]]
    done: set[int] = set()
    while len(done) < count:
        if not ready:
            ready = [next(node for node in range(count) if node not in done)]
        node = ready.pop()
        if node in done:
            continue
        done.add(node)
        for target in targets[node]:
            waiting[target] -= 1
            if target not in done:
                depth[target] = max(depth[target], depth[node] + 1)
                if not waiting[target]:
                    ready.append(target)
    return depth


def _pulled(depth: Sequence[int], edges: Sequence[Edge], anchored: Collection[int]) -> list[int]:
    """Columns of the nodes, with those that nothing depends on beside what they depend on."""
    nearest: dict[int, int] = {}
    for source, target in edges:
        nearest[source] = min(nearest.get(source, depth[target]), depth[target])
    held = {target for _, target in edges}.union(anchored)
    return [
        max(deep, nearest[node] - 1) if node in nearest and node not in held else deep
        for node, deep in enumerate(depth)
    ]


def _wrapped(column: Sequence[int], edges: Sequence[Edge], rows: int) -> list[list[int]]:
    """A column that is too tall as several: what only depends goes right, what is only depended on goes left."""
    count = math.ceil(len(column) / rows)
    if count <= 1:
        return [list(column)]
    sources, targets = {source for source, _ in edges}, {target for _, target in edges}
    side = {item: (item in sources) - (item in targets) for item in column}
    parts: list[list[int]] = [[] for _ in range(count)]
    room = min(rows, math.ceil(len(column) / count * (_UNEVEN if len(set(side.values())) > 1 else 1)))
    for item in (one for one in column if side[one] < 0):
        next(part for part in parts if len(part) < room).append(item)
    for item in (one for one in column if side[one] > 0):
        next(part for part in reversed(parts) if len(part) < room).append(item)
    for item in (one for one in column if not side[one]):
        next(part for part in parts if len(part) < room).append(item)
    return parts


def _ordered(columns: Sequence[Sequence[int]], edges: Sequence[Edge]) -> Layers:
    """The columns with bends for edges that pass them, all in an order with few crossings."""
    filled = [list(column) for column in columns]
    routes = _routes(edges, filled)
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in Layers(tuple(map(tuple, filled)), routes).links:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    for sweep in range(_SWEEPS):
        is_forth = sweep % 2 == 0
        neighbours = before if is_forth else after
        ordered = range(1, len(filled)) if is_forth else range(len(filled) - 2, -1, -1)
        for index in ordered:
            beside = filled[index - 1 if is_forth else index + 1]
            place = {item: position for position, item in enumerate(beside)}
            filled[index] = _by_middle(filled[index], neighbours, place)
    return Layers(tuple(map(tuple, filled)), routes)


def _routes(edges: Sequence[Edge], columns: list[list[int]]) -> dict[Edge, tuple[int, ...]]:
    """Bends for edges that pass columns, entered into these; edges to one node, or else from one, go together."""
    column = {node: index for index, nodes in enumerate(columns) for node in nodes}
    coming = Counter(target for _, target in edges)
    bends: dict[tuple[int, bool, int], int] = {}
    routes: dict[Edge, tuple[int, ...]] = {}
    for source, target in edges:
        passed = range(column[source] + 1, column[target])
        if len(bends) + len(passed) > _MOST_BENDS:
            passed = range(0)
        joins = coming[target] > 1
        keys = [(target if joins else source, joins, index) for index in passed]
        for key in keys:
            if key not in bends:
                bends[key] = -len(bends) - 1
                columns[key[2]].append(bends[key])
        routes[(source, target)] = tuple(bends[key] for key in keys)
    return routes


def _by_middle(column: Sequence[int], neighbours: Mapping[int, list[int]], place: Mapping[int, int]) -> list[int]:
    def middle(position: int) -> float:
        near = [place[item] for item in neighbours.get(column[position], ()) if item in place]
        return sum(near) / len(near) if near else position

    return [
        column[position] for position in sorted(range(len(column)), key=lambda position: (middle(position), position))
    ]
