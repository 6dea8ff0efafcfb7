"""How is a deployment handed to its runner: files, job, environment of the engine, and from where?"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from controller.deployments import adoption, foreign, keys, parts, recovery, states, variables
from controller.deployments.doors import Doors
from controller.errors import ConflictError, RetryableError
from controller.graph import diff
from controller.history import opening, record
from controller.history import work as history
from controller.history.work import Work
from controller.model.bundle import Binding, Bundle
from controller.model.deployment import EngineKind, Mode
from controller.model.document import Json
from controller.model.graph import Coordinate
from controller.runner import durable, protocol
from controller.runner.protocol import Job, Phase
from controller.secrets.secret import Secret
from controller.tofu import bind, lock
from controller.tofu import desired as documents


@dataclass(frozen=True, slots=True)
class Inputs:
    """What was kept of a deployment when it opened."""

    desired: Mapping[str, Json]
    modules: parts.Files


@dataclass(frozen=True, slots=True)
class Run:
    """A phase that is ready to be started."""

    job: Job
    directory: Path
    environment: Mapping[str, Secret | str]
    plan: bytes | None = None  # where its file is gone


def directory(doors: Doors, id: str) -> Path:
    """The run directory of a deployment."""
    return doors.data / "runs" / id


def state_file(doors: Doors, work: Work, binding: Binding | None = None) -> Path | None:
    """Where a local state is; a plan of an environment that there is not yet has one that is thrown away."""
    binding = binding or binding_now(work)
    if binding.state.type != "local":
        return None
    if work.environment is None:
        return directory(doors, work.deployment.id) / states.STATE
    return doors.data / "states" / binding.uuid / states.STATE


def binding_now(work: Work) -> Binding:
    """What a plan runs with: the deployment's binding; where it is to be moved, the one before."""
    is_moved = work.deployment.mode is Mode.REBIND and work.environment is not None and work.environment.binding
    return work.environment.binding if is_moved and work.environment and work.environment.binding else work.binding


def is_at_hand(doors: Doors, work: Work) -> bool:
    """Whether the plan was made in a run directory that is still there, for a state that is where it was.

    A plan file bears the place of its state: after a restore elsewhere it would be applied to another one.
    """
    job = protocol.read_job(directory(doors, work.deployment.id))
    state = state_file(doors, work)
    return job is not None and job.state == (str(state) if state else None)


def plan(doors: Doors, work: Work) -> Run:
    """The phase that plans: what is wanted is bound to what is there, and handed over."""
    _check_engine(doors, work)
    binding = binding_now(work)
    bundle, notes = _bundle(doors, work, binding)
    folder = directory(doors, work.deployment.id)
    kept = {parts.KEPT: parts.document(bundle.kept)} if bundle.kept else {}
    warnings = tuple(dict.fromkeys((*work.deployment.warnings, *notes, *recovery.doubts(doors, work))))
    record.bundled(doors.store, work.deployment.id, bundle.digest, kept, warnings)
    doors.runner.deliver(folder, bundle.files)
    foreign.mark(doors, work, state_file(doors, work))
    unsaved = _deliver_state(doors, work, folder)
    job = replace(
        _job(doors, work, Phase.PLAN, binding),
        takes_state=work.deployment.mode is Mode.REBIND and binding.state != work.binding.state,
        keep_lock_file=_has_exact_lock(doors, work, bundle),
        imports=work.imports,
        puts_back=unsaved,
        replaces=_replaced(doors, work),
        refuses_state=foreign.refusal(doors, work, state_file(doors, work)),
    )
    return Run(job, folder, _environment(doors, work, is_before=binding != work.binding))


def move(doors: Doors, work: Work) -> Run:
    """The phase that moves an environment, whatever of that was done before."""
    _check_engine(doors, work)
    bundle, _ = _bundle(doors, work, work.binding)
    folder = directory(doors, work.deployment.id)
    doors.runner.deliver(folder, bundle.files)
    found = opening.parts(doors.store, work.deployment.id, (parts.MOVED,))
    if parts.MOVED in found:
        durable.write(folder / protocol.MOVED, doors.sealer.open(found[parts.MOVED].content))
    return Run(_job(doors, work, Phase.MOVE, work.binding), folder, _environment(doors, work))


def apply(doors: Doors, work: Work) -> Run:
    """The phase that applies the plan that was recorded, and no other."""
    folder = directory(doors, work.deployment.id)
    plan = _kept_plan(doors, work, folder)
    return Run(_job(doors, work, Phase.APPLY, work.binding), folder, _environment(doors, work), plan)


def recover(doors: Doors, work: Work) -> Run:
    """The phase that finds out what an apply did whose supervisor was lost."""
    folder = directory(doors, work.deployment.id)
    return Run(_job(doors, work, Phase.RECOVER, work.binding), folder, _environment(doors, work))


def start(doors: Doors, run: Run) -> None:
    """Start it, with the recorded plan where that was lost."""
    try:
        if run.plan is not None:
            durable.make_folder(run.directory)
            durable.write(run.directory / protocol.PLAN, run.plan)
        doors.runner.start(run.job, run.directory, run.environment)
    except OSError as e:
        raise RetryableError(f"supervisor: it cannot be started: {e.strerror}; make room on the machine") from e


def clear(doors: Doors, id: str) -> None:
    """Take the run directory away, and with it the plan in clear."""
    shutil.rmtree(directory(doors, id), ignore_errors=True)


def inputs(doors: Doors, id: str) -> Inputs:
    """What a deployment wants, and the module trees that it wants it with."""
    found = opening.parts(doors.store, id, (parts.DESIRED, parts.MODULES))
    modules = parts.read_files(doors.sealer, found[parts.MODULES]) if parts.MODULES in found else {}
    return Inputs(parts.read(found[parts.DESIRED]), modules)


def _bundle(doors: Doors, work: Work, binding: Binding) -> tuple[Bundle, tuple[str, ...]]:
    own = inputs(doors, work.deployment.id)
    success = work.environment.last_success if work.environment else None
    ids = history.attempts_since(doors.store, work.deployment.environment_uuid, success)
    previous = [inputs(doors, id) for id in ids if id != work.deployment.id]
    modules = {id: tree for found in (*previous, own) for id, tree in found.modules.items()}
    moved, notes = _moved([found.desired for found in (*previous, own)])
    kept = opening.parts(doors.store, success, (parts.KEPT,)) if success else {}
    bundle = bind.bind(
        own.desired,
        binding,
        [found.desired for found in previous],
        modules,
        moved=moved,
        kept=parts.read(kept[parts.KEPT]) if kept else None,
        imports=_imports(doors, work),
    )
    return bundle, (*notes, *bundle.notes)


def _moved(chain: Sequence[Mapping[str, Json]]) -> tuple[list[Mapping[Coordinate, Coordinate]], tuple[str, ...]]:
    graphs = [documents.decode(document) for document in chain]
    found = [diff.moves(before, after) for before, after in pairwise(graphs)]
    return [moves.moved for moves in found], tuple(note for moves in found for note in moves.ambiguities)


def _job(doors: Doors, work: Work, phase: Phase, binding: Binding) -> Job:
    deployment, limits = work.deployment, doors.limits
    is_private = work.request is not None or deployment.mode in (Mode.PLAN_ONLY, Mode.DRIFT)
    state = state_file(doors, work, binding)
    return Job(
        deployment=deployment.id,
        phase=phase,
        mode=deployment.mode,
        engine=doors.engine,
        workdir=str(doors.data / "work" / binding.uuid),
        private=is_private,
        init_args=(f"-backend-config=path={state}",) if state else (),
        state=str(state) if state else None,
        plugin_cache=str(doors.data / "plugins"),
        log_recipients=(deployment.log_recipient,) if deployment.log_recipient else (),
        output_recipients=(deployment.outputs_recipient,) if deployment.outputs_recipient else (),
        plan_digest=deployment.plan_digest if phase is not Phase.PLAN else None,
        plan_seconds=int(limits.plan_deadline.total_seconds()),
        apply_seconds=int(limits.apply_deadline.total_seconds()),
        grace_seconds=int(limits.grace.total_seconds()),
        sandbox=doors.sandbox,
        adopts=foreign.adopts(work),
        log_level=work.log_level,
    )


def _has_exact_lock(doors: Doors, work: Work, bundle: Bundle) -> bool:
    """Whether the lock file has what is needed and nothing else, so that init has no reason to change it.

    Otherwise init adds what is missing, which is then recorded, and drops what only something removed might need.
    """
    needed = documents.needs(inputs(doors, work.deployment.id).desired)
    return needed is not None and needed == lock.parse(bundle.files.get(lock.NAME, b"").decode()).keys()


def _environment(doors: Doors, work: Work, *, is_before: bool = False) -> Mapping[str, Secret | str]:
    """`is_before`: of the runner that the environment is moved away from."""
    name = parts.RUNNER_BEFORE if is_before else parts.RUNNER
    found = opening.parts(doors.store, work.deployment.id, (name,))
    configuration = parts.read_sealed(doors.sealer, found[name])["configuration"]
    given = variables.of_runner(configuration, doors.runner_env_dir, for_request=work.request is not None)
    uuid = work.deployment.environment_uuid
    given[protocol.FINGERPRINT_KEY] = keys.of_environment(doors, uuid, keys.FINGERPRINT)
    if work.binding.engine is EngineKind.OPENTOFU:
        given[protocol.PASSPHRASE] = keys.of_environment(doors, uuid, keys.STATE)
    return given


def _check_engine(doors: Doors, work: Work) -> None:
    engine = doors.engine
    if engine.kind is not work.binding.engine:
        raise ConflictError(
            f"the environment is bound to {work.binding.engine}, the engine here is {engine}; "
            f"install {work.binding.engine} on the controller's machine"
        )
    last = history.last_engine_version(doors.store, work.deployment.environment_uuid)
    if last is not None and _version(engine.version) < _version(last):
        raise ConflictError(
            f"{engine} is older than {last}, which applied here last and may have written a newer state; "
            "install that version or a newer one"
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text.partition("-")[0])[:3])


def _imports(doors: Doors, work: Work) -> Mapping[str, str]:
    if work.request is not None or work.deployment.mode is Mode.DESTROY:
        return {}
    left = recovery.imports(doors, work) if work.imports else {}
    return {**adoption.imports(doors, work.environment), **left}


def _replaced(doors: Doors, work: Work) -> tuple[str, ...]:
    """What the plan has to make anew although the state knows it, unless a person wants to keep it as it is."""
    if work.imports or work.deployment.mode not in (Mode.DEPLOY, Mode.ROLLBACK):
        return ()
    return recovery.unfinished(doors, work)


def _deliver_state(doors: Doors, work: Work, folder: Path) -> str | None:
    """Hand over the state that an earlier apply could not save; which deployment's it is, None where all are saved."""
    found = recovery.unsaved(doors, work)
    if found is None:
        (folder / protocol.PUSH).unlink(missing_ok=True)
        return None
    durable.write(folder / protocol.PUSH, found.content)
    return found.deployment


def _kept_plan(doors: Doors, work: Work, folder: Path) -> bytes | None:
    """The recorded plan from its sealed copy, where its file is gone."""
    if (folder / protocol.PLAN).exists():
        return None
    found = opening.parts(doors.store, work.deployment.id, (parts.PLAN,))
    if parts.PLAN not in found:
        raise ConflictError("the plan's file is gone, and no copy of it was kept; deploy again")
    content = doors.sealer.open(found[parts.PLAN].content)
    if sha256(content).hexdigest() != work.deployment.plan_digest:
        raise ConflictError("the plan that was kept is not the one that was recorded; deploy again")
    return content
