"""How does a controller start a hundred times a minute? Forked from a process that has imported everything already.

`python -m tests.kills.zygote FOLDER RECIPIENT` reads `start` and `reap PID` from standard input, one a line, and
answers each with a number: the new controller's pid, or how that one ended. At the end of its input it kills what it
started.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from controller import data_directory
from controller.loop import Loop
from tests.kills import company
from tests.kills.company import Folder
from tests.kills.traps import Trapped


@dataclass(frozen=True, slots=True)
class Zygote:
    """The process that forks, as the test sees it."""

    process: subprocess.Popen[str]

    def start(self) -> int:
        """Start a controller; its pid."""
        return self._ask("start")

    def reap(self, pid: int) -> int:
        """Wait for the end of a controller; its exit code, negative for a signal."""
        return self._ask(f"reap {pid}")

    def _ask(self, words: str) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextlib.contextmanager
def forking(folder: Folder, recipient: str) -> Iterator[Zygote]:
    """A process that starts controllers of this company; none of them is left afterwards."""
    root = Path(__file__).resolve().parents[2]
    command = (sys.executable, "-m", "tests.kills.zygote", str(folder.path), recipient)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=root, **pipes) as process:
        try:
            yield Zygote(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def main(folder: Folder, recipient: str) -> None:
    # Until it listens, a controller must not die of being told that somebody acted.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    started: set[int] = set()
    for line in sys.stdin:
        if line == "start\n":
            pid = os.fork()
            if pid == 0:
                _serve(folder, recipient)
            started.add(pid)
            _say(pid)
        else:
            pid = int(line.removeprefix("reap "))
            started.discard(pid)
            _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    for pid in started:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _serve(folder: Folder, recipient: str) -> NoReturn:
    """Be a controller until somebody kills it."""
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, number)
    logging.basicConfig(level=logging.WARNING, format=f"{os.getpid()} %(asctime)s %(message)s")
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    try:
        with data_directory.held(folder.data), company.doors(folder, recipient) as found:
            doors = replace(found, runner=Trapped(folder))
            # A person's act is heard of at once, as it is where page and loop are one process.
            signal.signal(signal.SIGUSR1, lambda *_: doors.store.written.set())
            Loop(doors).start()
            while True:
                signal.pause()
    except BaseException:
        logging.exception("the controller ends")
    finally:
        os._exit(70)


if __name__ == "__main__":
    main(Folder(Path(sys.argv[1])), sys.argv[2])
