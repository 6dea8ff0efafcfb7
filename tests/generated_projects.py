"""Projects of chance that are right: layers of partial manifests, Score files, overrides, promoted environments."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from tests import hostile
from tests.generated_platform import Documents, Offer, Platform, Type, filled, given, mixed, offers
from tests.generated_score import score, score_overrides
from tests.hostile import literal, text

_WORKLOADS = ("api", "web-1", "9lives", "a--b", "zz", "x" * 63)
_SHARED = ("cache", "events-1", "00")
_ALIASES = ("r0", "db", "A_b", "-", "9")
_RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


@dataclass
class Project:
    """The files of a project; `sources`: promoted environment -> its source."""

    folder: str
    documents: Documents = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer:
    """What one layer says: a manifest, and Score files by the name of their workload, with those of open images."""

    manifest: dict[str, Any]
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    open_images: frozenset[str] = frozenset()


def project(chance: Random, made: Platform, folder: str, environments: list[str]) -> Project:
    found = Project(folder)
    base = _layer(chance, made, found, folder, _WORKLOADS[:3], nulls=True)
    if chance.random() < 0.6:
        found.documents[f"{folder}/project.yaml"] = [_project_file(chance, made)]
    manifests: dict[str, dict[str, Any]] = {}
    for name in environments:
        inside = f"{folder}/{name}"
        source = chance.choice(sorted(manifests)) if manifests and chance.random() < 0.3 else None
        below = manifests[source] if source else base.manifest
        own = _patch(chance, made, found, inside, below)
        manifests[name] = merged(below, own.manifest)
        images = own.open_images
        if source is None:
            images |= base.open_images
            _overrides(chance, found, inside, base)
        else:
            found.sources[name] = source
        settings = _environment_file(chance, made, environments, name, source, images)
        has_files = any(path.startswith(inside + "/") for path in found.documents)
        if settings or not has_files:
            found.documents[f"{inside}/environment.yaml"] = [settings]
    return found


def merged(base: Any, patch: Any) -> Any:
    """JSON Merge Patch."""
    if not isinstance(patch, dict):
        return patch
    entries = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = merged(entries.get(key), value)
    return entries


def split(chance: Random, document: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Partial documents that say together what `document` says, each leaf in at least one of them."""
    parts: list[dict[str, Any]] = [{} for _ in range(count)]
    for path, leaf in _leaves(document):
        for part in chance.sample(parts, min(count, 1 + (chance.random() < 0.1))):
            here = part
            for key in path[:-1]:
                here = here.setdefault(key, {})
            here[path[-1]] = leaf
    return [part for part in parts if part]


def _leaves(node: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for key, value in node.items():
        inner = isinstance(value, dict) and value
        found += _leaves(value, (*path, key)) if inner else [((*path, key), value)]
    return found


def _layer(
    chance: Random, made: Platform, found: Project, folder: str, names: tuple[str, ...], *, nulls: bool
) -> Layer:
    """A layer with workloads of some of these names, written below `folder`."""
    chosen = chance.sample(names, chance.randrange(len(names) + 1))
    manifest = _Manifest(chance, made, "" if nulls else folder.rpartition("/")[2], nulls=nulls)
    document = manifest.document(chosen)
    scores: dict[str, dict[str, Any]] = {}
    open_images = set()
    if chance.random() < 0.5:
        name = f"score-{len(found.documents)}"
        written, data, is_open = score(chance, made, name, manifest.shared)
        scores[name] = written
        open_images |= {name} if is_open else set()
        found.documents[f"{folder}/{name}.score.yaml"] = [written]
        found.files |= {f"{folder}/{path}": content for path, content in data.items()}
    _write(chance, found, folder, document)
    return Layer(document, scores, frozenset(open_images))


def _write(chance: Random, found: Project, folder: str, document: dict[str, Any]) -> None:
    parts = split(chance, document, chance.randrange(1, 4))
    files = ["manifest.yaml", *(f"{name}.manifest.yaml" for name in ("a", "b c", "é-😀"))]
    for path, part in zip(chance.sample(files, len(parts)), parts, strict=True):
        found.documents[f"{folder}/{path}"] = [part]


def _patch(chance: Random, made: Platform, found: Project, folder: str, below: dict[str, Any]) -> Layer:
    """The layer of an environment: something of its own, and changes of what is below it."""
    taken = below.get("workloads", {})
    own = _layer(chance, made, found, folder, tuple(n for n in _WORKLOADS[3:] if n not in taken), nulls=False)
    changes: dict[str, Any] = {}
    for name, workload in taken.items():
        if chance.random() < 0.15:
            changes[name] = None
            continue
        resources = {alias: _change(chance, made, entry) for alias, entry in workload.get("resources", {}).items()}
        outputs = {key: _output_change(chance) for key in workload.get("outputs", {}) if key != "SELF"}
        parts = {"resources": _given(resources), "outputs": _given(outputs)}
        changes |= _given({name: _given(parts)})
    document = merged(own.manifest, {"workloads": {k: v for k, v in changes.items() if v is not None}})
    for name in (name for name, entry in changes.items() if entry is None):
        document["workloads"][name] = None
    document = {key: entry for key, entry in document.items() if entry}
    for path in [path for path in found.documents if path.startswith(f"{folder}/") and "manifest" in path]:
        del found.documents[path]
    # Nulls that delete are leaves of their own.
    _write(chance, found, folder, document)
    return Layer(document, own.scores, own.open_images)


_UNCHANGED = "\0"


def _given(entries: dict[str, Any]) -> dict[str, Any]:
    return {key: entry for key, entry in entries.items() if entry not in (_UNCHANGED, {})}


def _output_change(chance: Random) -> Any:
    kind = chance.randrange(8)
    return None if kind == 0 else literal(text(chance)) if kind == 1 else _UNCHANGED


def _change(chance: Random, made: Platform, resource: dict[str, Any]) -> Any:
    """New values for some params of a resource that is the workload's own."""
    if "id" in resource or chance.random() < 0.6:
        return _UNCHANGED
    type_ = next(each for each in made.types if each.name == resource["type"])
    params: dict[str, Any] = {}
    for name, kind in type_.params.items():
        has_it = name in resource.get("params", {})
        if chance.random() < 0.5 and kind not in ("map", "any"):
            params[name] = given(chance, kind, nulls=False)
        elif has_it and name in type_.optional and chance.random() < 0.5 and resource["params"][name] is not None:
            params[name] = None
    return {"params": params} if params else _UNCHANGED


class _Manifest:
    """The manifest of one layer."""

    def __init__(self, chance: Random, made: Platform, owner: str, *, nulls: bool) -> None:
        self.chance, self.made, self.owner, self.nulls = chance, made, owner, nulls
        self.types = made.offered
        self.shared: dict[str, tuple[Type, dict[str, Any]]] = {}

    def document(self, names: list[str]) -> dict[str, Any]:
        shared = {}
        # Those of an environment bear its name, so that layers do not mix by chance.
        for name in self.chance.sample(_SHARED, self.chance.randrange(3)):
            alias, type_ = f"{self.owner}{name}", self.chance.choice(self.types)
            asked = {"type": type_.name, **self._class()}
            self.shared[alias] = type_, asked
            shared[alias] = asked | self._params(type_, self._context())
        workloads = {name: self._workload() for name in names}
        return {key: entry for key, entry in (("shared", shared), ("workloads", workloads)) if entry}

    def _workload(self) -> dict[str, Any]:
        chance = self.chance
        asked = {alias: chance.choice(self.types) for alias in chance.sample(_ALIASES, chance.randrange(5))}
        joining = {alias for alias in asked if chance.random() < 0.3}
        resources = {}
        for alias, type_ in asked.items():
            known = [(f"resources.{name}", other) for name, other in asked.items()]
            known += [(f"shared.{name}", other) for name, (other, _) in self.shared.items()]
            above = [offer for prefix, other in known if other.rank > type_.rank for offer in offers(prefix, other)]
            resources[alias] = self._resource(type_, above, is_own=alias not in joining)
        everything = [offer for prefix, other in known for offer in offers(prefix, other)] if asked else []
        outputs = {"SELF": literal(text(chance))} | {
            text(chance) or "empty": self._output(everything) for _ in range(chance.randrange(4))
        }
        return {"resources": resources, "outputs": {hostile.normal(key): value for key, value in outputs.items()}}

    def _output(self, known: list[Offer]) -> str:
        if known and self.chance.random() < 0.4:
            return self.chance.choice(known).text
        return mixed(self.chance, [*known, *self._context()[:1]])

    def _resource(self, type_: Type, known: list[Offer], *, is_own: bool) -> dict[str, Any]:
        chance = self.chance
        joined = [(alias, asked) for alias, (other, asked) in self.shared.items() if other is type_]
        if joined and not is_own:
            alias, asked = chance.choice(joined)
            return {**asked, "id": f"shared.{alias}"}
        if not is_own:
            params = {"params": dict(type_.same_params)} if type_.same_params else {}
            return {"type": type_.name, **self._class(), "id": chance.choice(["main", "a.b-c", "9"]), **params}
        known = [*known, Offer("${self.outputs.SELF}", "string"), *self._context()]
        if not self.made.has_copies:
            known += [
                Offer(f"${{select.dependencies('{other.name}').outputs.{chance.choice(list(other.outputs))}}}", "list")
                for other in self.types
                if other.rank > type_.rank
            ]
        return {"type": type_.name, **self._class(), **self._params(type_, known)}

    def _class(self) -> dict[str, str]:
        class_ = self.chance.choice(["", *self.made.classes])
        return {"class": class_} if class_ else {}

    def _params(self, type_: Type, known: list[Offer]) -> dict[str, Any]:
        params = {}
        for name, kind in type_.params.items():
            if name not in type_.optional or self.chance.random() < 0.6:
                params[name] = filled(self.chance, kind, known, nulls=self.nulls)
        if self.nulls and type_.optional and self.chance.random() < 0.2:
            params[min(type_.optional)] = None
        required = {
            name: "x" if value is None and name not in type_.optional else value for name, value in params.items()
        }
        return {"params": required} if required else {}

    def _context(self) -> list[Offer]:
        keys = ["env_id", "env_type_id", "project_id"] + (["org_id"] if self.made.organization else [])
        return [Offer(f"${{context.{key}}}", "string") for key in keys]


def _project_file(chance: Random, made: Platform) -> dict[str, Any]:
    defaults = {"type": chance.choice(made.environment_types)}
    return _some(chance, display_name="Ümlaut ${x} 😀", recipients=[_RECIPIENT], defaults=defaults)


def _environment_file(
    chance: Random,
    made: Platform,
    environments: list[str],
    name: str,
    source: str | None,
    images: frozenset[str],
) -> dict[str, Any]:
    before = environments[: environments.index(name)]
    found: dict[str, Any] = {"source": f"environment://{source}"} if source else {}
    if images:
        found["images"] = {
            f"{image}/main" if chance.random() < 0.5 else image: "img:${x}\\" for image in sorted(images)
        }
    return found | _some(
        chance,
        type=chance.choice(made.environment_types),
        approval=chance.choice(["none", "destroy", "plan"]),
        limits={"destroy": chance.choice([0, 7, "unlimited"])},
        protected=[chance.choice(made.types).name],
        drift={"every": "6h", "heal": chance.random() < 0.5},
        mode=chance.choice(["follow", "observe"]),
        recipients=[_RECIPIENT],
        output_recipients=[],
        after=chance.sample(before, min(1, len(before))),
        uuid=str(UUID(int=chance.getrandbits(128), version=4)),
    )


def _overrides(chance: Random, found: Project, folder: str, base: Layer) -> None:
    for name in base.scores:
        if chance.random() < 0.5:
            found.documents[f"{folder}/{name}.score-overrides.yaml"] = [score_overrides(chance, name)]


def _some(chance: Random, **entries: Any) -> dict[str, Any]:
    return {name: value for name, value in entries.items() if chance.random() < 0.3}
