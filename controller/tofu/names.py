"""What is a thing of the graph called in the configuration?

Names are a pure function of what they name, so a state outlives every new rendering of it. Module and provider names
are those of the Platform Orchestrator: a state can be carried over from there.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the supervisor imports this module and has to start fast
    from controller.model.graph import Coordinate, Output, Outputs, ProviderKey

METADATA = "platform_orchestrator_metadata"

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_LONGEST = 91


@lru_cache(maxsize=4096)
def is_identifier(text: str) -> bool:
    return _IDENTIFIER.fullmatch(text) is not None


def module_name(coordinate: Coordinate) -> str:
    """Name of a node's module block: readable, and made unique by eight digits of a hash."""
    return _module_name(coordinate.type, coordinate.class_, coordinate.id)


@lru_cache(maxsize=32768)
def module_name_of(coordinate: str) -> str:
    """The same from the text of a coordinate, `type.class#id`."""
    head, _, id_ = coordinate.partition("#")
    type_, _, class_ = head.partition(".")
    return _module_name(type_, class_, id_)


def provider_name(key: ProviderKey) -> str:
    """Local name and alias of a provider block; what a node's own references resolve to makes blocks of its own."""
    digest = hashlib.sha256((key.type + key.id).encode())
    for text, reference in zip(key.written, key.references, strict=True):
        coordinates = _coordinates_text(reference)
        digest.update(f"{len(text)}{text}{len(coordinates)}{coordinates}".encode())
    # The engine takes neither an underscore nor two dashes in a row in a provider's local name.
    plain = re.sub(r"-+", "-", f"{key.type}-{key.id}-".replace("_", ""))
    return plain + digest.hexdigest()[:8]


def output_name(workload: str) -> str:
    """Name of the output that bears a workload's outputs: an identifier never begins with a digit."""
    return f"w_{workload}" if workload[:1].isdigit() else workload


def workload_of(output: str) -> str:
    """The workload behind an output: undoes `output_name`. No workload's own name holds an underscore."""
    return output.removeprefix("w_")


def _module_name(type_: str, class_: str, id_: str) -> str:
    whole = f"{type_}_{class_}_{id_}"
    shown = re.sub(r"[^A-Za-z0-9_-]", "", whole)[:_LONGEST]
    name = f"{shown}_{hashlib.sha256(whole.encode()).hexdigest()[:8]}"
    return name if is_identifier(name) else f"t_{name}"


def _coordinates_text(reference: Output | Outputs) -> str:
    nodes = reference.nodes if hasattr(reference, "nodes") else (reference.node,)
    return ",".join(f"type={node.type},class={node.class_},id={node.id}" for node in nodes)
