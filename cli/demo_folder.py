"""Which directory may a demo make anew? An empty one or one that a demo made, at which no controller is at work."""

from __future__ import annotations

import shutil
from pathlib import Path

from cli.exits import Exit, Stop
from controller import data_directory

DATA = "data"
_MARK = ".lockstep-demo"  # nothing else tells a demo's directory from a repository, which may hold any other name
_SAID = "Made by `lockstep demo`, and made anew by the next one: keep nothing here.\n"


def begin(folder: Path, sample: Path) -> None:
    """Make the directory empty, for its owner alone; Stop where that would take away what is not a demo's."""
    if folder.is_relative_to(sample.resolve()):
        raise Stop(Exit.USAGE, f"{folder}: lies in the sample, which is copied there; name another with --dir")
    if folder.exists() and not (folder / _MARK).exists() and any(folder.iterdir()):
        raise Stop(Exit.USAGE, f"{folder}: is not a demo's directory and not empty; name another with --dir")
    if data_directory.is_held(folder / DATA):
        raise Stop(Exit.CONFLICT, f"{folder}: a demo is at work there; end it, or name another with --dir")
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    (folder / _MARK).write_text(_SAID)
    for path in folder.iterdir():  # the directory itself stays: somebody may stand in it
        if path.name != _MARK:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
