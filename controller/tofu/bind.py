"""What is handed to a runner? A desired document with what ties it to one environment and to its past."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from controller.errors import ConflictError
from controller.model.bundle import Binding, Bundle, StateStorage
from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.model.graph import Coordinate
from controller.tofu import lock, moves, removal, render, sources
from controller.tofu.desired import known_needs, pins_of


def bind(
    desired: Mapping[str, Json],
    binding: Binding,
    previous: Sequence[Mapping[str, Json]] = (),
    modules: Mapping[str, Mapping[str, bytes]] | None = None,
    *,
    moved: Sequence[Mapping[Coordinate, Coordinate]] = (),
    kept: Mapping[str, Json] | None = None,
    imports: Mapping[str, str] | None = None,
) -> Bundle:
    """The bundle of a desired document.

    `previous`: desired documents of the last success and of every attempt since, oldest first. `modules`: content id
    -> path in the repository -> content, of all local modules in any of these documents. `moved`: for each previous
    document what the one after it renamed, new -> old. `kept`: what the bundle of the last success kept. `imports`:
    address of an instance that is there already, though no state knows it -> its id.
    """
    resources = {Coordinate.parse(text) for text, node in desired["nodes"].items() if "module" in node}
    chain = moves.chain(moved, resources)
    names = {str(old): str(new) for old, new in chain.names.items()}
    older = [*reversed(previous), *([kept] if kept else [])]
    left = removal.kept(desired, older, names)
    extras = render.Extras(
        backend=backend(binding),
        moved=tuple((str(old), str(new)) for old, new in chain.pairs),
        kept=left,
        imports=imports or {},
    )
    files = dict(sorted(_files(desired, left, extras, modules or {})))
    return Bundle(
        files=files,
        digest=_digest(files),
        variables=render.variables(desired, extras),
        notes=tuple(_notes(chain, left)),
        kept=left if left["nodes"] else None,
    )


def backend(binding: Binding) -> Mapping[str, Mapping[str, Json]]:
    """The engine's `backend` block, by type. A local or http state gets its place from the runner at `init`."""
    type_ = binding.state.type
    if type_ not in _BACKENDS:
        raise ConflictError(f"state storage `{type_}` is unknown; use one of {', '.join(sorted(_BACKENDS))}")
    settings = {key: value for key, value in binding.state.settings.items() if key not in ("type", "path_prefix")}
    return {type_: _BACKENDS[type_](binding.uuid, binding.state, settings)}


def offline(engine: EngineKind = EngineKind.OPENTOFU) -> Binding:
    """A binding that stands for none: what `render` shows of an environment that may never have been deployed."""
    return Binding("00000000-0000-0000-0000-000000000000", "local", StateStorage("local"), engine)


def _prefixed(state: StateStorage, name: str) -> str:
    prefix = str(state.settings.get("path_prefix") or "").strip("/")
    return f"{prefix}/{name}" if prefix else name


_Settings: TypeAlias = dict[str, Json]
_BACKENDS: Mapping[str, Callable[[str, StateStorage, _Settings], _Settings]] = {
    "local": lambda uuid, state, settings: {},
    "http": lambda uuid, state, settings: {},
    "kubernetes": lambda uuid, state, settings: {"in_cluster_config": True, **settings, "secret_suffix": uuid},
    "s3": lambda uuid, state, settings: {**settings, "key": _prefixed(state, f"{uuid}.tfstate")},
    "gcs": lambda uuid, state, settings: {**settings, "prefix": _prefixed(state, uuid)},
    "azurerm": lambda uuid, state, settings: {**settings, "key": _prefixed(state, f"{uuid}/terraform.tfstate")},
}


def _files(
    desired: Mapping[str, Json],
    left: Mapping[str, Json],
    extras: render.Extras,
    trees: Mapping[str, Mapping[str, bytes]],
) -> Iterator[tuple[str, bytes]]:
    for document in (left, desired):
        for id_, module in document["modules"].items():
            yield from sources.files(id_, module, trees)
    # What the document asks for itself has its version there, or is to get a new one.
    older = {name: pin for name, pin in pins_of(left).items() if name not in known_needs(desired)}
    pins = {**older, **pins_of(desired)}
    if pins:
        yield lock.NAME, lock.write(pins, EngineKind(desired["engine"])).encode()
    yield render.FILE, render.render(desired, extras)


def _digest(files: Mapping[str, bytes]) -> str:
    listing = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    return hashlib.sha256(json.dumps(listing, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def _notes(chain: moves.Chain, left: Mapping[str, Json]) -> Iterator[str]:
    for name in chain.contested:
        yield f"`{name}` may have become more than one resource; it is removed, and these are created"
    for text in left["nodes"]:
        yield f"`{text}` stays until the next deployment: the provider of something that is removed now needs it"
