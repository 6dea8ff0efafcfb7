"""Which local states are there that the database knows nothing of?

After an older database was brought back there may be some: what they hold is there, and must not be made again.
"""

from __future__ import annotations

import json
from collections.abc import Container
from pathlib import Path

from controller.runner import durable

STATE = "terraform.tfstate"
MARKER = "lockstep.json"  # beside a state: whose it is


def left_behind(folder: Path, slug: str, known: Container[str]) -> str | None:
    """The uuid under which a state of this environment lies in the folder of states, if the database knows none such.

    Of several the one that was written last.
    """
    found = [
        (marker.with_name(STATE).stat().st_mtime_ns, marker.parent.name)
        for marker in folder.glob(f"*/{MARKER}")
        if marker.parent.name not in known and _is_of(marker, slug) and holds_something(marker.with_name(STATE))
    ]
    return max(found)[1] if found else None


def _is_of(marker: Path, slug: str) -> bool:
    try:
        document = durable.read_json(marker)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("environment") == slug and not document.get("moved_to")


def holds_something(state: Path) -> bool:
    """An encrypted one cannot be looked into: there it counts that it is there."""
    try:
        document = json.loads(state.read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return "encrypted_data" in document or bool(document.get("resources"))
