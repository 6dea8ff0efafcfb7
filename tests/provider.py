"""A provider of our own, as small as one can be: a program of the standard library that an engine installs and starts.

Run as a program, it has one resource type without attributes, `<type>_it`. Its schema is all that it can tell; to
whatever it is asked beyond that it answers with an error, whose summary and detail come from its environment
(`PROVIDER_SUMMARY`, `PROVIDER_DETAIL`, in which `$NAME` stands for another variable). It speaks the engine's plugin
protocol, gRPC over HTTP/2, as far as that takes.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

WITHOUT_TLS = {"TF_DISABLE_PLUGIN_TLS": "1"}  # what the engine has to find in its environment

_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_DATA, _HEADERS, _SETTINGS, _PING = 0x0, 0x1, 0x4, 0x6
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4


def install(
    mirror: Path, host: str, version: str, platform: str, *, namespace: str = "acme", type_: str = "thing"
) -> str:
    """Put a version into a filesystem mirror, unpacked; gives the provider's address. Each version has other bytes."""
    folder = mirror / host / namespace / type_ / version / platform
    folder.mkdir(parents=True)
    program = folder / f"terraform-provider-{type_}_v{version}"
    program.write_text(f"#!/bin/sh\n# {version}\nexec '{sys.executable}' -S -E '{Path(__file__).resolve()}' {type_}\n")
    program.chmod(0o755)
    return f"{host}/{namespace}/{type_}"


def untold() -> dict[str, str]:
    """The environment without what tells an engine something: it would say first what it thinks of that."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TF_")}


def platform(engine: Sequence[str]) -> str:
    """How the engine with this command calls this machine: `linux_amd64`, say."""
    done = subprocess.run((*engine, "version", "-json"), capture_output=True, check=True, env=untold())
    return str(json.loads(done.stdout)["platform"])


def configuration(mirror: Path) -> str:
    """A CLI configuration that lets the engine install from this mirror and from nowhere else."""
    return f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror}"\n  }}\n}}\n'


def main(type_: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Version of the handshake, of the protocol, where to find us, and how we talk.
        print(f"1|6|tcp|127.0.0.1:{listening.getsockname()[1]}|grpc", flush=True)
        connection, _ = listening.accept()
    with connection, connection.makefile("rb") as incoming:
        _serve(connection, incoming, _schema(type_))


def _serve(connection: socket.socket, incoming: IO[bytes], schema: bytes) -> None:
    """Answer until the engine hangs up. What is asked is told from how much is asked: for a schema, nothing is."""
    connection.sendall(_frame(_SETTINGS, 0, 0, b""))
    asked: dict[int, bytes] = {}
    for kind, flags, stream, payload in _frames(incoming):
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            connection.sendall(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        if kind == _DATA:
            asked[stream] = asked.get(stream, b"") + payload
        if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
            is_empty = len(asked.pop(stream, b"")) <= 5  # a message begins with its length
            connection.sendall(_answer(stream, schema if is_empty else _trouble()))


def _frames(incoming: IO[bytes]) -> Iterator[tuple[int, int, int, bytes]]:
    incoming.read(_PREFACE)
    while head := incoming.read(9):
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        yield kind, flags, stream, incoming.read(int.from_bytes(head[:3], "big"))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def _answer(stream: int, message: bytes) -> bytes:
    head = b"\x88" + _header(b"content-type", b"application/grpc")  # `:status: 200`
    body = b"\0" + struct.pack(">I", len(message)) + message
    return (
        _frame(_HEADERS, _END_HEADERS, stream, head)
        + _frame(_DATA, 0, stream, body)
        + _frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _header(b"grpc-status", b"0"))
    )


def _header(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def _schema(type_: str) -> bytes:
    """GetProviderSchema.Response: an empty provider block, one resource type with an empty block."""
    empty = _field(2, b"")
    return _field(1, empty) + _field(2, _field(1, f"{type_}_it".encode()) + _field(2, empty))


def _trouble() -> bytes:
    """An error where each of the responses that there are has its diagnostics."""
    given = (os.environ.get("PROVIDER_SUMMARY", "no such thing"), os.environ.get("PROVIDER_DETAIL", ""))
    said = (os.path.expandvars(text).encode() for text in given)
    diagnostic = b"\x08\x01" + b"".join(_field(number, text) for number, text in enumerate(said, 2))
    return _field(1, diagnostic) + _field(2, diagnostic)


def _field(number: int, content: bytes) -> bytes:
    length, digits = len(content), bytearray()
    while True:
        length, low = length >> 7, length & 0x7F
        digits.append(low | 0x80 if length else low)
        if not length:
            return bytes([number << 3 | 2, *digits]) + content


if __name__ == "__main__":
    main(sys.argv[1])
