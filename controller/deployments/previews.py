"""What would a deployment change? Nothing of the answer is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controller import comparison
from controller.deployments import parts
from controller.deployments.doors import Doors
from controller.history import opening
from controller.history.opening import NewDeployment
from controller.model.document import Json, plain
from controller.model.record import Environment
from controller.pipeline import Resolved


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a deployment would be; nothing of it was stored."""

    project: str
    environment: str
    desired_digest: str
    is_new: bool  # its digest differs from the applied one
    changes: tuple[str, ...]  # sentences: how the graph differs from what was deployed last
    warnings: tuple[str, ...]
    manifest: Json


def of_resolved(doors: Doors, environment: Environment, resolved: Resolved) -> DryRun:
    """Of what a manifest comes to."""
    wish = comparison.Wish(resolved.graph, resolved.desired.document)
    warnings = (*resolved.warnings, *resolved.unpinned)
    return _compared(doors, environment, wish, resolved.desired.digest, warnings, plain(resolved.manifest.document))


def of_new(doors: Doors, environment: Environment, new: NewDeployment) -> DryRun:
    """Of a deployment that was not opened."""
    wish = comparison.wish_of(parts.read(new.parts[parts.DESIRED]))
    manifest = parts.read(new.parts[parts.MANIFEST])
    return _compared(doors, environment, wish, new.desired_digest, new.warnings, manifest)


def _compared(
    doors: Doors,
    environment: Environment,
    wish: comparison.Wish,
    digest: str,
    warnings: Sequence[str],
    manifest: Json,
) -> DryRun:
    """What is wanted, against what was deployed last."""
    before = None
    if environment.last_success is not None:
        kept = opening.parts(doors.store, environment.last_success, (parts.DESIRED,))
        before = comparison.wish_of(parts.read(kept[parts.DESIRED]))
    found = comparison.compare(before, wish)
    return DryRun(
        project=environment.project,
        environment=environment.name,
        desired_digest=digest,
        is_new=digest != environment.applied,
        changes=found.sentences,
        warnings=(*found.ambiguities, *warnings),
        manifest=manifest,
    )
