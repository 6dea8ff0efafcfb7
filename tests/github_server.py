"""A GitHub on 127.0.0.1 that knows one app: it checks signatures as the real one does, and counts what is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.git_server import Answer

LONGEST = 600  # seconds that a signature may be good for


@cache
def key(number: int = 0) -> str:
    """A private key as GitHub hands it out; another number, another key."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public(private: str) -> bytes:
    loaded = serialization.load_pem_private_key(private.encode(), None)
    return loaded.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@dataclass
class GitHub:
    """What it knows, and what it was asked. `answer` may answer instead, and may take its time."""

    app: str = "123"
    installations: dict[str, int] = field(default_factory=lambda: {"acme/shop": 77})
    answer: Callable[[str, str], Answer | None] = lambda method, path: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    lasts: timedelta = timedelta(hours=1)
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    wanted: list[Any] = field(default_factory=list)  # bodies of requests for tokens
    authorizations: list[str | None] = field(default_factory=list)
    given: list[str] = field(default_factory=list)  # tokens

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def respond(self, method: str, path: str, authorization: str | None, body: Any) -> Answer:
        self.asked.append((method, path))
        self.authorizations.append(authorization)
        if (given := self.answer(method, path)) is not None:
            return given
        if (refused := self._refusal(authorization)) is not None:
            return _json(401, {"message": refused})
        words = path.strip("/").split("/")
        if method == "GET" and words[0] == "repos" and words[3:] == ["installation"]:
            found = self.installations.get(f"{words[1]}/{words[2]}")
            return _json(200, {"id": found, "app_id": int(self.app)}) if found else _json(404, {"message": "Not Found"})
        if method == "POST" and words[:2] == ["app", "installations"] and words[3:] == ["access_tokens"]:
            if int(words[2]) not in self.installations.values():
                return _json(404, {"message": "Not Found"})
            self.wanted.append(body)
            self.given.append(f"ghs_{len(self.given) + 1:036d}")
            until = (self.now() + self.lasts).strftime("%Y-%m-%dT%H:%M:%SZ")
            return _json(201, {"token": self.given[-1], "expires_at": until, "permissions": body["permissions"]})
        return _json(404, {"message": "Not Found"})

    def _refusal(self, authorization: str | None) -> str | None:
        scheme, _, signed = (authorization or "").partition(" ")
        if scheme != "Bearer":
            return "Requires authentication"
        checked = {"verify_exp": False, "verify_iat": False, "require": ["iat", "exp", "iss"]}
        try:
            claims = jwt.decode(signed, public(key()), algorithms=["RS256"], issuer=self.app, options=checked)
        except jwt.PyJWTError as e:
            return f"A JSON web token could not be decoded ({e})"
        at = self.now().timestamp()
        if not claims["iat"] <= at < claims["exp"] <= at + LONGEST:
            return "'Expiration time' claim ('exp') is too far in the future"
        return None


def _json(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    return Answer(status, (("Content-Type", "application/json"), *headers), json.dumps(content).encode())


@contextmanager
def github(**known: Any) -> Iterator[GitHub]:
    served = GitHub(**known)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = served.respond(
                self.command, self.path, self.headers.get("Authorization"), json.loads(body) if body else None
            )
            self.send_response(answer.status)
            for name, value in (*answer.headers, ("Content-Length", str(len(answer.body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda request, address: None  # who hangs up is what some tests are about
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
