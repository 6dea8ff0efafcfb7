"""What do deployments need of the world? One frozen value that `wiring` builds and tests fill as they like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from controller import clock, machine
from controller.deployments.memory import Memory
from controller.errors import EndingError, LockstepError
from controller.forge.webhook import Forge
from controller.git.mirror import Mirror
from controller.git.remotes import Heads, Remotes
from controller.history.prune import Retention
from controller.history.store import Store
from controller.runner.protocol import Engine, Job, Observation, Sandbox
from controller.secrets.sealing import Sealer
from controller.secrets.secret import Secret


class Runner(Protocol):
    """How runs are started and looked at; the module `controller.runner.local` is one."""

    def deliver(self, directory: Path, files: Mapping[str, bytes]) -> None: ...

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None: ...

    def observe(self, directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation: ...

    def cancel(self, directory: Path) -> None: ...

    def group_is_empty(self, directory: Path) -> bool: ...

    def kill_group(self, directory: Path) -> None: ...


class ModuleRemotes(Protocol):
    """Where the tags and branches of other repositories are."""

    def heads(
        self, connection: str, urls: Iterable[str], patience: timedelta
    ) -> Mapping[str, Heads | LockstepError]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How much happens at once, and for how long."""

    plans: int = 4
    applies: int = 4
    batch: int | None = 10  # deployments of one commit
    memory_per_run: int = 0  # bytes; a new run begins only where they are available, the first one always
    plan_deadline: timedelta = timedelta(minutes=30)
    apply_deadline: timedelta = timedelta(hours=2)
    grace: timedelta = timedelta(minutes=5)  # for an engine that was asked to stop
    approval: timedelta = timedelta(hours=24)
    attempts: int = 3  # to start a run whose supervisor was lost
    tries: int = 3  # to deploy again what failed for a passing reason
    backoff: timedelta = timedelta(seconds=5)  # before the second attempt; three times as long before each next
    lease: timedelta = timedelta(seconds=60)  # how long a claim is good without a sign of life
    walk: int = 1000  # commits that one decision looks at

    def pause(self, attempts: int) -> timedelta:
        """How long to wait after so many attempts."""
        pauses: timedelta = self.backoff * 3 ** max(attempts - 1, 0)
        return pauses


@dataclass(frozen=True, slots=True)
class Webhook:
    """How deliveries of a forge are known to be its own: by the secret, or the one before it while it is exchanged."""

    forge: Forge
    secrets: Callable[[], Sequence[Secret]]  # read at each delivery


@dataclass(frozen=True, slots=True)
class Connection:
    """A repository that is watched."""

    id: str
    url: str  # without credentials
    mirror: Mirror
    branch: str = "main"
    poll: timedelta = timedelta(seconds=60)
    webhook: Webhook | None = None  # None: its forge delivers nothing


@dataclass(frozen=True, slots=True)
class Reread:
    """What the settings say now: connections, those that are as before being the same ones, and what else is new."""

    connections: Mapping[str, Connection]
    waiting: Sequence[str] = ()  # names of settings that changed, and that only a start takes up


@dataclass(frozen=True, slots=True)
class Doors:
    """Everything outside that deployments touch."""

    store: Store
    connections: Mapping[str, Connection]  # by id; other ones after a reload, see `deployments.watched`
    runner: Runner
    engine: Engine
    sealer: Sealer
    data: Path  # holds runs/, work/ (warm directories), states/, plugins/
    recipients: Sequence[str]  # of the controller: can read every log that the controller made a key for
    controller: str  # id of this controller: the same as long as it has the same data directory
    runner_env_dir: Path | None = None
    sandbox: Sandbox | None = None  # where engines run shut in
    origin: str = ""  # from where acts come through these doors, for the audit trail; empty: the controller itself
    page: str = ""  # where a browser finds the page, for links in comments
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    remotes: ModuleRemotes = field(default_factory=Remotes)  # where modules come from that lie elsewhere
    memory: Memory = field(default_factory=Memory)  # of what commits meant; may be lost at any time
    reread: Callable[[], Reread] | None = None  # the settings; None where there are none to read
    now: Callable[[], datetime] = clock.now
    ends: Callable[[], bool] = lambda: False  # whether what takes long is to be left, for the controller ends
    available_memory: Callable[[], int | None] = machine.available_memory

    def go_on(self) -> None:
        """Said now and then by whatever takes long."""
        if self.ends():
            raise EndingError("the controller ends; the next start begins that anew")
