"""How does an engine start so that there is never one that nobody knows of, and none that dies with its listener?"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from controller.runner import durable

_PIPE_BYTES = 1024 * 1024
_CANNOT_START = 126
_HANDLED = (signal.SIGPIPE, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def behind_gate(
    command: Sequence[str], workdir: Path, environment: Mapping[str, str], out: int, err: int
) -> tuple[int, int]:
    """Fork a process that waits for a newline through the gate before it becomes the engine.

    So its number can be written down first. Without a newline, because whoever forked it is gone, it ends. It leads a
    session of its own: a signal to it alone, or to all that it starts, reaches nobody else.
    """
    gate, opener = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(opener)
        _become(command, workdir, environment, gate, out, err)
    os.close(gate)
    return pid, opener


def fifo(stack: contextlib.ExitStack, path: Path) -> tuple[int, int]:
    """Both ends of a named pipe: one to read without waiting, one for the engine.

    The engine's end is open for reading as well: so when its supervisor is killed it is not killed by its next line,
    with the state unsaved, but goes on; and the next supervisor can read what has gathered in the pipe.
    """
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, durable.PRIVATE_FILE)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    stack.callback(os.close, reader)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # an ordinary user's pipes may be limited
            fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    writer = os.open(path, os.O_RDWR)
    stack.callback(os.close, writer)
    return reader, writer


def pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    """Both ends of a pipe without a name, for what may not outlive its reader."""
    reader, writer = os.pipe()
    stack.callback(os.close, reader)
    stack.callback(os.close, writer)
    os.set_blocking(reader, False)
    return reader, writer


def _become(
    command: Sequence[str], workdir: Path, environment: Mapping[str, str], gate: int, out: int, err: int
) -> NoReturn:
    try:
        os.setsid()
        for handled in _HANDLED:
            signal.signal(handled, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for descriptor, number in ((nothing, 0), (out, 1), (err, 2)):
            os.dup2(descriptor, number)
        if os.read(gate, 1) == b"\n":
            os.chdir(workdir)
            os.execve(command[0], list(command), environment)  # noqa: S606 - no shell is the point
    except OSError as e:
        os.write(2, f"`{command[0]}` cannot be started: {e.strerror}\n".encode())
    finally:
        os._exit(_CANNOT_START)
