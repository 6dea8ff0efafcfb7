"""What does an environment really have, what does its state know, and what would a plan do about that?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAKING = ("create", "replace")


@dataclass
class Thing:
    """Something that is really there."""

    address: str
    size: int


@dataclass
class Estate:
    """What one environment really has, and what its state knows of that."""

    things: dict[int, Thing] = field(default_factory=dict)
    state: dict[str, int] = field(default_factory=dict)  # address -> which thing
    serial: int = 0
    busy: str | None = None  # deployment whose apply is at work
    made: int = 0

    def sizes(self) -> dict[str, int]:
        """What is there of what the state knows, as the engine would find it."""
        return {name: self.things[id].size for name, id in self.state.items() if id in self.things}

    def unknown(self, address: str) -> list[int]:
        """Things at an address that the state does not know."""
        known = set(self.state.values())
        return [id for id, thing in self.things.items() if thing.address == address and id not in known]


@dataclass
class Apply:
    """An apply that has begun."""

    deployment: str
    estate: Estate
    moves: list[tuple[str, str]]
    actions: list[tuple[str, str, int]]
    state: dict[str, int]  # as the engine has it in its memory
    done: int = 0
    saved: int = 0
    begun: bool = False
    left: bool = False  # its supervisor is lost, its engine is not

    @property
    def lost(self) -> tuple[str, ...]:
        """Addresses that were begun to be made and that no state knows of."""
        upto = min(self.done + self.begun, len(self.actions))
        return tuple(sorted(name for what, name, _ in self.actions[self.saved : upto] if what in MAKING))


@dataclass(frozen=True)
class Double:
    """A deployment has made what was there already, unknown to the state."""

    deployment: str
    address: str


def save(apply: Apply, upto: int) -> None:
    """Let the state know of the first actions that were carried out, and of the moves with them."""
    estate = apply.estate
    apply.saved = max(apply.saved, upto)
    if not apply.saved and apply.actions:
        return
    state = moved(estate.state, apply.moves)
    for _, name, _ in apply.actions[: apply.saved]:
        state.pop(name, None)
        if name in apply.state:
            state[name] = apply.state[name]
    estate.state = {name: id for name, id in state.items() if id in estate.things}
    for name, id in estate.state.items():
        estate.things[id].address = name
    estate.serial += 1


def wanted(bundle: Mapping[str, Any]) -> dict[str, int]:
    return {_address(name): module["size"] for name, module in bundle["module"].items()}


def _address(module: str) -> str:
    return f"module.{module}.terraform_data.it"


def moves(bundle: Mapping[str, Any], state: Mapping[str, int]) -> list[tuple[str, str]]:
    """Those that concern something in the state, one after the other."""
    blocks = [[_address(block[key].removeprefix("module.")) for key in ("from", "to")] for block in bundle["moved"]]
    names, found = set(state), []
    while follows := [(was, now) for was, now in blocks if was in names and now not in names]:
        found.append(follows[0])
        names = names - {follows[0][0]} | {follows[0][1]}
    return found


def moved(addresses: Mapping[str, int], moves: Sequence[tuple[str, str]]) -> dict[str, int]:
    found = dict(addresses)
    for was, now in moves:
        if was in found:
            found[now] = found.pop(was)
    return found


def actions(there: Mapping[str, int], wanted: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """What a plan finds: what grows is updated, what shrinks is replaced."""
    gone = [("delete", name, 0) for name in sorted(set(there) - set(wanted))]
    new = [("create", name, wanted[name]) for name in sorted(set(wanted) - set(there))]
    other = [name for name in sorted(set(wanted) & set(there)) if wanted[name] != there[name]]
    changed = [("update" if wanted[name] > there[name] else "replace", name, wanted[name]) for name in other]
    return [*gone, *changed, *new]
