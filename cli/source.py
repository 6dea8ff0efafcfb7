"""What is to be deployed? A manifest from a file or from standard input, checked before it is sent."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from cli.exits import Exit, Stop
from controller.errors import ManifestError, Problem
from controller.manifest import compose, reading

_LATER = ("deployment", "environment")
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A manifest as it was written; `name` is how messages call it."""

    name: str
    text: str


def read(source: str) -> Source:
    """The manifest; what is wrong with it by itself is said at once, with file, line and column."""
    scheme, separator, _ = source.partition("://")
    if separator:
        raise _unsupported(source, scheme)
    name, content = ("stdin", _stdin()) if source == "-" else (source, _file(Path(source)))
    compose.manifest_of(reading.read_one(name, content))
    return Source(name, content.decode())


def _unsupported(source: str, scheme: str) -> Stop:
    if scheme in _LATER:
        return Stop(
            Exit.USAGE,
            f"`{source}`: this release deploys files only; write that manifest to one with `lockstep get manifest`",
        )
    return Stop(Exit.USAGE, f"`{source}`: unsupported manifest source scheme `{scheme}`; give a file, or - for stdin")


def _stdin() -> bytes:
    if sys.stdin.isatty():
        raise Stop(Exit.USAGE, "-: standard input is a terminal; pipe a manifest into it, or give a file")
    return sys.stdin.buffer.read(_LARGEST + 1)


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST + 1)
    except OSError as e:
        why = (e.strerror or "it cannot be read").lower()
        raise ManifestError(
            [Problem(str(path), f"cannot be read ({why})", "check the path and its permissions")]
        ) from e
