"""How is one step of the engine carried out, heard, and stopped when it must not go on?"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from controller import clock
from controller.runner import durable, processes, protocol, spawn
from controller.runner.output import Lines
from controller.runner.processes import Process
from controller.runner.protocol import Ended

_TICK_SECONDS = 0.1
_READ_BYTES = 256 * 1024
_DOCUMENT_BYTES = 256 * 1024 * 1024  # of a document that is read whole; it takes several times as much in memory
_BY_SIGNAL = 128
_KILL_SECONDS = 10.0  # until a killed process is gone, unless the kernel holds it

Hear = Callable[[bytes], None]


class Stop:
    """Whether, and why, a phase has to come to an end: its deadline, a request, or a signal to the supervisor."""

    def __init__(self, directory: Path | None, seconds: float, grace: float) -> None:
        """`directory` is where a request to stop is left; None: only the deadline counts."""
        self._cancel = directory / protocol.CANCEL if directory else None
        self._deadline = time.monotonic() + seconds
        self.grace = grace
        self.signalled = False

    def why(self) -> Ended | None:
        if self.signalled or (self._cancel and self._cancel.exists()):
            return Ended.CANCELLED
        return Ended.TIMED_OUT if time.monotonic() >= self._deadline else None


@dataclass(frozen=True, slots=True)
class Room:
    """Where and how the engine runs, the same for all steps of a phase."""

    directory: Path
    workdir: Path
    environment: Mapping[str, str]
    stop: Stop
    hear_out: Hear  # each line of standard output
    hear_err: Hear
    tick: Callable[[], None]  # several times a second
    is_sandboxed: bool = False  # what is run is a sandbox with the engine inside


@dataclass(frozen=True, slots=True)
class Finished:
    """How a step ended: `code` is negative where a signal ended the engine, None where it is not known.

    `stopped` says why it was asked to stop, `forced` that it did not listen, `captured` is its standard output, and
    `lacks` says why not all of it is there.
    """

    code: int | None
    seconds: float
    stopped: Ended | None = None
    forced: bool = False
    captured: bytes = b""
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """The engine's process as it was written down before it began."""

    process: Process
    step: str
    at: str


def run(command: Sequence[str], step: str, room: Room, *, capture: bool = False) -> Finished:
    """Run the engine to its end; `capture` keeps standard output in memory instead of hearing it line by line."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        path = room.directory / protocol.STDOUT
        reader, out = spawn.pipe(stack) if capture else spawn.fifo(stack, path)
        err_reader, err = spawn.fifo(stack, room.directory / protocol.STDERR)
        pid, gate = spawn.behind_gate(command, room.workdir, room.environment, out, err)
        process = replace(processes.identify(pid), is_sandbox=room.is_sandboxed)
        running = Running(process, step, clock.now().isoformat())
        durable.persist(partial(_record, room.directory, running), room.stop.why)
        os.write(gate, b"\n")
        os.close(gate)
        captured = _Captured(reader)
        said = captured if capture else _Heard(reader, room.hear_out)
        attended = _attend(process, _Exit(pid), (said, _Heard(err_reader, room.hear_err)), room)
    code = _of_engine(attended.code) if room.is_sandboxed else attended.code
    # In a sandbox nothing goes on in the background: what lives there could wait for the supervisor's next step.
    if attended.stopped or room.is_sandboxed or (code is not None and code < 0):
        _clear(process)
    seconds, document = time.monotonic() - began, bytes(captured.document)
    return Finished(code, seconds, attended.stopped, attended.forced, document, captured.lacks)


def attach(running: Running, room: Room) -> Finished:
    """Hear an engine whose supervisor was lost to its end, and see to it that nothing of it is left."""
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        out, _ = spawn.fifo(stack, room.directory / protocol.STDOUT)
        err, _ = spawn.fifo(stack, room.directory / protocol.STDERR)
        streams = (_Heard(out, room.hear_out), _Heard(err, room.hear_err))
        attended = _attend(running.process, _Gone(running.process), streams, room)
    _clear(running.process)
    return Finished(None, time.monotonic() - began, attended.stopped, attended.forced)


def read_running(directory: Path) -> Running | None:
    """The engine that runs or ran last in a run directory."""
    document = durable.read_json(directory / protocol.ENGINE)
    if document is None:
        return None
    process = Process(document["pid"], document["started"], document["boot"], document.get("is_sandbox", False))
    return Running(process, document["step"], document["at"])


def end_quickly(process: Process, seconds: float) -> None:
    """Interrupt an engine that nobody listens to any more, and kill what is left of it after a while."""
    told = processes.interrupt(process)
    until = time.monotonic() + seconds
    while processes.members(process) and time.monotonic() < until:
        time.sleep(_TICK_SECONDS)
        told = told or processes.interrupt(process)
    _clear(process)


def _record(directory: Path, running: Running) -> None:
    document = asdict(running.process) | {"pgid": running.process.pid, "step": running.step, "at": running.at}
    durable.replace(directory / protocol.ENGINE, json.dumps(document, sort_keys=True).encode())


def _of_engine(code: int | None) -> int | None:
    """What a sandbox's exit code says of the engine in it: a signal that ended that is shown as a shell does."""
    return _BY_SIGNAL - code if code is not None and code > _BY_SIGNAL else code


class _Exit:
    """Notices at once when a child ends, where the system can tell; otherwise at the next tick."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.descriptor = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None

    def look(self) -> tuple[bool, int | None]:
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        return ended != 0, os.waitstatus_to_exitcode(status) if ended else None

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)


class _Gone:
    """Notices when a process has ended that is not a child of this one; how it ended nobody can tell."""

    descriptor = None

    def __init__(self, process: Process) -> None:
        self._process = process

    def look(self) -> tuple[bool, int | None]:
        return not processes.is_alive(self._process), None

    def close(self) -> None:
        pass


class _Ending:
    """Interrupts the engine, once, when the phase must stop; kills its group when the grace is over."""

    def __init__(self, process: Process, stop: Stop) -> None:
        self._process = process
        self._stop = stop
        self._kill_at = 0.0
        self._told = False
        self.stopped: Ended | None = None
        self.forced = False

    def see_to_it(self) -> None:
        if self.stopped is None:
            self.stopped = self._stop.why()
            self._kill_at = time.monotonic() + self._stop.grace
        if self.stopped is None or self.forced:
            return
        self._told = self._told or processes.interrupt(self._process)
        if time.monotonic() >= self._kill_at:
            processes.kill(self._process)
            self.forced = True


class _Heard:
    def __init__(self, descriptor: int, hear: Hear) -> None:
        self.descriptor = descriptor
        self._lines = Lines()
        self._hear = hear

    def take(self) -> None:
        for data in _available(self.descriptor):
            for line in self._lines.feed(data):
                self._hear(line)

    def finish(self) -> None:
        self.take()
        for line in self._lines.rest():
            self._hear(line)


class _Captured:
    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.document = bytearray()
        self.lacks = ""

    def take(self) -> None:
        for data in _available(self.descriptor):
            if not self.lacks and len(self.document) + len(data) <= _DOCUMENT_BYTES:
                self.document += data
            else:
                self.document.clear()
                self.lacks = f"the engine printed more than {_DOCUMENT_BYTES // 2**20} MiB"

    def finish(self) -> None:
        self.take()


def _attend(process: Process, exit_: _Exit | _Gone, streams: Iterable[_Heard | _Captured], room: Room) -> Finished:
    """Listen until the end; interrupt the engine when the phase must stop, and kill its group after the grace."""
    ending = _Ending(process, room.stop)
    with contextlib.closing(exit_), selectors.DefaultSelector() as selector:
        for stream in streams:
            selector.register(stream.descriptor, selectors.EVENT_READ, stream)
        if exit_.descriptor is not None:
            selector.register(exit_.descriptor, selectors.EVENT_READ)
        ended, code = False, None
        while not ended:
            for key, _ in selector.select(_TICK_SECONDS):
                if key.data:
                    key.data.take()
            room.tick()
            ended, code = exit_.look()
            if not ended:
                ending.see_to_it()
    for stream in streams:
        stream.finish()
    return Finished(code, 0.0, ending.stopped, ending.forced)


def _available(descriptor: int) -> Iterator[bytes]:
    """What can be read without waiting; at most a few pieces, for others want to be heard as well."""
    for _ in range(16):
        try:
            data = os.read(descriptor, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            return
        yield data


def _clear(process: Process) -> None:
    """Kill what an engine that was stopped or killed has left behind: nothing may act after the deployment ended.

    OSError where something cannot be killed: as long as it may act, nobody can tell what was done.
    """
    until = time.monotonic() + _KILL_SECONDS
    while processes.members(process):
        if time.monotonic() >= until:
            raise OSError(errno.EBUSY, "a process of the engine cannot be ended", str(process.pid))
        processes.kill(process)
        time.sleep(0.01)
