"""Secrets that sing when they are found, and a search for them everywhere: as they are, encoded, packed."""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import io
import json
import os
import re
import stat
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, quote_plus

from flask.testing import FlaskClient

from controller.model.document import Json
from tests import databases
from webui.api.table import ROUTES

_DEPTH = 3  # a base64 text in a JSON document that is packed, say
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_LINK = re.compile(r'(?:href|src|action)="(/[^"#]*)')
_PARAMETER = re.compile(r"\{(\w+)\}")
_PROC = Path("/proc")


class Search:
    """Looks for secrets, each by its name."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = {name: frozenset(_forms(secret)) for name, secret in secrets.items()}
        self.found: dict[str, set[str]] = {}  # name of a place -> names of what was found there

    def look(self, place: str, content: bytes) -> None:
        """Take note of everything that is in this content, however it is packed."""
        for layer in _layers(content, _DEPTH):
            for name, forms in self._forms.items():
                if any(form in layer for form in forms):
                    self.found.setdefault(place, set()).add(name)

    def in_files(self, folder: Path, may_hold: Callable[[str], bool] = lambda path: False) -> None:
        """All files below a folder but those that may hold secrets."""
        for path, content in _files(folder, may_hold):
            self.look(f"file {path}", content)

    def in_database(self, folder: Path) -> list[str]:
        """Every value of every table, and the bytes of its files, where what was deleted is still; their names."""
        for place, content in databases.values(folder):
            self.look(place, content)
        parts = databases.files(folder)
        for part in parts:
            self.look(f"bytes of {part.name}", part.read_bytes())
        return [part.name for part in parts]

    def in_pages(self, visitor: FlaskClient) -> list[str]:
        """Every page that there is a link to; their addresses."""
        waiting, seen = ["/", "/login", "/healthz", "/readyz", "/no/such/page"], list[str]()
        while waiting:
            path = waiting.pop()
            if path not in seen:
                seen.append(path)
                text = self._answer(visitor, path, {})
                waiting += [html.unescape(link) for link in _LINK.findall(text)]
        return sorted(seen)

    def in_api(self, client: FlaskClient, token: str, values: Mapping[str, Iterable[str]]) -> list[str]:
        """Every GET route, for all of these values of its parameters; the addresses."""
        paths = sorted({path for route in ROUTES if route.method == "GET" for path in _filled(route.path, values)})
        paths += [f"{path}?format={form}" for path in paths if path.endswith("/graph") for form in ("svg", "mermaid")]
        for path in paths:
            self._answer(client, f"/api/v1{path}", {"Authorization": f"Bearer {token}"})
        return paths

    def _answer(self, client: FlaskClient, path: str, headers: Mapping[str, str]) -> str:
        with contextlib.closing(client.get(path, headers=dict(headers))) as answer:
            assert answer.status_code < 500, (path, answer.status_code)
            self.look(f"GET {path}", answer.data + str(answer.headers).encode())
            return answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""


class Sampling:
    """A search that goes on while something happens: arguments of all processes, files below a folder."""

    def __init__(self, search: Search, folder: Path, may_hold: Callable[[str], bool]) -> None:
        self._search, self._folder, self._may_hold = search, folder, may_hold
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: set[str] = set()  # programs and files that were looked at

    def __enter__(self) -> Sampling:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        looked: set[tuple[str, bytes]] = set()
        while not self._is_over.wait(0.05):
            found = [("arguments of a process", arguments) for arguments in _arguments()]
            self.seen |= {arguments.decode(errors="replace") for _, arguments in found}
            for path, content in _files(self._folder, self._may_hold):
                self.seen.add(path)
                found.append((f"file {path}, for a moment", content))
            for place, content in found:
                if (place, content) not in looked:
                    looked.add((place, content))
                    self._search.look(place, content)


def _forms(secret: str) -> Iterator[bytes]:
    for text in {secret, *(line for line in secret.splitlines() if len(line) >= 6)}:
        raw = text.encode()
        yield from (
            raw,
            quote(raw).encode(),
            quote(raw, safe="").encode(),
            quote_plus(raw).encode(),
            raw.hex().encode(),
        )
        yield from (json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode() for ascii_only in (True, False))
        for shift in range(3):  # what is the same wherever in an encoded text it stands
            inner = raw[(3 - shift) % 3 :]
            inner = inner[: len(inner) - len(inner) % 3]
            yield from (base64.b64encode(inner), base64.urlsafe_b64encode(inner))


def _layers(content: bytes, depth: int) -> Iterator[bytes]:
    """The content, and what comes of it when it is unpacked."""
    yield content
    if not depth:
        return
    text = html.unescape(content.decode(errors="replace")).encode()
    if text != content and b"&" in content:
        yield text
    for unpacked in (*_inflated(content), *_unzipped(content), *_read(content), *_decoded(content)):
        yield from _layers(unpacked, depth - 1)


def _inflated(content: bytes) -> Iterator[bytes]:
    try:
        yield zlib.decompress(content, wbits=47)  # zlib or gzip
    except zlib.error:
        return


def _unzipped(content: bytes) -> Iterator[bytes]:
    """The entries of a zip file, as a plan is one."""
    if content.startswith(b"PK\x03\x04"):
        with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from map(archive.read, archive.namelist())


def _read(content: bytes) -> Iterator[bytes]:
    """The strings of a JSON document, or of a document in each line."""
    if not content.lstrip().startswith((b"{", b"[", b'"')):
        return
    for text in (content, *content.splitlines()):
        try:
            yield "\n".join(_strings(json.loads(text))).encode(errors="replace")
        except ValueError:
            continue


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for part in [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(part)


def _decoded(content: bytes) -> Iterator[bytes]:
    for found in set(_BASE64.findall(content)):
        digits = found.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        try:
            yield base64.b64decode(digits + b"=" * (-len(digits) % 4))
        except binascii.Error:
            continue


def _files(folder: Path, may_hold: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    for root, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(root, name)
            try:
                # Never a pipe: reading would take away what somebody else waits for.
                if stat.S_ISREG(path.lstat().st_mode) and not may_hold(shown := path.relative_to(folder).as_posix()):
                    yield shown, path.read_bytes()
            except OSError:
                continue  # gone meanwhile


def _arguments() -> Iterator[bytes]:
    for process in filter(str.isdigit, os.listdir(_PROC)):  # a glob would stumble over those that end meanwhile
        try:
            yield (_PROC / process / "cmdline").read_bytes()
        except OSError:
            continue


def _filled(path: str, values: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """A route's path with every value: those of `id` are looked up by what it is the id of."""
    found = _PARAMETER.search(path)
    if found is None:
        yield path
        return
    name = path.split("/")[1] if found[1] == "id" else found[1]
    for value in values[name]:
        yield from _filled(path.replace(found[0], quote(value, safe=""), 1), values)
