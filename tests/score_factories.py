"""Repositories around Score files: a project with one of them, and a platform that gives whatever it asks for."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import normpath

from controller import pipeline
from controller.catalog.spelling import INPUT
from controller.errors import ManifestError
from controller.manifest import reading, score_upgrade
from controller.model import reserved
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.document import Json, plain
from controller.model.graph import WORKLOAD
from controller.model.tree import MemoryTree

CORPUS = Path(__file__).parents[2] / "shared" / "score"
PATH = "projects/shop/dev/score.yaml"
# A document with every key of the specification.
FILLED = """\
apiVersion: score.dev/v1b1
metadata: {name: api, annotations: {acme.org/team: x}}
service: {ports: {web: {port: 80, protocol: TCP, targetPort: 8080}}}
containers:
  main:
    image: .
    command: [a]
    args: ["", b]
    variables: {A: ""}
    files: {/a: {source: x}, /b: {content: "", mode: "0600", noExpand: true}, /c: {binaryContent: aGk=}}
    volumes: {/v: {source: "", path: p, readOnly: false}}
    before: {side: {ready: healthy}}
    resources: {limits: {memory: 1.5Gi, cpu: 250m}, requests: {memory: 128M, cpu: "0.5"}}
    livenessProbe: {exec: {command: [a]}}
    readinessProbe:
      httpGet: {port: 80, path: "", host: h, scheme: HTTP, httpHeaders: [{name: X-A, value: b}]}
  side: {image: b}
resources:
  db: {type: postgres, class: large, id: a.b, metadata: {annotations: {ab: c}, d: 1}, params: {e: [1, null]}}
"""
_PLACEHOLDER = re.compile(r"\$\{resources\.([^}.]+)((?:\.[A-Za-z0-9_-]+)*)\}")


def real_files() -> list[Path]:
    """The Score files of the corpus; none where it is not beside this checkout."""
    return sorted((CORPUS / "files").glob("*.yaml"))


def as_yaml(value: Json) -> str:
    """A value as YAML on one line, every character that a reader might trip over escaped."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {as_yaml(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_yaml(item) for item in value) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    return '"' + "".join(_escaped(letter) for letter in text) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08X}"


def upgraded(text: str) -> Json:
    """A Score file in today's form, as plain data."""
    return plain(score_upgrade.upgraded(reading.read_one("score.yaml", text.encode())).document)


def repository(text: str, document: Json, *, source: str = "a: ${metadata.name}\n") -> dict[str, bytes | str]:
    """A project whose only environment has this Score file, and a catalogue made for what `document` says in it."""
    files: dict[str, bytes | str] = {PATH: text, **platform(document)}
    for path in mounted(document):
        files[normpath(f"projects/shop/dev/{path}")] = source
    files["projects/shop/dev/environment.yaml"] = as_yaml({"images": images(document)})
    return files


def resolve(files: Mapping[str, bytes | str], engine: EngineKind = EngineKind.TERRAFORM) -> pipeline.Resolved:
    """The environment of `repository`, all the way."""
    return pipeline.resolve(pipeline.read(MemoryTree.of(files)), "shop", "dev", pins=Pins(), engine=engine)


def complaints(files: Mapping[str, bytes | str]) -> list[str]:
    """What is wrong with it, without the path of the Score file; nothing where it resolves."""
    try:
        resolve(files)
    except ManifestError as error:
        return [line.removeprefix(PATH + ":") for line in str(error).split("\n")]
    return []


def images(document: Json) -> dict[str, str]:
    """An image for every container that leaves it open."""
    name = document["metadata"]["name"]
    containers = document["containers"].items()
    return {f"{name}/{container}": "acme/image:1" for container, given in containers if given["image"] == "."}


def mounted(document: Json) -> Iterator[str]:
    """The files that it names by `source:`."""
    for container in document["containers"].values():
        for file in container.get("files", {}).values():
            if "source" in file:
                yield file["source"]


@dataclass
class _Wanted:
    """What a document wants of one resource type."""

    classes: set[str] = field(default_factory=lambda: {"default"})
    params: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)


def platform(document: Json) -> dict[str, str]:
    """A resource type and a module for each type that the document asks for, with every param and output in it."""
    asked = _outputs_asked(document)
    wanted = {"score-workload": _Wanted(params={"metadata", "containers", "service"})}
    for alias, resource in document.get("resources", {}).items():
        type_ = wanted.setdefault(resource["type"], _Wanted())
        type_.classes.add(resource.get("class", "default"))
        type_.params |= {name for name in resource.get("params", {}) if INPUT.accepts(name)}
        type_.outputs |= asked.get(alias, set())
    wanted.pop(WORKLOAD, None)
    return dict(_definitions(wanted))


def _definitions(wanted: Mapping[str, _Wanted]) -> Iterator[tuple[str, str]]:
    yield "platform/environment-types.yaml", "[{id: development, display_name: Development}]"
    for number, (name, type_) in enumerate(sorted(wanted.items())):
        yield f"platform/resource-types/t{number}.yaml", as_yaml({"id": name})
        module = {
            "resource_type": name,
            "module_source": "inline",
            "module_source_code": _code(type_),
            "module_params": {name: _param(name) for name in sorted(type_.params)},
            "rules": [{"resource_class": class_} for class_ in sorted(type_.classes)],
        }
        yield f"platform/modules/module-{number}.yaml", as_yaml(module)


def _param(name: str) -> Json:
    return {"type": "any", "is_optional": True, **({"variable": f"{name}_"} if name in reserved.VARIABLES else {})}


def _code(type_: _Wanted) -> str:
    variables = [_param(name).get("variable", name) for name in sorted(type_.params)]
    inputs = [f'variable "{name}" {{\n  type    = any\n  default = null\n}}\n' for name in variables]
    outputs = [f'output "{name}" {{\n  value = {{}}\n}}\n' for name in sorted(type_.outputs)]
    return "".join(["# as asked\n", *inputs, *outputs])


def _outputs_asked(document: Json) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for text in _texts(document):
        for alias, path in _PLACEHOLDER.findall(text):
            found.setdefault(alias, set()).add(path[1:].partition(".")[0] or "source")
    return found


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield unicodedata.normalize("NFC", value)
