"""What does a graph look like?"""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from controller.errors import Place
from controller.graph import draw, layers
from controller.graph.diff import diff
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


def test_svg_has_a_box_for_each_node_and_a_line_for_each_edge() -> None:
    drawing = draw.svg(graph_of(TEXT, FILES))
    root = ElementTree.fromstring(drawing)
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("aria-label") == "Resource graph with 4 nodes"
    assert [title.text for title in root.findall(f"{name}g/{name}title")] == [
        "db.default#workloads.api.db, module db",
        "net.default#shared.main, module net",
        "net.default#workloads.api.db, module net",
        "workload.default#api",
    ]
    assert len(root.findall(f"{name}path[@class='edge']")) == 3
    assert "style=" not in drawing  # the page allows none


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
