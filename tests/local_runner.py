"""The local runner as a door that tests can put something before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controller.runner import local
from controller.runner.protocol import Job, Observation
from controller.secrets.secret import Secret


class LocalRunner:
    """Does what `controller.runner.local` does; a test overrides what it is about."""

    def deliver(self, directory: Path, files: Mapping[str, bytes]) -> None:
        local.deliver(directory, files)

    def start(self, job: Job, directory: Path, environment: Mapping[str, Secret | str]) -> None:
        local.start(job, directory, environment)

    def observe(self, directory: Path, after_event: int = 0, after_chunk: int = 0) -> Observation:
        return local.observe(directory, after_event, after_chunk)

    def cancel(self, directory: Path) -> None:
        local.cancel(directory)

    def group_is_empty(self, directory: Path) -> bool:
        return local.group_is_empty(directory)

    def kill_group(self, directory: Path) -> None:
        local.kill_group(directory)
