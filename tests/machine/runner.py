"""A runner whose engine changes a small world, which remembers everything: the ledger outside the database."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from controller.errors import ConflictError, RetryableError
from controller.model.deployment import Mode
from controller.runner import durable, local, protocol
from controller.runner.protocol import Ended, Extent, Job, Observation, Phase, Result
from controller.secrets.secret import Secret
from tests.machine import estate as estates
from tests.machine.estate import MAKING, Apply, Double, Estate, Thing
from tests.machine.luck import Fate, Luck


class LedgerRunner:
    """A runner that follows its luck; whatever may never happen, it asserts."""

    def __init__(self) -> None:
        self.luck: list[Luck] = []  # of the phases that begin next; without it all goes well
        self.estates: dict[str, Estate] = defaultdict(Estate)  # by the environment's uuid
        self.bundles: dict[str, Mapping[str, Any]] = {}  # by deployment
        self.wanted: dict[str, dict[str, int]] = {}  # by deployment: address -> size
        self.alive: dict[str, Path] = {}  # supervisors at work, by deployment
        self.applies: dict[str, Apply] = {}  # that have begun, by deployment
        self.handed: set[str] = set()  # digests of plans that were given to an engine
        self.doubled: list[Double] = []
        self.started: Counter[str] = Counter()
        self.plans = 0

    def deliver(self, directory: Path, files: Mapping[str, bytes]) -> None:
        durable.make_folder(directory)
        self.bundles[directory.name] = {"moved": [], "module": {}} | json.loads(files["main.tf.json"])

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        if job.deployment in self.alive:
            raise ConflictError(f"{directory.name}: a supervisor is at work there; wait for it to end")
        luck = self.luck.pop(0) if self.luck else Luck()
        if luck.fate is Fate.REFUSED:
            raise RetryableError("supervisor: it cannot be started: no memory; make room on the machine")
        durable.make_folder(directory)
        _make_way(directory, job.phase)
        protocol.write_job(directory, job)
        self.started[job.phase] += 1
        self.alive[job.deployment] = directory
        _BEGIN[job.phase](self, job, directory, luck)
        if job.deployment in self.alive and luck.fate is not Fate.HANGS:
            self.run_on(job.deployment, luck)

    def run_on(self, deployment: str, luck: Luck) -> None:
        """Let a phase that is at work come to its end."""
        directory = self.alive.pop(deployment)
        job = protocol.read_job(directory)
        assert job is not None
        if luck.fate is Fate.HANGS:
            luck = dataclasses.replace(luck, fate=Fate.DONE)
        _END[job.phase](self, job, directory, luck)

    def observe(self, directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation:
        seen = local.observe(directory, after_event, after_chunk)
        return dataclasses.replace(seen, alive=directory.name in self.alive)

    def cancel(self, directory: Path) -> None:
        local.cancel(directory)

    def group_is_empty(self, directory: Path) -> bool:
        found = self.applies.get(directory.name)
        return found is None or not found.left

    def kill_group(self, directory: Path) -> None:
        found = self.applies[directory.name]
        found.left = False
        if found.estate.busy == found.deployment:
            found.estate.busy = None

    def meddle(self, uuid: str) -> None:
        """Somebody writes a new state, with the same in it: every plan of before is stale."""
        self.estates[uuid].serial += 1

    def forgive(self, deployment: str) -> None:
        """Somebody has approved that this one makes once more what may be there."""
        self.doubled = [double for double in self.doubled if double.deployment != deployment]

    def _begin_plan(self, job: Job, directory: Path, luck: Luck) -> None:
        estate = self._estate(job)
        assert job.private or estate.busy is None, f"{job.deployment} plans while {estate.busy} applies"

    def _end_plan(self, job: Job, directory: Path, luck: Luck) -> None:
        if luck.fate in (Fate.LOST, Fate.EARLY):
            return
        if (directory / protocol.CANCEL).exists() and luck.fate is not Fate.DONE:
            _write(directory, job, Ended.CANCELLED, "cancelled during plan")
        elif luck.fate in (Fate.FAILS, Fate.PASSES):
            is_passing = luck.fate is Fate.PASSES
            _write(directory, job, Ended.FAILED, f"plan failed: {luck.fate}", transient=is_passing)
        else:
            self._plan(job, directory)

    def _plan(self, job: Job, directory: Path) -> None:
        self.plans += 1
        estate, bundle = self._estate(job), self.bundles[job.deployment]
        wanted = {} if job.mode is Mode.DESTROY else estates.wanted(bundle)
        if not job.private:
            self.wanted[job.deployment] = wanted
        moves = [] if job.mode is Mode.DESTROY else estates.moves(bundle, estate.state)
        actions = estates.actions(estates.moved(estate.sizes(), moves), wanted)
        is_empty = not actions and not moves
        document = {"n": self.plans, "serial": estate.serial, "moves": moves, "actions": actions}
        content = json.dumps(document).encode()
        changes = [{"action": what, "address": name} for what, name, _ in actions]
        made = Counter({"delete": "destroy"}.get(what, what) for what, _, _ in actions)
        counts = {what: made[what] for what in ("create", "update", "destroy", "replace")}
        summary = {"format": 1, "changes": changes, "counts": counts, "outputs": [], "empty": is_empty}
        durable.write_json(directory / protocol.SUMMARY, summary)
        if not (is_empty or job.only_plans):
            durable.write(directory / protocol.PLAN, content)
        more = {"plan_digest": sha256(content).hexdigest(), "empty": is_empty, "fingerprint": json.dumps(actions)}
        _write(directory, job, Ended.SUCCEEDED, "planned", **more)

    def _begin_apply(self, job: Job, directory: Path, luck: Luck) -> None:
        if luck.fate is Fate.EARLY:
            del self.alive[job.deployment]
            return
        content = (directory / protocol.PLAN).read_bytes()
        if sha256(content).hexdigest() != job.plan_digest:
            self._refuse(job, directory, "the plan file is not the one that was recorded; deploy again")
            return
        plan, estate = json.loads(content), self._estate(job)
        is_stale = plan["serial"] != estate.serial
        if not (is_stale and luck.part == 0):
            # With a state that it cannot read, only the engine finds out that the plan is stale.
            protocol.write_started(directory, protocol.Started(job.deployment, job.plan_digest or "", _AT, None))
            assert job.plan_digest not in self.handed, f"the plan of {job.deployment} was handed to an apply twice"
            self.handed.add(job.plan_digest or "")
        if is_stale:
            self._refuse(job, directory, "the state has changed since the plan was made; plan again", stale=True)
            return
        assert estate.busy is None, f"{job.deployment} applies while {estate.busy} does"
        estate.busy = job.deployment
        moves = [(was, now) for was, now in plan["moves"]]
        actions = [(what, name, size) for what, name, size in plan["actions"]]
        self.applies[job.deployment] = Apply(job.deployment, estate, moves, actions, estates.moved(estate.state, moves))

    def _refuse(self, job: Job, directory: Path, message: str, **more: Any) -> None:
        del self.alive[job.deployment]
        _write(directory, job, Ended.REFUSED, message, extent=Extent.NOT_BEGUN, **more)

    def _end_apply(self, job: Job, directory: Path, luck: Luck) -> None:
        apply = self.applies[job.deployment]
        if luck.fate in (Fate.LOST, Fate.EARLY):
            self._lose(apply, luck)
            return
        is_cut = luck.fate is not Fate.DONE
        self._perform(apply, luck.part if is_cut else len(apply.actions))
        estates.save(apply, apply.done)
        apply.estate.busy = None
        if not is_cut:
            durable.write_json(directory / protocol.METADATA, {})
            _write(directory, job, Ended.SUCCEEDED, "applied")
        elif (directory / protocol.CANCEL).exists():
            _write(directory, job, Ended.CANCELLED, "cancelled during apply", extent=Extent.PARTIAL)
        else:
            _write(directory, job, Ended.FAILED, "apply failed: no")

    def _lose(self, apply: Apply, luck: Luck) -> None:
        self._perform(apply, luck.part)
        estates.save(apply, max(apply.done - luck.unsaved, 0))
        apply.begun, apply.left = luck.begun, luck.left
        if not luck.left:
            apply.estate.busy = None

    def _begin_recover(self, job: Job, directory: Path, luck: Luck) -> None:
        pass

    def _end_recover(self, job: Job, directory: Path, luck: Luck) -> None:
        apply = self.applies[job.deployment]
        if luck.fate is not Fate.DONE:
            return
        if apply.left and luck.part:
            self._perform(apply, len(apply.actions))  # it was let go on to its end
            estates.save(apply, apply.done)
        apply.left, apply.begun = False, apply.begun and apply.done < len(apply.actions)
        if apply.estate.busy == job.deployment:
            apply.estate.busy = None
        if apply.saved == len(apply.actions):
            _write(directory, job, Ended.SUCCEEDED, "applied")
        elif not apply.done and not apply.begun:
            _write(directory, job, Ended.INTERRUPTED, "nothing was changed", extent=Extent.NOT_BEGUN)
        else:
            more = {"extent": Extent.PARTIAL, "possibly_orphaned": apply.lost}
            _write(directory, job, Ended.INTERRUPTED, "interrupted in the middle", **more)

    def _perform(self, apply: Apply, upto: int) -> None:
        """Change the world; the state learns of it later, or never."""
        estate = apply.estate
        assert estate.busy == apply.deployment, f"{apply.deployment} changes what {estate.busy} applies"
        for what, name, size in apply.actions[apply.done : upto]:
            if what in ("delete", "replace"):
                estate.things.pop(apply.state.pop(name))
            if what == "update":
                estate.things[apply.state[name]].size = size
            if what in MAKING:
                self._make(apply, name, size)
            apply.done += 1

    def _make(self, apply: Apply, address: str, size: int) -> None:
        estate = apply.estate
        if estate.unknown(address):
            self.doubled.append(Double(apply.deployment, address))
        for id in estate.unknown(address):
            del estate.things[id]  # once is enough to be told of
        estate.made += 1
        estate.things[estate.made] = Thing(address, size)
        apply.state[address] = estate.made

    def _estate(self, job: Job) -> Estate:
        return self.estates[Path(job.workdir).name]


def _make_way(directory: Path, phase: Phase) -> None:
    """What the real one does before it starts a supervisor."""
    if phase is not Phase.RECOVER and (directory / protocol.CANCEL).exists():
        raise ConflictError(f"{directory.name}: it was cancelled; open a new deployment")
    if phase is Phase.PLAN:
        applied = protocol.read_result(directory, protocol.APPLY_RESULT)
        if applied and not applied.stale:
            raise ConflictError(f"{directory.name}: it has ended; open a new deployment")
        left = [protocol.APPLY_STARTED, protocol.APPLY_RESULT] if applied else []
        for name in (protocol.PLAN, protocol.SUMMARY, protocol.PLAN_RESULT, *left):
            (directory / name).unlink(missing_ok=True)
    why = protocol.refusal(directory, phase)
    if why:
        raise ConflictError(f"{directory.name}: {why}")


_AT = "2026-01-01T00:00:00+00:00"
_BEGIN = {
    Phase.PLAN: LedgerRunner._begin_plan,
    Phase.APPLY: LedgerRunner._begin_apply,
    Phase.RECOVER: LedgerRunner._begin_recover,
}
_END = {
    Phase.PLAN: LedgerRunner._end_plan,
    Phase.APPLY: LedgerRunner._end_apply,
    Phase.RECOVER: LedgerRunner._end_recover,
}


def _write(directory: Path, job: Job, status: Ended, message: str, **more: Any) -> None:
    protocol.write_result(directory, Result(job.deployment, job.phase, status, message, _AT, "ledger 1.0", 0.1, **more))
