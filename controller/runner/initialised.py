"""Can init be skipped? Where nothing that it looks at has changed since it last succeeded; in doubt it runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from controller.runner import durable
from controller.runner.bundle import ENGINE_FOLDER, ENGINE_LOCK, MAIN
from controller.runner.protocol import Engine

_MARKER = f"{ENGINE_FOLDER}/lockstep-init.json"
_MODULES = f"{ENGINE_FOLDER}/modules/modules.json"
# What init does not look at in the root module. Anything else there counts whole, known or not.
_VALUES = ("check", "import", "locals", "moved", "output", "removed", "variable")
# What it looks at in a module call; the rest are inputs.
_CALL = ("source", "version", "providers")

# How diagnostics begin that say that init ought to have run after all.
_NEEDED = (
    "Backend initialization required",
    "Inconsistent dependency lock file",
    "Initialization required",
    "Missing required provider",
    "Module not installed",
    "Module source has changed",
    "Module version requirements have changed",
    "Required plugins are not installed",
)


def digest(files: Mapping[str, bytes], engine: Engine, init_args: tuple[str, ...]) -> str:
    """A digest over all that init depends on: calls, modules' trees, providers, backend, lock file, engine."""
    parts = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    if MAIN in files:
        parts[MAIN] = hashlib.sha256(_canonical(_relevant(files[MAIN]))).hexdigest()
    inputs = {"files": parts, "engine": [engine.kind, *engine.command, engine.version], "arguments": list(init_args)}
    return hashlib.sha256(_canonical(inputs)).hexdigest()


def is_current(workdir: Path, expected: str) -> bool:
    """Whether the last init was for this digest, and what it made is still there, whole."""
    try:
        marker = json.loads(durable.read_foreign(workdir / _MARKER) or b"null")
    except ValueError:
        return False
    if not isinstance(marker, dict) or marker.get("digest") != expected:
        return False
    return marker.get("lock") == _lock(workdir) and marker.get("made") == _made(workdir) and _plugins_are_there(workdir)


def is_needed(diagnostics: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the engine complains that init did not run."""
    return any(str(diagnostic.get("summary", "")).startswith(_NEEDED) for diagnostic in diagnostics)


def forget(workdir: Path) -> None:
    """Before init runs: whatever becomes of it, the one before counts no longer."""
    (workdir / _MARKER).unlink(missing_ok=True)


def remember(workdir: Path, done: str) -> None:
    """After init succeeded for this digest."""
    durable.make_folder(workdir / ENGINE_FOLDER)
    durable.write_json(workdir / _MARKER, {"digest": done, "lock": _lock(workdir), "made": _made(workdir)})


def _relevant(content: bytes) -> Any:
    try:
        document = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    if not isinstance(document, dict):
        return document
    relevant = {key: value for key, value in document.items() if key not in _VALUES}
    calls = relevant.get("module")
    if isinstance(calls, dict) and all(isinstance(call, dict) for call in calls.values()):
        relevant["module"] = {name: {key: call.get(key) for key in _CALL} for name, call in calls.items()}
    blocks = relevant.get("provider")
    if isinstance(blocks, dict):
        # Only which providers there are: their configuration is read by plan.
        relevant["provider"] = sorted(blocks)
    return relevant


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _lock(workdir: Path) -> str | None:
    return _digest(workdir / ENGINE_LOCK)


def _made(workdir: Path) -> list[str | None]:
    """Digests of what init wrote down about modules and backend."""
    paths = (workdir / _MODULES, workdir / ENGINE_FOLDER / "terraform.tfstate")
    return [_digest(path) for path in paths]


def _digest(path: Path) -> str | None:
    content = durable.read_foreign(path)
    return None if content is None else hashlib.sha256(content).hexdigest()


def _plugins_are_there(workdir: Path) -> bool:
    """Plugins are links into the shared cache, which may have been emptied."""
    providers = workdir / ENGINE_FOLDER / "providers"
    return all(path.exists() for path in providers.rglob("*") if path.is_symlink())
