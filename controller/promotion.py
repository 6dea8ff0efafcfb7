"""Which environments come before which? Sources before those that are promoted from them, and nobody in a circle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.errors import Problem
from controller.model.manifest import EnvironmentConfig

ConfigOf = Callable[[str], EnvironmentConfig | None]  # by the name of an environment; None where there is none


@dataclass(frozen=True, slots=True)
class Source:
    """Where a promoted environment has its base from: an `environment` of its project, or a `deployment` by its id."""

    kind: str
    name: str


def source_of(config: EnvironmentConfig) -> Source | None:
    """The source of a promoted environment: `environment://NAME` or `deployment://ID`."""
    if config.source is None:
        return None
    kind, _, name = config.source.partition("://")
    return Source(kind, name)


def sources(name: str, config_of: ConfigOf) -> list[str]:
    """The environments that one builds on, the nearest first, as far as they are known; none in a circle."""
    if circles(name, config_of):
        return []
    found = [each for each in _sources(config_of(name)) if config_of(each) is not None]
    while found and (more := [each for each in _sources(config_of(found[-1])) if config_of(each) is not None]):
        found += more
    return found


def circles(name: str, config_of: ConfigOf) -> list[Problem]:
    """The circles of `source` and of `after` that an environment is in, or leads into."""
    config = config_of(name)
    if config is None:
        return []
    problems = []
    if found := _circle(name, lambda each: _sources(config_of(each))):
        what = f"sources go round in a circle: {' → '.join(found)}"
        problems.append(Problem(config.place_of("source"), what, "take one `source` out of it"))
    if found := _circle(name, lambda each: _awaited(config_of(each))):
        what = f"environments wait for one another: {' → '.join(found)}"
        problems.append(Problem(config.place_of("after"), what, "take one of them out of `after`"))
    return problems


def _sources(config: EnvironmentConfig | None) -> list[str]:
    source = source_of(config) if config is not None else None
    return [source.name] if source is not None and source.kind == "environment" else []


def _awaited(config: EnvironmentConfig | None) -> list[str]:
    return sorted(config.after) if config is not None else []


def _circle(start: str, following: Callable[[str], list[str]]) -> list[str]:
    """The first circle on the ways from a name, from its first name to the same again; empty where there is none."""
    way, left, seen = {start: None}, [iter(following(start))], {start}
    while left:
        name = next(left[-1], None)
        if name is None:
            left.pop()
            way.popitem()
        elif name in way:
            names = list(way)
            return [*names[names.index(name) :], name]
        elif name not in seen:
            seen.add(name)
            way[name] = None
            left.append(iter(following(name)))
    return []
