"""How is something kept that only this controller may read? Sealed with keys from a file or the environment."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from controller.errors import ConflictError
from controller.secrets.secret import Secret

_NO_KEY = "sealed value: none of the sealing keys opens it; bring back the key that was in use when it was written"


class Sealer:
    """Seals with the first of its keys and opens with any, so that keys can be exchanged without a gap."""

    __slots__ = ("_fernet",)

    def __init__(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ConflictError("sealing key: there is none; give a key file or a key in the environment")
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def seal(self, data: bytes) -> bytes:
        """Encrypt and sign."""
        return self._fernet.encrypt(data)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as e:
            raise ConflictError(_NO_KEY) from e

    def renew(self, sealed: bytes) -> bytes:
        """The same, sealed with the first key: after all were renewed, older keys can go."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as e:
            raise ConflictError(_NO_KEY) from e


def generate_key() -> Secret:
    """Make a new key."""
    return Secret(Fernet.generate_key().decode())


def keys_of(text: str) -> tuple[Secret, ...]:
    """The keys in the text of a key file or an environment variable: one a line, newest first; `#` begins a comment."""
    lines = [line.strip() for line in text.replace(",", "\n").splitlines()]
    return tuple(Secret(line) for line in lines if line and not line.startswith("#"))


def open_sealer(path: Path) -> Sealer:
    """The sealer of a key file, which is made, with one key, where there is none."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            _create(path)
    _check_private(path)
    return Sealer(keys_of(path.read_text()))


def add_key(path: Path) -> None:
    """Put a new key in front of those of a key file; the older ones go on opening."""
    _check_private(path)
    aside = _write_aside(path, f"{generate_key().reveal()}\n{path.read_text()}")
    os.replace(aside, path)
    _sync_folder(path)


def _fernet(key: Secret) -> Fernet:
    try:
        return Fernet(key.reveal())
    except ValueError as e:
        raise ConflictError(
            "sealing key: a line is no key (44 characters of url-safe base64); restore the file, or begin a new one"
        ) from e


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _write_aside(path, f"{generate_key().reveal()}\n")
    try:
        # Unlike a rename it fails where the file is there already, and nobody ever sees half a key.
        os.link(aside, path)
    finally:
        aside.unlink()
    _sync_folder(path)


def _write_aside(path: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _check_private(path: Path) -> None:
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConflictError(f"sealing key: {path} can be read by others; run `chmod 600 {path}`")
