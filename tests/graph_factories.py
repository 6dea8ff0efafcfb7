"""Platforms, manifests and graphs for tests, written as a user would write them."""

from __future__ import annotations

from collections.abc import Mapping

from controller.catalog import read, rules
from controller.graph.expand import expand
from controller.manifest import reading
from controller.model.bundle import Context
from controller.model.catalog import Catalog
from controller.model.document import Node, plain
from controller.model.graph import Graph, Output, Outputs, Template, Value, Variable
from controller.model.manifest import DEFAULT_CLASS, Manifest, Resource, Workload
from controller.model.tree import MemoryTree

CONTEXT = Context(project_id="shop", env_id="staging", env_type_id="development", org_id="acme")
ENVIRONMENT_TYPES = "- id: development\n- {id: production, production: true}\n"


def tree(files: Mapping[str, str]) -> MemoryTree:
    """A repository with these files below `platform/`, and environment types."""
    given = {"environment-types.yaml": ENVIRONMENT_TYPES, **files}
    return MemoryTree.of({f"platform/{path}": content for path, content in given.items()})


def catalog(files: Mapping[str, str]) -> Catalog:
    """The catalogue of such a repository, which must be without fault."""
    found = read.read(tree(files), "platform")
    assert not found.problems, "\n".join(str(breakage.problem) for breakage in found.problems)
    return found.catalog


def problems(files: Mapping[str, str]) -> list[str]:
    """What is wrong with such a repository, and whom it stops."""
    found = read.read(tree(files), "platform").problems
    return [f"[{_scope(breakage.resource_types)}] {breakage.problem}" for breakage in found]


def platform(*modules: str, types: str = "", providers: str = "", runners: str = "") -> dict[str, str]:
    """Files: a file for each module, by its id; types that modules are of need no document."""
    written = {str(plain(reading.read_one("m", text.encode()))["id"]): text for text in modules}
    named = {str(plain(reading.read_one("m", text.encode()))["resource_type"]) for text in modules}
    declared = {str(plain(node)["id"]) for node in reading.read("t", types.encode())}
    made = "".join(f"---\nid: {type_}\n" for type_ in sorted(named - declared))
    return {
        **{f"modules/{id_}.yaml": text for id_, text in written.items()},
        "resource-types/all.yaml": f"{types}\n{made}",
        **({"providers/all.yaml": providers} if providers else {}),
        **({"runners/all.yaml": runners} if runners else {}),
    }


def module(id_: str, type_: str = "", *, rules: str = "[{}]", **keys: str) -> str:
    """A document of a module that has no code to speak of; `keys` are YAML texts."""
    lines = [f"id: {id_}", f"resource_type: {type_ or id_}", "module_source: /opt/module", f"rules: {rules}"]
    return "\n".join([*lines, *(f"{key}: {text}" for key, text in keys.items())]) + "\n"


def manifest(text: str, path: str = "m.yaml") -> Manifest:
    """A manifest with true places."""
    node = reading.read_one(path, text.encode())
    workloads = {name: _workload(entry) for name, entry in _entries(node, "workloads").items()}
    shared = {alias: _resource(entry) for alias, entry in _entries(node, "shared").items()}
    return Manifest(workloads, shared, node)


def graph_of(text: str, files: Mapping[str, str], context: Context = CONTEXT) -> Graph:
    """The graph of a manifest on a platform."""
    known = catalog(files)
    return expand(manifest(text), known, context, rules.modules_for(known, context))


def shown(value: Value) -> Value:
    """A resolved value with its references in brackets: `pg://<db.default#x host>`."""
    if isinstance(value, Template):
        return "".join(_shown(part) for part in value.parts)
    if isinstance(value, Mapping):
        return {key: shown(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shown(item) for item in value]
    return value


def _scope(types: frozenset[str] | None) -> str:
    return "all" if types is None else " ".join(sorted(types))


def _shown(part: object) -> str:
    match part:
        case Output(node, path):
            return f"<{node} {'.'.join(path)}>"
        case Outputs(nodes, path):
            return f"<[{', '.join(str(node) for node in nodes)}] {'.'.join(path)}>"
        case Variable(name):
            return f"<var {name}>"
        case _:
            return str(part)


def _entries(node: Node, key: str) -> Mapping[str, Node]:
    return node.entries[key].entries if key in node.entries else {}


def _workload(node: Node) -> Workload:
    resources = {alias: _resource(entry) for alias, entry in _entries(node, "resources").items()}
    return Workload(resources, _entries(node, "outputs"), node.key or node.place)


def _resource(node: Node) -> Resource:
    given = plain(node)
    place = node.key or node.place
    return Resource(
        given["type"], given.get("class", DEFAULT_CLASS), given.get("id"), node.entries.get("params"), place
    )
