"""Can the containers of a workload start in the order that `before` asks for?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from controller.errors import Problem, suggest
from controller.model.document import Node


def problems(containers: Node) -> Iterator[Problem]:
    """Names that are unknown or the container's own, cycles, and waits for a health that nothing checks."""
    known = containers.entries
    after: dict[str, list[str]] = {name: [] for name in known}
    for name, container in known.items():
        before = container.entries.get("before")
        for target, rule in before.entries.items() if before is not None else ():
            place = rule.key or rule.place
            if target == name:
                yield Problem(place, f"container `{name}` cannot start before itself", "remove the entry")
            elif target not in known:
                what = f"there is no container `{target}` in this workload"
                others = [other for other in known if other != name]
                yield Problem(place, what, suggest(target, others, "remove the entry"))
            else:
                after[name].append(target)
                yield from _unchecked(name, container, rule)
    for cycle in _cycles(after):
        place = containers.entries[cycle[0]].key or containers.place
        what = f"these containers wait for one another: {' → '.join(cycle)}"
        yield Problem(place, what, "remove one `before`")


def _unchecked(name: str, container: Node, rule: Node) -> Iterator[Problem]:
    ready = rule.entries["ready"]
    if ready.value == "healthy" and not {"livenessProbe", "readinessProbe"} & container.entries.keys():
        what = f"container `{name}` is never known to be healthy: it has no probe"
        yield Problem(ready.place, what, "add a `readinessProbe`, or write `started` or `complete`")


def _cycles(after: Mapping[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """Cycles that have no container in common, each from its first name."""
    rest = dict(after)
    while cycle := _cycle(rest):
        yield cycle
        rest = {
            name: [each for each in found if each not in cycle] for name, found in rest.items() if name not in cycle
        }


def _cycle(after: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Any cycle; nothing where there is none."""
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        ring = error.args[1][-2::-1]  # the way from a container to those before it, told twice at its ends
        at = ring.index(min(ring))
        return (*ring[at:], *ring[:at], ring[at])
    return ()
