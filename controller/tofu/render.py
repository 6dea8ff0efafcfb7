"""What does the engine read? The configuration of a desired document, in the engine's JSON syntax.

A pure function of the document and of what the binding adds; same input, same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.tofu import blocks, escape, sources, values
from controller.tofu.names import METADATA, module_name_of, output_name

FILE = "main.tf.json"

_LAID_OUT = 4  # levels that get a line for each entry; what is deeper stays on its line
_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Extras:
    """What the past and the binding add. `kept` is a document of removed nodes and provider blocks that stay."""

    backend: Mapping[str, Mapping[str, Json]] = field(default_factory=lambda: {"local": {}})
    moved: Sequence[tuple[str, str]] = ()  # (old coordinate, new one)
    kept: Mapping[str, Json] = field(default_factory=lambda: {"modules": {}, "nodes": {}, "providers": {}})
    imports: Mapping[str, str] = field(default_factory=dict)  # address of an instance -> id of what it takes over


def render(document: Mapping[str, Json], extras: Extras | None = None) -> bytes:
    """The text of `main.tf.json`."""
    extras = extras or Extras()
    providers = {**extras.kept["providers"], **document["providers"]}
    rendered = {text for nodes in (extras.kept, document) for text, node in nodes["nodes"].items() if "module" in node}
    sections = {
        "terraform": _filled(
            {
                "backend": {kind: _backend(document, settings) for kind, settings in extras.backend.items()},
                "required_providers": {name: _requirement(block) for name, block in providers.items()},
            }
        ),
        "provider": {name: _provider(name, block) for name, block in providers.items()},
        "variable": {name: {"type": "string", "sensitive": True} for name in variables(document, extras)},
        "module": {**_modules(extras.kept, providers, rendered), **_modules(document, providers, rendered)},
        "moved": [{"from": _address(old), "to": _address(new)} for old, new in extras.moved],
        "import": [{"to": to, "id": escape.literal(id)} for to, id in sorted(extras.imports.items())],
        "output": dict(_outputs(document)),
    }
    return (_text(_filled(sections)) + "\n").encode()


def variables(document: Mapping[str, Json], extras: Extras | None = None) -> tuple[str, ...]:
    """Names of the variables that the runner has to supply."""
    kept = extras.kept["providers"] if extras else {}
    found = {
        reference["var"]
        for block in (*document["providers"].values(), *kept.values())
        for reference in values.references(block.get("configuration", {}))
        if "var" in reference
    }
    return tuple(sorted(found))


def expression(value: Json) -> Json:
    """An encoded value as the engine's JSON syntax writes it: what evaluates to that value."""
    if isinstance(value, str):
        return escape.literal(value)
    if isinstance(value, dict):
        if values.TEMPLATE in value:
            parts = value[values.TEMPLATE]
            return escape.template(part if isinstance(part, str) else (_reference(part),) for part in parts)
        return {escape.literal(values.plain_key(key)): expression(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [expression(item) for item in value]
    return value


def _reference(part: Mapping[str, Json]) -> str:
    if "var" in part:
        return f"var.{part['var']}"
    if "output" in part:
        return _output(part["output"], part["path"])
    return "[" + ", ".join(_output(node, part["path"]) for node in part["outputs"]) + "]"


def _output(coordinate: str, path: Sequence[str]) -> str:
    return escape.traversal(_address(coordinate), path)


def _address(coordinate: str) -> str:
    return f"module.{module_name_of(coordinate)}"


def _modules(document: Mapping[str, Json], providers: Mapping[str, Json], rendered: set[str]) -> dict[str, Json]:
    """The module blocks of a document; they may wait for anything that is rendered."""
    return {
        module_name_of(text): _module(document["modules"], node, _waits(node, providers) & rendered)
        for text, node in document["nodes"].items()
        if "module" in node
    }


def _module(modules: Mapping[str, Json], node: Mapping[str, Json], waits: set[str]) -> Json:
    given = {**node.get("params", {}), **node.get("inputs", {})}
    block: dict[str, Json] = {name: expression(value) for name, value in given.items() if value is not None}
    block |= _literals(sources.arguments(node["module"], modules[node["module"]]))
    if "providers" in node:
        block["providers"] = {local: f"{name}.{name}" for local, name in node["providers"].items()}
    if waits:
        block["depends_on"] = sorted(map(_address, waits))
    return block


def _waits(node: Mapping[str, Json], providers: Mapping[str, Json]) -> set[str]:
    """Nodes that this one depends on without a reference that says so; all, where the module wants a strict order."""
    edges = {*node.get("edges", {}).values(), *node.get("anonymous", ())}
    if not edges or node.get("ordering") == "strict":
        return edges
    used = (providers[name].get("configuration", {}) for name in node.get("providers", {}).values())
    for value in (node.get("params", {}), node.get("inputs", {}), *used):
        edges.difference_update(values.targets(value))
    return edges


def _backend(document: Mapping[str, Json], settings: Mapping[str, Json]) -> Json:
    # Terraform takes these strings as they are, OpenTofu evaluates them.
    return _literals(settings) if document["engine"] == EngineKind.OPENTOFU else dict(settings)


def _provider(name: str, block: Mapping[str, Json]) -> Json:
    return {**blocks.body(block.get("configuration", {}), expression), "alias": name}


def _requirement(block: Mapping[str, Json]) -> Json:
    version = block.get("version_constraint")
    return {"source": block["source"], **({"version": version} if version else {})}


def _outputs(document: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    metadata = {}
    for text, node in document["nodes"].items():
        if "module" in node:
            metadata[text] = f'${{lookup({_address(text)}, "{METADATA}", {{}})}}'
        else:
            workload = text.partition("#")[2]
            yield output_name(workload), {"sensitive": True, "value": expression(node.get("outputs", {}))}
    yield METADATA, {"value": metadata}


def _filled(sections: Mapping[str, Json]) -> Mapping[str, Json]:
    return {name: section for name, section in sections.items() if section}


def _literals(value: Json) -> Json:
    """Plain JSON as the engine's syntax writes it."""
    return expression(values.encode(value))


def _text(value: Json, level: int = 0) -> str:
    if not value or level >= _LAID_OUT or not isinstance(value, (dict, list)):
        return _LINE.encode(value)
    inner = "  " * (level + 1)
    if isinstance(value, dict):
        lines = [f"{_LINE.encode(key)}: {_text(entry, level + 1)}" for key, entry in sorted(value.items())]
        return "{\n" + inner + f",\n{inner}".join(lines) + "\n" + "  " * level + "}"
    return "[\n" + inner + f",\n{inner}".join(map(_LINE.encode, value)) + "\n" + "  " * level + "]"
