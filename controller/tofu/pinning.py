"""Which provider versions does an environment take, and what of what it asks for is left open?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.errors import ManifestError, Place, Problem
from controller.model.bundle import ProviderPin
from controller.model.catalog import ModuleSource, SourceKind
from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.model.graph import Graph
from controller.tofu import sources
from controller.tofu.requirements import Requirement, address
from controller.tofu.versions import satisfies

_REMEDY = "run `providers lock` of the engine in a folder that `lockstep render P E --out` wrote, and take its entry"


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody, as a phrase, asks for a provider."""

    who: str
    requirement: Requirement


def wishes(
    graph: Graph, engine: EngineKind, requirements: Mapping[str, frozenset[Requirement] | None]
) -> tuple[Wish, ...]:
    """What modules and providers of the graph ask for. `requirements`: content id of a module -> those of its code."""
    modules = {node.module: node.source for node in graph.nodes.values() if node.module and node.source}
    found = [
        Wish(f"module `{module}`", requirement)
        for module, source in sorted(modules.items())
        for requirement in sorted(requirements.get(source.content) or ())
    ]
    for key, block in graph.providers.items():
        whole = Requirement(address(block.source, engine), block.version_constraint or "")
        found.append(Wish(f"provider `{key.type}.{key.id}`", whole))
    return tuple(found)


def chosen(
    locked: Mapping[str, ProviderPin] | None, recorded: Mapping[str, ProviderPin], asked: Sequence[Wish], path: str
) -> Mapping[str, ProviderPin]:
    """The versions that hold: of the lock file of the repository, at `path`, or else those recorded before.

    The file has to meet every wish, or is refused. Of the recorded ones those are dropped that no longer meet what is
    asked: in their place the engine chooses anew.
    """
    if locked is None:
        return {name: pin for name, pin in recorded.items() if all(_meets(name, pin, wish) for wish in asked)}
    problems = tuple(_problems(locked, asked, path))
    if problems:
        raise ManifestError(problems)
    return locked


def at_commits(graph: Graph, commits: Mapping[str, str]) -> Graph:
    """The graph with the commits that were recorded for the tags and branches of its modules."""
    nodes = {
        name: replace(node, source=sources.pinned(node.source, commits))
        for name, node in graph.nodes.items()
        if node.source is not None and node.source.address in commits
    }
    return replace(graph, nodes={**graph.nodes, **nodes}) if nodes else graph


def refs(graph: Graph) -> Mapping[str, ModuleSource]:
    """The modules of a graph whose code a tag or branch names: id -> source."""
    used = {node.module: node.source for node in graph.nodes.values() if node.module and node.source}
    return {id_: source for id_, source in sorted(used.items()) if source.ref is not None}


def unpinned(document: Mapping[str, Json], asked: Sequence[Wish]) -> tuple[str, ...]:
    """What a desired document leaves to the time of its deployment, as sentences."""
    addresses = {wish.requirement.address for wish in asked} - document["pins"]["providers"].keys()
    providers = [f"provider `{name}`: no version is recorded, the first `init` chooses one" for name in addresses]
    return tuple(sorted((*open_modules(document), *providers)))


def open_modules(document: Mapping[str, Json]) -> tuple[str, ...]:
    """Those of them that are modules."""
    found = {
        id_: ModuleSource(SourceKind.GIT, module["address"], "").ref
        for id_, module in sorted(document["modules"].items())
        if module["kind"] == SourceKind.GIT and "version" not in module
    }
    return tuple(
        f"module `{id_}`: `{ref.name}` of {ref.url} is not an exact version, and no commit is recorded for it"
        for id_, ref in found.items()
        if ref is not None
    )


def moved(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[str, ...]:
    """Which modules two desired documents take from the same tag or branch at other commits, as sentences."""
    found = []
    for id_ in sorted(before["modules"].keys() & after["modules"].keys()):
        old, new = before["modules"][id_], after["modules"][id_]
        same = new["kind"] == old["kind"] == SourceKind.GIT and old["address"] == new["address"]
        was, version = old.get("version"), new.get("version")
        ref = ModuleSource(SourceKind.GIT, new["address"], "").ref if same else None
        if ref is not None and was and version and was != version:
            found.append(f"module `{id_}`: {ref.moved(was, version)}")
    return tuple(found)


def changed(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[str, ...]:
    """Which providers two desired documents take in other versions, as sentences."""
    old, new = before["pins"]["providers"], after["pins"]["providers"]
    return tuple(
        f"provider `{name}`: {said}"
        for name in sorted(old.keys() | new.keys())
        if (said := _changed(old.get(name), new.get(name)))
    )


def _changed(old: Mapping[str, Json] | None, new: Mapping[str, Json] | None) -> str:
    if new is None or old is None:
        return f"locked to {new['version']} now, was not locked" if new else "no version is locked any more"
    if old["version"] != new["version"]:
        return f"locked to {new['version']} now, was {old['version']}"
    return "" if old == new else f"its lock of {new['version']} has other hashes or constraints"


def _problems(lock: Mapping[str, ProviderPin], asked: Sequence[Wish], path: str) -> Iterator[Problem]:
    for wish in asked:
        name, pin = wish.requirement.address, lock.get(wish.requirement.address)
        if pin is None:
            yield Problem(Place(path), f"`{name}`, which {wish.who} needs, has no entry", _REMEDY)
        elif not _meets(name, pin, wish):
            what = f"`{name}` is locked to {pin.version}, but {wish.who} asks for `{wish.requirement.constraint}`"
            yield Problem(Place(path), what, _REMEDY)


def _meets(name: str, pin: ProviderPin, wish: Wish) -> bool:
    return wish.requirement.address != name or satisfies(pin.version, wish.requirement.constraint)
