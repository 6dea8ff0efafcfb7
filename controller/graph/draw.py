"""What does a graph look like? As text, as Mermaid for a forge's comment, and as SVG for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
    lines += (line for node in _sorted(graph) for line in _arrows(node, numbers))
    return "\n".join(lines) + "\n"


def changes_mermaid(graph: Graph, changes: Sequence[Change]) -> str:
    """A flow chart of what changes, with the nodes right beside it; each change in words as well as in colour."""
    words: dict[Coordinate, list[ChangeKind]] = {}
    for change in changes:
        words.setdefault(change.coordinate, []).append(change.kind)
    shown = _beside(graph, words)
    numbers = {coordinate: f"n{index}" for index, coordinate in enumerate(sorted(shown))}
    lines = ["flowchart LR"]
    for coordinate, number in numbers.items():
        kinds = words.get(coordinate, [])
        said = [kind.replace("_", " ") for kind in kinds]
        lines.append(_box(number, coordinate, ", ".join(said)) + (f":::{kinds[0]}" if kinds else ""))
    lines += (line for node in _sorted(graph) if node.coordinate in shown for line in _arrows(node, numbers))
    used = {kind for kinds in words.values() for kind in kinds[:1]}
    lines += (f"  classDef {kind} {_STYLES[kind]}" for kind in ChangeKind if kind in used)
    return "\n".join(lines) + "\n"


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


def _beside(graph: Graph, changed: dict[Coordinate, list[ChangeKind]]) -> set[Coordinate]:
    """What changed, what it depends on, and what depends on it."""
    shown = set(changed)
    for coordinate, node in graph.nodes.items():
        if coordinate in changed:
            shown |= node.targets
        elif not node.targets.isdisjoint(changed):
            shown.add(coordinate)
    return shown


def _box(number: str, coordinate: Coordinate, caption: str) -> str:
    words = f"{_escaped(str(coordinate))}<br/>{_escaped(caption)}" if caption else _escaped(str(coordinate))
    return f'  {number}["{words}"]'


def _arrows(node: GraphNode, numbers: dict[Coordinate, str]) -> Iterator[str]:
    here = numbers[node.coordinate]
    for alias, target in sorted(node.edges.items()):
        if target in numbers:
            yield f'  {here} -->|"{_escaped(alias)}"| {numbers[target]}'
    for target in node.anonymous:
        if target in numbers:
            yield f"  {here} -.-> {numbers[target]}"


def _escaped(words: str) -> str:
    return "".join(letter if letter in _PLAIN else f"#{ord(letter)};" for letter in words)
