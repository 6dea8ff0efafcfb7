"""Which environments can the engine of this controller not plan? Those that are bound to one of the other kind."""

from __future__ import annotations

from controller.history import overview
from controller.history.store import Store
from controller.model.deployment import EngineKind

_MOST = 5  # that are named


def unserved(store: Store, kind: EngineKind) -> str:
    """What is wrong with that and what to do about it, in a sentence; empty: it can plan all of them."""
    other = next(found for found in EngineKind if found is not kind)
    bound = overview.bound_to(store, other)
    if not bound:
        return ""
    more = f" and {len(bound) - _MOST} more" if len(bound) > _MOST else ""
    are = "is" if len(bound) == 1 else "are"
    return (
        f"{', '.join(bound[:_MOST])}{more} {are} bound to {other}, and the engine here is {kind}: nothing of that is "
        f"planned or applied; install {other}, and set `engine: {other}`"
    )
