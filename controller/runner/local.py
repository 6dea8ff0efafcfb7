"""How does the controller start, watch and stop a supervisor on its own machine?"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import controller
from controller.errors import ConflictError, NotAllowedError, RetryableError
from controller.runner import bundle, durable, journal, processes, protocol, steps
from controller.runner.protocol import Handed, Job, Observation, Phase
from controller.secrets import age
from controller.secrets.secret import Secret

BUSY_SECONDS = 5.0  # a supervisor that has written its result is gone in less
# What the engine inherits of the controller's own environment: nothing that opens a door.
_INHERITED = frozenset(
    {
        "HTTPS_PROXY", "HTTP_PROXY", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "NO_PROXY",
        "PATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER", "https_proxy", "http_proxy", "no_proxy",
    }
)  # fmt: skip
# What would change the arguments or the place of the engine's work behind the supervisor's back.
_REFUSED = ("TF_CLI_ARGS", "TF_DATA_DIR", "TF_WORKSPACE", protocol.OURS)


def deliver(directory: Path, files: Mapping[str, bytes]) -> None:
    """Put the bundle into the run directory, which is made if need be. Comes before the plan is started."""
    with _on_disk():
        durable.make_folder(directory)
        bundle.deliver(directory, files)


def start(job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
    """Start a supervisor for one phase, which goes on whatever becomes of this process.

    `environment` is what the runner gives the engine, every value of it masked wherever something becomes public;
    PASSPHRASE and FINGERPRINT_KEY in it are for the supervisor. No value is written to disk or shown in an argument.
    """
    handed = _handed(environment)
    for recipient in (*job.log_recipients, *job.output_recipients):
        age.check_recipient(recipient)
    with _on_disk(), contextlib.ExitStack() as stack:
        durable.make_folder(directory)
        lock = stack.enter_context(_held_lock(directory))
        _make_way(directory, job.phase)
        protocol.write_job(directory, job)
        _launch(directory, handed, lock)


def observe(directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation:
    """What there is to see now: events and chunks numbered above those given, and the newest results."""
    # First of all: whoever is found dead here has written everything that is read below.
    alive = is_alive(directory)
    plan_result = protocol.read_result(directory, protocol.PLAN_RESULT)
    apply_result = protocol.read_result(directory, protocol.APPLY_RESULT)
    return Observation(
        alive=alive,
        job=protocol.read_job(directory),
        plan_result=plan_result,
        apply_started=protocol.read_started(directory),
        apply_result=apply_result,
        events=journal.read_events(directory, after_event),
        chunks=journal.read_chunks(directory, after_chunk),
        log_ended=journal.has_ended(directory),
        cancel_requested=(directory / protocol.CANCEL).exists(),
        trouble=_trouble(directory),
    )


def cancel(directory: Path) -> None:
    """Ask for the end of this run, for good; its supervisor hears of it within a moment, or before it begins."""
    with _on_disk(), contextlib.suppress(FileExistsError):
        durable.make_folder(directory)
        durable.write_once(directory / protocol.CANCEL, b"")


def is_alive(directory: Path) -> bool:
    """Whether a supervisor works in this directory."""
    try:
        descriptor = os.open(directory / protocol.LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def group_is_empty(directory: Path) -> bool:
    """Whether nothing is left of the engine that ran last, nor of anything that it started."""
    running = steps.read_running(directory)
    return running is None or not processes.members(running.process)


def kill_group(directory: Path) -> None:
    """End at once whatever is left of the engine that ran last."""
    running = steps.read_running(directory)
    if running:
        processes.kill(running.process)


@contextlib.contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        if not durable.is_passing(e):
            raise
        raise RetryableError(
            f"runner: the machine refuses ({e.strerror}); make room in the data directory, or let it be written to"
        ) from e


def _handed(environment: Mapping[str, Secret | str]) -> Handed:
    given = {name: value.reveal() if isinstance(value, Secret) else value for name, value in environment.items()}
    passphrase, key = given.pop(protocol.PASSPHRASE, None), given.pop(protocol.FINGERPRINT_KEY, None)
    for name in sorted(given):
        if name.startswith(_REFUSED) or not name or "=" in name or "\0" in name + given[name]:
            raise NotAllowedError(
                f"runner: it may not set the variable `{name}`; take it out of its `env` and its file"
            )
    inherited = {name: os.environ[name] for name in sorted(_INHERITED) if name in os.environ}
    # A proxy's address may bear a password.
    masked = {*given, *(name for name, value in inherited.items() if "@" in value)}
    return Handed(inherited | given, tuple(sorted(masked)), passphrase, key)


@contextlib.contextmanager
def _held_lock(directory: Path) -> Iterator[int]:
    """The lock of the directory; a process that inherits the descriptor holds it on when this one lets go."""
    descriptor = os.open(directory / protocol.LOCK, os.O_RDWR | os.O_CREAT, durable.PRIVATE_FILE)
    try:
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise ConflictError(
                        f"{directory.name}: a supervisor is at work there; wait for it to end"
                    ) from None
                time.sleep(0.02)
        os.ftruncate(descriptor, 0)  # whoever held it before is gone
        yield descriptor
    finally:
        os.close(descriptor)


def _make_way(directory: Path, phase: Phase) -> None:
    """Refuse what must never happen; before a plan, put away what an earlier one left."""
    if phase is not Phase.RECOVER and (directory / protocol.CANCEL).exists():
        raise ConflictError(f"{directory.name}: it was cancelled; open a new deployment")
    if phase is Phase.PLAN:
        _forget_plan(directory)
    why = protocol.refusal(directory, phase)
    if why:
        raise ConflictError(f"{directory.name}: {why}")


def _forget_plan(directory: Path) -> None:
    planned = protocol.read_result(directory, protocol.PLAN_RESULT)
    applied = protocol.read_result(directory, protocol.APPLY_RESULT)
    if (applied and not applied.stale) or (planned and planned.log_ended):
        raise ConflictError(f"{directory.name}: it has ended; open a new deployment")
    forgotten = [protocol.PLAN, protocol.SUMMARY, protocol.PLAN_RESULT, protocol.LOCK_FILE]
    if applied:
        # The engine refused the plan, which is gone before the mark that forbids to apply it.
        forgotten += [protocol.APPLY_STARTED, protocol.APPLY_RESULT]
    for name in forgotten:
        (directory / name).unlink(missing_ok=True)
    durable.sync_folder(directory)


def _launch(directory: Path, handed: Handed, lock: int) -> None:
    """Start the process in a session of its own; it holds the lock from its first moment."""
    trouble = os.open(directory / protocol.TROUBLE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, durable.PRIVATE_FILE)
    try:
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", "controller.runner", str(directory)),
            cwd=directory,
            env=_own_environment(),
            stdin=subprocess.PIPE,
            stdout=trouble,
            stderr=trouble,
            start_new_session=True,
            pass_fds=(lock,),
        )
    except OSError as e:
        raise RetryableError(f"supervisor: it cannot be started: {e.strerror}; make room on the machine") from e
    finally:
        os.close(trouble)
    # Nobody waits for it, but somebody has to take note of its end, or it stays in the list of processes.
    threading.Thread(target=process.wait, name=f"end of {directory.name}", daemon=True).start()
    try:
        with process.stdin or contextlib.nullcontext() as stdin:
            if stdin:
                stdin.write(protocol.write_handed(dataclasses.replace(handed, lock=lock)))
    except BrokenPipeError as e:
        raise RetryableError(f"supervisor: it ended at once; {_trouble(directory) or 'it left no word'}") from e


def _own_environment() -> Mapping[str, str]:
    """What the supervisor itself needs: to find this package, wherever it is."""
    root = str(Path(controller.__file__).resolve().parent.parent)
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {"PYTHONPATH": os.pathsep.join(paths)}


def _trouble(directory: Path) -> str:
    """The last line of what it said: of a traceback, the error."""
    try:
        lines = (directory / protocol.TROUBLE).read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        return ""
    return lines[-1] if lines else ""
