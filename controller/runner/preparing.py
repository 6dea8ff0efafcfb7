"""How is a working directory made ready for a plan or an apply: files, init or none, the lock file?"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from controller.runner import bundle, durable, foreign, initialised, protocol
from controller.runner.bundle import ENGINE_LOCK
from controller.runner.protocol import Ended, Phase
from controller.runner.session import EndingError, Session
from controller.runner.steps import Finished

# What engine and operating system say where the same may well succeed a minute later.
_TRANSIENT = (
    "429 too many requests",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway",
    "connection refused",
    "connection reset",
    "context deadline exceeded",
    "error acquiring the state lock",
    "giving up after",
    "i/o timeout",
    "no space left on device",
    "no such host",
    "temporary failure in name resolution",
    "tls handshake timeout",
    "unexpected eof",
)


def prepare(session: Session, *, anew: bool = False) -> None:
    """Lay the bundle out and run init where it is needed, or in any case with `anew`."""
    files = bundle.read(session.directory / protocol.BUNDLE)
    if bundle.MAIN not in files:
        raise EndingError(Ended.FAILED, "prepare failed: the bundle is missing; deploy again")
    job = session.job
    if job.state:
        durable.make_folder(Path(job.state).parent)
    for name in (protocol.HOME, *([protocol.TMP] if job.sandbox else [])):
        durable.make_folder(session.directory / name)
    if job.private:
        with session.locked(_beside(job.workdir, "init"), "prepare", shared=True):
            durable.make_folder(session.workdir)
            bundle.copy_engine_folder(Path(job.workdir), session.workdir)
        _lay_out(session, files, anew)
    else:
        with session.locked(_beside(job.workdir, "init"), "prepare"):
            _lay_out(session, files, anew)
    if job.phase is Phase.PLAN:
        _keep_lock_file(session)


@contextlib.contextmanager
def alone(session: Session) -> Iterator[None]:
    """Have the environment's warm directory to oneself; of a private copy nobody else knows."""
    if session.job.private:
        yield
        return
    with session.locked(_beside(session.job.workdir, "run"), "prepare"):
        yield


def ending(session: Session, step: str, finished: Finished, learn: Callable[[], None] = lambda: None) -> EndingError:
    """The end for a step that did not come to its own, after what it said was published.

    `learn` is called before that: it may teach the session what has to be masked.
    """
    transient, refusal = _is_transient(session, finished), foreign.refusal(session)
    learn()
    session.publish(step)
    if finished.stopped:
        return session.stopped(finished.stopped, step, forced=finished.forced)
    if refusal:
        return EndingError(Ended.FAILED, refusal)
    return session.failed(step, finished, transient=transient)


def _is_transient(session: Session, finished: Finished) -> bool:
    """Whether one of the diagnostics held, or the end itself, speaks of the world rather than of the configuration."""
    if finished.code == -signal.SIGKILL and not finished.stopped:
        return True
    said = [f"{held.get('summary')} {held.get('detail')}".lower() for held in session.held]
    return any(phrase in text for text in said for phrase in _TRANSIENT)


def _lay_out(session: Session, files: Mapping[str, bytes], anew: bool) -> None:
    job, workdir = session.job, session.workdir
    bundle.lay_out(files, workdir)
    digest = initialised.digest(files, job.engine, job.init_args)
    if initialised.is_current(workdir, digest) and not anew:
        session.journal.event("step_skipped", step="init", reason="nothing has changed that init looks at")
        return
    initialised.forget(workdir)
    _init(session, _lock_file(session, files))
    initialised.remember(workdir, digest)


def _keep_lock_file(session: Session) -> None:
    """Put the lock file where the controller finds it, if it is another than the bundle's."""
    given = session.directory / protocol.BUNDLE / ENGINE_LOCK
    content = durable.read_foreign(session.workdir / ENGINE_LOCK)
    if content is None:
        return
    if not given.is_file() or given.read_bytes() != content:
        durable.write(session.directory / protocol.LOCK_FILE, content)
        session.lock_changed = True


def _lock_file(session: Session, files: Mapping[str, bytes]) -> bytes | None:
    """The bundle's, or for an apply the one that its plan was made with; none: versions are chosen anew."""
    path = session.directory / protocol.LOCK_FILE
    if session.job.phase is not Phase.PLAN and path.is_file():
        return path.read_bytes()
    return files.get(ENGINE_LOCK)


def _init(session: Session, lock_file: bytes | None) -> None:
    job, target = session.job, session.workdir / ENGINE_LOCK
    arguments = ["init", "-input=false", "-json", "-reconfigure", *job.init_args]
    if lock_file is None:
        target.unlink(missing_ok=True)
    else:
        target.write_bytes(lock_file)
        if job.keep_lock_file:
            arguments.append("-lockfile=readonly")
    with contextlib.ExitStack() as stack:
        if job.plugin_cache:
            durable.make_folder(Path(job.plugin_cache))
            stack.enter_context(session.locked(_beside(job.plugin_cache, "init"), "init"))
        finished = session.step("init", *arguments)
    if finished.stopped or finished.code != 0:
        raise ending(session, "init", finished)
    session.publish("init")


def _beside(folder: str, purpose: str) -> Path:
    return Path(f"{folder.rstrip('/')}.{purpose}.lock")
