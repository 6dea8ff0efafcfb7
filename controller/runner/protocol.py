"""What do controller and supervisor say to each other? Files in the run directory of one deployment.

The directory (0700) outlives both. The controller writes `job.json`, `bundle/`, `push.tfstate` and `cancel`; all else
is the supervisor's, which holds `lock` as long as it lives. A supervisor carries out one phase and ends.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from controller.errors import ConflictError
from controller.model.deployment import EngineKind, Mode
from controller.model.document import Json
from controller.runner import durable

FORMAT = 1

JOB = "job.json"
LOCK = "lock"  # held (flock) while a supervisor lives; its pid and start time inside
BUNDLE = "bundle"  # the files that the engine is to read, as the controller delivered them
CANCEL = "cancel"  # there: the deployment is to stop, for good
EVENTS = "events.jsonl"  # one object a line: {"n", "at", "type", …}; public
IDS = "ids.jsonl"  # ids of what was made: {"address", "resource_type", "key", "value"}; never public
ENGINE = "engine.json"  # the process that runs, or ran last, and the step that it carries out
PLAN = "plan.bin"  # the engine's plan, in clear
SUMMARY = "summary.json"  # the public summary of the plan
LOG = "log"  # <6 digits>.age; and `end`, with the number of the chunk that bears the end marker
OUTPUTS = "outputs.age"  # {workload: {key: value}}, an age message to the recipients of outputs
OPEN = "open.json"  # keys of workloads' outputs that the plan shows to be made of no sensitive output; no values
METADATA = "metadata.json"  # what modules gave as metadata; public
IMPORTS = "imports.json"  # address -> id of what an apply has made that no state knows; never public
ERRORED = "errored.tfstate"  # the state that the engine could not save at the end of an apply
PUSH = "push.tfstate"  # the same of an earlier apply, as the controller delivered it: pushed before the plan is made
MOVED = "moved.tfstate"  # the state that is moved to another storage, as the engine prints it
SUMMARY_AFTER = "summary-after.json"  # the public summary of the plan that was made where it was moved to
DECRYPTED = "decrypted"  # such a state where it is encrypted: the engine pushes it only in clear
LOCK_FILE = "lock.hcl"  # the dependency lock file, where init wrote another than it was given
PLAN_RESULT = "result-plan.json"
APPLY_STARTED = "apply_started"  # durable before the engine's apply starts: this plan is never applied again
APPLY_RESULT = "result-apply.json"
WORK = "work"  # the working directory of a private run
HOME = "home"  # the engine's home
STDOUT = "stdout.pipe"  # what the engine says; open on its own side for reading too, so that it outlives a listener
STDERR = "stderr.pipe"
TMP = "tmp"  # what the engine has for /tmp in a sandbox
TROUBLE = "supervisor.err"  # what a supervisor said that could not even begin


# Names in the mapping that `local.start` takes which are for the supervisor, not for the engine.
PASSPHRASE = "LOCKSTEP_PASSPHRASE"  # noqa: S105 - OpenTofu: state and plan are encrypted with it
FINGERPRINT_KEY = "LOCKSTEP_FINGERPRINT_KEY"  # the environment's key for fingerprints of plans
OURS = "LOCKSTEP_"  # no runner may set variables that begin so


class Phase(StrEnum):
    PLAN = "plan"  # prepare, init, plan to a file, summary
    APPLY = "apply"  # that file and no other, then outputs
    MOVE = "move"  # the state to another storage, then a plan there, which must be empty
    RECOVER = "recover"  # after a supervisor was lost in an apply: read on, find out what was done


class Ended(StrEnum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"  # nothing was started: the plan is not the one that was recorded
    INTERRUPTED = "interrupted"  # the apply was cut short; `extent` says how far it came


class Extent(StrEnum):
    """How far an apply came that was cut short."""

    FINISHED = "finished"
    NOT_BEGUN = "not_begun"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Engine:
    """A program that plans and applies, and why it was chosen. `command` is the beginning of its argument list."""

    kind: EngineKind
    name: str  # tofu | terraform | embedded
    command: tuple[str, ...]
    version: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """How engines are shut in with bubblewrap: what all of them see, always read-only. All paths are absolute."""

    program: str
    visible: tuple[str, ...]
    hidden: tuple[str, ...]  # folders and files in there that nobody may see
    paths: tuple[str, ...] = ()  # the operator wants these to be seen, hidden or not


@dataclass(frozen=True, slots=True)
class Job:
    """What a supervisor is to do. No secret is in it: those travel on standard input."""

    deployment: str
    phase: Phase
    mode: Mode
    engine: Engine
    workdir: str  # the environment's warm working directory
    private: bool = False  # work on a copy: plans for requests, drift checks
    init_args: tuple[str, ...] = ()  # `-backend-config=path=…`
    state: str | None = None  # file of a local state
    plugin_cache: str | None = None
    log_recipients: tuple[str, ...] = ()  # none: no log is kept
    output_recipients: tuple[str, ...] = ()  # none: no outputs are kept
    plan_digest: str | None = None  # sha256 of the plan that was recorded (and approved), in hex
    plan_seconds: int = 1800
    apply_seconds: int = 7200
    grace_seconds: int = 300  # between the request to stop and the end of the engine's whole group
    lock_seconds: int = 60  # patience with the state's lock
    keep_lock_file: bool = True  # init may not change a lock file that the bundle brings
    sandbox: Sandbox | None = None
    log_level: str = "info"  # `debug` lets the engine trace into the log
    imports: bool = False  # its bundle has `import` blocks, which a person asked for
    puts_back: str | None = None  # deployment whose unsaved state lies in `push.tfstate`
    replaces: tuple[str, ...] = ()  # addresses that are possibly unfinished: they are made anew
    refuses_state: str = ""  # what to say where the storage holds a state, for none of ours can be there yet
    takes_state: bool = False  # it is to be moved: the state goes into `moved.tfstate` when the plan is empty
    adopts: bool = False  # what exists is taken over: `push.tfstate` was given, a state may not be encrypted yet

    @property
    def takes_lock(self) -> bool:
        """Whether its plan takes the lock of the state; those that nothing follows only look."""
        return not self.private and self.mode not in (Mode.PLAN_ONLY, Mode.DRIFT)

    @property
    def only_plans(self) -> bool:
        return self.mode in (Mode.PLAN_ONLY, Mode.DRIFT)


@dataclass(frozen=True, slots=True)
class StateMark:
    """Which version of which state: equal marks, untouched state."""

    serial: int
    lineage: str


@dataclass(frozen=True, slots=True)
class Started:
    """The content of `apply_started`."""

    deployment: str
    plan_digest: str
    at: str
    state: StateMark | None  # before the apply, where the state is a local file


@dataclass(frozen=True, slots=True)
class Result:
    """How a phase ended. All of it is public."""

    deployment: str
    phase: Phase
    status: Ended
    message: str  # one sentence
    at: str
    engine: str
    seconds: float
    plan_digest: str | None = None  # plan: sha256 of the plan file, in hex
    empty: bool = False  # plan: nothing would change
    fingerprint: str | None = None  # plan: equal fingerprints, same changes to the same values
    state: StateMark | None = None  # at the end, where the state is a local file
    lock_changed: bool = False  # plan: init wrote a lock file, see `lock.hcl`
    log_ended: bool = False  # the end marker is written; otherwise the controller writes it
    stale: bool = False  # apply: the state has moved on since the plan; nothing was done, it may be planned again
    transient: bool = False  # the same may well succeed later: network, or somebody's lock
    forced: bool = False  # the engine did not stop in time and was killed
    extent: Extent | None = None  # of an apply that was cut short
    possibly_orphaned: tuple[str, ...] = ()  # addresses begun to be made that no state knows
    possibly_unfinished: tuple[str, ...] = ()  # in the state, but nobody heard the end of their provisioners
    diagnostics: tuple[Json, ...] = ()  # public parts
    notes: tuple[str, ...] = ()
    put_back: str | None = None  # plan: deployment whose unsaved state is where it belongs now

    def ends_run(self, job: Job) -> bool:
        """Whether no further phase can follow, so that the log is whole."""
        if self.phase is Phase.PLAN:
            return self.status is not Ended.SUCCEEDED or (self.empty and job.mode is not Mode.REBIND) or job.only_plans
        return not self.stale


@dataclass(frozen=True, slots=True)
class Observation:
    """What there is to see in a run directory. With a result, all events and chunks before it are there too."""

    alive: bool
    job: Job | None = None
    events: tuple[Json, ...] = ()
    chunks: tuple[tuple[int, bytes], ...] = ()  # number and age message
    plan_result: Result | None = None
    apply_started: Started | None = None
    apply_result: Result | None = None
    log_ended: bool = False  # the end marker is among the chunks
    cancel_requested: bool = False
    trouble: str = ""  # of a supervisor that could not begin


@dataclass(frozen=True, slots=True)
class Handed:
    """What a supervisor is given on standard input and nowhere else."""

    environment: Mapping[str, str] = field(repr=False)  # all of the engine's, but for what the supervisor sets itself
    masked: tuple[str, ...] = ()  # names of those whose values nobody may read
    passphrase: str | None = field(default=None, repr=False)  # OpenTofu: state and plan are encrypted with it
    fingerprint_key: str | None = field(default=None, repr=False)
    lock: int | None = None  # descriptor of the lock that the controller took for it


def write_job(directory: Path, job: Job) -> None:
    durable.write_json(directory / JOB, _document(job))


def read_job(directory: Path) -> Job | None:
    document = _read(directory / JOB)
    if document is None:
        return None
    engine = document["engine"] | {"kind": EngineKind(document["engine"]["kind"])}
    typed = {"engine": Engine(**_tuples(engine)), "phase": Phase(document["phase"]), "mode": Mode(document["mode"])}
    if document.get("sandbox"):
        typed["sandbox"] = Sandbox(**_tuples(document["sandbox"]))
    return Job(**_tuples(document) | typed)


def write_result(directory: Path, result: Result) -> None:
    """Durable, and last: whoever sees it sees all that was written before."""
    name = PLAN_RESULT if result.phase is Phase.PLAN else APPLY_RESULT
    durable.write_json(directory / name, _document(result))


def read_result(directory: Path, name: str) -> Result | None:
    """`name` is PLAN_RESULT or APPLY_RESULT."""
    document = _read(directory / name)
    if document is None:
        return None
    extent = document["extent"]
    return Result(
        **_tuples(document)
        | {
            "phase": Phase(document["phase"]),
            "status": Ended(document["status"]),
            "state": _mark(document["state"]),
            "extent": Extent(extent) if extent else None,
        }
    )


def write_started(directory: Path, started: Started) -> None:
    """Durable when this returns; FileExistsError where an apply was started before."""
    durable.write_once(directory / APPLY_STARTED, json.dumps(_document(started), sort_keys=True).encode())


def read_started(directory: Path) -> Started | None:
    """A file that was cut off in the middle counts as well: the apply may have been started."""
    path = directory / APPLY_STARTED
    try:
        document = _read(path)
    except json.JSONDecodeError:
        return Started("", "", "", None)
    return None if document is None else Started(**document | {"state": _mark(document["state"])})


def refusal(directory: Path, phase: Phase) -> str | None:
    """Why this phase must not be carried out in this run directory; None where it may."""
    started = (directory / APPLY_STARTED).exists()
    if phase is not Phase.RECOVER:
        return "its plan was handed to an apply before; a plan is never applied twice" if started else None
    if not started:
        return "no apply was started that could be recovered"
    return "the apply has a result already" if (directory / APPLY_RESULT).exists() else None


def write_handed(handed: Handed) -> bytes:
    return json.dumps(dataclasses.asdict(handed)).encode()


def read_handed(data: bytes) -> Handed:
    document = json.loads(data)
    return Handed(**document | {"masked": tuple(document.get("masked", ()))})


def _document(value: Any) -> dict[str, Any]:
    return dataclasses.asdict(value) | {"format": FORMAT}


def _read(path: Path) -> dict[str, Any] | None:
    document: dict[str, Any] | None = durable.read_json(path)
    if document is None:
        return None
    format_ = document.pop("format", None)
    if format_ != FORMAT:
        raise ConflictError(
            f"{path}: it has format {format_}, not {FORMAT}; finish the run with the release that began it"
        )
    return document


def _tuples(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}


def _mark(document: Mapping[str, Any] | None) -> StateMark | None:
    return None if document is None else StateMark(**document)
