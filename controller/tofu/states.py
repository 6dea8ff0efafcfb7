"""What does a state file say: which version it is of which state, and which instances it knows?

The standard library is all that this module needs: the supervisor imports it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from controller.model.document import Json
from controller.tofu import imports


@dataclass(frozen=True, slots=True)
class State:
    """A state as the engine prints it. One that was never saved may have no lineage yet."""

    serial: int
    lineage: str
    resources: Json
    outputs: Json

    @property
    def is_none(self) -> bool:
        """Whether it is what the engine prints where there is no state."""
        return not self.lineage and not self.resources and not self.outputs

    @property
    def is_empty(self) -> bool:
        """Whether it knows of nothing."""
        return not self.resources and not self.outputs

    def has_content_of(self, other: State) -> bool:
        return bool(self.resources == other.resources and self.outputs == other.outputs)

    def __str__(self) -> str:
        return f"serial {self.serial}{f' of lineage {self.lineage}' if self.lineage else ', without a lineage'}"


def read(text: bytes) -> State | None:
    """The state in a file; None where this is none that can be read, as OpenTofu's are that are encrypted."""
    try:
        document = json.loads(text)
        return State(
            int(document["serial"]),
            str(document["lineage"]),
            list(document["resources"]),
            dict(document.get("outputs") or {}),
        )
    except (ValueError, KeyError, TypeError):
        return None


def instances(state: State) -> Iterator[str]:
    """The addresses of what a state knows, as the engine writes them."""
    for resource in state.resources:
        prefix = f"{resource['module']}." if resource.get("module") else ""
        data = "data." if resource.get("mode") == "data" else ""
        for instance in resource.get("instances") or ():
            yield f"{prefix}{data}{resource['type']}.{resource['name']}{_key(instance)}"


def _key(instance: Mapping[str, Any]) -> str:
    key = instance.get("index_key")
    if key is None:
        return ""
    return f"[{imports.quoted(key) if isinstance(key, str) else key}]"
