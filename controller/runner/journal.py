"""What does a supervisor leave behind while it works? Public events, private ids, and the log in encrypted chunks."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from controller import clock
from controller.model.document import Json
from controller.runner import durable, protocol
from controller.secrets import age, logs

CHUNK_BYTES = 32 * 1024 - 256  # and the header
CHUNK_SECONDS = 1.0
LOG_BYTES = 16 * 1024 * 1024  # of one phase; of what follows only the end is kept
EVENT_BYTES = 16 * 1024 * 1024  # of what an engine reports in one phase
_TAIL_BYTES = 24 * 1024
_END = Path(protocol.LOG, "end")  # written before that chunk: whoever finds the chunk knows that it is the last


class Journal:
    """Writes into one run directory; goes on numbering where a supervisor before it stopped.

    On a disk that is full nothing is lost: what cannot be written waits here until it can, and the engine goes on.
    """

    def __init__(self, directory: Path, deployment: str, recipients: Sequence[str]) -> None:
        self._directory = directory
        self._deployment = deployment
        self._recipients = tuple(recipients)
        self._events = _Lines(directory / protocol.EVENTS)
        self._ids = _Lines(directory / protocol.IDS)
        self._heard = 0  # bytes of what the engine reported
        self._event = last_event(directory)
        self._chunk = max(chunk_numbers(directory), default=0)
        self._text = bytearray()
        self._room = LOG_BYTES
        self._tail = bytearray()
        self._left_out = 0
        self._since = 0.0
        self._again = 0.0  # when the disk is asked next, after it took nothing
        self._unsynced = False
        durable.make_folder(directory / protocol.LOG)
        # A supervisor that was killed between the end of the log and its result has left nothing to add.
        self.has_ended = has_ended(directory)

    def event(self, type_: str, **fields: Json) -> None:
        """Tell the world; nothing secret may be in it."""
        self._event += 1
        line = {"n": self._event, "at": clock.now().isoformat(), "type": type_} | fields
        self._events.add(line)
        self._unsynced = True

    def report(self, type_: str, **fields: Json) -> None:
        """Tell what the engine said of a resource, unless it says too much to be true."""
        if self._is_heard(fields):
            self.event(type_, **fields)

    def identity(self, fields: Json) -> None:
        """Note the id of something that was made."""
        if self._is_heard(fields):
            self._ids.add(fields)

    def say(self, text: str) -> None:
        """Write to the log that only its recipients can read."""
        if not self._recipients or self.has_ended or not text:
            return
        if not self._text:
            self._since = time.monotonic()
        said = text.encode("utf-8", errors="replace")
        if self._left_out or len(said) > self._room:
            self._leave_out(said)
        else:
            self._room -= len(said)
            self._text += said
        if len(self._text) >= CHUNK_BYTES and time.monotonic() >= self._again:
            self._write_full()

    def breathe(self) -> None:
        """Write out what has waited long enough; called several times a second."""
        if time.monotonic() < self._again:
            return
        with self._patient():
            self._sync()
            if self._text and time.monotonic() - self._since >= CHUNK_SECONDS:
                self._write_chunk()

    def flush(self) -> None:
        """Have everything on disk when this returns."""
        self._add_tail()
        durable.persist(self._write_all)

    def end(self) -> None:
        """Write the rest of the log and its end marker; nothing may follow."""
        if self._recipients and not self.has_ended:
            self._add_tail()
            durable.persist(self._write_last)
        self.has_ended = True

    def close(self) -> None:
        self.flush()
        self._events.close()
        self._ids.close()

    @contextlib.contextmanager
    def _patient(self) -> Iterator[None]:
        """Leave for later what the disk does not take now."""
        try:
            yield
        except OSError as e:
            if not durable.is_passing(e):
                raise
            self._again = time.monotonic() + CHUNK_SECONDS

    def _is_heard(self, fields: Json) -> bool:
        self._heard += len(json.dumps(fields))
        return self._heard <= EVENT_BYTES

    def _leave_out(self, said: bytes) -> None:
        self._left_out += len(said)
        self._tail += said
        if len(self._tail) > 2 * _TAIL_BYTES:
            del self._tail[:-_TAIL_BYTES]

    def _add_tail(self) -> None:
        """Let the log end with the last that was said, which mostly matters most."""
        if not self._left_out:
            return
        del self._tail[:-_TAIL_BYTES]
        size, left = LOG_BYTES // 2**20, (self._left_out - len(self._tail)) // 1024
        notice = f"\n(here {left} KiB are left out: more than {size} MiB of a phase are not kept; its end follows)\n"
        self._text += notice.encode() + self._tail.decode(errors="ignore").encode()
        self._room, self._left_out, self._tail = _TAIL_BYTES, 0, bytearray()

    def _write_full(self) -> None:
        with self._patient():
            while len(self._text) >= CHUNK_BYTES:
                self._write_chunk()

    def _write_all(self) -> None:
        while self._text:
            self._write_chunk()
        self._sync()

    def _write_last(self) -> None:
        while len(self._text) > CHUNK_BYTES:
            self._write_chunk()
        self._sync()
        durable.write(self._directory / _END, str(self._chunk + 1).encode())
        self._write_chunk(end=True)

    def _sync(self) -> None:
        # Should the machine go down, events and ids tell what an apply had begun.
        if self._unsynced:
            self._ids.sync()
            self._events.sync()
            self._unsynced = False

    def _write_chunk(self, end: bool = False) -> None:
        size = _whole_characters(self._text, CHUNK_BYTES)
        plaintext = logs.write_chunk(self._deployment, self._chunk + 1, self._text[:size].decode(), end)
        path = self._directory / protocol.LOG / f"{self._chunk + 1:06}.age"
        durable.write(path, age.encrypt(plaintext, self._recipients))
        self._chunk += 1
        del self._text[:size]


def read_events(directory: Path, after: int) -> tuple[Json, ...]:
    """The events numbered above `after`; read from the end, for they are asked for again and again."""
    found: list[Json] = []
    for line in _lines_backwards(directory / protocol.EVENTS):
        event = json.loads(line)
        if event["n"] <= after:
            break
        found.append(event)
    return tuple(reversed(found))


def read_ids(directory: Path) -> tuple[Json, ...]:
    """What is known of what was made, in order; a line that was cut off is none."""
    found = [json.loads(line) for line in _lines_backwards(directory / protocol.IDS)]
    return tuple(reversed(found))


def last_event(directory: Path) -> int:
    """The number of the newest event, 0 where there is none."""
    for line in _lines_backwards(directory / protocol.EVENTS):
        return int(json.loads(line)["n"])
    return 0


def chunk_numbers(directory: Path) -> list[int]:
    """The numbers of all log chunks, in order."""
    try:
        names = os.listdir(directory / protocol.LOG)
    except FileNotFoundError:
        return []
    return sorted(int(name[:-4]) for name in names if name.endswith(".age") and name[:-4].isdigit())


def has_ended(directory: Path) -> bool:
    """Whether the chunk with the end marker is there."""
    try:
        return int((directory / _END).read_text()) in chunk_numbers(directory)
    except FileNotFoundError:
        return False


def read_chunks(directory: Path, after: int) -> tuple[tuple[int, bytes], ...]:
    """Number and age message of the log chunks numbered above `after`, in order."""
    numbers = [n for n in chunk_numbers(directory) if n > after]
    return tuple((n, (directory / protocol.LOG / f"{n:06}.age").read_bytes()) for n in numbers)


class _Lines:
    """A file of JSON lines; those that the disk does not take wait."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _open_whole(path)
        self._waiting = bytearray()

    def add(self, value: Json) -> None:
        self._waiting += json.dumps(value).encode() + b"\n"
        try:
            self._write()
        except OSError as e:
            if not durable.is_passing(e):
                raise

    def sync(self) -> None:
        self._write()
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def _write(self) -> None:
        while self._waiting:
            del self._waiting[: os.write(self._descriptor, self._waiting)]


def _open_whole(path: Path) -> int:
    """Open for appending, after cutting off a line that a killed supervisor began and did not end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, durable.PRIVATE_FILE)
    size = os.fstat(descriptor).st_size
    whole = size
    while whole and os.pread(descriptor, 1, whole - 1) != b"\n":
        whole -= 1
    if whole < size:
        os.ftruncate(descriptor, whole)
    return descriptor


def _lines_backwards(path: Path) -> Iterator[bytes]:
    """The complete lines of a file, last one first; what follows them is still being written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    end = content.rfind(b"\n")
    while end >= 0:
        start = content.rfind(b"\n", 0, end)
        yield content[start + 1 : end]
        end = start


def _whole_characters(text: bytearray, size: int) -> int:
    """The largest length up to `size` that cuts no character in two."""
    while size and size < len(text) and text[size] & 0xC0 == 0x80:
        size -= 1
    return size
