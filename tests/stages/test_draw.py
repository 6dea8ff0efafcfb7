"""What does a graph look like?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import Place
from controller.graph import draw, heights, layers
from controller.graph.diff import Change, diff
from controller.model.graph import Coordinate, Graph, GraphNode
from tests.graph_factories import graph_of, module, platform

FILES = platform(
    module("db", dependencies="{net: {type: net}}", module_params="{size: {type: any, is_optional: true}}"),
    module("net"),
)
TEXT = """
workloads:
  api:
    resources: {db: {type: db, params: {size: "${shared.main.outputs.x}"}}}
shared:
  main: {type: net}
"""


def test_text_is_sorted_and_tells_what_depends_on_what() -> None:
    assert draw.text(graph_of(TEXT, FILES)) == (
        "db.default#workloads.api.db (module db)\n"
        "  net -> net.default#workloads.api.db\n"
        "  -> net.default#shared.main\n"
        "net.default#shared.main (module net)\n"
        "net.default#workloads.api.db (module net)\n"
        "workload.default#api\n"
        "  db -> db.default#workloads.api.db\n"
    )


def test_mermaid_draws_named_and_anonymous_edges() -> None:
    assert draw.mermaid(graph_of(TEXT, FILES)) == (
        "flowchart LR\n"
        '  n0["db.default#35;workloads.api.db<br/>module db"]\n'
        '  n1["net.default#35;shared.main<br/>module net"]\n'
        '  n2["net.default#35;workloads.api.db<br/>module net"]\n'
        '  n3["workload.default#35;api"]\n'
        '  n0 -->|"net"| n2\n'
        "  n0 -.-> n1\n"
        '  n3 -->|"db"| n0\n'
    )


def test_changes_are_drawn_with_what_stands_beside_them() -> None:
    before = "shared: {a: {type: db, params: {size: 1}}, far: {type: db, id: far}, gone: {type: net}}"
    after = "shared: {a: {type: db, params: {size: 2}}, far: {type: db, id: far}, new: {type: db, params: {size: 3}}}"
    earlier, later = graph_of(before, FILES), graph_of(after, FILES)
    assert draw.changes_mermaid(later, diff(earlier, later)) == (
        "flowchart LR\n"
        '  n0["db.default#35;shared.a<br/>params changed"]:::params_changed\n'
        '  n1["db.default#35;shared.new<br/>added"]:::added\n'
        '  n2["net.default#35;shared.a"]\n'
        '  n3["net.default#35;shared.gone<br/>removed"]:::removed\n'
        '  n4["net.default#35;shared.new<br/>added"]:::added\n'
        '  n0 -->|"net"| n2\n'
        '  n1 -->|"net"| n4\n'
        "  classDef added stroke:#1a7f37,stroke-width:3px\n"
        "  classDef removed stroke:#cf222e,stroke-width:3px,stroke-dasharray:4\n"
        "  classDef params_changed stroke:#9a6700,stroke-width:3px\n"
    )


def test_what_is_gone_is_drawn_with_the_arrows_that_led_to_it() -> None:
    before = graph_of("workloads: {api: {resources: {n: {type: net, id: one}, m: {type: net}}}}", FILES)
    after = graph_of("workloads: {api: {resources: {m: {type: net}}}}", FILES)
    assert draw.changes_mermaid(after, diff(before, after), before) == (
        "flowchart LR\n"
        '  n0["net.default#35;one<br/>removed"]:::removed\n'
        '  n1["net.default#35;workloads.api.m"]\n'
        '  n2["workload.default#35;api<br/>params changed"]:::params_changed\n'
        '  n2 -->|"m"| n1\n'
        '  n2 --x|"n"| n0\n'
        "  classDef removed stroke:#cf222e,stroke-width:3px,stroke-dasharray:4\n"
        "  classDef params_changed stroke:#9a6700,stroke-width:3px\n"
    )


def test_an_arrow_between_nodes_with_other_names_is_not_gone() -> None:
    text = "workloads: {api: {resources: {db: {type: db}}}}"
    before, after = graph_of(text, FILES), graph_of(text.replace("api", "web"), FILES)
    drawn = draw.changes_mermaid(after, diff(before, after), before)
    assert "--x" not in drawn
    assert drawn.count("moved") == 3 + 3 + 1  # a word and a class for each, and the style


def test_no_more_is_drawn_than_mermaid_takes_and_that_is_said() -> None:
    many = ", ".join(f"n{number:03}: {{type: net}}" for number in range(300))
    drawn = draw.changes_mermaid(after := graph_of(f"shared: {{{many}}}", FILES), diff(None, after))
    assert drawn.count(":::added") == 100
    assert '  more["and 200 more"]\n' in drawn


def test_nothing_changed_is_an_empty_chart() -> None:
    assert draw.changes_mermaid(graph_of(TEXT, FILES), ()) == "flowchart LR\n"


NAME = "{http://www.w3.org/2000/svg}"


def drawing(graph: Graph, changes: Sequence[Change] = ()) -> ElementTree.Element:
    return ElementTree.fromstring(draw.svg(graph, changes))


def test_svg_has_a_box_for_each_node_and_a_line_for_each_edge() -> None:
    root = drawing(graph_of(TEXT, FILES))
    assert root.get("aria-label") == root.findtext(f"{NAME}title") == "Resource graph with 4 nodes"
    assert root.findtext(f"{NAME}desc") == ("3 dependencies; an arrow leads from a resource to what it depends on.")
    assert [title.text for title in root.findall(f"{NAME}g/{NAME}title")] == [
        "db.default#workloads.api.db, module db\n"
        "depends on net.default#shared.main\n"
        "depends on net.default#workloads.api.db as net",
        "net.default#shared.main, module net",
        "net.default#workloads.api.db, module net",
        "workload.default#api\ndepends on db.default#workloads.api.db as db",
    ]
    assert len(root.findall(f"{NAME}g/{NAME}path[@class='edge']")) == 3
    assert root.findtext(f"{NAME}text[@class='legend']") == "round: workload; dashed: no alias"


def test_svg_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    drawn = draw.svg(graph_of(TEXT, FILES))
    assert re.findall(r"\w+://[^\"]*", drawn) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<foreignObject|<image|href|style=|@import|\son\w+=", drawn)


def test_an_arrow_that_a_longer_way_implies_is_left_out_and_said() -> None:
    files = platform(module("db", dependencies="{net: {type: net, id: n}}"), module("net"))
    root = drawing(graph_of("workloads: {api: {resources: {d: {type: db}, n: {type: net, id: n}}}}", files))
    assert len(root.findall(f"{NAME}g/{NAME}path[@class='edge']")) == 2
    assert root.findtext(f"{NAME}text[@class='legend']") == (
        "round: workload; dashed: no alias; 1 arrow left out: a longer way says the same"
    )
    assert root.findall(f"{NAME}g/{NAME}title")[-1].text == (
        "workload.default#api\ndepends on db.default#workloads.api.d as d\ndepends on net.default#n as n"
    )


def test_long_names_lose_their_middle() -> None:
    name = "recommendations-and-personalisation-of-the-shop"
    drawn = draw.svg(graph_of(f"workloads: {{{name}: {{}}}}", FILES))
    assert ">recommendations-a…tion-of-the-shop<" in drawn
    assert f"<title>workload.default#{name}</title>" in drawn


def company(workloads: int) -> Graph:
    """Workloads with resources of their own, which share some hubs."""
    net = "{net: {type: net, id: main}}"
    backup = "[{type: backup, is_dependent_on_current: true}]"
    files = platform(
        module("db", dependencies="{server: {type: server, id: main}}", coprovisioned=backup),
        module("server", dependencies=net),
        module("route", dependencies=net),
        module("backup"),
        module("net"),
    )
    own = "{resources: {db: {type: db}, route: {type: route}, cache: {type: net}}}"
    return graph_of(f"workloads: {{{', '.join(f'w{n:03}: {own}' for n in range(workloads))}}}", files)


Box = tuple[float, float, float, float]


def boxes(root: ElementTree.Element) -> list[Box]:
    """Left, top, right, bottom."""
    found = []
    for rect in root.iter(f"{NAME}rect"):
        x, y, width, height = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


@pytest.mark.parametrize("workloads", [1, 7, 20, 60])
def test_no_box_covers_another_nor_leaves_the_drawing_and_no_line_outgrows_its_box(workloads: int) -> None:
    root = drawing(company(workloads))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    found = boxes(root)
    assert len(found) == 5 * workloads + 2
    assert all(x >= 0 and y >= 0 and right <= width and bottom <= height for x, y, right, bottom in found)
    for one, (x, y, right, bottom) in enumerate(found):
        for left, top, other_right, other_bottom in found[one + 1 :]:
            assert right <= left or other_right <= x or bottom <= top or other_bottom <= y
    for group in root.findall(f"{NAME}g[{NAME}rect]"):
        rect = group.find(f"{NAME}rect")
        assert rect is not None
        lines = [text.text or "" for text in group.findall(f"{NAME}text")]
        assert all(len(line) * 7.3 + 20 <= float(rect.attrib["width"]) + 0.1 for line in lines)


def test_a_hundred_nodes_fit_a_screen_or_two() -> None:
    root = drawing(company(20))
    assert float(root.attrib["width"]) < 2600
    assert float(root.attrib["height"]) < 2000


def test_a_drawing_takes_its_colours_from_whoever_looks() -> None:
    drawn = draw.svg(graph_of(TEXT, FILES))
    assert 'stroke="currentColor"' in drawn
    assert "prefers-color-scheme:dark" in drawn


def test_svg_says_changes_in_words() -> None:
    after = graph_of(TEXT, FILES)
    assert "workload [added]" in draw.svg(after, diff(None, after))


def test_an_empty_graph_can_be_drawn() -> None:
    assert draw.text(Graph()) == ""
    assert draw.mermaid(Graph()) == "flowchart LR\n"
    assert "Resource graph with 0 nodes" in draw.svg(Graph())


@given(st.text(alphabet="<>&\"'`#;%{}[]|\\\n\té", min_size=1, max_size=20))
def test_no_name_breaks_out_of_a_drawing(name: str) -> None:
    at, to = Coordinate("db", "default", name), Coordinate("net", "default", name)
    empty: dict[str, object] = {}
    node = GraphNode(at, name, None, empty, empty, empty, {name: to}, (), {}, Place("m"), "")
    other = GraphNode(to, name, None, empty, empty, empty, {}, (at,), {}, Place("m"), "")
    graph = Graph({at: node, to: other})
    root = ElementTree.fromstring(draw.svg(graph).replace("\x0b", ""))
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) == 2
    drawn = draw.mermaid(graph).splitlines()
    assert len(drawn) == 5
    assert [line.count('"') for line in drawn] == [0, 2, 2, 2, 0]


def test_columns_follow_the_longest_way_and_long_edges_are_bent() -> None:
    arranged = layers.arrange(4, [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)])
    assert [sorted(item for item in column if item >= 0) for column in arranged.columns] == [[0], [1], [2], [3]]
    assert {edge: len(route) for edge, route in arranged.routes.items()} == {
        (0, 1): 0,
        (0, 2): 1,
        (0, 3): 2,
        (1, 2): 0,
        (2, 3): 0,
    }


def test_edges_that_could_cross_are_put_in_order() -> None:
    assert layers.arrange(6, [(0, 5), (1, 4), (2, 3)]).columns in (((0, 1, 2), (5, 4, 3)), ((2, 1, 0), (3, 4, 5)))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_every_node_has_one_place_whatever_the_edges(edges: list[tuple[int, int]]) -> None:
    """Also where they form circles, which a graph of ours never has."""
    arranged = layers.arrange(8, edges)
    assert sorted(item for column in arranged.columns for item in column if item >= 0) == list(range(8))
    assert arranged == layers.arrange(8, list(reversed(edges)))


EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=25)


def reached(edges: Sequence[layers.Edge]) -> set[layers.Edge]:
    found = {edge for edge in edges if edge[0] != edge[1]}
    while True:
        more = {(one, last) for one, two in found for other, last in found if two == other and one != last} | found
        if more == found:
            return found
        found = more


@given(EDGES)
def test_what_is_left_out_can_be_told_from_what_is_drawn(edges: list[layers.Edge]) -> None:
    kept = layers.essential(8, edges)
    assert set(kept) <= set(edges)
    assert reached(kept) == reached(edges)


def test_only_the_long_way_is_essential() -> None:
    assert layers.essential(4, [(0, 1), (1, 2), (2, 3), (0, 2), (0, 3), (1, 3)]) == ((0, 1), (1, 2), (2, 3))


def test_what_nothing_depends_on_stands_beside_what_it_depends_on_unless_it_is_anchored() -> None:
    edges = [(0, 1), (1, 2), (3, 2), (4, 2)]
    assert [{item for item in column if item >= 0} for column in layers.arrange(5, edges, {4}).columns] == [
        {0, 4},
        {1, 3},
        {2},
    ]


def test_a_column_that_is_too_tall_becomes_several() -> None:
    arranged = layers.arrange(41, [(node, 40) for node in range(40)])
    assert [len([item for item in column if item >= 0]) for column in arranged.columns] == [12, 14, 14, 1]
    assert {len(set(route)) for route in arranged.routes.values()} == {0, 1, 2}
    assert len({bend for route in arranged.routes.values() for bend in route}) == 2  # they go together


@given(EDGES)
def test_items_keep_their_order_and_their_distance(edges: list[layers.Edge]) -> None:
    arranged = layers.arrange(8, edges)
    at = heights.heights(arranged.columns, arranged.links, lambda above, below: 10.0)
    for column in arranged.columns:
        for above, below in pairwise(column):
            assert at[below] - at[above] >= 10 - 1e-6
