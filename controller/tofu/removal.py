"""What of nodes that are gone has to stay in the configuration until the engine has removed them?

Their provider blocks; and where such a block is configured from a node that is gone too, that node with all that it
refers to. The latter goes one deployment later: the engine cannot remove what it is just using.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from controller.model.catalog import SourceKind
from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.tofu import values
from controller.tofu.requirements import address

Document: TypeAlias = Mapping[str, Json]


def kept(document: Document, previous: Sequence[Document], names: Mapping[str, str]) -> Document:
    """What stays, as a document. `previous`: older documents, newest first; `names`: old coordinate -> present one."""
    gone = _gone(document, previous, names)
    past = [*((text, home) for text, home in gone.items()), *_rebuilt(document, previous, names)]
    homes, blocks = _closure(document, gone, names, past, previous)
    modules = _modules(homes)
    return {
        "format": document["format"],
        "engine": document["engine"],
        "modules": {id_: home["modules"][own] for id_, (home, own) in modules.items()},
        "nodes": {
            text: _renamed(home["nodes"][text], names)
            | {"module": _id_of(modules, home, home["nodes"][text]["module"])}
            for text, home in homes.items()
        },
        "providers": {name: _renamed(home["providers"][name], names) for name, home in blocks.items()},
        "pins": {"providers": _pins(document, past, blocks)},
    }


def _gone(document: Document, previous: Sequence[Document], names: Mapping[str, str]) -> dict[str, Document]:
    """Coordinate of each resource that is neither wanted nor renamed -> newest document that has it."""
    found: dict[str, Document] = {}
    for older in previous:
        for text, node in sorted(older["nodes"].items()):
            if "module" in node and text not in document["nodes"] and text not in names:
                found.setdefault(text, older)
    return found


def _rebuilt(
    document: Document, previous: Sequence[Document], names: Mapping[str, str]
) -> Iterator[tuple[str, Document]]:
    """Resources that got other code: what the old code made may have to be removed."""
    for older in previous:
        for text, node in sorted(older["nodes"].items()):
            now = document["nodes"].get(names.get(text, text))
            if now is not None and "module" in node and _code(older, node) != _code(document, now):
                yield text, older


def _code(document: Document, node: Mapping[str, Json]) -> Json:
    return document["modules"][node["module"]] if "module" in node else None


def _closure(
    document: Document,
    gone: Mapping[str, Document],
    names: Mapping[str, str],
    past: Sequence[tuple[str, Document]],
    previous: Sequence[Document],
) -> tuple[dict[str, Document], dict[str, Document]]:
    """Nodes and provider blocks that have to stay, each with the document that it comes from."""
    homes: dict[str, Document] = {}
    blocks: dict[str, Document] = {}
    due = [(home, name) for text, home in past for name in home["nodes"][text].get("providers", {}).values()]
    while due:
        home, name = due.pop(0)
        if name in document["providers"] or name in blocks:
            continue
        # What was kept once has a block of its own only where that was not wanted anyway.
        owner = next(older for older in (home, *previous) if name in older["providers"])
        blocks[name] = owner
        nodes_due = list(values.targets(owner["providers"][name].get("configuration", {})))
        while nodes_due:
            text = nodes_due.pop()
            if text in homes or names.get(text, text) in document["nodes"]:
                continue
            homes[text] = gone[text]
            node = gone[text]["nodes"][text]
            nodes_due += values.targets([node.get("params", {}), node.get("inputs", {})])
            due += [(gone[text], used) for used in node.get("providers", {}).values()]
    return dict(sorted(homes.items())), dict(sorted(blocks.items()))


def _renamed(entry: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    """A node or provider block whose references point to the present names."""

    def name(text: str) -> str:
        return names.get(text, text)

    changed = dict(entry)
    for key in ("params", "inputs", "configuration"):
        if key in entry:
            changed[key] = values.renamed(entry[key], name)
    if "edges" in entry:
        changed["edges"] = {alias: name(text) for alias, text in entry["edges"].items()}
    if "anonymous" in entry:
        changed["anonymous"] = sorted(map(name, entry["anonymous"]))
    return changed


def _modules(homes: Mapping[str, Document]) -> dict[str, tuple[Document, str]]:
    """Module id -> (document, its id there); an id that stood for different code gets a second name."""
    found: dict[str, tuple[Document, str]] = {}
    for text, home in homes.items():
        own = home["nodes"][text]["module"]
        other = found.get(own)
        if other and other[0]["modules"][own] != home["modules"][own]:
            found[_second(home, own)] = (home, own)
        else:
            found[own] = (home, own)
    return found


def _id_of(modules: Mapping[str, tuple[Document, str]], home: Document, own: str) -> str:
    return own if modules[own][0]["modules"][own] == home["modules"][own] else _second(home, own)


def _second(home: Document, own: str) -> str:
    module = home["modules"][own]
    # Of a tag that moved, the content is where it is, and the version is what it was.
    which = module.get("version", module["content"]) if module["kind"] == SourceKind.GIT else module["content"]
    return f"{own}-{which[:12]}"


def _pins(document: Document, past: Sequence[tuple[str, Document]], blocks: Mapping[str, Document]) -> dict[str, Json]:
    """Versions of the providers that removed things were made with, as they were then."""
    engine = EngineKind(document["engine"])
    found: dict[str, Json] = {}
    for text, home in past:
        pins = home["pins"]["providers"]
        for name in _code(home, home["nodes"][text]).get("requires", pins):  # unseen code may need any
            if name in pins:
                found.setdefault(name, pins[name])
    for name, home in blocks.items():
        whole = address(home["providers"][name]["source"], engine)
        if whole in home["pins"]["providers"]:
            found.setdefault(whole, home["pins"]["providers"][whole])
    return found
