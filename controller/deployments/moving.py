"""What becomes of an environment that is moved to another runner or state storage: may it be, and is it?

The old state stays as it was; a marker beside a local one says where the state went, so that nobody works with it.
"""

from __future__ import annotations

from controller.deployments import ending, parts, runs, states
from controller.deployments.doors import Doors
from controller.history.record import Finish
from controller.history.work import Work
from controller.model.bundle import Binding
from controller.model.deployment import Status
from controller.runner import durable, protocol
from controller.runner.protocol import Ended, Result

_STAYS = "it stays bound as it was"
UNFINISHED = f"the move did not come to its end, {_STAYS}"


def words(binding: Binding) -> str:
    """A binding in a few words."""
    return f"runner `{binding.runner}` with its state in `{binding.state.type}`"


def refusal(work: Work) -> str:
    """Why an environment is not moved, by the plan that was made under the binding that it has; empty: it may be."""
    if work.deployment.no_changes:
        return ""
    return f"the plan before the move is not empty; bring it in step first, then move it; nothing was moved, {_STAYS}"


def end(doors: Doors, work: Work, result: Result) -> Finish:
    """How a move ends. Its marks are set first: whoever does that a second time finds them."""
    folder = runs.directory(doors, work.deployment.id)
    kept = ending.outcome_parts(doors, work, result)
    summary = durable.read_json(folder / protocol.SUMMARY_AFTER)
    if summary is not None:
        kept[parts.SUMMARY_AFTER] = parts.document(summary)
    if result.status is not Ended.SUCCEEDED:
        status = Status.CANCELLED if result.status is Ended.CANCELLED else Status.FAILED
        return Finish(status, f"{result.message}; {_STAYS}", parts=kept)
    _mark(doors, work)
    return Finish(Status.SUCCEEDED, result.message, parts=kept, binding=work.binding)


def _mark(doors: Doors, work: Work) -> None:
    before, after = runs.binding_now(work), work.binding
    if before.state == after.state:
        return
    whose = {"environment": f"{work.deployment.project}/{work.deployment.environment}", "uuid": after.uuid}
    if before.state.type == "local":
        _write(doors, before, whose | {"moved_to": after.state.type, "deployment": work.deployment.id})
    if after.state.type == "local":
        _write(doors, after, whose)


def _write(doors: Doors, binding: Binding, said: dict[str, str]) -> None:
    folder = doors.data / "states" / binding.uuid
    durable.make_folder(folder)
    durable.write_json(folder / states.MARKER, said)
