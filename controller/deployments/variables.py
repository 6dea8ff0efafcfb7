"""Which variables and credentials does a runner give the engine? Read at each start, kept nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from controller.errors import NotAllowedError, NotFoundError
from controller.model.document import Json
from controller.secrets.secret import Secret

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def of_runner(configuration: Mapping[str, Json], folder: Path | None, *, for_request: bool) -> dict[str, Secret | str]:
    """`env` of the runner's file, over the lines of its `env_from_file`; plans of requests inherit nothing of it."""
    given = (configuration.get("request") or {}) if for_request else configuration
    found: dict[str, Secret | str] = {}
    if given.get("env_from_file"):
        found.update(_file(given["env_from_file"], folder))
    found.update({name: Secret(str(value)) for name, value in (given.get("env") or {}).items()})
    return found


def _file(name: str, folder: Path | None) -> dict[str, Secret]:
    """Lines `NAME=value`, taken as they stand; empty lines and those that begin with `#` say nothing."""
    if folder is None:
        raise NotAllowedError(f"runner: it wants the variables of file `{name}`; set `runner_env_dir` to their folder")
    if name != os.path.basename(name) or name in ("", ".", ".."):
        raise NotAllowedError(f"runner: `{name}` is a path; name a file of the controller's `runner_env_dir`")
    try:
        lines = (folder / name).read_text().splitlines()
    except OSError as e:
        raise NotFoundError(
            f"runner: file `{name}` of `runner_env_dir` cannot be read ({e.strerror}); put it there"
        ) from e
    found: dict[str, Secret] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        variable, equals, value = line.partition("=")
        if not equals or not _NAME.fullmatch(variable.strip()):
            # The line itself is not repeated: it may be a secret.
            raise NotAllowedError(f"runner: {name}:{number}: this is no line `NAME=value`; correct the file")
        found[variable.strip()] = Secret(value)
    return found
