"""Which version of the state lies in a local file?"""

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
