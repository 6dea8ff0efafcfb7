"""Which program plans and applies? OpenTofu where there is one, else Terraform, else the embedded Terraform."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.errors import NotFoundError
from controller.model.deployment import EngineKind
from controller.runner import embedded
from controller.runner.protocol import Engine

__all__ = ["MINIMUM", "Engine", "discover", "is_recent"]

# `init -json` came with these.
MINIMUM: Mapping[EngineKind, tuple[int, int]] = {EngineKind.OPENTOFU: (1, 8), EngineKind.TERRAFORM: (1, 9)}

_PROBE_SECONDS = 30
_REMEDIES = {
    None: "install OpenTofu 1.8 or newer, or Terraform 1.9 or newer, or the embedded one with "
    "`pip install 'lockstep[embedded]'`",
    EngineKind.OPENTOFU: "install OpenTofu 1.8 or newer as `tofu` on the PATH",
    EngineKind.TERRAFORM: "install Terraform 1.9 or newer as `terraform` on the PATH, or the embedded one with "
    "`pip install 'lockstep[embedded]'`",
}


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: EngineKind
    name: str
    command: tuple[str, ...]
    where: str


def discover(want: EngineKind | None = None, environ: Mapping[str, str] = os.environ) -> Engine:
    """The engine to use, of the kind `want` if that is given; NotFoundError says what was tried and what to do."""
    passed_over: list[str] = []
    for candidate in _candidates(environ, want, passed_over):
        version, trouble = _version(candidate, environ)
        if version is None:
            passed_over.append(f"{candidate.where} does not run: {trouble}")
        elif not is_recent(candidate.kind, version):
            needed = ".".join(map(str, MINIMUM[candidate.kind]))
            passed_over.append(f"{candidate.where} is {version}, but {needed} is the oldest that will do")
        else:
            why = "; ".join([f"{candidate.where} is the first that fits", *passed_over])
            return Engine(candidate.kind, candidate.name, candidate.command, version, why)
    kind = f" of kind {want}" if want else ""
    raise NotFoundError(f"engine: there is none{kind} ({'; '.join(passed_over)}); {_REMEDIES[want]}")


def is_recent(kind: EngineKind, version: str) -> bool:
    """Whether a version is at least the minimum of its kind."""
    numbers = re.match(r"v?(\d+)\.(\d+)", version)
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= MINIMUM[kind]


def _candidates(environ: Mapping[str, str], want: EngineKind | None, passed_over: list[str]) -> Iterator[_Candidate]:
    programs = (("tofu", EngineKind.OPENTOFU), ("terraform", EngineKind.TERRAFORM))
    for name, kind in programs:
        if want not in (None, kind):
            continue
        found = shutil.which(name, path=environ.get("PATH", os.defpath))
        if found:
            yield _Candidate(kind, name, (os.path.abspath(found),), f"`{name}` at {found}")
        else:
            passed_over.append(f"no `{name}` on the PATH")
    if want is EngineKind.OPENTOFU:
        return
    if embedded.is_installed():
        # By its path, and safely: no module of the working directory can put itself before ours.
        command = (sys.executable, "-P", str(Path(embedded.__file__).resolve()))
        yield _Candidate(EngineKind.TERRAFORM, "embedded", command, f"the package `{embedded.PACKAGE}`")
    else:
        passed_over.append(f"no package `{embedded.PACKAGE}`")


def _version(candidate: _Candidate, environ: Mapping[str, str]) -> tuple[str | None, str]:
    environment = {name: environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in environ}
    try:
        done = subprocess.run(
            (*candidate.command, "version", "-json"),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            env=environment | {"CHECKPOINT_DISABLE": "1"},
        )
        return str(json.loads(done.stdout)["terraform_version"]), ""
    except (OSError, subprocess.TimeoutExpired) as e:
        return None, str(e)
    except (ValueError, KeyError, TypeError):
        said = (done.stderr or done.stdout).strip().splitlines()
        return None, f"`version -json` exited with {done.returncode}{f' and said {said[-1]!r}' if said else ''}"
