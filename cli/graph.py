"""Which resources does an environment need, and which need which? `lockstep graph` draws it."""

from __future__ import annotations

from pathlib import Path

import click

from cli import checkout, output
from controller.graph import draw
from controller.model.graph import Graph


@click.command(name="graph")
@click.argument("project")
@click.argument("environment")
@checkout.options
@output.format_option("text", "json", "mermaid", "svg")
def command(project: str, environment: str, repo: Path, ref: str | None, form: str) -> None:
    """Print the resource graph of an ENVIRONMENT."""
    resolved = checkout.resolve(checkout.load(repo, ref), project, environment)
    checkout.tell_warnings(resolved)
    checkout.tell_open_modules(resolved.desired.document)
    if form == "json":
        output.show(_document(resolved.graph), "json")
        return
    drawn = {"text": draw.text, "mermaid": draw.mermaid, "svg": draw.svg}[form](resolved.graph)
    click.echo(drawn, nl=not drawn.endswith("\n"))


def _document(graph: Graph) -> dict[str, object]:
    nodes = [
        {
            "resource": str(node.coordinate),
            "module": node.module,
            "depends_on": sorted({str(other) for other in (*node.edges.values(), *node.anonymous)}),
            "origin": node.origin,
            "place": str(node.place),
        }
        for node in graph.nodes.values()
    ]
    return {"nodes": nodes}
