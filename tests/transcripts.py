"""A page of `docs/` as a test: its named blocks are files, its console blocks a session that is run among them.

A block ```` ```yaml projects/shop/shop.manifest.yaml ```` is a file, written where the page comes to it (a later one
of the same name changes it). A block ```` ```console ```` holds `$ command` lines (`> ` goes on with the one before)
and what they print; `…` alone on a line stands for any lines. `<!-- in sample-repo -->` begins with the sample.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ANY = "…"
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_IN_SAMPLE = "<!-- in sample-repo -->"
_DEADLINE = 120  # seconds that one command may take
_NOBODYS_SETTINGS = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
_WHO = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in {"NAME": "Ada", "EMAIL": "ada@example.com", "DATE": "2026-01-01T12:00:00Z"}.items()
}


@dataclass(frozen=True)
class Step:
    """One command of a session and what the page says that it prints."""

    command: str
    printed: str


def steps(session: str) -> Iterator[Step]:
    """The commands of a console block, in their order."""
    command, printed = "", ""
    for line in session.splitlines(keepends=True):
        if line.startswith("$ "):
            if command:
                yield Step(command, printed)
            command, printed = line[2:], ""
        elif line.startswith("> ") and not printed:
            command += line[2:]
        else:
            printed += line
    if command:
        yield Step(command, printed)


def is_as_told(told: str, printed: str) -> bool:
    """Whether a command printed what the page says."""
    parts = [re.escape(part) for part in re.split(rf"(?m)^{ANY}\n", told)]
    return re.fullmatch("(?s:.*)".join(parts), printed) is not None


def replay(page: str, folder: Path) -> str:
    """Do what a page tells in an empty folder; the page as it would be if it told what was printed."""
    if _IN_SAMPLE in page:
        shutil.copytree(ROOT / "sample-repo", folder, dirs_exist_ok=True)
    _run("git init --quiet --initial-branch main && git add --all && git commit --quiet --allow-empty -m Start", folder)
    return _BLOCK.sub(lambda block: _block(block, folder), page)


def _block(block: re.Match[str], folder: Path) -> str:
    kind, name, text = block["kind"], block["name"], block["text"]
    if kind == "console":
        return f"```console\n{''.join(_step(step, folder) for step in steps(text))}```"
    if name is not None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return block[0]


def _step(step: Step, folder: Path) -> str:
    printed = _run(step.command, folder)
    first, *more = step.command.splitlines(keepends=True)
    told = step.printed if is_as_told(step.printed, printed) else printed
    return "".join([f"$ {first}", *(f"> {line}" for line in more), told])


def _run(command: str, folder: Path) -> str:
    words = f'lockstep() {{ {shlex.quote(sys.executable)} -P -m cli "$@"; }}\n{command}'
    done = subprocess.run(
        ("bash", "-c", words),
        cwd=folder,
        env={**os.environ, **_NOBODYS_SETTINGS, **_WHO, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_DEADLINE,
        check=False,
    )
    return done.stdout.decode()
