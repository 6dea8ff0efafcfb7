"""Is this machine ready to run Lockstep? `lockstep doctor` looks, and says what to do about what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

import controller
from cli.exits import Exit
from controller import settings, wiring
from controller.deployments import engines
from controller.errors import LockstepError
from controller.history import store
from controller.model.deployment import EngineKind
from controller.runner import engine, sandbox
from controller.runner.protocol import Engine
from controller.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing; `remedy` only where something is to be done."""

    subject: str
    found: str
    is_good: bool = True
    remedy: str = ""


@click.command(name="doctor")
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The settings of the controller."
)
def command(config: Path | None) -> int:
    """Say which engine is used and why, which versions there are, and what is missing."""
    chosen = settings.load(config)
    findings = [_versions(), _git(), *_engine(chosen), _data(chosen)]
    for finding in findings:
        click.echo(f"{'ok' if finding.is_good else '!!'}  {finding.subject:<11} {finding.found}")
        if finding.remedy:
            click.echo(f"    {'':<11} {finding.remedy}")
    return Exit.DONE if all(finding.is_good for finding in findings) else Exit.INVALID


def _versions() -> Finding:
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in ("pygit2", "sqlalchemy", "pyrage"))
    return Finding("lockstep", f"{controller.__version__} on Python {platform.python_version()} with {libraries}")


def _git() -> Finding:
    program = shutil.which("git")
    if program is None:
        return Finding(
            "git", "no `git` on the PATH; Lockstep reads repositories without it, only `lockstep demo` needs it"
        )
    done = subprocess.run((program, "--version"), capture_output=True, text=True, check=False, timeout=10)
    return Finding("git", f"{done.stdout.strip()} at {program}")


def _engine(chosen: Settings) -> list[Finding]:
    want = EngineKind(chosen.engine) if chosen.engine else None
    try:
        found = engine.discover(want, os.environ)
    except LockstepError as e:
        what, _, remedy = str(e).rpartition("; ")
        return [Finding("engine", what.removeprefix("engine: "), False, remedy)]
    about = [Finding("engine", f"{found} ({found.kind}): {found.why}"), *_unserved(chosen, found)]
    return [*about, _encryption(found), _sandbox(chosen, found)]


def _unserved(chosen: Settings, found: Engine) -> list[Finding]:
    """Environments that are bound to the other kind of engine; nothing where there is no database yet."""
    is_file = chosen.database.startswith("sqlite:///")
    if is_file and not Path(chosen.database.removeprefix("sqlite:///")).exists():
        return []
    opened = store.open_store(chosen.database)
    try:
        if not store.is_current(opened):
            return []  # `serve` brings it up to date, and says the same
        what, _, remedy = engines.unserved(opened, found.kind).partition("; ")
    finally:
        store.close(opened)
    return [Finding("binding", what, False, remedy)] if what else []


def _encryption(found: Engine) -> Finding:
    if found.kind is EngineKind.OPENTOFU:
        return Finding("encryption", "local state and plans are encrypted with a key for each environment")
    return Finding(
        "encryption",
        f"local state is NOT encrypted by {found.name}: who reads the data directory reads it",
        remedy="install OpenTofu to have it encrypted, or keep the state elsewhere with `state_storage_configuration`",
    )


def _sandbox(chosen: Settings, found: Engine) -> Finding:
    is_wanted = chosen.sandbox == "bubblewrap"
    try:
        made = wiring.sandbox_of(chosen, found)
    except LockstepError as e:
        what, _, remedy = str(e).removeprefix("sandbox: ").rpartition("; ")
        if is_wanted:
            return Finding("sandbox", what, False, remedy)
        return Finding("sandbox", f"none is chosen, and none could be: {what}")
    version = sandbox.version(made.program)
    if is_wanted:
        return Finding("sandbox", f"engines run in {version}")
    return Finding("sandbox", f"engines run without one; {version} works here: `sandbox: bubblewrap` uses it")


def _data(chosen: Settings) -> Finding:
    folder = chosen.data_dir.resolve()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free // 2**30
    if not (existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)):
        return Finding(
            "data", f"{existing} cannot be written to", False, "choose another `data_dir`, or change its owner"
        )
    is_new = "" if folder.exists() else ", made at the first start"
    return Finding("data", f"{folder}{is_new}, {free} GiB free")
