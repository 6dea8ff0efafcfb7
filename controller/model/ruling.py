"""What does one commit mean for one environment?"""

from __future__ import annotations

from dataclasses import dataclass

from controller.model.deployment import VerdictKind


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on one commit; `deployment` None with DEPLOYED or SUPERSEDED: the one that opens with it."""

    commit: str
    kind: VerdictKind
    digest: str | None  # that Git wants; None where that is not known
    changed: bool = False  # its digest differs from its predecessor's
    deployment: str | None = None
    other_commit: str | None = None
    reason: str = ""
    problems: tuple[str, ...] = ()
