"""How is an environment forgotten without destroying it, and what stays behind then? Said before it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from controller import comparison
from controller.deployments import parts, states
from controller.deployments.doors import Doors
from controller.history import forgetting, opening, read
from controller.history import work as history
from controller.history.audit import Act
from controller.model.bundle import Binding
from controller.model.record import Environment
from controller.tofu import addresses
from controller.tofu import states as state_files


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What nobody will look after any more. `addresses` None: the state cannot be looked into from here."""

    resources: tuple[str, ...]  # of every graph that was applied, or begun, since nothing was there
    addresses: tuple[str, ...] | None  # that the state knows
    state: str  # where it lies, in words


def left_behind(doors: Doors, project: str, environment: str) -> LeftBehind:
    """What would stay behind if the environment were forgotten now."""
    found = read.environment(doors.store, project, environment)
    return _left_behind(doors, found)


def forget(doors: Doors, actor: str, project: str, environment: str, *, reason: str = "") -> LeftBehind:
    """Forget an environment as it is: nothing is destroyed, its state stays where it lies.

    Refused while an apply runs. Where Git declares it still, it is held as destroyed; its history stays.
    """
    found = read.environment(doors.store, project, environment)
    left = _left_behind(doors, found)
    act = Act(actor, doors.now(), reason, doors.origin)
    details = {
        "resources": list(left.resources),
        "addresses": list(left.addresses) if left.addresses is not None else None,
        "state": left.state,
    }
    forgetting.forgotten(doors.store, found.uuid, act, details)
    return left


def _left_behind(doors: Doors, environment: Environment) -> LeftBehind:
    resources: set[str] = set()
    for id in history.attempts_since(doors.store, environment.uuid, environment.last_success):
        document = parts.read(opening.parts(doors.store, id, (parts.DESIRED,))[parts.DESIRED])
        nodes = comparison.wish_of(document).graph.nodes.values()
        resources |= {f"{node.coordinate} (module {node.module})" for node in nodes if node.module is not None}
    binding = environment.binding
    if binding is None:
        return LeftBehind(tuple(sorted(resources)), (), "it has no state")
    return LeftBehind(tuple(sorted(resources)), _addresses(doors, binding), _where(binding))


def _addresses(doors: Doors, binding: Binding) -> tuple[str, ...] | None:
    if binding.state.type != "local" or binding.state.settings:
        return None
    file = doors.data / "states" / binding.uuid / states.STATE
    if not file.is_file():
        return ()
    state = state_files.read(file.read_bytes())
    return None if state is None else _public(state_files.instances(state))


def _public(instances: Iterable[str]) -> tuple[str, ...]:
    """Addresses as everybody may read them: the key of an instance may be a secret, so it is left out, and counted."""
    found = Counter(addresses.masked(address, lambda _key: "…") for address in instances)
    return tuple(sorted(f"{address} ({count} of them)" if count > 1 else address for address, count in found.items()))


def _where(binding: Binding) -> str:
    if binding.state.type == "local":
        return f"its state stays in the controller's data directory, below states/{binding.uuid}"
    settings = ", ".join(f"{key} {value}" for key, value in sorted(binding.state.settings.items()))
    return f"its state stays in {binding.state.type}{f' ({settings})' if settings else ''} under {binding.uuid}"
