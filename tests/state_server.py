"""A storage of states behind HTTP, as the engine's backend `http` wants one; it can be away."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class StateServer:
    """One state. As long as the file `away` is there nobody gets an answer that helps."""

    def __init__(self, away: Path) -> None:
        self.away = away
        self.content = b""
        self.writes = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def variables(self) -> dict[str, str]:
        """What the engine has to be told."""
        address = f"http://127.0.0.1:{self._server.server_port}/state"
        return {"TF_HTTP_ADDRESS": address, "TF_HTTP_RETRY_MAX": "0"}

    @property
    def state(self) -> Any:
        return json.loads(self.content) if self.content else None

    @state.setter
    def state(self, value: Any) -> None:
        self.content = json.dumps(value).encode()

    def names(self) -> list[str]:
        """The names of the resources that it knows."""
        return sorted(resource["name"] for resource in self.state["resources"]) if self.content else []

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(503 if outer.away.exists() else 200 if outer.content else 404, outer.content)

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                if not outer.away.exists():
                    outer.content = sent
                    outer.writes += 1
                self._answer(503 if outer.away.exists() else 200)

            def _answer(self, status: int, content: bytes = b"") -> None:
                body = content if status == 200 else b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @contextmanager
    def at_work(self) -> Iterator[StateServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


@contextmanager
def state_server(folder: Path) -> Iterator[StateServer]:
    with StateServer(folder / "away").at_work() as made:
        yield made
