"""A graph as SVG: boxes in columns, an arrow from each to what it depends on. Needs no script, font or other file.

An arrow that a longer way implies is not drawn: the legend says so, and a box's title lists all that it depends on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from controller.graph import heights, layers
from controller.graph.diff import Change, ChangeKind
from controller.model.graph import WORKLOAD, Coordinate, Graph, GraphNode

_LETTER, _SMALL = 7.3, 6.1  # width of a letter at 12 and 10 pixels, in a monospaced font
_LONGEST, _SHORT, _LISTED = 34, 14, 20  # letters in a line of a box and on an arrow; lines in a title
_FEW = 3  # arrows that end at a box before their alias would lie on them
_HEIGHT, _GAP = 36, 10  # of boxes
_BEND, _BESIDE = 7, 12  # distance of bends from one another, and of a bend from a box
_NARROW, _WIDE, _STEEP = 56, 130, 14  # room between columns: more where arrows are steep
_MARGIN, _LEGEND, _LEAST = 16, 26, 320  # the last: width, for the legend
_MONO = 'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace"'
_COLOURS = {
    ChangeKind.ADDED: "#2da44e",
    ChangeKind.REMOVED: "#e5534b",
    ChangeKind.MOVED: "#8957e5",
    ChangeKind.MODULE_CHANGED: "#bf8700",
    ChangeKind.PARAMS_CHANGED: "#bf8700",
}
# Where the drawing stands alone it has colours of its own; within a page it takes those of the text around it.
_STYLE = (
    "<style>svg:root{color:#1b2230;background:#fff}svg:root .alias{paint-order:stroke;stroke:#fff;stroke-width:4px}"
    "@media(prefers-color-scheme:dark){svg:root{color:#e2e8f1;background:#171e29}svg:root .alias{stroke:#171e29}}"
    "</style>"
)


def svg(graph: Graph, changes: Sequence[Change] = ()) -> str:
    """The drawing. Changed nodes bear the word for it."""
    order = sorted(graph.nodes)
    nodes = [graph.nodes[coordinate] for coordinate in order]
    number = {coordinate: index for index, coordinate in enumerate(order)}
    kinds = _kinds(changes)
    labels = [_label(node, kinds.get(node.coordinate, ())) for node in nodes]
    arrows = {
        (number[node.coordinate], number[target]): alias
        for node in nodes
        for target, alias in _targets(node).items()
        if target in number
    }
    drawn = layers.essential(len(nodes), arrows)
    anchored = [number[node.coordinate] for node in nodes if node.coordinate.type == WORKLOAD]
    drawing = _placed(labels, layers.arrange(len(nodes), drawn, anchored))
    body = [
        '<g class="edges" opacity="0.55">',
        *(_arrow(edge, arrows[edge], drawing) for edge in drawn),
        "</g>",
        *_aliases(drawn, arrows, order, drawing),
        *(
            _box(node, label, drawing.boxes[index], kinds.get(node.coordinate, ()))
            for index, (node, label) in enumerate(zip(nodes, labels, strict=True))
        ),
        *_legend(drawing, len(arrows.keys() - set(drawn))),
    ]
    return "\n".join([*_head(drawing, len(nodes), len(arrows)), *body, "</svg>"]) + "\n"


@dataclass(frozen=True, slots=True)
class _Rectangle:
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Boxes by the number of the node, bends by theirs; the room to the left of each."""

    boxes: Mapping[int, _Rectangle]
    rooms: Mapping[int, float]
    routes: Mapping[layers.Edge, tuple[int, ...]]
    width: float
    height: float


def _kinds(changes: Sequence[Change]) -> Mapping[Coordinate, Sequence[ChangeKind]]:
    found: dict[Coordinate, list[ChangeKind]] = {}
    for change in changes:
        found.setdefault(change.coordinate, []).append(change.kind)
    return found


def _label(node: GraphNode, kinds: Sequence[ChangeKind]) -> tuple[str, str]:
    """The two lines in a box."""
    at = node.coordinate
    type_ = at.type if at.class_ == "default" else f"{at.type}.{at.class_}"
    words = ", ".join(kind.replace("_", " ") for kind in kinds)
    return _cut(f"{type_} [{words}]" if words else type_), _cut(at.id)


def _cut(line: str, longest: int = _LONGEST) -> str:
    """A line that is too long loses its middle: names differ at their ends."""
    if len(line) <= longest:
        return line
    end = (longest - 1) // 2
    return f"{line[: longest - 1 - end]}…{line[-end:]}"


def _targets(node: GraphNode) -> Mapping[Coordinate, str]:
    """What a node depends on, each with the aliases for it; none for an edge without."""
    found = dict.fromkeys(node.anonymous, "")
    for alias, target in sorted(node.edges.items()):
        found[target] = f"{found[target]}, {alias}" if found.get(target) else alias
    return dict(sorted(found.items()))


def _placed(labels: Sequence[tuple[str, str]], arranged: layers.Layers) -> _Drawing:
    middles = heights.heights(arranged.columns, arranged.links, _distance)
    top = min((at - (_HEIGHT if item >= 0 else _BEND) / 2 for item, at in middles.items()), default=0.0)
    boxes: dict[int, _Rectangle] = {}
    rooms: dict[int, float] = {}
    x: float = _MARGIN
    before = 0.0
    for column, room in zip(arranged.columns, _rooms(arranged, middles), strict=True):
        letters = max((len(line) for item in column if item >= 0 for line in labels[item]), default=0)
        width = letters * _LETTER + 20
        for item in column:
            height = _HEIGHT if item >= 0 else 0
            boxes[item] = _Rectangle(x, middles[item] - height / 2 - top + _MARGIN, width, height)
            rooms[item] = before
        x += width + room
        before = room
    bottom = max((box.y + box.height for box in boxes.values()), default=_MARGIN)
    return _Drawing(boxes, rooms, arranged.routes, max(x + _MARGIN, _LEAST), bottom + _MARGIN)


def _distance(above: int, below: int) -> float:
    """What has to lie between the middles of two neighbours in a column."""
    if above < 0 and below < 0:
        return _BEND
    return _HEIGHT + _GAP if above >= 0 and below >= 0 else _HEIGHT / 2 + _BESIDE


def _rooms(arranged: layers.Layers, middles: Mapping[int, float]) -> Iterator[float]:
    """The room to the right of each column."""
    column = {item: index for index, items in enumerate(arranged.columns) for item in items}
    rises = [0.0] * len(arranged.columns)
    for source, target in arranged.links:
        rises[column[source]] = max(rises[column[source]], abs(middles[source] - middles[target]))
    for rise in rises[:-1]:
        yield min(_WIDE, max(_NARROW, rise / _STEEP + _NARROW))
    yield from (0.0 for _ in rises[-1:])


def _head(drawing: _Drawing, nodes: int, arrows: int) -> Iterator[str]:
    width, height = _number(drawing.width), _number(drawing.height + _LEGEND)
    title = f"Resource graph with {nodes} node{'' if nodes == 1 else 's'}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" role="img" aria-label="{title}" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" fill="none" stroke="currentColor">'
    )
    number = f"{arrows} dependenc{'y' if arrows == 1 else 'ies'}"
    yield f"<title>{title}</title><desc>{number}; an arrow leads from a resource to what it depends on.</desc>"
    yield _STYLE
    yield '<defs><marker id="graph-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8"'
    yield ' orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor" stroke="none"/></marker></defs>'


def _arrow(edge: layers.Edge, alias: str, drawing: _Drawing) -> str:
    way = [drawing.boxes[item] for item in (edge[0], *drawing.routes.get(edge, ()), edge[1])]
    path = f"M{_number(way[0].x + way[0].width)} {_number(way[0].middle)}"
    for here, there in pairwise(way):
        path += f" {_curve(here, there)}"
        if there is not way[-1]:
            path += f" H{_number(there.x + there.width)}"
    dashes = "" if alias else ' stroke-dasharray="4 3"'
    title = f"<title>{escape(alias)}</title>" if alias else ""
    return f'<path class="edge" d="{path}" marker-end="url(#graph-arrow)"{dashes}>{title}</path>'


def _curve(here: _Rectangle, there: _Rectangle) -> str:
    start, end = here.x + here.width, there.x
    middle = _number((start + end) / 2)
    return f"C{middle} {_number(here.middle)} {middle} {_number(there.middle)} {_number(end)} {_number(there.middle)}"


def _aliases(
    drawn: Sequence[layers.Edge],
    arrows: Mapping[layers.Edge, str],
    order: Sequence[Coordinate],
    drawing: _Drawing,
) -> Iterator[str]:
    """By what name a node is known to the few that depend on it, where its id does not end so anyway."""
    said: dict[int, list[str]] = {}
    for edge in drawn:
        said.setdefault(edge[1], []).append(arrows[edge])
    for target, names in sorted(said.items()):
        is_told = len(names) <= _FEW and len(set(names)) == 1 and names[0]
        if is_told and order[target].id.rpartition(".")[2] != names[0]:
            yield _alias(names[0], drawing.boxes[target], drawing.rooms[target])


def _alias(alias: str, box: _Rectangle, room: float) -> str:
    x, y = _number(box.x - 9), _number(box.middle - 5)
    words = escape(_cut(alias, min(_SHORT, int((room - 12) / _SMALL))))
    return (
        f'<text class="alias" x="{x}" y="{y}" {_MONO} font-size="10" text-anchor="end" fill="currentColor" '
        f'stroke="none">{words}</text>'
    )


def _box(node: GraphNode, label: tuple[str, str], box: _Rectangle, kinds: Sequence[ChangeKind]) -> str:
    kind = "workload" if node.coordinate.type == WORKLOAD else "resource"
    corner = 12 if kind == "workload" else 3
    colour = f' stroke="{_COLOURS[kinds[0]]}" stroke-width="2.5"' if kinds else ""
    lines = "".join(
        f'<text x="{_number(box.x + 10)}" y="{_number(box.y + 15 + 14 * index)}" {_MONO} font-size="12" '
        f'fill="currentColor" stroke="none"{weight}>{escape(line)}</text>'
        for index, (line, weight) in enumerate(zip(label, (' font-weight="bold"', ""), strict=True))
    )
    return (
        f'<g class="node {kind}"><title>{escape(_title(node))}</title>'
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" height="{_number(box.height)}" '
        f'rx="{corner}"{colour}/>'
        f"{lines}</g>"
    )


def _title(node: GraphNode) -> str:
    """What a pointer that rests on a box tells."""
    module = "" if node.module is None else f", module {node.module}"
    needs = [f"depends on {to} as {alias}" if alias else f"depends on {to}" for to, alias in _targets(node).items()]
    more = [f"and on {len(needs) - _LISTED} more"] if len(needs) > _LISTED else []
    return "\n".join([f"{node.coordinate}{module}", *needs[:_LISTED], *more])


def _legend(drawing: _Drawing, implied: int) -> Iterator[str]:
    words = ["round: workload", "dashed: no alias"]
    if implied:
        words.append(f"{implied} arrow{'' if implied == 1 else 's'} left out: a longer way says the same")
    yield (
        f'<text class="legend" x="{_MARGIN}" y="{_number(drawing.height + 6)}" {_MONO} font-size="10" '
        f'fill="currentColor" stroke="none" opacity="0.7">{"; ".join(words)}</text>'
    )


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
