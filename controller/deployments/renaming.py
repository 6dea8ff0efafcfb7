"""Is a new environment one that is gone, under another name?

The same files under another name are asked about: until somebody says so, the new one waits and the old one stays as it
is. Whoever writes the old one's `uuid` into the new one has said so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from controller import reconcile
from controller.deployments.doors import Doors
from controller.deployments.walking import Tip
from controller.errors import NotFoundError
from controller.history import read, renaming
from controller.history import work as history
from controller.history.audit import Act
from controller.history.standing import RepositoryStanding, Standing
from controller.model.deployment import REPLACEABLE
from controller.model.record import Environment


@dataclass(frozen=True, slots=True)
class Renames:
    """New P/E -> old P/E. `asked`: nobody has said so yet; `said`: its settings do, and it can be done now."""

    asked: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    busy: Mapping[str, str] = field(default_factory=dict)  # its settings say so, and the old one has to end something
    runs: Mapping[str, str] = field(default_factory=dict)  # of those that are busy: what that is, as a phrase

    @property
    def new(self) -> Mapping[str, str]:
        """Old P/E -> new P/E: environments that are gone from Git, but not away."""
        return {old: new for found in (self.asked, self.said, self.busy) for new, old in found.items()}

    def waits(self, slug: str) -> str:
        """For what an environment waits, as a phrase; empty where it is no other."""
        return question(self.asked[slug], slug) if slug in self.asked else self.runs.get(slug, "")

    def gone(self, old: str) -> str:
        """What is to be said of one that is gone."""
        new = self.new[old]
        if new in self.asked:
            return f"{new} has the same files: say `{command(old, new)}` if it was renamed, `--decline` if they are two"
        return f"it goes on as {new}, {self.waits(new)}"


def renames(doors: Doors, now: RepositoryStanding, tips: Sequence[Tip], *, is_new: bool) -> Renames:
    """What became of environments that are gone at the newest of these commits, oldest first.

    `is_new`: they were not decided on yet.
    """
    tip, known, declared = tips[-1], now.environments, frozenset(tips[-1].declared)
    names = {found.environment.uuid: slug for slug, found in known.items() if slug not in declared}
    claimed = {uuid: slugs[0] for uuid, slugs in tip.claims.items() if uuid in names}  # others that do are rejected
    said = {slug: names[uuid] for uuid, slug in claimed.items() if _is_fresh(doors, known.get(slug))}
    runs = {slug: run for slug, old in said.items() if (run := _running(known[old]))}
    asked = {slug: names[uuid] for slug, uuid in _asked(now, tips if is_new else ()).items() if uuid in names}
    asked = {
        slug: old
        for slug, old in asked.items()
        if slug in declared and slug not in said and old not in said.values() and _is_fresh(doors, known.get(slug))
        if _has_begun(doors, known[old])
    }
    at_once = {slug: old for slug, old in said.items() if slug not in runs}
    return Renames(asked, at_once, {slug: old for slug, old in said.items() if slug in runs}, runs)


def take(doors: Doors, now: RepositoryStanding, renames: Renames) -> None:
    """Do what the settings say: the environment goes on under its new name."""
    for new, old in sorted(renames.said.items()):
        project, _, name = new.partition("/")
        act = Act("git", doors.now(), f"`uuid` of {new} says that it is {old}")
        renaming.renamed(doors.store, now.environments[old].environment.uuid, project, name, act, by_git=True)


def move(doors: Doors, actor: str, project: str, environment: str, to: str, *, reason: str = "") -> Environment:
    """Let an environment that is gone from Git go on as another one that Git declares. `to`: P/E, or a name in P."""
    found = read.environment(doors.store, project, environment)
    there, name = _names(project, to)
    act = Act(actor, doors.now(), reason, doors.origin)
    renaming.renamed(doors.store, found.uuid, there, name, act)
    return read.environment(doors.store, there, name)


def decline(doors: Doors, actor: str, project: str, environment: str, to: str, *, reason: str = "") -> Environment:
    """Say that they are two: the new one is made, and of the old one is decided as of any that is gone from Git."""
    found = read.environment(doors.store, project, environment)
    there, name = _names(project, to)
    other = read.environment(doors.store, there, name)
    renaming.declined(doors.store, found.uuid, other.uuid, Act(actor, doors.now(), reason, doors.origin))
    return read.environment(doors.store, there, name)


def question(old: str, new: str) -> str:
    """What has to be said of an environment that may be another one, as a phrase."""
    return f"until somebody says whether it is {old} under another name (`{command(old, new)}`, or with `--decline`)"


def command(old: str, new: str) -> str:
    """How a person says that one is the other."""
    project, _, name = old.partition("/")
    there, _, to = new.partition("/")
    return f"lockstep move {project} {name} {to if there == project else new}"


def _names(project: str, to: str) -> tuple[str, str]:
    there, slash, name = to.partition("/")
    if slash and not (there and name and "/" not in name):
        raise NotFoundError(f"`{to}` is no environment; write its name, or PROJECT/NAME")
    return (there, name) if slash else (project, to)


def _asked(now: RepositoryStanding, tips: Sequence[Tip]) -> dict[str, str]:
    """New P/E -> uuid of the one that it may be: as was asked before, and as these commits show."""
    known = now.environments
    found = {slug: uuid for slug, one in known.items() if (uuid := one.environment.renamed_from)}
    uuids = {slug: one.environment.uuid for slug, one in known.items()}
    before = {
        slug: one.environment.folder
        for slug, one in known.items()
        if one.environment.declared and one.environment.folder
    }
    for tip in tips:
        if tip.repository is None:
            continue
        for new, old in reconcile.renamed(before, tip.folders, frozenset(tip.declared)).items():
            uuid = found.pop(old, None) or uuids.get(old)  # one that was renamed twice is still the first
            if uuid is not None:
                found[new] = uuid
        before = {slug: before[slug] for slug in tip.declared if slug in before} | dict(tip.folders)
    return found


def _is_fresh(doors: Doors, standing: Standing | None) -> bool:
    """Whether nothing was ever begun for it: it can become another one."""
    return standing is None or (not _running(standing) and not _has_begun(doors, standing))


def _has_begun(doors: Doors, standing: Standing) -> bool:
    environment = standing.environment
    return bool(history.attempts_since(doors.store, environment.uuid, environment.last_success))


def _running(standing: Standing) -> str:
    running = [one for one in standing.open if one.status not in REPLACEABLE]
    return f"until deployment {running[0].id} of {standing.environment.slug} has ended" if running else ""
