"""Can the containers of a workload start in the order that `before` asks for?"""

from __future__ import annotations

from collections.abc import Iterator

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


def _cycles(after: dict[str, list[str]]) -> Iterator[tuple[str, ...]]:
    """One cycle through each group of containers that wait for one another, from its first name."""
    seen: set[str] = set()
    for start in sorted(after):
        path = _way_back(start, after)
        if path is not None and start not in seen:
            seen.update(path)
            yield path


def _way_back(start: str, after: dict[str, list[str]]) -> tuple[str, ...] | None:
    """The shortest way from a container to itself."""
    ways: list[tuple[str, ...]] = [(start,)]
    visited: set[str] = set()
    for way in ways:
        for target in sorted(after[way[-1]]):
            if target == start:
                return (*way, start)
            if target not in visited:
                visited.add(target)
                ways.append((*way, target))
    return None
