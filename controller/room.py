"""Is there room for one more run? Slots of their own for plans and for applies, and memory for both."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_GROWING = 20.0  # seconds until a run has taken the memory that it needs
_MIB = 2**20


class Room:
    """What is at work here, and what may begin beside it.

    One run always may: a machine that is too small would do nothing at all otherwise. What was at work before a restart
    is let in even where there is no room.
    """

    def __init__(
        self,
        plans: int,
        applies: int,
        memory_per_run: int,
        available_memory: Callable[[], int | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sizes = {"plan": plans, "apply": applies}
        self._memory_per_run = memory_per_run
        self._available_memory = available_memory
        self._clock = clock
        self._runs: dict[str, tuple[str, float]] = {}  # what each does, and since when
        self._lock = threading.Lock()

    def lacks_for_plan(self) -> str:
        """For what one more plan would have to wait; "" where there is room."""
        with self._lock:
            return self._lacks("plan")

    def let_in(self, run: str) -> None:
        """Count a plan, or what was at work before a restart, whether there is room or not."""
        with self._lock:
            self._runs[run] = ("plan", self._clock())

    def may_apply(self, run: str) -> str:
        """Turn a run that has planned into one that applies; "" if it may, else for what it has to wait.

        Whoever waits to apply keeps nobody from planning.
        """
        with self._lock:
            self._runs.pop(run, None)
            lacks = self._lacks("apply")
            if not lacks:
                self._runs[run] = ("apply", self._clock())
            return lacks

    def leave(self, run: str) -> None:
        with self._lock:
            self._runs.pop(run, None)

    def is_applying(self, run: str) -> bool:
        return self._runs.get(run, ("", 0.0))[0] == "apply"

    def _lacks(self, what: str) -> str:
        size = self._sizes[what]
        if sum(kind == what for kind, _ in self._runs.values()) >= size:
            plural = "plans" if what == "plan" else "applies"
            return f"waits for room: {size} {plural if size > 1 else what} at a time ({what}_slots)"
        return self._lacks_memory()

    def _lacks_memory(self) -> str:
        if not self._runs or not self._memory_per_run:
            return ""
        growing = sum(self._clock() - since < _GROWING for _, since in self._runs.values())
        available = self._available_memory()
        if available is None or available >= self._memory_per_run * (1 + growing):
            return ""
        return f"waits for memory: a run needs {self._memory_per_run // _MIB} MiB (memory_per_run)"
