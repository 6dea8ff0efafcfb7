"""Where is a repository, and how is its URL shown to people?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

from controller.errors import NotAllowedError


class Transport(StrEnum):
    HTTPS = "https"
    HTTP = "http"
    SSH = "ssh"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Address:
    """A remote: `url` is what libgit2 is given, without any password; `shown` is what messages bear."""

    url: str
    shown: str
    transport: Transport
    host: str
    port: int | None
    username: str | None

    def is_server_of(self, url: str) -> bool:
        """Tell whether another URL leads to the same server: scheme, host and port are equal."""
        try:
            other = parse(url)
        except NotAllowedError:
            return False
        return (self.transport, self.host, self.port) == (other.transport, other.host, other.port)

    @property
    def is_this_machine(self) -> bool:
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def parse(url: str) -> Address:
    """Read a URL; what a password or a query would reveal is dropped, and odd transports are refused."""
    if scp := _SCP.fullmatch(url):
        username, host = scp["username"], scp["host"].lower().strip("[]")
        return Address(url, url, Transport.SSH, host, _PORTS[Transport.SSH], username)
    if "://" not in url and "::" not in url:
        return Address(url, url, Transport.FILE, "", None, None)
    parts, port = _split(url)
    transport = _TRANSPORTS.get(parts.scheme)
    if transport is None:
        raise NotAllowedError(f"{shown(url)}: this way to a repository is not used; write https://, ssh:// or a path")
    if parts.password is not None:
        raise NotAllowedError(
            f"{shown(url)}: the url holds a password; take it out and name the secret with `token_env` or `token_file`"
        )
    if not parts.hostname and transport is not Transport.FILE:
        raise NotAllowedError(f"{shown(url)}: the url names no host; write it as {transport}://host/path")
    return Address(
        _without_user(parts) if transport in (Transport.HTTPS, Transport.HTTP) else url,
        shown(url),
        transport,
        (parts.hostname or "").lower(),
        port or _PORTS.get(transport),
        parts.username,
    )


def shown(url: str) -> str:
    """Give a URL as it may appear anywhere: no password, no name that may be a token, no query."""
    try:
        parts, _ = _split(url)
    except NotAllowedError:
        return "(a url that cannot be read)"
    if "://" not in url:
        return f"{parts.scheme}:…"
    host = parts.netloc.rpartition("@")[2]
    name = f"{parts.username}@" if parts.scheme == Transport.SSH and parts.username else ""
    return f"{parts.scheme}://{name}{host}{parts.path}"


def cleaned(text: str) -> str:
    """Clean a text of somebody else's making of what its URLs give away."""
    return _URL.sub(lambda found: shown(found[0]), text)


_SCP = re.compile(r"(?:(?P<username>[^@:/\s]+)@)?(?P<host>\[[^\]/\s]+\]|[^@:/\s\[\]]{2,}):(?![/:])(?P<path>[^:]\S*)")
# No scheme is longer: without a bound it takes the square of the length to find none in what a server says.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[^\s'\"`<>]+")
_TRANSPORTS = {
    "https": Transport.HTTPS,
    "http": Transport.HTTP,
    "ssh": Transport.SSH,
    "git+ssh": Transport.SSH,
    "ssh+git": Transport.SSH,
    "file": Transport.FILE,
}
_PORTS = {Transport.HTTPS: 443, Transport.HTTP: 80, Transport.SSH: 22}


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as e:
        # The text is not repeated: it may hold a password in a place where none is looked for.
        raise NotAllowedError("the url of a repository cannot be read; write it as https://host/path") from e


def _without_user(parts: SplitResult) -> str:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
