"""How are connections exchanged without a restart? The settings are read anew; all of them hold, or nothing changes.

Nothing is asked of a remote here: what the loop schedules by, and what hooks and pages look at, is the value that this
exchanges. Deployments of a connection that is gone end as they would, and its environments stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.deployments.doors import Connection, Doors
from controller.deployments.watched import Watched
from controller.errors import ConflictError
from controller.history import reconnecting, watching
from controller.history.audit import Act


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Ids of connections that are other than before, and names of settings that wait for the next start."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)  # id of a repository now -> before

    def __str__(self) -> str:
        named = (("added", self.added), ("changed", self.changed), ("removed", self.removed))
        said = [f"{word}: {', '.join(ids)}" for word, ids in named if ids] or ["connections are as they were"]
        said += [f"{new} is what {old} was" for new, old in sorted(self.renamed.items())]
        if self.waiting:
            said.append(f"takes effect at the next start: {', '.join(self.waiting)}")
        return "; ".join(said)


def reload(doors: Doors, actor: str, *, reason: str = "") -> Reloaded:
    """Read the settings anew. ManifestError and NotAllowedError say what is wrong there; then nothing has changed."""
    watched = doors.connections
    if doors.reread is None or not isinstance(watched, Watched):
        raise ConflictError("this controller cannot read its settings anew; restart it")
    with watched.writing:
        found = doors.reread()
        before, after = dict(watched), found.connections
        done = Reloaded(
            added=tuple(sorted(after.keys() - before.keys())),
            changed=tuple(sorted(id for id in after.keys() & before.keys() if after[id] is not before[id])),
            removed=tuple(sorted(before.keys() - after.keys())),
            waiting=tuple(sorted(found.waiting)),
        )
        if not (done.added or done.changed or done.removed):
            return done
        act = Act(actor, doors.now(), reason, doors.origin)
        renamed = reconnecting.take_over(doors.store, [_known(connection) for connection in after.values()], act)
        known = [_known(after[id]) for id in (*done.added, *done.changed)]
        details = {name: list(getattr(done, name)) for name in ("added", "changed", "removed") if getattr(done, name)}
        watching.reconnected(doors.store, known, act, details)
        watched.exchange(after)
    doors.store.written.set()  # the loop looks at once
    return replace(done, renamed=renamed)


def _known(connection: Connection) -> tuple[str, str, str]:
    return connection.id, connection.url, connection.branch
