"""What does Lockstep do? Shown on a repository made from the sample: deploy it, change it, ask for a change."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import yaml

import cli
from cli import demo_folder, files, progress
from cli.client import Client
from cli.connection import Connection
from cli.demo_repository import Change, DemoRepository
from cli.exits import Exit, Stop
from cli.free_port import free_port
from controller.model.deployment import FINAL, Mode, Status
from controller.secrets import age

_PATIENCE = 600.0  # seconds for any one act
_POLL = 1.0  # seconds between the controller's polls
_SETTINGS, _LOG = "controller.yaml", "controller.log"

NEW_COLLECTOR = Change(
    "projects/insights/live/environment.yaml",
    "collector:0.7.2",
    "collector:0.8.0",
    "Update the collector to 0.8.0",
    "Ada Sample <ada@acme.example>",
)
LONGER_EVENTS = Change(
    "projects/shop/shared.manifest.yaml",
    "retention_hours: 24",
    "retention_hours: 72",
    "Keep events for three days",
    "Grace Sample <grace@acme.example>",
)
REQUEST = "keep-events-longer"


@click.command(name="demo")
@click.option("--once", is_flag=True, help="End after the plan instead of serving until Ctrl-C.")
@click.option("--sample", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The sample repository.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=".demo",
    help="Where everything is made anew.",
)
def command(once: bool, sample: Path | None, folder: Path) -> int:
    """Deploy the sample repository, then a commit, then plan a request, and serve the page."""
    with ExitStack() as stack:
        stack.enter_context(_ended_by_sigterm_too())
        demo = _prepare(sample or _sample(), folder.resolve(), stack)
        _deploy_all(demo)
        _deploy_one(demo)
        _plan_request(demo)
        _farewell(demo, once)
        if not once:
            _serve(demo)
    return Exit.DONE


@dataclass(slots=True)
class Demo:
    """What the acts share. `shown`: the status last printed of each deployment."""

    folder: Path
    repository: DemoRepository
    server: Client
    controller: subprocess.Popen[bytes]
    shown: dict[str, str] = field(default_factory=dict)

    def say(self, text: str = "") -> None:
        click.echo(text)

    def head(self, text: str) -> None:
        self.say(f"\n── {text} " + "─" * max(0, 76 - len(text)))

    def deployments(self) -> list[dict[str, Any]]:
        """All of them, oldest first."""
        return list(reversed(self.server.get("deployments", limit=200)["items"]))


def _prepare(sample: Path, folder: Path, stack: ExitStack) -> Demo:
    demo_folder.begin(folder, sample)
    repository = DemoRepository(folder)
    # The sample's runner names a folder for what the modules write; the demo keeps that with the rest.
    repository.begin(sample, replaced={"/tmp/lockstep-sample": str(folder / "output")})  # noqa: S108
    key = age.generate()
    files.write_private(folder / "log-key.txt", f"{key.secret.reveal()}\n".encode())
    url = _configure(folder, repository.url, key.recipient)
    controller = _controller(folder)
    stack.callback(_stop, controller)
    _await("the controller to answer", lambda: _is_ready(url), folder, controller)
    token = yaml.safe_load((folder / "first-start.yaml").read_text())["admin_token"]
    server = stack.enter_context(Client(Connection(url, token, folder / "log-key.txt")))
    return Demo(folder, repository, server, controller)


def _configure(folder: Path, repository: str, recipient: str) -> str:
    listen = f"127.0.0.1:{free_port(8080)}"
    settings = {
        "connections": [{"id": "acme", "url": repository, "branch": "main", "poll": "1s"}],
        "data_dir": str(folder / demo_folder.DATA),
        "listen": listen,
        "recipients": [recipient],
        "anonymous_pages": True,
    }
    (folder / _SETTINGS).write_text(yaml.safe_dump(settings, sort_keys=False))
    return f"http://{listen}"


def _controller(folder: Path) -> subprocess.Popen[bytes]:
    # The demo's settings are those of its file, whatever the user's own controller is told by its environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    paths = [str(Path(cli.__file__).resolve().parent.parent), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    words = ("serve", "--config", str(folder / _SETTINGS), "--first-start", str(folder / "first-start.yaml"))
    log = os.open(folder / _LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # A group of its own: Ctrl-C reaches the demo alone, which then asks the controller to end.
        return subprocess.Popen(
            (sys.executable, "-P", "-m", "cli", *words),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


@contextmanager
def _ended_by_sigterm_too() -> Iterator[None]:
    """As Ctrl-C does: else the controller, which is in a group of its own, would go on alone."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(controller: subprocess.Popen[bytes]) -> None:
    controller.terminate()
    try:
        controller.wait(30)
    except subprocess.TimeoutExpired:
        controller.kill()


def _deploy_all(demo: Demo) -> None:
    demo.head("a repository of four environments")
    demo.say(f"repository  {demo.repository.url}, made from the sample")
    _settle(demo, lambda: _environments_in_step(demo))
    rows = demo.deployments()
    _expect(demo, [row["status"] for row in rows] == ["succeeded"] * 4, "four deployments that succeed")
    _expect(demo, {row["commit"] for row in rows} == {demo.repository.head()}, "all of them of the first commit")


def _deploy_one(demo: Demo) -> None:
    demo.head(f"a commit that changes one environment: {NEW_COLLECTOR.message}")
    before = len(demo.deployments())
    commit = demo.repository.push(NEW_COLLECTOR, "main")
    demo.say(f"pushed      {commit[:10]} to main, {NEW_COLLECTOR.path}")
    _settle(demo, lambda: len(demo.deployments()) > before and _decided(demo) == commit)
    time.sleep(3 * _POLL)  # three more ticks open nothing
    new = demo.deployments()[before:]
    slugs = [f"{row['project']}/{row['environment']} {row['status']}" for row in new]
    _expect(demo, slugs == ["insights/live succeeded"], f"one deployment, of insights/live (found {slugs})")
    _expect(demo, new[0]["commit"] == commit, "it is linked to the commit")
    demo.say(f"linked to   {commit[:10]} “{new[0]['commit_subject']}” by {new[0]['commit_author']}")


def _plan_request(demo: Demo) -> None:
    demo.head(f"the branch of a pull request: {LONGER_EVENTS.message}")
    commit = demo.repository.push(LONGER_EVENTS, REQUEST)
    demo.say(f"pushed      {commit[:10]} to {REQUEST}; planning what its merge would change")
    planned = demo.server.post("plans", body={"ref": REQUEST, "repository": None})
    ids = {row["id"] for row in planned["deployments"]}
    _settle(demo, lambda: True, mode=Mode.PLAN_ONLY)
    found = demo.server.get("plans", planned["id"])
    statuses = sorted({row["status"] for row in found["deployments"]})
    _expect(demo, bool(ids) and statuses == ["planned"] and not found["problems"], f"plans that are made ({statuses})")
    demo.say("\nthe comment for the request:\n")
    demo.say(found["comment"])


def _farewell(demo: Demo, once: bool) -> None:
    demo.head("done")
    demo.say(f"log key     {demo.folder / 'log-key.txt'} reads the logs of every deployment from Git:")
    last = next(row for row in reversed(demo.deployments()) if row["mode"] == Mode.DEPLOY)
    demo.say(f"            lockstep logs {last['id']} --key-file {demo.folder / 'log-key.txt'}")
    demo.say(f"made files  {demo.folder / 'output'}")
    demo.say(f"token       admin_token in {demo.folder / 'first-start.yaml'}; for the command line:")
    demo.say(f"            export LOCKSTEP_URL={demo.server.url} LOCKSTEP_TOKEN=<that token>")
    demo.say(f"page        {demo.server.url}" + ("  (until this command ends)" if once else "  Ctrl-C ends it"))


def _serve(demo: Demo) -> None:
    try:
        code = demo.controller.wait()
    except KeyboardInterrupt:
        return
    raise _ended(demo.folder, code)


def _settle(demo: Demo, is_reached: Callable[[], bool], mode: Mode = Mode.DEPLOY) -> None:
    """Show how deployments go on until the goal is reached and none is open."""

    def settled() -> bool:
        was_reached = is_reached()  # asked first: what opened for the goal is then among the rows
        rows = [row for row in demo.deployments() if row["mode"] == mode]
        for row in rows:
            _tell(demo, row)
        return was_reached and all(Status(row["status"]) in FINAL for row in rows)

    _await("the deployments to end", settled, demo.folder, demo.controller)


def _tell(demo: Demo, row: Mapping[str, Any]) -> None:
    words = progress.words(row)
    if demo.shown.get(row["id"]) == words:
        return
    demo.shown[row["id"]] = words
    told = {"succeeded": progress.counts(row["counts"]), "planned": progress.counts(row["counts"])}
    more = told.get(row["status"], row["message"] if Status(row["status"]) in FINAL else "")
    demo.say(f"  {row['project'] + '/' + row['environment']:<18} {words:<18} {more}".rstrip())


def _environments_in_step(demo: Demo) -> bool:
    """Whether each environment has what Git wants; says what is wrong where Git's files are rejected."""
    found = demo.server.get("environments")["items"]
    for environment in found:
        if environment["problems"]:
            slug = f"{environment['project']}/{environment['name']}"
            raise Stop(Exit.FAILED, "\n".join([f"{slug} is rejected:", *environment["problems"]]))
    return len(found) == 4 and all(environment["applied"] for environment in found)


def _decided(demo: Demo) -> str | None:
    tip: str | None = demo.server.get("repositories")["items"][0]["decided_tip"]
    return tip


def _expect(demo: Demo, is_so: bool, what: str) -> None:
    if not is_so:
        raise Stop(Exit.FAILED, f"the demo expected {what}; read {demo.folder / _LOG}")


def _await(what: str, is_so: Callable[[], bool], folder: Path, controller: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE
    while controller.poll() is None:
        if is_so():
            return
        if time.monotonic() > until:
            raise Stop(Exit.TIMED_OUT, f"the demo waited {_PATIENCE:.0f} s for {what}; read {folder / _LOG}")
        time.sleep(0.25)
    raise _ended(folder, controller.returncode)


def _ended(folder: Path, code: int) -> Stop:
    said = (folder / _LOG).read_text(errors="replace").strip().splitlines()
    return Stop(Exit.FAILED, f"the controller ended with {code}: {said[-1] if said else ''}; read {folder / _LOG}")


def _is_ready(url: str) -> bool:
    import httpx

    try:
        # A proxy of the user's would not find this machine's loopback.
        return httpx.get(f"{url}/readyz", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _sample() -> Path:
    """The sample beside the sources, or where the container image keeps it."""
    for place in (Path(__file__).parent.parent / "sample-repo", Path("/usr/share/lockstep/sample-repo")):
        if place.is_dir():
            return place
    raise Stop(Exit.USAGE, "the sample repository is not here; name it with --sample")
