"""Who asks remotes? A thread each, so that one that hangs keeps neither the others nor the end waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Polls:
    """Polls that are under way: one of each repository."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: dict[str, threading.Thread] = {}

    def start(self, repository: str, act: Callable[[], object]) -> None:
        """Act in a thread of its own; nothing happens where the last one of this repository is still at it."""
        with self._lock:
            self._threads = {id: thread for id, thread in self._threads.items() if thread.is_alive()}
            if repository not in self._threads:
                # A daemon: nothing ends a question that is not answered, and the process does not wait for it.
                made = threading.Thread(target=act, name=f"poll of {repository}", daemon=True)
                self._threads[repository] = made
                made.start()

    def wait(self, seconds: float) -> None:
        """Until all have ended, or for so long."""
        until = time.monotonic() + seconds
        with self._lock:
            under_way = list(self._threads.values())
        for thread in under_way:
            thread.join(max(0.0, until - time.monotonic()))
