"""A graph as SVG: boxes in columns, an arrow from each to what it depends on. Needs no script, style sheet or font."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from controller.graph import layers
from controller.graph.diff import Change
from controller.model.graph import WORKLOAD, Coordinate, Graph, GraphNode

_LETTER = 7.2  # width of a letter at 12 pixels, in a monospaced font
_LONGEST, _SHORT = 34, 12  # letters in a line of a box, and on an arrow; the rest is in the title
_ROOM = 2  # arrows that may end at a box before their aliases would cover one another
_HEIGHT, _GAP, _BEND = 40, 14, 12
_BETWEEN = 90  # columns
_MARGIN = 16
_FONT = 'font-family="ui-monospace, monospace" font-size="12"'


def svg(graph: Graph, changes: Sequence[Change] = ()) -> str:
    """The drawing; it takes the colour of the text around it. Changed nodes bear the word for it."""
    order = sorted(graph.nodes)
    nodes = [graph.nodes[coordinate] for coordinate in order]
    number = {coordinate: index for index, coordinate in enumerate(order)}
    words = _words(changes)
    labels = [_label(node, words.get(node.coordinate, "")) for node in nodes]
    arrows = [arrow for node in nodes for arrow in _arrows(node, number)]
    drawing = _placed(labels, layers.arrange(len(nodes), [(arrow.source, arrow.target) for arrow in arrows]))
    body = [
        *(_arrow(arrow, port, drawing) for arrow, port in _ports(arrows, drawing)),
        *(
            _box(node, label, drawing.boxes[index])
            for index, (node, label) in enumerate(zip(nodes, labels, strict=True))
        ),
    ]
    return "\n".join([*_head(drawing, len(nodes)), *body, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Arrow:
    source: int
    target: int
    alias: str | None


@dataclass(frozen=True, slots=True)
class _Rectangle:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Boxes by the number of the node, bends by theirs."""

    boxes: Mapping[int, _Rectangle]
    routes: Mapping[tuple[int, int], tuple[int, ...]]
    width: float
    height: float


def _words(changes: Sequence[Change]) -> Mapping[Coordinate, str]:
    found: dict[Coordinate, list[str]] = {}
    for change in changes:
        found.setdefault(change.coordinate, []).append(change.kind.replace("_", " "))
    return {coordinate: ", ".join(words) for coordinate, words in found.items()}


def _label(node: GraphNode, change: str) -> tuple[str, str]:
    """The two lines in a box."""
    at = node.coordinate
    type_ = at.type if at.class_ == "default" else f"{at.type}.{at.class_}"
    return _cut(f"{type_} [{change}]" if change else type_), _cut(at.id)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _arrows(node: GraphNode, number: Mapping[Coordinate, int]) -> Iterator[_Arrow]:
    source = number[node.coordinate]
    by_target: dict[Coordinate, list[str]] = {}
    for alias, target in sorted(node.edges.items()):
        by_target.setdefault(target, []).append(alias)
    for target, aliases in sorted(by_target.items()):
        if target in number:
            yield _Arrow(source, number[target], ", ".join(aliases))
    for target in node.anonymous:
        if target in number:
            yield _Arrow(source, number[target], None)


def _placed(labels: Sequence[tuple[str, str]], arranged: layers.Layers) -> _Drawing:
    """Columns side by side, each in the middle of the height of the tallest."""
    tall = max((_tall(column) for column in arranged.columns), default=0)
    boxes: dict[int, _Rectangle] = {}
    x: float = _MARGIN
    for column in arranged.columns:
        letters = max((len(line) for item in column if item >= 0 for line in labels[item]), default=0)
        width = letters * _LETTER + 20
        y = _MARGIN + (tall - _tall(column)) / 2
        for item in column:
            height = _HEIGHT if item >= 0 else _BEND
            boxes[item] = _Rectangle(x, y, width, height)
            y += height + _GAP
        x += width + _BETWEEN
    width = x - _BETWEEN + _MARGIN if arranged.columns else 2 * _MARGIN
    return _Drawing(boxes, arranged.routes, width, tall + 2 * _MARGIN)


def _tall(column: Sequence[int]) -> float:
    return sum((_HEIGHT if item >= 0 else _BEND) + _GAP for item in column) - _GAP


def _head(drawing: _Drawing, count: int) -> Iterator[str]:
    width, height = _number(drawing.width), _number(drawing.height)
    label = f"Resource graph with {count} node{'' if count == 1 else 's'}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" role="img" aria-label="{label}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" fill="none" stroke="currentColor">'
    )
    yield '<defs><marker id="graph-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    yield ' orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor" stroke="none"/></marker></defs>'


@dataclass(frozen=True, slots=True)
class _Port:
    """Where an arrow ends at its target, and whether there is room for its alias."""

    x: float
    y: float
    has_room: bool


def _ports(arrows: Sequence[_Arrow], drawing: _Drawing) -> Iterator[tuple[_Arrow, _Port]]:
    """Arrows to the same target end one below the other, in the order in which they come in."""
    by_target: dict[int, list[_Arrow]] = {}
    for arrow in arrows:
        by_target.setdefault(arrow.target, []).append(arrow)
    for target, incoming in sorted(by_target.items()):
        box = drawing.boxes[target]
        incoming.sort(key=lambda arrow: (_last_stop(arrow, drawing), arrow.source))
        for index, arrow in enumerate(incoming, 1):
            y = box.y + box.height * index / (len(incoming) + 1)
            yield arrow, _Port(box.x, y, has_room=len(incoming) <= _ROOM)


def _arrow(arrow: _Arrow, port: _Port, drawing: _Drawing) -> str:
    source = drawing.boxes[arrow.source]
    here = (source.x + source.width, source.y + source.height / 2)
    path = f"M{_number(here[0])} {_number(here[1])}"
    for box in _bends(arrow, drawing):
        y = box.y + box.height / 2
        path += f" {_curve(here, (box.x, y))} H{_number(box.x + box.width)}"
        here = (box.x + box.width, y)
    path += f" {_curve(here, (port.x, port.y))}"
    dashes = "" if arrow.alias is not None else ' stroke-dasharray="4 3"'
    title = f"<title>{escape(arrow.alias)}</title>" if arrow.alias else ""
    line = f'<path class="edge" d="{path}" opacity="0.6" marker-end="url(#graph-arrow)"{dashes}>{title}</path>'
    return line + _alias(arrow.alias, port) if arrow.alias and port.has_room else line


def _last_stop(arrow: _Arrow, drawing: _Drawing) -> float:
    """The height at which an arrow sets out to its target."""
    box = [drawing.boxes[arrow.source], *_bends(arrow, drawing)][-1]
    return box.y + box.height / 2


def _bends(arrow: _Arrow, drawing: _Drawing) -> Iterator[_Rectangle]:
    for bend in drawing.routes.get((arrow.source, arrow.target), ()):
        yield drawing.boxes[bend]


def _curve(start: tuple[float, float], end: tuple[float, float]) -> str:
    middle = _number((start[0] + end[0]) / 2)
    return f"C{middle} {_number(start[1])} {middle} {_number(end[1])} {_number(end[0])} {_number(end[1])}"


def _alias(alias: str, port: _Port) -> str:
    x, y = _number(port.x - 12), _number(port.y - 3)
    text = escape(alias if len(alias) <= _SHORT else f"{alias[: _SHORT - 1]}…")
    return (
        f'<text x="{x}" y="{y}" font-family="ui-monospace, monospace" font-size="10" text-anchor="end" '
        f'fill="currentColor" stroke="none" opacity="0.7">{text}</text>'
    )


def _box(node: GraphNode, label: tuple[str, str], box: _Rectangle) -> str:
    kind = "workload" if node.coordinate.type == WORKLOAD else "resource"
    module = "" if node.module is None else f", module {node.module}"
    corner = 12 if kind == "workload" else 3
    lines = "".join(
        f'<text x="{_number(box.x + 10)}" y="{_number(box.y + 16 + 15 * index)}" {_FONT} fill="currentColor" '
        f'stroke="none"{weight}>{escape(line)}</text>'
        for index, (line, weight) in enumerate(zip(label, (' font-weight="bold"', ""), strict=True))
    )
    return (
        f'<g class="node {kind}"><title>{escape(f"{node.coordinate}{module}")}</title>'
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}" '
        f'rx="{corner}"/>'
        f"{lines}</g>"
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
