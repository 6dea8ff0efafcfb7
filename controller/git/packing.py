"""How does a mirror stay small? What refs reach is written into one pack, and only when that is whole do others go.

libgit2 never packs: each fetch leaves a pack of its own. What no ref reaches any more goes into a pack that is lost: it
is dated, stays readable for as long as GRACE, and then goes as a whole. Whoever is killed on the way leaves a whole
mirror behind: nothing is removed before what replaces it is on disk, in its place, and was read from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pygit2

from controller.errors import RetryableError

GRACE = timedelta(days=14)
ASIDE = "repacking"  # the folder below a mirror where new packs are made
_RECORD = "repacked.json"
_FOREIGN = ("pack/multi-pack-index", "info/commit-graph")  # Git's own maintenance makes them; they name packs, commits


@dataclass(frozen=True, slots=True)
class Packs:
    """What a mirror is made of."""

    count: int
    size: int  # of all packs, in bytes
    made_at: datetime
    repacked_at: datetime | None
    lost: Mapping[str, datetime] = field(default_factory=dict)  # packs of what no ref reaches, since when


@dataclass(frozen=True, slots=True)
class Repacked:
    """A repack that is done but for what has been lost for so long that it may go."""

    reachable: frozenset[bytes]
    expired: frozenset[str]


class StoppedError(RetryableError):
    """The repack was asked to stop; nothing was changed."""


def look(path: Path) -> Packs:
    """Cheap: one listing of a folder."""
    found = _packs(path)
    at, lost = _read_record(path)
    size = sum(_size(path, name) for name in found)
    made = datetime.fromtimestamp((path / "HEAD").stat().st_mtime, UTC)
    return Packs(len(found), size, made, at, MappingProxyType({name: at for name, at in lost.items() if name in found}))


def repack(
    path: Path, now: datetime, is_stopped: Callable[[], bool] = lambda: False, grace: timedelta = GRACE
) -> Repacked:
    """Put into one pack what the refs of the mirror reach. Others may read and fetch meanwhile.

    A pack that a fetch brings meanwhile is none of those that were there before, and stays.
    """
    shutil.rmtree(path / ASIDE, ignore_errors=True)
    old, loose = _packs(path), _loose(path)
    lost = look(path).lost
    expired = frozenset(name for name, at in lost.items() if now - at >= grace)
    living = old - lost.keys()
    if len(living) <= 1 and not loose and not expired:
        _write_record(path, now, lost)
        return Repacked(frozenset(), frozenset())
    repository = pygit2.Repository(str(path))
    reachable = _reachable(repository, is_stopped)
    there = {id_ for name in living for id_ in _indexed(_pack_folder(path) / f"{name}.idx")} | loose.keys()
    whole = _made(repository, path, reachable, is_stopped)
    rest = _made(repository, path, there - reachable, is_stopped)
    for name in filter(None, (whole, rest)):
        _place(path, name)
    _sync(_pack_folder(path))
    dates = {**lost, **({rest: now} if rest else {})}
    dates.pop(whole or "", None)
    _write_record(path, now, dates)
    for foreign in _FOREIGN:
        (path / "objects" / foreign).unlink(missing_ok=True)
    for name in living - {whole, rest}:
        _remove(path, name)
    for file in loose.values():
        file.unlink(missing_ok=True)
    shutil.rmtree(path / ASIDE, ignore_errors=True)
    return Repacked(frozenset(reachable), expired - {whole, rest})


def drop(path: Path, done: Repacked) -> int:
    """Remove what was lost for too long; how many packs that were. To be called while nobody makes or fetches refs.

    Where a ref came meanwhile that leads to what was not reached before, everything stays until the next time.
    """
    if not done.expired or not set(_tips(pygit2.Repository(str(path)))) <= done.reachable:
        return 0
    for name in done.expired:
        _remove(path, name)
    return len(done.expired)


def _tips(repository: pygit2.Repository) -> Iterator[bytes]:
    for name in list(repository.references):
        with contextlib.suppress(KeyError):  # removed since
            target = repository.references[name].target
            if isinstance(target, pygit2.Oid):
                yield target.raw


def _reachable(repository: pygit2.Repository, is_stopped: Callable[[], bool]) -> set[bytes]:
    """Ids of all that the refs reach. An object that is missing ends it: who knows what else would be lost."""
    seen: set[bytes] = set()
    ahead = list(_tips(repository))
    while ahead:
        if is_stopped():
            raise StoppedError(f"{repository.path}: the repack was asked to stop; it is done after the next start")
        id_ = ahead.pop()
        if id_ in seen:
            continue
        seen.add(id_)
        try:
            kind, content = repository.odb.read(pygit2.Oid(raw=id_))
        except KeyError as e:
            raise RetryableError(
                f"{repository.path}: object {id_.hex()} is missing, so nothing is repacked; "
                f"remove this folder, and it is fetched anew at the next poll"
            ) from e
        if kind == pygit2.enums.ObjectType.TREE:
            for is_folder, child in _entries(content):
                if is_folder:
                    ahead.append(child)
                else:
                    seen.add(child)
        elif kind in (pygit2.enums.ObjectType.COMMIT, pygit2.enums.ObjectType.TAG):
            ahead += _heads(content)
    return seen


def _heads(content: bytes) -> list[bytes]:
    """What a commit or a tag names in its head lines."""
    head = content.partition(b"\n\n")[0].split(b"\n")
    words = (line.split(b" ", 1) for line in head)
    return [bytes.fromhex(word[1].decode()) for word in words if word[0] in (b"tree", b"parent", b"object")]


def _entries(content: bytes) -> Iterator[tuple[bool, bytes]]:
    """What a tree holds; commits of other repositories are none of it."""
    at = 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode = content[at : content.index(b" ", at)].lstrip(b"0")
        if mode != b"160000":
            yield mode == b"40000", content[end + 1 : end + 21]
        at = end + 21


def _made(
    repository: pygit2.Repository, path: Path, ids: Iterable[bytes], is_stopped: Callable[[], bool]
) -> str | None:
    """Write a pack of these objects aside, read all of it again, and give its name; None of no objects."""
    wanted = sorted(ids)
    if not wanted:
        return None
    folder = path / ASIDE / hashlib.sha256(b"".join(wanted)).hexdigest()[:8]
    (folder / "pack").mkdir(parents=True)
    builder = pygit2.PackBuilder(repository)
    builder.set_threads(1)  # the others are for those who deploy
    for id_ in wanted:
        builder.add(pygit2.Oid(raw=id_))
    builder.write(str(folder / "pack"))
    written = pygit2.Odb()
    written.add_backend(pygit2.OdbBackendPack(str(folder)), 1)
    for id_ in wanted:
        if is_stopped():
            raise StoppedError(f"{path}: the repack was asked to stop; it is done after the next start")
        written.read(pygit2.Oid(raw=id_))  # which compares the content with the id
    (index,) = (folder / "pack").glob("*.idx")
    if set(_indexed(index)) != set(wanted):
        raise RetryableError(f"{index}: the new pack is not whole, so nothing is repacked; the next time tries again")
    for file in (folder / "pack").iterdir():
        _sync(file)
        file.rename(path / ASIDE / file.name)
    return index.stem


def _place(path: Path, name: str) -> None:
    """The pack first: it is seen by its index. The name is that of the content, what bears it is the same already."""
    for ending in (".pack", ".idx"):
        target = _pack_folder(path) / f"{name}{ending}"
        if not target.exists():
            (path / ASIDE / f"{name}{ending}").rename(target)


def _remove(path: Path, name: str) -> None:
    """The index first: without it nobody begins to read the pack. Who has it open goes on reading."""
    (_pack_folder(path) / f"{name}.idx").unlink(missing_ok=True)
    for file in _pack_folder(path).glob(f"{name}.*"):
        file.unlink(missing_ok=True)


def _packs(path: Path) -> frozenset[str]:
    """Names of those that are complete, and that nobody wants to be kept as they are."""
    names = {file.name for file in _pack_folder(path).iterdir()} if _pack_folder(path).is_dir() else set()
    stems = (name.removesuffix(".idx") for name in names if name.startswith("pack-") and name.endswith(".idx"))
    return frozenset(stem for stem in stems if f"{stem}.pack" in names and f"{stem}.keep" not in names)


def _loose(path: Path) -> dict[bytes, Path]:
    found = {}
    for folder in (path / "objects").glob("[0-9a-f][0-9a-f]"):
        for file in folder.iterdir():
            with contextlib.suppress(ValueError):  # one that is still being written
                id_ = bytes.fromhex(folder.name + file.name)
                if len(id_) == 20:
                    found[id_] = file
    return found


def _indexed(index: Path) -> list[bytes]:
    """Ids of the objects in a pack: an index of version 2 is a fanout of 256 counts, then all ids, sorted."""
    content = index.read_bytes()
    if content[:8] != b"\xfftOc\0\0\0\2":
        raise RetryableError(f"{index}: is no index of version 2, so nothing is repacked; remove it and its pack")
    (count,) = struct.unpack_from(">I", content, 8 + 255 * 4)
    start = 8 + 256 * 4
    return [content[at : at + 20] for at in range(start, start + 20 * count, 20)]


def _pack_folder(path: Path) -> Path:
    return path / "objects" / "pack"


def _size(path: Path, name: str) -> int:
    try:
        return (_pack_folder(path) / f"{name}.pack").stat().st_size
    except FileNotFoundError:
        return 0


def _read_record(path: Path) -> tuple[datetime | None, dict[str, datetime]]:
    try:
        read = json.loads((path / _RECORD).read_bytes())
        lost = {name: datetime.fromisoformat(at) for name, at in read["lost"].items()}
        return datetime.fromisoformat(read["at"]), lost
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None, {}  # a pack that is not known to be lost is taken for a living one, and its date begins anew


def _write_record(path: Path, now: datetime, lost: Mapping[str, datetime]) -> None:
    aside = path / f".{_RECORD}.new"
    aside.write_text(
        json.dumps({"at": now.isoformat(), "lost": {name: at.isoformat() for name, at in sorted(lost.items())}})
    )
    _sync(aside)
    aside.replace(path / _RECORD)
    _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
