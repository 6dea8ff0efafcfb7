"""Which providers does a module's code ask for?

Follows calls of folders beside it. Code that cannot be seen (a remote module, a file that is not readable) makes the
answer unknown: None.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controller import hcl
from controller.model.deployment import EngineKind
from controller.model.document import Json

_REGISTRY = {
    EngineKind.OPENTOFU: "registry.opentofu.org",
    EngineKind.TERRAFORM: "registry.terraform.io",
}
_BUILT_IN = "terraform.io/builtin/"
_OF_A_PROVIDER = ("resource", "data", "ephemeral")


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """A provider by its full address, and what its versions have to satisfy ("" where any will do)."""

    address: str
    constraint: str = ""


def address(source: str, engine: EngineKind) -> str:
    """A provider's full address: what `source` leaves out is the engine's default."""
    parts = source.lower().split("/")
    return "/".join((*(_REGISTRY[engine], "hashicorp")[: 3 - len(parts)], *parts))


def of_module(files: Mapping[str, bytes], folder: str, engine: EngineKind) -> frozenset[Requirement] | None:
    """Providers of the module in `folder` and of all that it calls; None where not everything can be seen."""
    found: set[Requirement] = set()
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        code = _code(files, here, engine)
        if code is None:
            return None
        for source in code.calls:
            if not source.startswith(("./", "../")):
                return None
            waiting.append(posixpath.normpath(posixpath.join(here, source)).removeprefix("./"))
        found |= _requirements(code, engine)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Code:
    """What is said in the files of one folder. `required`: local name -> (source, constraint)."""

    required: Mapping[str, tuple[str | None, str]]
    used: frozenset[str]  # local names that resources go by
    calls: tuple[str, ...]  # sources of modules; "" for one that cannot be read


def _requirements(code: _Code, engine: EngineKind) -> set[Requirement]:
    implied = dict.fromkeys(sorted(code.used - code.required.keys()), (None, ""))
    found = set()
    for name, (source, constraint) in {**code.required, **implied}.items():
        whole = _BUILT_IN + name if source is None and name == "terraform" else address(str(source or name), engine)
        if not whole.startswith(_BUILT_IN):
            found.add(Requirement(whole, constraint))
    return found


def _code(files: Mapping[str, bytes], folder: str, engine: EngineKind) -> _Code | None:
    required: dict[str, tuple[str | None, str]] = {}
    used: set[str] = set()
    calls: list[str] = []
    for path in _paths(files, folder, engine):
        try:
            text = files[path].decode()
            code = _from_json(hcl.document(text)) if path.endswith(".json") else _from_native(hcl.parse(text))
        except (UnicodeDecodeError, hcl.HclError):
            return None
        required |= code.required
        used |= code.used
        calls += code.calls
    return _Code(required, frozenset(used), tuple(calls))


def _paths(files: Mapping[str, bytes], folder: str, engine: EngineKind) -> Iterator[str]:
    here = {path for path in files if posixpath.dirname(path) == folder}
    for path in sorted(here):
        if path.endswith((".tofu", ".tofu.json")):
            if engine is EngineKind.OPENTOFU:
                yield path
        elif path.endswith((".tf", ".tf.json")):
            twin = path.removesuffix(".json").removesuffix(".tf") + (".tofu.json" if path.endswith("n") else ".tofu")
            if engine is EngineKind.TERRAFORM or twin not in here:
                yield path


def _from_native(body: hcl.Body) -> _Code:
    required: dict[str, tuple[str | None, str]] = {}
    for settings in body.of("terraform"):
        for block in settings.body.of("required_providers"):
            required |= {name: _required(hcl.literal(given)) for name, given in block.body.attributes.items()}
    used = {block.labels[0] for block in body.of("provider") if block.labels}
    for kind in _OF_A_PROVIDER:
        for block in body.of(kind):
            chosen = block.body.attributes.get("provider", ())
            used |= {_local_name(chosen[0].text if chosen else None, type_) for type_ in block.labels[:1]}
    sources = (hcl.literal(block.body.attributes.get("source", ())) for block in body.of("module"))
    return _Code(required, frozenset(used), tuple(map(_call, sources)))


def _from_json(document: Json) -> _Code:
    required: dict[str, tuple[str | None, str]] = {}
    for settings in hcl.blocks(document, "terraform"):
        for given in hcl.blocks(settings, "required_providers"):
            required |= {name: _required(entry) for name, entry in given.items()}
    used = {name for providers in hcl.blocks(document, "provider") for name in providers}
    for kind in _OF_A_PROVIDER:
        for type_, named in ((t, named) for types in hcl.blocks(document, kind) for t, named in types.items()):
            for body in _bodies(named):
                used.add(_local_name(body.get("provider"), type_))
    calls = (call for modules in hcl.blocks(document, "module") for call in _bodies(modules))
    return _Code(required, frozenset(used), tuple(_call(call.get("source")) for call in calls))


def _call(source: Json) -> str:
    return source if isinstance(source, str) else ""


def _required(given: Json) -> tuple[str | None, str]:
    """Source and constraint of an entry; an old one is a constraint alone."""
    entry = given if isinstance(given, Mapping) else {"version": given}
    source, version = entry.get("source"), entry.get("version")
    return source if isinstance(source, str) else None, version if isinstance(version, str) else ""


def _local_name(chosen: Json, type_: str) -> str:
    return chosen.strip('"').partition(".")[0] if isinstance(chosen, str) else type_.partition("_")[0]


def _bodies(named: Json) -> Iterator[Mapping[str, Json]]:
    for blocks in named if isinstance(named, list) else [named]:
        for name in blocks if isinstance(blocks, Mapping) else ():
            yield from hcl.blocks(blocks, name)
