"""Which runners does this release run? Others are read and checked; what they would carry is refused."""

from __future__ import annotations

from collections.abc import Iterator

from controller.errors import Problem
from controller.model.catalog import Runner

_STATES = ("local", "s3", "gcs", "azurerm", "kubernetes")


def unsupported(runner: Runner) -> Iterator[Problem]:
    """Why no environment can be deployed with this runner."""
    if runner.type != "local":
        what = f"runner `{runner.id}` is of type `{runner.type}`, which this release cannot run"
        yield Problem(runner.place, what, "use a runner of type `local`")
    state = str(runner.state_storage["type"])
    if state not in _STATES:
        what = f"runner `{runner.id}` keeps states in `{state}`, which this release cannot do"
        yield Problem(runner.place, what, f"use one of {', '.join(_STATES)}")
