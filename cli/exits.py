"""With which code does a command end? Decided here, for all of them."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from types import TracebackType

import click

from cli import output
from controller.errors import (
    ConflictError,
    LockstepError,
    ManifestError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
)


class Exit(IntEnum):
    """What a script that runs `lockstep` can tell apart."""

    DONE = 0
    INVALID = 1
    USAGE = 2
    CONFLICT = 3  # or superseded
    FAILED = 4
    TIMED_OUT = 5
    DENIED = 6  # or not found
    UNREACHABLE = 7
    BUG = 70
    INTERRUPTED = 130


class Stop(LockstepError):
    """A command that has to end with this code, and says why."""

    def __init__(self, code: Exit, message: str) -> None:
        super().__init__(message)
        self.code = code


class Guard:
    """Runs a command's body and keeps the code that it ends with; what went wrong is said on stderr."""

    def __init__(self) -> None:
        self.code: int = Exit.DONE

    def __enter__(self) -> Guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        self.code = _code(error)
        return True


@contextmanager
def unread() -> Iterator[None]:
    """Ends a command whose output nobody reads any more, as `head` does: that is no error, and no more is wanted."""
    try:
        yield
    except BrokenPipeError:
        # The interpreter must not try again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(Exit.DONE) from None


_CODES: dict[type[LockstepError], Exit] = {
    ManifestError: Exit.INVALID,
    ConflictError: Exit.CONFLICT,
    NotFoundError: Exit.DENIED,
    NotAllowedError: Exit.DENIED,
    RetryableError: Exit.UNREACHABLE,
}


def _code(error: BaseException) -> int:
    match error:
        case Stop():
            _say(str(error))
            return error.code
        case LockstepError():
            _say(str(error))
            return next((code for kind, code in _CODES.items() if isinstance(error, kind)), Exit.INVALID)
        case click.ClickException():
            error.show()
            return Exit.USAGE
        case click.exceptions.Exit():
            return error.exit_code
        case SystemExit():
            return error.code if isinstance(error.code, int) else Exit.DONE if error.code is None else Exit.INVALID
        case KeyboardInterrupt() | click.Abort():
            _say("interrupted")
            return Exit.INTERRUPTED
        case OSError() if error.strerror:
            _say(f"{_named(error)}: {error.strerror.lower()}; check the path and its permissions")
            return Exit.INVALID
    return _bug(error)


def _named(error: OSError) -> str:
    return str(error.filename) if error.filename is not None else "the operating system"


def _bug(error: BaseException) -> int:
    """Say it in one line; the traceback goes to a file that only its owner can read."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="lockstep-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write("".join(traceback.format_exception(error)))
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    _say(f"this is a bug in Lockstep: {what}; please report it with {file.name}, which holds the traceback")
    return Exit.BUG


def _say(message: str) -> None:
    output.say(message)
