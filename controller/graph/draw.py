"""What does a graph look like? As text, as Mermaid for a forge's comment, and as SVG for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.graph.diff import Change, ChangeKind
from controller.graph.svg import svg
from controller.model.graph import Coordinate, Graph, GraphNode

__all__ = ["changes_mermaid", "mermaid", "svg", "text"]


def text(graph: Graph) -> str:
    """One paragraph for each node, sorted; what it depends on below it."""
    return "".join(f"{line}\n" for node in _sorted(graph) for line in _lines(node))


def mermaid(graph: Graph) -> str:
    """A flow chart of the whole graph."""
    numbers = {node.coordinate: f"n{index}" for index, node in enumerate(_sorted(graph))}
    lines = ["flowchart LR"]
    lines += (_box(numbers[node.coordinate], node.coordinate, _caption(node)) for node in _sorted(graph))
    lines += (_arrow(edge, numbers) for edge in _edges(graph) if edge.target in numbers)
    return "\n".join(lines) + "\n"


def changes_mermaid(graph: Graph, changes: Sequence[Change], before: Graph | None = None) -> str:
    """A flow chart of what changes, with the nodes right beside it; each change in words as well as in colour.

    With `before` the arrows that are gone are drawn too, with a cross in place of a head.
    """
    if not changes:
        return "flowchart LR\n"
    words: dict[Coordinate, list[ChangeKind]] = {}
    for change in changes:
        words.setdefault(change.coordinate, []).append(change.kind)
    edges = [*_edges(graph), *(_gone(before, graph, changes) if before else ())]
    beside = {
        end for edge in edges if edge.source in words or edge.target in words for end in (edge.source, edge.target)
    }
    shown = [*sorted(words), *sorted(beside - words.keys())][:_MOST_BOXES]
    numbers = {coordinate: f"n{index}" for index, coordinate in enumerate(sorted(shown))}
    lines = ["flowchart LR"]
    for coordinate, number in numbers.items():
        kinds = words.get(coordinate, [])
        said = ", ".join(kind.replace("_", " ") for kind in kinds)
        lines.append(_box(number, coordinate, said) + (f":::{kinds[0]}" if kinds else ""))
    left_out = len(beside | words.keys()) - len(shown)
    if left_out:
        lines.append(f'  more["and {left_out} more"]')
    drawn = [edge for edge in edges if edge.source in numbers and edge.target in numbers]
    lines += (_arrow(edge, numbers) for edge in drawn[:_MOST_ARROWS])
    used = {words[coordinate][0] for coordinate in shown if coordinate in words}
    lines += (f"  classDef {kind} {_STYLES[kind]}" for kind in ChangeKind if kind in used)
    return "\n".join(lines) + "\n"


# Mermaid draws at most 500 arrows, and what has many more boxes nobody can read.
_MOST_BOXES, _MOST_ARROWS = 100, 400
_STYLES = {
    ChangeKind.ADDED: "stroke:#1a7f37,stroke-width:3px",
    ChangeKind.REMOVED: "stroke:#cf222e,stroke-width:3px,stroke-dasharray:4",
    ChangeKind.MOVED: "stroke:#8250df,stroke-width:3px",
    ChangeKind.MODULE_CHANGED: "stroke:#9a6700,stroke-width:3px",
    ChangeKind.PARAMS_CHANGED: "stroke:#9a6700,stroke-width:3px",
}
# Mermaid reads quotes, angle brackets, `#` and its own signs in a text; as entities they are only themselves.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -.,_")


def _sorted(graph: Graph) -> list[GraphNode]:
    return [graph.nodes[coordinate] for coordinate in sorted(graph.nodes)]


def _lines(node: GraphNode) -> Iterator[str]:
    yield f"{node.coordinate} ({_caption(node)})" if _caption(node) else str(node.coordinate)
    for alias, target in sorted(node.edges.items()):
        yield f"  {alias} -> {target}"
    for target in node.anonymous:
        yield f"  -> {target}"


def _caption(node: GraphNode) -> str:
    return "" if node.module is None else f"module {node.module}"


@dataclass(frozen=True, slots=True)
class _Edge:
    source: Coordinate
    target: Coordinate
    alias: str | None
    is_gone: bool = False


def _edges(graph: Graph) -> Iterator[_Edge]:
    for node in _sorted(graph):
        for alias, target in sorted(node.edges.items()):
            yield _Edge(node.coordinate, target, alias)
        for target in node.anonymous:
            yield _Edge(node.coordinate, target, None)


def _gone(before: Graph, after: Graph, changes: Sequence[Change]) -> Iterator[_Edge]:
    """Edges of before that no node of today has to what the other is called today."""
    names = {change.previous: change.coordinate for change in changes if change.previous}
    for edge in _edges(before):
        source, target = names.get(edge.source, edge.source), names.get(edge.target, edge.target)
        if source not in after.nodes or target not in after.nodes[source].targets:
            yield _Edge(source, target, edge.alias, is_gone=True)


def _box(number: str, coordinate: Coordinate, caption: str) -> str:
    words = f"{_escaped(str(coordinate))}<br/>{_escaped(caption)}" if caption else _escaped(str(coordinate))
    return f'  {number}["{words}"]'


def _arrow(edge: _Edge, numbers: Mapping[Coordinate, str]) -> str:
    here, there, head = numbers[edge.source], numbers[edge.target], "x" if edge.is_gone else ">"
    if edge.alias is None:
        return f"  {here} -.-{head} {there}"
    return f'  {here} --{head}|"{_escaped(edge.alias)}"| {there}'


def _escaped(words: str) -> str:
    return "".join(letter if letter in _PLAIN else f"#{ord(letter)};" for letter in words)
