"""How does the demo act as a team that pushes? A bare repository and a clone, by the git program as people use it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.exits import Exit, Stop

_DEADLINE = 60.0  # seconds for one git command
_FIRST_AUTHOR = "Platform Team <platform@acme.example>"


@dataclass(frozen=True, slots=True)
class Change:
    """In the file at `path`, `old` becomes `new`. `author` as git writes it: `Name <mail>`."""

    path: str
    old: str
    new: str
    message: str
    author: str


class DemoRepository:
    """`<folder>/acme.git`, and a clone of it in `<folder>/acme`."""

    def __init__(self, folder: Path) -> None:
        self._bare = folder / "acme.git"
        self._clone = folder / "acme"

    @property
    def url(self) -> str:
        return str(self._bare)

    def begin(self, sample: Path, replaced: Mapping[str, str]) -> None:
        """Make the first commit from the sample's files, with these words replaced in the runners' files."""
        if shutil.which("git") is None:
            raise Stop(Exit.USAGE, "git is not on the PATH; install it, the demo makes its repository with it")
        shutil.copytree(sample, self._clone, ignore=shutil.ignore_patterns(".git"))
        for file in sorted((self._clone / "platform" / "runners").glob("*.yaml")):
            text = file.read_text()
            for old, new in replaced.items():
                text = text.replace(old, new)
            file.write_text(text)
        _git(self._clone.parent, "init", "--quiet", "--bare", str(self._bare))
        _git(self._clone, "init", "--quiet")
        _git(self._clone, "checkout", "--quiet", "-b", "main")
        _git(self._clone, "remote", "add", "origin", str(self._bare))
        self._commit("Describe our platform and our projects", _FIRST_AUTHOR)
        _git(self._clone, "push", "--quiet", "--set-upstream", "origin", "main")

    def push(self, change: Change, branch: str) -> str:
        """Commit a change on main or on a new branch, push that branch, and give the commit's id."""
        if branch != "main":
            _git(self._clone, "checkout", "--quiet", "-b", branch)
        file = self._clone / change.path
        text = file.read_text()
        if change.old not in text:
            raise Stop(Exit.FAILED, f"{change.path}: `{change.old}` is not in the sample any more; the demo needs it")
        file.write_text(text.replace(change.old, change.new))
        self._commit(change.message, change.author)
        _git(self._clone, "push", "--quiet", "--set-upstream", "origin", branch)
        commit = self.head()
        _git(self._clone, "checkout", "--quiet", "main")
        return commit

    def head(self) -> str:
        return _git(self._clone, "rev-parse", "HEAD").strip()

    def _commit(self, message: str, author: str) -> None:
        _git(self._clone, "add", "--all")
        _git(self._clone, "commit", "--quiet", "--author", author, "--message", message)


def _git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Lockstep demo", "-c", "user.email=demo@lockstep.example", "-c", "commit.gpgSign=false")
    # What the user's own git is configured to do must not change what the demo does.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    done = subprocess.run(
        ("git", *identity, *words),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_DEADLINE,
        check=False,
    )
    if done.returncode:
        raise Stop(Exit.FAILED, f"`git {words[0]}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
