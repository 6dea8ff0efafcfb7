"""How is Python itself set for a process that keeps much in memory, and whose threads wait for each other?"""

from __future__ import annotations

import gc
import sys

_SWITCH = 0.0002  # seconds that a thread which computes keeps those waiting that have to answer
# New objects, and rounds, before a generation is searched for circles that nobody uses. Python's own (700, 10, 10)
# are for small programs: of ten thousand environments millions of objects stay, and a third of the time was search.
_COLLECT = (50_000, 20, 20)


def tune() -> None:
    """Set this process for serving; once, at its start."""
    sys.setswitchinterval(_SWITCH)
    gc.set_threshold(*_COLLECT)
