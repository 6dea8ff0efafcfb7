"""What does Git want of one environment, as one canonical document?

The document holds everything that decides what exists, and nothing else: no state, no past, no descriptions, no places
in files. Equal documents mean that there is nothing to do, so its form changes only with `FORMAT`.

    format     number of this form
    engine     opentofu | terraform
    modules    id -> kind, address, content; version, code, includes; requires: addresses of the providers that its
               code asks for, absent where the code cannot be seen
    nodes      coordinate -> edges, anonymous; of a resource: module, inputs, params, providers, ordering;
               of a workload: outputs. What is empty is left out.
    providers  name of the block -> type, id, references, source, version_constraint, configuration
    pins       providers: address -> version, constraints, hashes
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping

from controller.errors import ConflictError, ManifestError, Place
from controller.model.bundle import Desired, Pins, ProviderPin
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.model.graph import Coordinate, Graph, GraphNode, ProviderBlock, ProviderKey
from controller.tofu import checks, sources, values
from controller.tofu.names import provider_name
from controller.tofu.requirements import address

FORMAT = 1


def desired(
    graph: Graph, pins: Pins, engine: EngineKind, requires: Mapping[str, Collection[str] | None] | None = None
) -> Desired:
    """The document of a graph. `requires`: content id of a module -> addresses of the providers its code asks for."""
    problems = checks.problems(graph)
    if problems:
        raise ManifestError(problems)
    names = {key: provider_name(key) for node in graph.nodes.values() for key in node.providers.values()}
    document = {
        "format": FORMAT,
        "engine": str(engine),
        "modules": _modules(graph, pins, requires or {}),
        "nodes": {str(coordinate): _node(node, names) for coordinate, node in graph.nodes.items()},
        "providers": {name: _provider(key, graph.providers[key]) for key, name in names.items()},
    }
    return repinned(document, pins.providers)


def repinned(document: Mapping[str, Json], providers: Mapping[str, ProviderPin]) -> Desired:
    """The same wish with other provider versions; only those that it needs are part of it."""
    needed = needs(document)
    pins = {name: _pin(pin) for name, pin in providers.items() if needed is None or name in needed}
    return _sealed({**document, "pins": {"providers": pins}})


def at_commits(document: Mapping[str, Json], commits: Mapping[str, str]) -> Desired | None:
    """The same wish where these tags and branches are these commits; None where it leaves none of them open."""
    found = {
        id_: {**module, "version": commits[module["address"]]}
        for id_, module in document["modules"].items()
        if module["kind"] == SourceKind.GIT and "version" not in module and module["address"] in commits
    }
    return _sealed({**document, "modules": {**document["modules"], **found}}) if found else None


def commits_of(document: Mapping[str, Json]) -> Mapping[str, str]:
    """The commits that the document names, by the module's source."""
    git = [module for module in document["modules"].values() if module["kind"] == SourceKind.GIT]
    return {module["address"]: module["version"] for module in git if "version" in module}


def _sealed(whole: Mapping[str, Json]) -> Desired:
    text = json.dumps(whole, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)
    return Desired(whole, text, hashlib.sha256(text.encode()).hexdigest())


def needs(document: Mapping[str, Json]) -> frozenset[str] | None:
    """Addresses of all providers that the document makes the engine install; None where that cannot be known."""
    if any("requires" not in module for module in document["modules"].values()):
        return None
    return known_needs(document)


def known_needs(document: Mapping[str, Json]) -> frozenset[str]:
    """Those of them that can be seen."""
    engine = EngineKind(document["engine"])
    blocks = (address(block["source"], engine) for block in document["providers"].values())
    return frozenset(blocks).union(*(module.get("requires", ()) for module in document["modules"].values()))


def decode(document: Mapping[str, Json]) -> Graph:
    """The graph of a stored document; places in files are not stored, a node stands for its own."""
    if document.get("format") != FORMAT:
        raise ConflictError(
            f"this deployment was written in format {document.get('format')}; use the release of Lockstep that wrote it"
        )
    blocks = document["providers"]
    keys = {name: _key(block) for name, block in blocks.items()}
    origins = _origins(document["nodes"])
    nodes = {}
    for text, node in document["nodes"].items():
        nodes[Coordinate.parse(text)] = _graph_node(document, keys, text, node, origins.get(text, f"`{text}`"))
    providers = {keys[name]: _block(block) for name, block in sorted(blocks.items())}
    return Graph(dict(sorted(nodes.items())), providers)


def pins_of(document: Mapping[str, Json]) -> Mapping[str, ProviderPin]:
    """The provider versions that the document names."""
    return {
        name: ProviderPin(pin["version"], pin.get("constraints"), tuple(pin["hashes"]))
        for name, pin in sorted(document["pins"]["providers"].items())
    }


def _modules(graph: Graph, pins: Pins, requires: Mapping[str, Collection[str] | None]) -> dict[str, Json]:
    used = {node.module: node.source for node in graph.nodes.values() if node.module and node.source}
    return {id_: _module(sources.pinned(source, pins.modules), requires) for id_, source in used.items()}


def _module(source: ModuleSource, requires: Mapping[str, Collection[str] | None]) -> Json:
    asked = requires.get(source.content)
    return _filled(
        {
            "kind": str(source.kind),
            "address": source.address,
            "content": source.content,
            "version": source.version,
            "code": source.code,
            "includes": list(source.includes),
        }
    ) | ({} if asked is None else {"requires": sorted(asked)})


def _node(node: GraphNode, names: Mapping[ProviderKey, str]) -> Json:
    return _filled(
        {
            "module": node.module,
            "inputs": values.encode(node.inputs),
            "params": values.encode(node.params),
            "outputs": values.encode(node.outputs),
            "edges": {alias: str(target) for alias, target in node.edges.items()},
            "anonymous": [str(target) for target in sorted(node.anonymous)],
            "providers": {local: names[key] for local, key in node.providers.items()},
            "ordering": None if node.ordering == "references" else node.ordering,
        }
    )


def _provider(key: ProviderKey, block: ProviderBlock) -> Json:
    return _filled(
        {
            "type": key.type,
            "id": key.id,
            "references": [values.encode_part(reference) for reference in key.references],
            "written": list(key.written),
            "source": block.source,
            "version_constraint": block.version_constraint,
            "configuration": values.encode(block.configuration),
        }
    )


def _pin(pin: ProviderPin) -> Json:
    constraints = {"constraints": pin.constraints} if pin.constraints else {}
    return {"version": pin.version, "hashes": sorted(pin.hashes), **constraints}


def _filled(entry: Mapping[str, Json]) -> dict[str, Json]:
    return {key: value for key, value in entry.items() if value not in (None, {}, [])}


def _key(block: Mapping[str, Json]) -> ProviderKey:
    references = tuple(values.decode_reference(part) for part in block.get("references", ()))
    # Documents of the first builds do not say what was written; their blocks are named by the paths alone.
    written = block.get("written") or [".".join(("outputs", *reference.path)) for reference in references]
    return ProviderKey(block["type"], block["id"], references, tuple(written))


def _block(block: Mapping[str, Json]) -> ProviderBlock:
    configuration = values.decode(block.get("configuration", {}))
    return ProviderBlock(block["source"], block.get("version_constraint"), configuration)


def _graph_node(
    document: Mapping[str, Json], keys: Mapping[str, ProviderKey], text: str, node: Mapping[str, Json], origin: str
) -> GraphNode:
    module = node.get("module")
    return GraphNode(
        coordinate=Coordinate.parse(text),
        module=module,
        source=_source(document["modules"][module]) if module else None,
        inputs=values.decode(node.get("inputs", {})),
        params=values.decode(node.get("params", {})),
        outputs=values.decode(node.get("outputs", {})),
        edges={alias: Coordinate.parse(target) for alias, target in sorted(node.get("edges", {}).items())},
        anonymous=tuple(sorted(Coordinate.parse(target) for target in node.get("anonymous", ()))),
        providers={local: keys[name] for local, name in sorted(node.get("providers", {}).items())},
        place=Place(text),
        origin=origin,
        ordering=node.get("ordering", "references"),
    )


def _source(module: Mapping[str, Json]) -> ModuleSource:
    return ModuleSource(
        kind=SourceKind(module["kind"]),
        address=module.get("address", ""),
        content=module["content"],
        version=module.get("version"),
        code=module.get("code"),
        includes=tuple(module.get("includes", ())),
    )


def _origins(nodes: Mapping[str, Json]) -> Mapping[str, str]:
    """What each node is called by the first that depends on it; a workload's name for it goes before a module's."""
    origins: dict[str, str] = {}
    for text, node in sorted(nodes.items(), key=lambda item: ("module" in item[1], item[0])):
        who = f"`{text}`" if "module" in node else f"workload `{Coordinate.parse(text).id}`"
        for alias, target in sorted(node.get("edges", {}).items()):
            origins.setdefault(target, f"resource `{alias}` of {who}")
    return origins
