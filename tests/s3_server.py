"""A bucket of objects, as the engine's backend `s3` wants one; it can be away, and shows what lies in it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

_IDENTITY = b"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/test</Arn><UserId>U</UserId><Account>123456789012</Account>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""
_LISTING = b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></ListBucketResult>'
_MISSING = b"<Error><Code>NoSuchKey</Code><Message>there is none</Message></Error>"


class S3Server:
    """`objects`: path below the server -> content. As long as the file `away` is there nobody gets what they want."""

    def __init__(self, away: Path) -> None:
        self.away = away
        self.objects: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def variables(self) -> dict[str, str]:
        """What the engine has to be told."""
        address = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "AWS_ACCESS_KEY_ID": "an-access-key",
            "AWS_SECRET_ACCESS_KEY": "a-secret-key",
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_S3": address,
            "AWS_ENDPOINT_URL_STS": address,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @property
            def _key(self) -> str:
                return unquote(urlsplit(self.path).path)

            def do_POST(self) -> None:
                self._body()
                self._answer(200, _IDENTITY)

            def do_GET(self) -> None:
                if self._key.count("/") < 2 or self._key.endswith("/"):
                    self._answer(200, _LISTING)
                elif self._key in outer.objects:
                    self._answer(200, outer.objects[self._key])
                else:
                    self._answer(404, _MISSING)

            do_HEAD = do_GET

            def do_PUT(self) -> None:
                content = self._body()
                if not outer.away.exists():
                    outer.objects[self._key] = content
                self._answer(200)

            def do_DELETE(self) -> None:
                outer.objects.pop(self._key, None)
                self._answer(204)

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", "") and "aws-chunked" not in self.headers.get(
                    "Content-Encoding", ""
                ):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                found = b""
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    found += self.rfile.read(size)
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return found

            def _answer(self, status: int, content: bytes = b"") -> None:
                status = 403 if outer.away.exists() else status
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Content-Type", "application/xml")
                self.send_header("ETag", f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"')
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @contextmanager
    def at_work(self) -> Iterator[S3Server]:
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    with S3Server(folder / "away").at_work() as made:
        yield made
