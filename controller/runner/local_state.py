"""Which version of the state lies in a local file?"""

from __future__ import annotations

import json
from pathlib import Path

from controller.runner.protocol import StateMark


def mark(path: str | None) -> StateMark | None:
    """Serial and lineage, which OpenTofu leaves readable where it encrypts; None where there is no state yet."""
    if path is None:
        return None
    try:
        document = json.loads(Path(path).read_bytes())
        return StateMark(int(document["serial"]), str(document["lineage"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
