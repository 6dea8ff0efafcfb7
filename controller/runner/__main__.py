"""How does a supervisor begin? `python -m controller.runner DIRECTORY`, with what it is handed on standard input."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from controller.runner import durable, processes, protocol, supervisor
from controller.runner.protocol import Handed

_USAGE = 2
_BUSY = 3


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m controller.runner DIRECTORY < handed.json", file=sys.stderr)
        return _USAGE
    directory = Path(arguments[0]).resolve()
    handed = protocol.read_handed(sys.stdin.buffer.read())
    lock = _hold_lock(directory, handed)
    if lock is None:
        print(f"{directory}: another supervisor is at work there; wait for it to end", file=sys.stderr)
        return _BUSY
    job = protocol.read_job(directory)
    if job is None:
        print(f"{directory}: there is no job; start runs through the controller", file=sys.stderr)
        return _USAGE
    return supervisor.supervise(directory, job, handed)


def _hold_lock(directory: Path, handed: Handed) -> int | None:
    """The lock's descriptor, which stays open as long as this process lives; None where another process has it."""
    descriptor = handed.lock
    if descriptor is None:
        descriptor = os.open(directory / protocol.LOCK, os.O_RDWR | os.O_CREAT, durable.PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
    # An engine that outlives its supervisor must not seem to be one.
    os.set_inheritable(descriptor, False)
    me = processes.identify(os.getpid())
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": me.pid, "started": me.started, "boot": me.boot}).encode(), 0)
    return descriptor


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Everything is written and synced; taking the interpreter apart would only keep the controller waiting.
    os._exit(code)
