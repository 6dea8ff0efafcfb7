"""Which version of the state lies in a local file, and did whoever wrote it last come to its end?"""

from __future__ import annotations

import json
from pathlib import Path

from controller.runner import durable
from controller.runner.protocol import StateMark


def mark(path: str | None) -> StateMark | None:
    """Serial and lineage, which OpenTofu leaves readable where it encrypts; None where there is no state yet."""
    if path is None:
        return None
    content = durable.read_foreign(Path(path))
    if content is None:
        return None
    try:
        document = json.loads(content)
        return StateMark(int(document["serial"]), str(document["lineage"]))
    except (ValueError, KeyError, TypeError):
        return None


def is_unlocked(path: str | None) -> bool:
    """Whether the engine let go of the state itself: one that is killed leaves word behind of who has locked it."""
    return path is not None and not Path(path).with_name(f".{Path(path).name}.lock.info").exists()
