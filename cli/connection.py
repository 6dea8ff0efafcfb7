"""Which server does the command line talk to, and as whom?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from cli.exits import Exit, Stop
from controller.errors import ManifestError, Problem, suggest

DEFAULT_URL = "http://127.0.0.1:8080"
_KEYS = ("key_file", "token", "url")


@dataclass(frozen=True, slots=True)
class Connection:
    """`key_file`: the private key to read logs with, where none is given. The token is never shown."""

    url: str
    token: str | None
    key_file: Path | None

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"


def find(environ: Mapping[str, str] | None = None) -> Connection:
    """LOCKSTEP_URL, LOCKSTEP_TOKEN and LOCKSTEP_KEY_FILE; what they leave open is taken from the file."""
    given = os.environ if environ is None else environ
    written = _read(path(given))
    key_file = given.get("LOCKSTEP_KEY_FILE") or written.get("key_file")
    return Connection(
        url=_address((given.get("LOCKSTEP_URL") or written.get("url") or DEFAULT_URL).strip().rstrip("/")),
        token=_token(given.get("LOCKSTEP_TOKEN") or written.get("token")),
        key_file=Path(key_file).expanduser() if key_file else None,
    )


def path(environ: Mapping[str, str]) -> Path:
    folder = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "~"), ".config")
    return Path(folder).expanduser() / "lockstep" / "config.yaml"


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise Stop(Exit.USAGE, f"{url}: is not an address; set LOCKSTEP_URL to http://host:port")
    return url


def _token(written: str | None) -> str | None:
    """As it was made: what files and variables add at its ends is no part of it. A wrong one is never shown."""
    token = (written or "").strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Stop(Exit.USAGE, "the token is none; set LOCKSTEP_TOKEN to what `lockstep token create` printed")
    return token or None


def _read(file: Path) -> dict[str, str]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as e:
        raise _problem(file, f"cannot be read ({(e.strerror or '').lower()})", "check its permissions") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        mark = getattr(e, "problem_mark", None)
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        raise _problem(where, "is not YAML", "correct the syntax here") from e
    return _checked(file, {} if document is None else document)


def _checked(file: Path, document: object) -> dict[str, str]:
    if not isinstance(document, dict):
        raise _problem(file, "is not a map", "write `url:` and `token:` lines")
    for key, value in document.items():
        if key not in _KEYS:
            remedy = suggest(str(key), _KEYS, f"known keys are {', '.join(_KEYS)}")
            raise _problem(file, f"unknown key `{key}`", remedy)
        if not isinstance(value, str):
            raise _problem(file, f"`{key}` is not a string", "write it in quotes")
    return document


def _problem(where: Path | str, what: str, remedy: str) -> ManifestError:
    return ManifestError([Problem(str(where), what, remedy)])
