"""How do a bundle's files come into a run directory, and from there into the working directory of an environment?"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from controller.errors import ConflictError
from controller.runner import durable, protocol

ENGINE_FOLDER = ".terraform"
ENGINE_LOCK = ".terraform.lock.hcl"
MAIN = "main.tf.json"
ERRORED = "errored.tfstate"  # where the engine leaves a state that it cannot save

_KEPT = frozenset({ENGINE_FOLDER, ENGINE_LOCK})
_SCRIPT = 0o755
_PLAIN = 0o644


def deliver(directory: Path, files: Mapping[str, bytes]) -> None:
    """Put a bundle into a run directory, in place of one that is there."""
    for path in files:
        _check(path)
    aside = directory / f".{protocol.BUNDLE}.{os.getpid()}"
    _remove(aside)
    durable.make_folder(aside)
    for path, content in sorted(files.items()):
        _write(aside / path, content)
    _remove(directory / protocol.BUNDLE)
    os.replace(aside, directory / protocol.BUNDLE)


def read(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder)}


def lay_out(files: Mapping[str, bytes], workdir: Path) -> None:
    """Make a working directory hold these files and no others; what is the engine's own stays.

    Whatever a module has put in its place does not: a link there would lead the supervisor out of the sandbox.
    """
    durable.make_folder(workdir)
    _remove_unless(_is_folder, workdir / ENGINE_FOLDER)
    _remove_unless(_is_file, workdir / ENGINE_LOCK)
    wanted = {PurePosixPath(path) for path in files}
    folders = {parent for path in wanted for parent in path.parents}
    _remove_others(workdir, PurePosixPath(), wanted, folders)
    for path, content in sorted(files.items()):
        target = workdir / path
        # What is the same stays untouched, with its time of change.
        if path == ENGINE_LOCK or not target.is_file() or target.read_bytes() != content:
            _write(target, content)


def copy_engine_folder(warm: Path, private: Path) -> None:
    """Give a private working directory what init left in a warm one: modules, backend, links to plugins."""
    if not _is_folder(warm / ENGINE_FOLDER) or (private / ENGINE_FOLDER).exists():
        return
    import shutil  # slow to load, and seldom needed

    shutil.copytree(warm / ENGINE_FOLDER, private / ENGINE_FOLDER, symlinks=True, copy_function=_copy)
    if _is_file(warm / ENGINE_LOCK):
        shutil.copy2(warm / ENGINE_LOCK, private / ENGINE_LOCK)


def _check(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or parts[0] == ENGINE_FOLDER:
        raise ConflictError(
            f"bundle: `{path}` is no path inside a working directory; this is a bug of Lockstep, report it"
        )


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            yield Path(root, name)


def _remove_others(
    workdir: Path, folder: PurePosixPath, wanted: set[PurePosixPath], folders: set[PurePosixPath]
) -> None:
    for entry in sorted(os.scandir(workdir / folder), key=lambda entry: entry.name):
        path = folder / entry.name
        is_file = entry.is_file(follow_symlinks=False)
        if path.as_posix() in _KEPT or (is_file and (path in wanted or path.as_posix() == ERRORED)):
            continue
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
        elif path in folders:
            _remove_others(workdir, path, wanted, folders)
        else:
            _remove(Path(entry.path))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    # A bundle bears no modes: that it is a script a file says itself.
    path.chmod(_SCRIPT if content.startswith(b"#!") else _PLAIN)


def _remove(folder: Path) -> None:
    import shutil

    if folder.exists():
        shutil.rmtree(folder)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _remove_unless(is_right: Callable[[Path], bool], path: Path) -> None:
    if is_right(path):
        return
    if _is_folder(path):
        _remove(path)
    else:
        path.unlink(missing_ok=True)


def _copy(source: str, target: str) -> None:
    import shutil

    # Plugins are large and never written again; all else the engine may change in place.
    if f"/{ENGINE_FOLDER}/providers/" in source:
        with contextlib.suppress(OSError):  # another file system
            os.link(source, target)
            return
    shutil.copy2(source, target)
