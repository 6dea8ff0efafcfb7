"""A real smart-HTTP remote on 127.0.0.1: `git http-backend` behind the standard library's server."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import TypeAlias

import pygit2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from controller.git import transport


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: str
    authorization: str | None


@dataclass(frozen=True)
class Answer:
    """What is sent instead of Git's own answer."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True)
class Broken:
    """Git's own answer, but only this many bytes of its body, or nothing at all; then the end, or silence for ever."""

    after: int | None
    hangs: bool


Answering: TypeAlias = Callable[[Request], Answer | Broken | None]


@dataclass
class GitServer:
    """Where the repositories are, and what was asked for. `answer` may be exchanged at any time."""

    root: Path
    user: tuple[str, str] | None
    answer: Answering
    scheme: str
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def url(self, repository: str, credentials: str = "") -> str:
        return f"{self.scheme}://{credentials}127.0.0.1:{self.port}/{repository}"


@contextmanager
def git_server(
    root: Path,
    *,
    user: tuple[str, str] | None = None,
    answer: Answering = lambda request: None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[GitServer]:
    """Serve the repositories below `root`; with `user`, only to who knows that name and password."""
    served = GitServer(root, user, answer, "https" if tls else "http")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    server.handle_error = lambda request, address: None  # a client that hangs up is what some tests are about
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    served.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        served.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def short_deadline(milliseconds: int) -> Iterator[None]:
    """Shorter than the process has set, so that a test need not wait for a minute."""
    transport.set_deadlines()
    before = pygit2.settings.server_connect_timeout, pygit2.settings.server_timeout
    pygit2.settings.server_connect_timeout = pygit2.settings.server_timeout = milliseconds
    try:
        yield
    finally:
        pygit2.settings.server_connect_timeout, pygit2.settings.server_timeout = before


def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests to 127.0.0.1 go straight there, whatever the machine says of proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def certified(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    # A process that has come to trust one keeps to it: two of one name would be taken for one another.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {uuid.uuid4()}")])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), begin, begin + timedelta(36500)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "server.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.pem", folder / "key.pem")
    return tls


@contextmanager
def trusted(folder: Path) -> Iterator[None]:
    """Trust the certificate that `certified` made in this folder."""
    before = pygit2.settings.ssl_cert_file, pygit2.settings.ssl_cert_dir
    pygit2.settings.set_ssl_cert_locations(str(folder / "server.pem"), None)
    try:
        yield
    finally:
        pygit2.settings.set_ssl_cert_locations(*before)


def _handler(served: GitServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            body = _body(self)
            request = Request(self.command, path, query, self.headers.get("Authorization"))
            served.requests.append(request)
            answer = served.answer(request)
            if answer is None and not _is_allowed(served.user, request):
                answer = Answer(401, (("WWW-Authenticate", 'Basic realm="test"'),))
            if isinstance(answer, Broken):
                self._break(_backend(served.root, self, request, body), answer)
            else:
                self._send(answer or _backend(served.root, self, request, body))

        do_POST = do_GET

        def _break(self, whole: Answer, how: Broken) -> None:
            if how.after is not None:
                length = ("Content-Length", str(len(whole.body)))
                self._send(Answer(whole.status, (*whole.headers, length), whole.body[: how.after]))
                self.wfile.flush()
            if how.hangs:
                served.ended.wait()
            self.close_connection = True

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if "Content-Length" not in dict(answer.headers):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def _is_allowed(user: tuple[str, str] | None, request: Request) -> bool:
    if user is None:
        return True
    return request.authorization == "Basic " + base64.b64encode(":".join(user).encode()).decode()


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") == "chunked":
        chunks = []
        while size := int(handler.rfile.readline(), 16):
            chunks.append(handler.rfile.read(size))
            handler.rfile.readline()
        handler.rfile.readline()
        return b"".join(chunks)
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


def _backend(root: Path, handler: BaseHTTPRequestHandler, request: Request, body: bytes) -> Answer:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
    }
    done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n")]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return Answer(status, tuple((name, value) for name, value in headers if name != "Status"), content)
