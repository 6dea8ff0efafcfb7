"""A page of `docs/` as a test: its named blocks are files, its console blocks a session that is run among them.

A block ```` ```yaml projects/shop/shop.manifest.yaml ```` is a file, written where the page comes to it (a later one
of the same name changes it). A block ```` ```console ```` holds `$ command` lines (`> ` goes on with the one before)
and what they print; `…` alone on a line stands for any lines. `<!-- in sample-repo -->` begins with the sample.

On a page with `<!-- with a controller -->` a real controller watches the folder, from the first console block on; with
`<!-- with a controller of acme.git -->` it watches a bare repository of that name, the folder's `origin`. What is
another one each time stands on such a page under a name of its own, in commands too: see `Names`.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests import serve_factories

ROOT = Path(__file__).parents[1]
ANY = "…"
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_IN_SAMPLE = "<!-- in sample-repo -->"
_WITH_CONTROLLER = re.compile(r"<!-- with a controller(?: of (?P<bare>\S+))? -->")
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


_NAMED: Mapping[str, str] = {  # what is another one each time, and how it is called on a page
    r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}": "d{:07}-0000-4000-8000-000000000000",
    r"age1[0-9a-z]{58}": "age1-recipient-{}-of-this-page",
    r"AGE-SECRET-KEY-1[0-9A-Z]{58}": "AGE-SECRET-KEY-1-OF-THIS-PAGE-{}",
}
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_A_TIME = "2026-01-01T12:00:00Z"


@dataclass
class Names:
    """What is another one each time: ids of deployments and keys. The page names them where it first shows one.

    What `…` stands for names nothing: there are ids of an engine's among it that look like ours one time in sixteen.
    """

    known: dict[str, str] = field(default_factory=dict)

    def is_as_told(self, told: str, printed: str) -> bool:
        """Whether that was printed but for names; those that are new in it are known from now on."""
        pattern, places = _pattern(told, {name: real for real, name in self.known.items()})
        found = re.fullmatch(pattern, printed)
        if found is not None:
            self.known |= {found[group]: name for name, group in places.items()}
        return found is not None

    def shown(self, text: str) -> str:
        """As the page would have it."""
        for pattern, name in _NAMED.items():
            text = re.sub(pattern, lambda found, name=name: self._name(found[0], name), text)
        return re.sub(_TIME, _A_TIME, text)

    def meant(self, text: str) -> str:
        """As the controller has it."""
        for real, name in self.known.items():
            text = text.replace(name, real)
        return text

    def _name(self, real: str, name: str) -> str:
        taken = {*self.known.values()}
        free = next(named for number in itertools.count(1) if (named := name.format(number)) not in taken)
        return self.known.setdefault(real, free)


def _pattern(told: str, known: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What is printed where a page tells that; and by new name the group that holds what it is called for."""
    places: dict[str, str] = {}
    kinds = {re.sub(r"\\{[^}]*\\}", r"\\d+", re.escape(name)): real for real, name in _NAMED.items()}

    def part(found: re.Match[str]) -> str:
        text = found[0]
        if text == f"{ANY}\n":
            return "(?s:.*)"
        if text == _A_TIME:
            return _TIME
        if text in known:
            return re.escape(known[text])
        if text in places:
            return f"(?P={places[text]})"
        for kind, real in kinds.items():
            if re.fullmatch(kind, text):
                places[text] = f"n{len(places)}"
                return f"(?P<{places[text]}>{real})"
        return re.escape(text)

    words = "|".join([rf"^{ANY}\n", re.escape(_A_TIME), *kinds, r"[\s\S]"])
    return re.sub(words, part, told, flags=re.MULTILINE), places


@dataclass
class Session:
    """A folder in which a page is done, and what its commands find in their environment."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=Names)

    def run(self, command: str) -> str:
        words = f'lockstep() {{ {shlex.quote(sys.executable)} -P -m cli "$@"; }}\n{command}'
        done = subprocess.run(
            ("bash", "-c", self.names.meant(words)),
            cwd=self.folder,
            env={
                **os.environ,
                **_NOBODYS_SETTINGS,
                **_WHO,
                "PYTHONPATH": str(ROOT),
                "COLUMNS": "120",
                **self.environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_DEADLINE,
            check=False,
        )
        return done.stdout.decode()


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


def replay(page: str, folder: Path) -> str:
    """Do what a page tells in an empty folder; the page as it would be if it told what was printed."""
    with ExitStack() as stack:
        return _replay(page, folder, stack)


def _replay(page: str, folder: Path, stack: ExitStack) -> str:
    if _IN_SAMPLE in page:
        shutil.copytree(ROOT / "sample-repo", folder, dirs_exist_ok=True)
    session = Session(folder)
    session.run("git init --quiet --initial-branch main && git add --all && git commit --quiet --allow-empty -m Start")
    waits = [*_WITH_CONTROLLER.finditer(page)][:1]

    def done(block: re.Match[str]) -> str:
        if waits and block["kind"] == "console":
            _serve(session, stack, waits.pop()["bare"])
        return _block(block, session)

    return _BLOCK.sub(done, page)


def _serve(session: Session, stack: ExitStack, bare: str | None) -> None:
    """Let a controller deploy what the page has said so far; from then on commands talk to it."""
    session.run("git add --all && git commit --quiet -m 'Describe the shop'")
    place = session.folder.parent / f"{session.folder.name}-controller"
    place.mkdir()
    watched = place / bare if bare else session.folder
    if bare:
        session.run(f"git clone --quiet --bare . '{watched}' && git remote add origin '{watched}'")
        session.run("git push --quiet --set-upstream origin main")
    connection = {"id": "main", "url": str(watched), "poll": "1s"}
    server = stack.enter_context(serve_factories.serving(place, connections=[connection]))
    server.start()
    token = serve_factories.yaml.safe_load(server.first_start.read_text())["admin_token"]
    session.environment = {"LOCKSTEP_URL": server.url, "LOCKSTEP_TOKEN": token}
    serve_factories.until("everything to be deployed", lambda: _is_at_rest(server))


def _is_at_rest(server: serve_factories.Server) -> bool:
    found = server.get("environments")["items"]
    return bool(found) and all(one["applied"] and one["applied"] == one["desired"] for one in found)


def _block(block: re.Match[str], session: Session) -> str:
    kind, name, text = block["kind"], block["name"], block["text"]
    if kind == "console":
        return f"```console\n{''.join(_step(step, session) for step in steps(text))}```"
    if name is not None:
        path = session.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return block[0]


def _step(step: Step, session: Session) -> str:
    printed = session.run(step.command)
    first, *more = step.command.splitlines(keepends=True)
    told = step.printed if session.names.is_as_told(step.printed, printed) else session.names.shown(printed)
    return "".join([f"$ {first}", *(f"> {line}" for line in more), told])
