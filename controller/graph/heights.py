"""How high does each item of a drawing stand? Near the middle of what it is linked to, without touching another."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from controller.graph.layers import Edge

_SWEEPS = 6
_LOOSE = 0.05  # weight of an item that nothing pulls


def heights(
    columns: Sequence[Sequence[int]], links: Sequence[Edge], distance: Callable[[int, int], float]
) -> Mapping[int, float]:
    """The height of each item's middle; `distance`: what has to lie between the middles of two neighbours."""
    gaps = [[distance(above, below) for above, below in pairwise(column)] for column in columns]
    tall = max((sum(gap) for gap in gaps), default=0.0)
    found: dict[int, float] = {}
    for column, gap in zip(columns, gaps, strict=True):
        found |= _stacked(column, gap, (tall - sum(gap)) / 2)
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for source, target in links:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    both = {item: [*before.get(item, ()), *after.get(item, ())] for item in found}
    order = range(len(columns))
    for sweep in range(_SWEEPS):
        neighbours = both if sweep >= _SWEEPS - 2 else after if sweep % 2 == 0 else before
        for index in order if sweep % 2 else reversed(order):
            found |= _settled(columns[index], gaps[index], neighbours, found)
    return found


def _stacked(column: Sequence[int], gaps: Sequence[float], top: float) -> dict[int, float]:
    found = {}
    for item, gap in zip(column, (*gaps, 0.0), strict=False):
        found[item] = top
        top += gap
    return found


def _settled(
    column: Sequence[int], gaps: Sequence[float], neighbours: Mapping[int, Sequence[int]], at: Mapping[int, float]
) -> dict[int, float]:
    """Each item as near to the middle of its neighbours as order and distances allow: those in conflict share."""
    blocks: list[tuple[float, float, int]] = []  # sum of weighted wishes, sum of weights, items
    offset = 0.0
    offsets = []
    for item, gap in zip(column, (0.0, *gaps), strict=False):
        offset += gap
        offsets.append(offset)
        near = neighbours.get(item, ())
        weight = float(len(near)) or _LOOSE
        wish = sum(at[other] for other in near) / len(near) if near else at[item]
        blocks.append((weight * (wish - offset), weight, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            last, former = blocks.pop(), blocks.pop()
            blocks.append((last[0] + former[0], last[1] + former[1], last[2] + former[2]))
    starts = [total / weight for total, weight, count in blocks for _ in range(count)]
    return {item: start + offset for item, start, offset in zip(column, starts, offsets, strict=True)}
