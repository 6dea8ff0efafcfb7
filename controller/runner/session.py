"""What do all steps of a phase share? Job, journal, mask, and the diagnostics held until the mask is whole."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from controller.model.deployment import EngineKind
from controller.model.document import Json
from controller.runner import durable, output, processes, protocol, sandbox, steps
from controller.runner.bundle import MAIN
from controller.runner.journal import Journal
from controller.runner.protocol import Ended, Handed, Job, Phase, Result
from controller.runner.steps import Finished, Room, Stop
from controller.secrets.masking import MASKED, Mask
from controller.tofu import addresses, diagnostics

_LAST_WORDS_SECONDS = 120.0  # for steps that only read, after the phase was told to stop
_LAST_WORDS_GRACE = 10.0
_HELD_BYTES = 16 * 1024 * 1024  # of diagnostics of a step; whoever says more is heard in the log alone
_WITHHELD = "what a provider said is withheld: the state could not be read, and so nobody knows what in it is secret"
_SETTINGS: Mapping[str, str] = {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}


class EndingError(Exception):
    """The phase is over: how, and the sentence that says so."""

    def __init__(self, status: Ended, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.more = more


class Session:
    """One phase of one run directory."""

    def __init__(self, directory: Path, job: Job, handed: Handed, journal: Journal, stop: Stop) -> None:
        self.directory = directory
        self.job = job
        self.journal = journal
        self.stop = stop
        self.mask = Mask([*(handed.environment[name] for name in handed.masked), handed.passphrase or ""])
        self.knows_secrets = True  # but for what the state holds, which could not be read
        self.public: list[Json] = []  # diagnostics that were published
        self.lock_changed = False  # init wrote another lock file than it was given
        self.dumped: bytes | None = None  # a state that the engine could save nowhere
        self.put_back: str | None = None  # deployment whose unsaved state is where it belongs now
        self.held: list[Mapping[str, Any]] = []  # diagnostics of the last step, as the engine gave them
        self._held_bytes = 0
        self.workdir = directory / protocol.WORK if job.private else Path(job.workdir)
        self.fingerprint_key = (handed.fingerprint_key or "").encode()
        self._environment = _environment(directory, job, handed)
        self._planned = _planned(directory) if job.phase is not Phase.PLAN else frozenset()

    def step(self, name: str, *arguments: str, capture: bool = False, last_words: bool = False) -> Finished:
        """Run the engine with these arguments; with `last_words` even though the phase was told to stop."""
        self.journal.event("step_started", step=name)
        self.journal.say(f"\n--- {name} ---\n")
        stop = Stop(None, _LAST_WORDS_SECONDS, _LAST_WORDS_GRACE) if last_words else self.stop
        command = (*self.job.engine.command, *arguments)
        if self.job.sandbox:
            needed = sandbox.places(self.directory, self.job, self.workdir, arguments)
            command = sandbox.command(self.job.sandbox, needed, command)
        finished = steps.run(command, name, self.room(stop), capture=capture)
        self._tell(name, finished)
        return finished

    def attach(self, running: steps.Running) -> Finished:
        """Hear the rest of an engine whose supervisor was lost."""
        # Of one that has ended, what it said since its supervisor was lost is lost as well.
        self.journal.event("step_resumed", step=running.step, alive=processes.is_alive(running.process))
        self.journal.say(f"\n--- {running.step}, heard by a second supervisor ---\n")
        finished = steps.attach(running, self.room(self.stop))
        self._tell(running.step, finished)
        return finished

    def room(self, stop: Stop) -> Room:
        return Room(
            self.directory,
            self.workdir,
            self._environment,
            stop,
            self._hear_out,
            self._hear_err,
            self.journal.breathe,
            is_sandboxed=self.job.sandbox is not None,
        )

    def document(self, name: str, *arguments: str, last_words: bool = False) -> tuple[Finished, Any]:
        """The JSON document that a step prints, which nobody else gets to see; None where there is none."""
        finished = self.step(name, *arguments, capture=True, last_words=last_words)
        try:
            is_whole = finished.code == 0 and not finished.lacks
            return finished, json.loads(finished.captured) if is_whole else None
        except (ValueError, RecursionError):
            return finished, None

    def publish(self, step: str) -> None:
        """Make the public parts of the diagnostics held since the last time known, masked."""
        for diagnostic in self.held:
            public = diagnostics.public(self._presentable(diagnostic), step, self.mask, self._main())
            if public is not None:
                self.public.append(public)
                self.journal.event("diagnostic", step=step, **public)
        self.held.clear()

    def address(self, address: str) -> str:
        """An address as everybody may read it.

        Keys of its instances are values. The plan was summarised when all that is secret in it was known, so whatever
        key has come through then may be shown, and no other.
        """
        shown = addresses.masked(address, self.mask)
        return shown if shown in self._planned else addresses.masked(address, lambda _: MASKED)

    def must_go_on(self, step: str) -> None:
        """Raise if the phase has been told to stop."""
        why = self.stop.why()
        if why:
            raise self.stopped(why, step)

    def stopped(self, why: Ended, step: str, **more: Any) -> EndingError:
        if why is Ended.CANCELLED:
            return EndingError(why, f"cancelled during {step}", **more)
        seconds = self.job.plan_seconds if self.job.phase is Phase.PLAN else self.job.apply_seconds
        return EndingError(
            why, f"{step} was stopped: the phase may take {seconds} s; {self.see_log('what it waited for')}", **more
        )

    def failed(self, step: str, finished: Finished, **more: Any) -> EndingError:
        """The end for a step that failed, after its diagnostics were published."""
        errors = [public for public in self.public if public.get("severity") == "error"]
        if errors:
            address = errors[0].get("address")
            what = f"{errors[0].get('summary')}{f' ({address})' if address else ''}"
        elif finished.code is None:
            what = "the engine ended unheard"
        elif finished.code < 0:
            what = killed(-finished.code)
        elif finished.code == 0:
            what = finished.lacks or "the engine printed no JSON document"
        else:
            what = f"the engine exited with {finished.code} and gave no diagnostic"
        return EndingError(Ended.FAILED, f"{step} failed: {what}; {self.see_log('details')}", **more)

    def result(self, status: Ended, message: str, **more: Any) -> Result:
        """A result but for what is filled in at the very end."""
        return Result(self.job.deployment, self.job.phase, status, message, "", str(self.job.engine), 0.0, **more)

    def see_log(self, what: str) -> str:
        return f"{what}: `lockstep logs {self.job.deployment}`"

    @contextmanager
    def locked(self, path: Path, waiting_for: str, *, shared: bool = False) -> Iterator[None]:
        """Hold the lock of a file, which is made if need be; whoever waits can be told to stop."""
        durable.make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, durable.PRIVATE_FILE)
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            while not _try_lock(descriptor, kind):
                self.must_go_on(waiting_for)
                self.journal.breathe()
                time.sleep(0.05)
            yield
        finally:
            os.close(descriptor)

    def _presentable(self, diagnostic: Mapping[str, Any]) -> Mapping[str, Any]:
        """A diagnostic without keys that may be secret, and without words of a provider that may quote a secret."""
        address = diagnostic.get("address")
        if not address:
            return diagnostic
        is_planned = self.job.phase is not Phase.PLAN
        shown = self.address(address) if is_planned else addresses.masked(address, self.mask)
        summary = {} if self.knows_secrets else {"summary": _WITHHELD}
        return {**diagnostic, "address": shown, **summary}

    def _main(self) -> str:
        """The text that diagnostics about the generated configuration refer to."""
        # As it was delivered: what lies in the working directory, a module may have changed.
        try:
            return (self.directory / protocol.BUNDLE / MAIN).read_text()
        except FileNotFoundError:
            return ""

    def _tell(self, name: str, finished: Finished) -> None:
        self.journal.event(
            "step_finished",
            step=name,
            seconds=round(finished.seconds, 3),
            exit_code=finished.code,
            stopped=finished.stopped,
            forced=finished.forced,
        )
        self.journal.breathe()

    def _hear_out(self, line: bytes) -> None:
        said = output.read(line)
        self.journal.say(said.text)
        if said.event:
            event = dict(said.event)
            if "address" in event:
                event["address"] = self.address(event["address"])
            self.journal.report(event.pop("type"), **event)
        if said.identity:
            self.journal.identity(said.identity | {"address": self.address(said.identity["address"])})
        if said.state is not None:
            self._keep_state(said.state)
        if said.diagnostic:
            self._held_bytes = len(line) + (self._held_bytes if self.held else 0)
            if self._held_bytes <= _HELD_BYTES:
                self.held.append(said.diagnostic)

    def _keep_state(self, content: bytes) -> None:
        """Write it down at once; what has no room now is tried again when the engine has ended."""
        self.dumped = content
        with contextlib.suppress(OSError):
            durable.write(self.directory / protocol.ERRORED, content)

    def _hear_err(self, line: bytes) -> None:
        self.journal.say(output.read(line).text)


def killed(number: int) -> str:
    """How a signal ended the engine, and what mostly stands behind it."""
    try:
        name = f" ({signal.Signals(number).name})"
    except ValueError:
        name = ""
    said = f"the engine was killed by signal {number}{name}"
    if number != signal.SIGKILL:
        return said
    return f"{said}, as by the kernel when memory runs out; give it more, or let fewer run at a time (memory_per_run)"


def _planned(directory: Path) -> frozenset[str]:
    """The addresses in the summary of the plan."""
    changes = (durable.read_json(directory / protocol.SUMMARY) or {}).get("changes", ())
    return frozenset(change[name] for change in changes for name in ("address", "previous_address") if name in change)


def _environment(directory: Path, job: Job, handed: Handed) -> Mapping[str, str]:
    """What the engine finds: what it was handed, and settings of ours that nobody may override."""
    environment = {"HOME": str(directory / protocol.HOME)} | dict(handed.environment) | dict(_SETTINGS)
    if job.plugin_cache:
        environment["TF_PLUGIN_CACHE_DIR"] = job.plugin_cache
    if job.sandbox:
        environment["TMPDIR"] = sandbox.TMP
    if job.log_level == "debug":
        environment["TF_LOG"] = "DEBUG"
    if handed.passphrase and job.engine.kind is EngineKind.OPENTOFU:
        environment["TF_ENCRYPTION"] = _encryption(handed.passphrase, reads_plain=_may_be_plain(job))
    return environment


def _may_be_plain(job: Job) -> bool:
    """Whether a state may be met that nobody has encrypted: to take it over, or to say whose it is and refuse it."""
    return job.adopts or bool(job.refuses_state) or job.phase is Phase.MOVE


def _encryption(passphrase: str, *, reads_plain: bool) -> str:
    """OpenTofu's configuration that encrypts state and plan, and refuses those that are not.

    With `reads_plain` it reads a state that nobody has encrypted yet, and writes it encrypted.
    """
    # A method is named, not evaluated: a template there is refused by OpenTofu. The keys of one are evaluated.
    encrypted: dict[str, Json] = {"method": "method.aes_gcm.lockstep", "enforced": True}
    plain = {"fallback": {"method": "method.unencrypted.adopted"}, "enforced": False}
    configuration = {
        # The passphrase is random: the fewest iterations that are allowed, of the quicker function, are plenty.
        "key_provider": {
            "pbkdf2": {"lockstep": {"passphrase": passphrase, "iterations": 200_000, "hash_function": "sha256"}}
        },
        "method": {
            "aes_gcm": {"lockstep": {"keys": "${key_provider.pbkdf2.lockstep}"}},
            **({"unencrypted": {"adopted": {}}} if reads_plain else {}),
        },
        "state": encrypted | (plain if reads_plain else {}),
        "plan": encrypted,
    }
    return json.dumps(configuration)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
