"""Why does an upgrade redeploy nothing? Digests are computed anew, from what was kept, before any is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller import pipeline
from controller.deployments import evaluate, parts
from controller.deployments.doors import Connection, Doors
from controller.deployments.walking import Asking
from controller.errors import LockstepError, Place
from controller.history import opening, pins, read
from controller.history.opening import Part
from controller.history.pins import Rewritten
from controller.history.standing import RepositoryStanding, Standing
from controller.model.bundle import Pins
from controller.model.deployment import EngineKind
from controller.model.document import placed
from controller.tofu import desired as documents


def adopt(doors: Doors, connection: Connection, now: RepositoryStanding, commits: Mapping[str, str]) -> None:
    """Let what an earlier release deployed of a tag or branch be what that is when it is first seen.

    Nobody recorded what it was, so nothing says that it has moved: nothing is deployed only because it is known now.
    """
    asking = Asking(doors, connection, replace(now, modules={**now.modules, **commits}))
    for slug, standing in sorted(now.environments.items()):
        found = {id: _at_commits(doors, id, commits) for id in _deployments(standing)}
        rewritten = {id: again for id, again in found.items() if again is not None}
        if rewritten:
            wanted = _of_commit(connection, asking, slug, standing)
            pins.rehashed(doors.store, standing.environment.uuid, rewritten, wanted)


def rehash(doors: Doors, connection: Connection, now: RepositoryStanding) -> None:
    """Put this release's digests in the place of those that an earlier one computed from the same inputs."""
    asking = Asking(doors, connection, now)
    for slug, standing in sorted(now.environments.items()):
        found = {id: _of_deployment(doors, connection, id) for id in _deployments(standing)}
        rewritten = {id: again for id, again in found.items() if again is not None}
        wanted = _of_commit(connection, asking, slug, standing)
        pins.rehashed(doors.store, standing.environment.uuid, rewritten, wanted)


def _deployments(standing: Standing) -> list[str]:
    environment = standing.environment
    decided = environment.decided.deployment if environment.decided else None
    known = (environment.applied_deployment, environment.last_success, decided, *(one.id for one in standing.open))
    return sorted({id for id in known if id is not None})


def _of_deployment(doors: Doors, connection: Connection, id: str) -> Rewritten | None:
    """What a deployment wants, as this release computes it; None where it cannot."""
    row = read.deployment(doors.store, id)
    kept = opening.parts(doors.store, id, (parts.MANIFEST, parts.DESIRED))
    before = parts.read(kept[parts.DESIRED])
    if row.commit is None:
        return None
    try:
        resolved = pipeline.resolve_manifest(
            pipeline.read(connection.mirror.snapshot(row.commit).tree),
            row.project,
            row.environment,
            placed(parts.read(kept[parts.MANIFEST]), Place(f"deployment {id}")),
            # What a tag or branch is today is another question.
            pins=Pins(documents.pins_of(before), documents.commits_of(before)),
            engine=EngineKind(before["engine"]),
        )
    except LockstepError:
        return None  # then it compares as it is: at worst something is deployed that changes nothing
    after = resolved.desired
    return Rewritten(kept[parts.DESIRED].digest, after.digest, Part(after.digest, after.text.encode()))


def _at_commits(doors: Doors, id: str, commits: Mapping[str, str]) -> Rewritten | None:
    """What a deployment wants with these commits; None where it names none of them, or says which it means."""
    kept = opening.parts(doors.store, id, (parts.DESIRED,))[parts.DESIRED]
    after = documents.at_commits(parts.read(kept), commits)
    if after is None:
        return None
    return Rewritten(kept.digest, after.digest, Part(after.digest, after.text.encode()))


def _of_commit(connection: Connection, asking: Asking, slug: str, standing: Standing) -> dict[str, str]:
    """What Git wants, as this release computes it: digest before -> digest now; nothing where it cannot."""
    if standing.desired is None or standing.desired_commit is None:
        return {}
    try:
        repository = pipeline.read(connection.mirror.snapshot(standing.desired_commit).tree)
        found = evaluate.answer(asking.question(repository, slug))
    except LockstepError:
        return {}
    return {standing.desired: found.digest} if found.digest else {}
