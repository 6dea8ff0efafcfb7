"""What becomes of a state that the engine could not save? It is put away, and pushed back before the next plan.

The engine writes it into its working directory, which the next deployment lays out anew. So whoever finds it there
moves it into the run directory, for the controller to keep; and where nobody did, the next plan finds it in its place.
Where it cannot even be written there, on a full disk, say, the engine says it all in a line of its output.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.model.deployment import EngineKind
from controller.runner import durable, protocol
from controller.runner.bundle import ERRORED
from controller.runner.protocol import Ended
from controller.runner.session import EndingError, Session
from controller.runner.steps import Finished
from controller.tofu import states
from controller.tofu.states import State

_PAUSE_SECONDS = 1.0
_STATE = "terraform.tfstate"  # where an engine looks that was told of no backend
_PLAIN = "plain.tfstate"


@dataclass(frozen=True, slots=True)
class _Unsaved:
    """A state that is not where it belongs: its file, which one it is, and where a person finds it."""

    path: Path
    what: str
    where: str
    is_given: bool = False  # by a person, to be taken over or moved: it keeps its lineage
    otherwise: str = "compare the two and push the right one by hand: "


def take(session: Session) -> bool:
    """Move it from the working directory to the run directory; whether there is one."""
    found, kept = session.workdir / ERRORED, session.directory / protocol.ERRORED
    if session.dumped is not None and not kept.exists():
        _write_patiently(session, kept, session.dumped)
    if _is_there(found):
        found.chmod(durable.PRIVATE_FILE)
        durable.sync(found)
        _move(found, kept)
        durable.sync_folder(kept.parent)
        durable.sync_folder(found.parent)
    return kept.exists()


def instances(session: Session) -> Sequence[str] | None:
    """The addresses in it; None where there is none, or none that can be read."""
    path = session.directory / protocol.ERRORED
    state = _read(session, path)[0] if path.exists() else None
    return None if state is None else list(states.instances(state))


def is_there(session: Session) -> bool:
    """Whether one has to be pushed before anything is planned."""
    return any(_is_there(unsaved.path) for unsaved in _waiting(session))


def put_back(session: Session) -> None:
    """Push what earlier applies could not save, unless it is there already; EndingError where that cannot be."""
    for unsaved in _waiting(session):
        if _is_there(unsaved.path):
            _push(session, unsaved)
            if unsaved.path.parent == session.directory:
                session.put_back = session.job.puts_back
            unsaved.path.unlink()


def put_in_place(session: Session, path: Path) -> None:
    """Push a state that is moved, unless it is there already; EndingError where another one is in its way."""
    if path.exists():
        where = "see that the new place holds no other state, then move it again"
        _push(session, _Unsaved(path, "the state that is to be moved", where, is_given=True, otherwise=""))


def _is_there(path: Path) -> bool:
    """No engine makes a link there: a module may have, to what it may not read itself."""
    return path.is_file() and not path.is_symlink()


def _waiting(session: Session) -> Sequence[_Unsaved]:
    """What the controller handed over, and what lies about where a supervisor was lost for good."""
    id = session.job.puts_back
    given = _Unsaved(
        session.directory / protocol.PUSH,
        "the state that was given" if session.job.adopts else f"the state that deployment {id} could not save",
        f"`lockstep db unsaved-state {id}` prints the one that was kept, and with --forget drops it",
        is_given=session.job.adopts,
    )
    stray = _Unsaved(
        session.workdir / ERRORED,
        "the state that an earlier apply could not save",
        f"the one that was kept is `{ERRORED}` in the environment's working directory, remove it when that is done",
    )
    return (given, stray)


def _push(session: Session, unsaved: _Unsaved) -> None:
    ours, plain = _read(session, unsaved.path)
    if ours is None:
        raise EndingError(Ended.FAILED, f"{unsaved.what} cannot be read; {unsaved.where}")
    there = _pulled(session, unsaved)
    if there is not None and _is_in_place(ours, there):
        session.journal.event("state_in_place")
    elif there is None or _may_follow(ours, there) or (unsaved.is_given and there.is_empty):
        _pushed(session, unsaved, plain, ours, is_forced=unsaved.is_given and there is not None and there.is_empty)
    elif not there.has_content_of(ours):
        raise EndingError(
            Ended.FAILED,
            f"{unsaved.what} ({ours}) is not put {'there' if unsaved.is_given else 'back'}: the state storage has "
            f"{there}, which somebody else wrote; {unsaved.otherwise}{unsaved.where}",
        )
    elif unsaved.is_given:
        _pushed(session, unsaved, plain, ours, is_forced=True)
    else:
        session.journal.event("state_in_place")


def _pushed(session: Session, unsaved: _Unsaved, plain: Path, ours: State, *, is_forced: bool) -> None:
    """Push it. The engine gives a state that is new to a remote storage another lineage: where that counts, its own."""
    force = ("-force",) if is_forced else ()
    patience = f"-lock-timeout={session.job.lock_seconds}s"
    _check(session, session.step("state push", "state", "push", *force, patience, str(plain)), "state push", unsaved)
    if not unsaved.is_given or is_forced:
        return
    there = _pulled(session, unsaved)
    if there is not None and there.lineage != ours.lineage and there.has_content_of(ours):
        _pushed(session, unsaved, plain, ours, is_forced=True)


def _pulled(session: Session, unsaved: _Unsaved) -> State | None:
    """What the storage has; None where there is no state at all."""
    finished = session.step("state pull", "state", "pull", capture=True)
    _check(session, finished, "state pull", unsaved)
    if not finished.captured.strip():
        return None
    state = states.read(finished.captured)
    if state is None:
        what = f"{unsaved.what} is not put back: what the state storage has is no state"
        raise EndingError(Ended.FAILED, f"{what}; mend it; {unsaved.where}")
    return None if state.is_none else state


def _is_in_place(unsaved: State, there: State) -> bool:
    """Whether it was saved after all, or pushed by somebody whose end nobody heard of."""
    is_same = unsaved.lineage in ("", there.lineage)
    return is_same and there.serial >= unsaved.serial and there.has_content_of(unsaved)


def _may_follow(unsaved: State, there: State) -> bool:
    return unsaved.lineage == there.lineage and unsaved.serial > there.serial


def _check(session: Session, finished: Finished, step: str, unsaved: _Unsaved) -> None:
    if finished.stopped:
        raise session.stopped(finished.stopped, step, forced=finished.forced)
    if finished.code != 0:
        what = f"{unsaved.what} is kept, and could not be put back yet"
        why = f"`{step}` exited with {finished.code}"
        remedy = f"see that the state storage can be reached, then deploy again; {session.see_log('details')}"
        raise EndingError(Ended.FAILED, f"{what}: {why}; {remedy}", transient=True)


def _read(session: Session, path: Path) -> tuple[State | None, Path]:
    """A state and the file that has it in clear: OpenTofu encrypts it, but pushes only what is not encrypted."""
    content = path.read_bytes()
    state = states.read(content)
    if state is not None or session.job.engine.kind is not EngineKind.OPENTOFU:
        return state, path
    folder = session.directory / protocol.DECRYPTED
    durable.make_folder(folder)
    durable.replace(folder / _STATE, content)
    finished = session.step("state decrypt", f"-chdir={folder}", "state", "pull", capture=True, last_words=True)
    durable.replace(folder / _PLAIN, finished.captured)
    return states.read(finished.captured), folder / _PLAIN


def _write_patiently(session: Session, path: Path, content: bytes) -> None:
    """Wait for room as long as the phase may take: nobody else has this state."""
    while True:
        try:
            return durable.write(path, content)
        except OSError:
            if session.stop.why():
                raise
            time.sleep(_PAUSE_SECONDS)


def _move(found: Path, kept: Path) -> None:
    try:
        os.replace(found, kept)
    except OSError as e:
        if e.errno != errno.EXDEV:
            raise
        # On another file system: there are two of them for a moment, never none.
        durable.write(kept, found.read_bytes())
        found.unlink()
