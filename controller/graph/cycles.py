"""Does anything wait for itself? Each circle is told as a path, with what makes each step of it wait."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from controller.errors import Place
from controller.graph.draft import Draft
from controller.graph.report import Report
from controller.model.graph import Coordinate


def report_cycles(drafts: Mapping[Coordinate, Draft], report: Report) -> None:
    """Say one circle, the shortest through its first node, for each group of nodes that wait for one another."""
    try:
        TopologicalSorter({coordinate: draft.targets for coordinate, draft in drafts.items()}).prepare()
    except CycleError:
        _tell(drafts, report)


def _tell(drafts: Mapping[Coordinate, Draft], report: Report) -> None:
    import networkx as nx  # takes its time to come, and is needed where something is wrong

    order = list(drafts)
    number = {coordinate: index for index, coordinate in enumerate(order)}
    graph: Any = nx.DiGraph()  # what is published as types of networkx differs from version to version
    for coordinate, draft in drafts.items():
        targets = sorted(number[target] for target in draft.targets if target in number)
        graph.add_edges_from((number[coordinate], target) for target in targets)
    for group in nx.strongly_connected_components(graph):
        first = min(group)
        if len(group) > 1 or graph.has_edge(first, first):
            _report(_circle(nx, graph.subgraph(group), first), order, drafts, report)


def _circle(nx: Any, group: Any, first: int) -> list[int]:
    ways = nx.single_source_shortest_path(group, first)
    last = min(group.predecessors(first), key=lambda node: (len(ways[node]), node))
    return [*ways[last], first]


def _report(circle: list[int], order: list[Coordinate], drafts: Mapping[Coordinate, Draft], report: Report) -> None:
    nodes = [drafts[order[index]] for index in circle]
    steps = [_step(draft, target.coordinate) for draft, target in pairwise(nodes)]
    path = " → ".join(f"`{draft.coordinate}`" for draft in nodes)
    remedy = "take one of these away: " + ", ".join(f"{why} at {place}" for why, place in steps)
    report.of_node(nodes[0], steps[0][1], f"resources wait for one another: {path}", remedy)


def _step(draft: Draft, target: Coordinate) -> tuple[str, Place]:
    """What makes `draft` wait for `target`, and where that is written."""
    alias = next((alias for alias, node in sorted(draft.edges.items()) if node == target), None)
    if alias is not None and draft.module is not None:
        return f"the dependency `{alias}`", draft.module.dependencies[alias].place
    if target in draft.anonymous:
        return "the co-provisioned resource", draft.anonymous[target]
    return "the placeholder", draft.waits[target]
