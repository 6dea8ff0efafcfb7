"""How does a command write a file that others read? Aside and renamed, so that nobody sees half of it."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    _write(path, content, 0o600)


def write(path: Path, content: bytes) -> None:
    _write(path, content, 0o666 & ~_umask())


def require_writable(path: Path) -> None:
    """Refuse, with the error of the system, what could not be written later."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if _is_elsewhere(path):
        return  # to open a pipe would tell its reader something
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as e:
        raise OSError(e.errno, e.strerror, str(path)) from e
    os.close(handle)
    Path(name).unlink()


def _write(path: Path, content: bytes, mode: int) -> None:
    if _is_elsewhere(path):
        _write_there(path, content, mode)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_elsewhere(path: Path) -> bool:
    """Whether the name only leads to what is to be written: a device, a pipe, a link. None of them may be replaced."""
    return path.is_symlink() or (path.exists() and not path.is_file())


def _write_there(path: Path, content: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
