"""Where does each node of a drawing stand? Columns from what depends to what is depended on, with few crossings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[int, int]

_SWEEPS = 4  # more change little
_MOST_BENDS = 20_000  # past this, long edges are drawn straight


@dataclass(frozen=True, slots=True)
class Layers:
    """Columns of items, top to bottom: nodes (0 and up) and bends of long edges (below 0).

    `routes`: the bends of an edge, in order; edges to the next column have none.
    """

    columns: tuple[tuple[int, ...], ...]
    routes: Mapping[Edge, tuple[int, ...]]


def arrange(count: int, edges: Iterable[Edge]) -> Layers:
    """Arrange nodes 0 to `count - 1`. The same input gives the same arrangement, also where edges form a circle."""
    forward = sorted({edge for edge in edges if edge[0] != edge[1]})
    depth = _depths(count, forward)
    columns: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for node in range(count):
        columns[depth[node]].append(node)
    routes, links = _routes(forward, depth, columns)
    _order(columns, links)
    return Layers(tuple(tuple(column) for column in columns), routes)


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


def _routes(
    edges: Sequence[Edge], depth: Sequence[int], columns: list[list[int]]
) -> tuple[dict[Edge, tuple[int, ...]], list[Edge]]:
    """Bends for edges that pass columns, entered into these; and the links from column to column."""
    routes: dict[Edge, tuple[int, ...]] = {}
    links: list[Edge] = []
    bends = 0
    for source, target in edges:
        passed = range(depth[source] + 1, depth[target])
        if bends + len(passed) > _MOST_BENDS:
            passed = range(0)
        route = tuple(-(bends + number + 1) for number in range(len(passed)))
        bends += len(passed)
        for column, bend in zip(passed, route, strict=True):
            columns[column].append(bend)
        routes[(source, target)] = route
        way = (source, *route, target)
        if route or depth[target] == depth[source] + 1:
            links += pairwise(way)
    return routes, links


def _order(columns: list[list[int]], links: Sequence[Edge]) -> None:
    """Put each item of a column near the middle of what it is linked to, sweeping to and fro."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    for sweep in range(_SWEEPS):
        is_forth = sweep % 2 == 0
        neighbours = before if is_forth else after
        ordered = range(1, len(columns)) if is_forth else range(len(columns) - 2, -1, -1)
        for index in ordered:
            beside = columns[index - 1 if is_forth else index + 1]
            place = {item: position for position, item in enumerate(beside)}
            columns[index] = _by_middle(columns[index], neighbours, place)


def _by_middle(column: Sequence[int], neighbours: Mapping[int, list[int]], place: Mapping[int, int]) -> list[int]:
    def middle(position: int) -> float:
        near = [place[item] for item in neighbours.get(column[position], ()) if item in place]
        return sum(near) / len(near) if near else position

    return [
        column[position] for position in sorted(range(len(column)), key=lambda position: (middle(position), position))
    ]
