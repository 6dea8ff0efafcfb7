"""What in a graph would the engine not take, or take for something else?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from controller.errors import Problem
from controller.model import reserved
from controller.model.document import Json
from controller.model.graph import (
    Graph,
    GraphNode,
    Output,
    Part,
    ProviderBlock,
    ProviderKey,
    Template,
    Value,
    Variable,
)
from controller.tofu import blocks, values
from controller.tofu.names import is_identifier

_RENAME = "give it another name"


def problems(graph: Graph) -> tuple[Problem, ...]:
    """Everything that is wrong, for whoever wrote the module, the provider or the manifest."""
    found = [problem for node in graph.nodes.values() for problem in _of_node(graph, node)]
    for key, block in graph.providers.items():
        found += _of_provider(graph, key, block)
    return tuple(found)


def _of_node(graph: Graph, node: GraphNode) -> Iterator[Problem]:
    where = node.place
    for name in sorted({*node.inputs, *node.params}):
        if name in reserved.INPUTS:
            what = f"the engine keeps the module input `{name}` of {node.origin} for itself"
            yield Problem(where, what, _RENAME)
        elif not is_identifier(name):
            yield Problem(where, f"`{name}` of {node.origin} cannot be the name of a module input", _RENAME)
    for part in _parts([node.inputs, node.params, node.outputs]):
        wrong = _wrong_reference(graph, part)
        if wrong:
            yield Problem(where, f"{wrong} in {node.origin}", "refer to an output of a resource")


def _of_provider(graph: Graph, key: ProviderKey, block: ProviderBlock) -> Iterator[Problem]:
    where = f"provider `{key.type}.{key.id}`"
    yield from _of_body(where, values.encode(block.configuration), reserved.PROVIDER_ARGUMENTS)
    for part in _parts(block.configuration):
        wrong = _wrong_reference(graph, part)
        if wrong:
            yield Problem(where, wrong, "refer to an output of a resource")
        if isinstance(part, Variable) and (part.name in reserved.VARIABLES or not is_identifier(part.name)):
            what = f"`{part.name}` cannot be the name of a variable"
            yield Problem(where, what, "give the runner's variable another name")


def _of_body(where: str, configuration: Mapping[str, Json], reserved: Collection[str]) -> Iterator[Problem]:
    arguments, nested = blocks.split(configuration)
    for name in sorted({*arguments, *nested}):
        if name in reserved:
            yield Problem(where, f"the engine keeps the argument `{name}` for itself", "leave it out")
        elif not is_identifier(name):
            yield Problem(where, f"`{name}` cannot be the name of an argument", "use letters, digits, `_` and `-`")
        elif name in arguments and name in nested:
            yield Problem(where, f"`{name}` is both an argument and a nested block", "keep one of them")
    for one in (one for several in nested.values() for one in several):
        yield from _of_body(where, one, ())


def _wrong_reference(graph: Graph, part: Part) -> str | None:
    if isinstance(part, str | Variable):
        return None
    for node in (part.node,) if isinstance(part, Output) else part.nodes:
        if node not in graph.nodes or graph.nodes[node].module is None:
            return f"`{node}` is not a resource that has outputs"
    if part.path and is_identifier(part.path[0]):
        return None
    return f"`{'.'.join(part.path)}` cannot be the name of an output"


def _parts(value: Value) -> Iterator[Part]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Template):
            yield from item.parts
        elif isinstance(item, (dict, Mapping)):
            waiting += item.values()
        elif isinstance(item, (list, tuple)):
            waiting += item
