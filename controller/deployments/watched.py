"""Which repositories are watched now? One value that threads read as they like, and that a reload exchanges whole."""

from __future__ import annotations

import threading
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView

from controller.deployments.doors import Connection


class Watched(Mapping[str, Connection]):
    """Connections by id. Whoever walks through them walks through those of one moment."""

    def __init__(self, connections: Mapping[str, Connection]) -> None:
        self._now = dict(connections)
        self.writing = threading.Lock()  # held by the one who exchanges them, from reading to the end

    def exchange(self, connections: Mapping[str, Connection]) -> None:
        """Watch these from now on."""
        self._now = dict(connections)

    def __getitem__(self, id: str) -> Connection:
        return self._now[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now)

    def __len__(self) -> int:
        return len(self._now)

    def keys(self) -> KeysView[str]:
        return self._now.keys()

    def values(self) -> ValuesView[Connection]:
        return self._now.values()

    def items(self) -> ItemsView[str, Connection]:
        return self._now.items()
