"""When in a run is somebody killed? Each moment is seen from outside, in rows and files, and named for its trace."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from controller.model.deployment import FINAL, Mode, Status
from controller.runner import protocol
from controller.runner.protocol import Phase
from tests.kills import laws, ledger
from tests.kills.company import Folder
from tests.kills.ledger import Line
from tests.kills.victims import Victim


@dataclass(frozen=True)
class Seen:
    """What there is to see of one deployment now; each file is read once, and only if somebody asks."""

    folder: Folder
    row: Mapping[str, Any]  # of the deployments' table
    lines: Sequence[Line] = field(repr=False)  # of the ledger

    @property
    def run(self) -> Path:
        return self.folder.run(self.row["id"])

    @cached_property
    def status(self) -> Status:
        return Status(self.row["status"])

    @cached_property
    def phase(self) -> str:
        return str(self._document(protocol.JOB).get("phase", ""))

    @cached_property
    def step(self) -> str:
        """The step whose engine was started last."""
        return str(self._document(protocol.ENGINE).get("step", ""))

    @cached_property
    def events(self) -> str:
        return self._text(protocol.EVENTS)

    def has(self, name: str) -> bool:
        return (self.run / name).exists()

    def said(self, type_: str, **fields: str) -> bool:
        """Whether such an event is there; its first fields have these values."""
        words = json.dumps({"type": type_} | fields)[1:-1]
        return words in self.events

    @cached_property
    def effects(self) -> list[str]:
        return [line.kind for line in self.lines if line.deployment == self.row["id"]]

    @cached_property
    def state_was_written(self) -> bool:
        """Whether the state is younger than the mark that an apply began."""
        try:
            began = (self.run / protocol.APPLY_STARTED).stat().st_mtime_ns
            return self.folder.state(self.row["environment_uuid"]).stat().st_mtime_ns > began
        except FileNotFoundError:
            return False

    @cached_property
    def is_between(self) -> bool:
        """Whether something is made, or destroyed, and the state does not know."""
        kind = ledger.UNMADE if self.row["mode"] == Mode.DESTROY else ledger.MADE
        own = {line.id for line in self.lines if line.deployment == self.row["id"] and line.kind == kind}
        if not own:
            return False
        known = laws.ids_in_state(self.folder, self.row["environment_uuid"])
        return bool(own & known if kind == ledger.UNMADE else own - known)

    def _document(self, name: str) -> dict[str, Any]:
        text = self._text(name)
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def _text(self, name: str) -> str:
        try:
            return (self.run / name).read_text()
        except (FileNotFoundError, NotADirectoryError):
            return ""


@dataclass(frozen=True, slots=True)
class Moment:
    has_come: Callable[[Seen], bool]
    victims: tuple[Victim, ...]
    modes: tuple[Mode, ...] = (Mode.DEPLOY, Mode.DESTROY, Mode.ROLLBACK)


_BOTH = (Mode.DEPLOY, Mode.ROLLBACK)
_ALONE = (Victim.CONTROLLER,)
_NO_ENGINE = (Victim.CONTROLLER, Victim.SUPERVISOR, Victim.ALL)
_ANY = (Victim.CONTROLLER, Victim.SUPERVISOR, Victim.ENGINE, Victim.ALL)


def _begins(step: str, phase: Phase) -> Callable[[Seen], bool]:
    return lambda seen: seen.phase == phase and seen.step == step


def _ends(step: str) -> Callable[[Seen], bool]:
    return lambda seen: seen.said("step_finished", step=step)


def _at_work(phase: Phase) -> Callable[[Seen], bool]:
    return lambda seen: seen.said("phase_started", phase=phase)


BETWEEN = "made, not in the state"
OPENED, INIT_STARTED, INIT_FINISHED = "row opened", "init started", "init finished"
MOMENTS: Mapping[str, Moment] = {
    OPENED: Moment(lambda seen: seen.status is Status.QUEUED, _ALONE),
    "plan job written": Moment(lambda seen: seen.phase == Phase.PLAN, _NO_ENGINE),
    "plan supervisor at work": Moment(_at_work(Phase.PLAN), _NO_ENGINE),
    INIT_STARTED: Moment(_begins("init", Phase.PLAN), _ANY),
    INIT_FINISHED: Moment(_ends("init"), _NO_ENGINE),
    "plan started": Moment(_begins("plan", Phase.PLAN), _ANY),
    "plan file written": Moment(lambda seen: seen.has(protocol.PLAN), _ANY),
    "plan finished": Moment(_ends("plan"), _NO_ENGINE),
    "show started": Moment(_begins("show", Phase.PLAN), _ANY),
    "show finished": Moment(_ends("show"), _NO_ENGINE),
    "summary written": Moment(lambda seen: seen.has(protocol.SUMMARY), _NO_ENGINE),
    "plan result written": Moment(lambda seen: seen.has(protocol.PLAN_RESULT), _NO_ENGINE),
    "apply job written": Moment(lambda seen: seen.phase == Phase.APPLY, _NO_ENGINE),
    "apply supervisor at work": Moment(_at_work(Phase.APPLY), _NO_ENGINE),
    "apply_started written": Moment(lambda seen: seen.has(protocol.APPLY_STARTED), _NO_ENGINE),
    "engine started": Moment(_begins("apply", Phase.APPLY), _ANY),
    "engine applies": Moment(lambda seen: ledger.APPLY in seen.effects, _ANY),
    "apply_start said": Moment(lambda seen: seen.said("apply_start"), _ANY),
    BETWEEN: Moment(lambda seen: seen.is_between, _ANY),
    "apply_complete said": Moment(lambda seen: seen.said("apply_complete"), _ANY),
    "state written": Moment(lambda seen: seen.state_was_written, _ANY),
    "apply finished": Moment(_ends("apply"), _NO_ENGINE),
    "output started": Moment(_begins("output", Phase.APPLY), _ANY, _BOTH),
    "output finished": Moment(_ends("output"), _NO_ENGINE, _BOTH),
    "apply result written": Moment(lambda seen: seen.has(protocol.APPLY_RESULT), _NO_ENGINE),
    "run removed": Moment(lambda seen: seen.status in FINAL and not seen.run.exists(), _ALONE),
    "cleared": Moment(lambda seen: bool(seen.row["cleared"]), _ALONE),
}
# Only where an apply has lost its supervisor.
RECOVERY: Mapping[str, Moment] = {
    "recover job written": Moment(lambda seen: seen.phase == Phase.RECOVER, _NO_ENGINE),
    "recover supervisor at work": Moment(_at_work(Phase.RECOVER), _ANY),
    "engine heard again": Moment(lambda seen: seen.said("step_resumed"), _ANY),
    "check started": Moment(_begins("check", Phase.RECOVER), _ANY),
    "check finished": Moment(_ends("check"), _NO_ENGINE),
    "state list started": Moment(_begins("state list", Phase.RECOVER), _ANY),
    "recovery result written": Moment(
        lambda seen: seen.phase == Phase.RECOVER and seen.has(protocol.APPLY_RESULT), _NO_ENGINE
    ),
}
