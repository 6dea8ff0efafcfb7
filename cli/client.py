"""How is the server asked? JSON over HTTP; its refusals become our errors."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

import controller
from cli import connection
from cli.connection import Connection
from cli.exits import Exit, Stop
from controller.errors import ConflictError, LockstepError, NotAllowedError, NotFoundError

PATIENCE = 3.0  # seconds that an unreachable server is tried again
WAITING = 120.0  # the same while a deployment is waited for: a restart of the server must not end that
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class Client:
    """A server, asked as the holder of one token. Close it, or use it in a `with`."""

    def __init__(self, to: Connection, patience: float = PATIENCE) -> None:
        self.url = to.url
        self.patience = patience
        headers = {"Accept": "application/json", "User-Agent": f"lockstep/{controller.__version__}"}
        if to.token:
            headers["Authorization"] = f"Bearer {to.token}"
        # A proxy of the user's does not find this machine's loopback.
        is_here = urlsplit(to.url).hostname in _LOOPBACK
        self._http = httpx.Client(
            base_url=f"{to.url}/api/v1/", headers=headers, timeout=_TIMEOUT, trust_env=not is_here
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, *path: str, **query: object) -> Any:
        """What is at a path; parts of the path are quoted, queries that are None left out."""
        return self._ask("GET", path, query={key: str(value) for key, value in query.items() if value is not None})

    def get_text(self, *path: str, **query: str) -> str:
        return self._send("GET", path, query=query).text

    def post(self, *path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for something to be done. A request that got no answer is sent again under the same key."""
        return self._ask("POST", path, body=body, headers={"Idempotency-Key": str(uuid.uuid4())})

    def delete(self, *path: str) -> None:
        self._send("DELETE", path)

    def _ask(self, method: str, path: tuple[str, ...], **how: Any) -> Any:
        response = self._send(method, path, **how)
        return response.json() if response.content else None

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        if not all(path):
            raise Stop(Exit.USAGE, "a name is empty; say it, or look whether the variable that holds it is set")
        address = "/".join(quote(part, safe="") for part in path)
        response = self._patiently(
            lambda: self._http.request(method, address, params=query, json=body, headers=headers)
        )
        if response.is_success:
            return response
        raise _refusal(self.url, response)

    def _patiently(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        until = time.monotonic() + self.patience
        pause = 0.2
        while True:
            try:
                response = send()
            except httpx.TransportError as e:
                if time.monotonic() + pause > until:
                    raise _unreachable(self.url, e) from e
            else:
                if response.status_code not in (502, 503, 504) or time.monotonic() + pause > until:
                    return response
            time.sleep(pause)
            pause = min(pause * 2, 5.0)


def connect(patience: float = PATIENCE) -> Client:
    """The server of the environment or the configuration file."""
    return Client(connection.find(), patience)


def _unreachable(url: str, error: httpx.TransportError) -> Stop:
    why = str(error) or type(error).__name__
    return Stop(
        Exit.UNREACHABLE,
        f"{url}: the server cannot be reached ({why}); check LOCKSTEP_URL and that `lockstep serve` runs",
    )


def _refusal(url: str, response: httpx.Response) -> LockstepError:
    status = response.status_code
    if response.headers.get("content-type", "").partition(";")[0] != "application/problem+json":
        return Stop(Exit.UNREACHABLE, f"{url}: answered {status}, but not as Lockstep does; check LOCKSTEP_URL")
    detail = str(response.json()["detail"])
    match status:
        case 401 | 403:
            return NotAllowedError(detail)
        case 404:
            return NotFoundError(detail)
        case 409:
            return ConflictError(detail)
        case 502 | 503 | 504:
            return Stop(Exit.UNREACHABLE, detail)
        case _ if status >= 500:
            return Stop(Exit.BUG, detail)
    return Stop(Exit.INVALID, detail)
