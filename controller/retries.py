"""When is something that failed tried again? Later each time, and never very late."""

from __future__ import annotations

import time

_FIRST = 1.0  # seconds
_LONGEST = 30.0


class Retries:
    """What failed, by name; may be used by any thread."""

    def __init__(self) -> None:
        self._failures: dict[str, tuple[int, float]] = {}  # how often in a row, and when last

    def is_due(self, name: str) -> bool:
        failures, last = self._failures.get(name, (0, 0.0))
        return failures == 0 or time.monotonic() - last >= min(_FIRST * 2 ** min(failures - 1, 10), _LONGEST)

    def failed(self, name: str) -> None:
        self._failures[name] = self._failures.get(name, (0, 0.0))[0] + 1, time.monotonic()

    def succeeded(self, name: str) -> None:
        self._failures.pop(name, None)
