"""How does the controller run? One process: timers and workers, and a web server in front."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml
from flask import Flask

from cli import files
from cli.exits import Exit
from controller import machine, wiring
from controller import settings as chosen
from controller.deployments import engines, reloading
from controller.deployments.doors import Doors
from controller.errors import LockstepError
from controller.forge import webhook
from controller.loop import Loop
from controller.model.deployment import EngineKind
from controller.settings import Settings
from webui.app import create_app

_THREADS = 8  # of the web server
_CONNECTIONS = 400  # that are kept open: as many have to be slow before anybody waits; each may need two files
_LARGEST = webhook.LARGEST + 2**20  # bytes of a body that are taken in at all; within it we say what is too large
_LAST_PORT = 65_535
_SWITCH = 0.0002  # seconds that a thread which computes keeps those waiting that have to answer
_ANSWER = 2  # seconds that a request which is being answered may still take at the end

log = logging.getLogger("lockstep")


@click.command(name="serve")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="The settings file.")
@click.option("--repo", help="Watch this repository; enough where there is only one.")
@click.option("--branch", default="main", show_default=True, help="The branch of --repo to follow.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is kept.")
@click.option("--listen", help="HOST:PORT for the page and the API.")
@click.option(
    "--first-start",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write what the first start makes to this file instead of printing it.",
)
def command(
    config: Path | None,
    repo: str | None,
    branch: str,
    data_dir: Path | None,
    listen: str | None,
    first_start: Path | None,
) -> int:
    """Run the controller, its page and its API until it is asked to end."""
    overrides: dict[str, Any] = {"data_dir": data_dir, "listen": listen}
    if repo:
        overrides["connections"] = ({"id": "main", "url": repo, "branch": branch},)
    load = partial(chosen.load, config, {key: value for key, value in overrides.items() if value is not None})
    settings = load()
    _log_to_stderr(settings)
    with wiring.open_doors(settings, partial(_tell_first_start, file=first_start), again=load) as doors:
        _tell(doors, settings)
        _serve(doors, settings)
    return Exit.DONE


def _serve(doors: Doors, settings: Settings) -> None:
    sys.setswitchinterval(_SWITCH)
    loop = Loop(doors)
    app = create_app(
        doors,
        session_key=wiring.session_key(doors),
        page=settings.page,
        is_open=settings.anonymous_pages,
        secure_cookies=settings.page.startswith("https://"),
    )
    with _asked_to_end() as wait, _asked_to_reload(doors), _listening(app, settings):
        loop.start()
        log.info("serving %s", settings.page)
        wait()
        log.info("asked to end: nothing new begins, what runs may end within %d s", settings.drain.total_seconds())
        loop.stop(settings.drain, interrupt=_are_runs_lost(settings))
    log.info("ended")


def _are_runs_lost(settings: Settings) -> bool:
    """Whether supervisors end with this process, so that their engines have to be stopped before."""
    return machine.is_container() if settings.on_stop == "auto" else settings.on_stop == "interrupt"


@contextmanager
def _listening(app: Flask, settings: Settings) -> Iterator[None]:
    """Answer requests in threads of their own; those that are at work at the end are answered."""
    from waitress import trigger, wasyncore
    from waitress.server import create_server

    host, port = settings.address
    how = {"threads": _THREADS, "connection_limit": _CONNECTIONS, "max_request_body_size": _LARGEST}
    sockets: dict[int, Any] = {}
    try:
        if port > _LAST_PORT:  # the system would take its lower half
            raise ValueError(f"there is no port {port}")
        # Poll, as select knows no file with a number above 1023.
        server = create_server(
            app, sockets, host=host.strip("[]"), port=port, ident=None, asyncore_use_poll=True, **how
        )
    except (OSError, ValueError) as e:
        why = (getattr(e, "strerror", None) or str(e)).lower().rstrip(".")
        raise LockstepError(
            f"{settings.listen}: cannot be listened on ({why}); choose another with --listen HOST:PORT"
        ) from e
    wake = trigger.trigger(sockets)
    web = threading.Thread(target=server.run, name="web", daemon=True)
    web.start()
    try:
        yield
    finally:
        server.task_dispatcher.shutdown(cancel_pending=False, timeout=_ANSWER)
        # Closed by the thread that looks after the sockets: it ends when none is left.
        wake.pull_trigger(lambda: wasyncore.close_all(sockets))
        web.join(_ANSWER)


@contextmanager
def _asked_to_end() -> Iterator[Callable[[], None]]:
    """What waits for SIGTERM or SIGINT; a second one ends the process at once, as no signal would be caught."""
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(number, signal.SIG_DFL)

    # Heard by a pipe: a signal that comes just before one waits for a lock is noticed when the wait is over, and that
    # of an event would never be.
    heard, tell = os.pipe()
    os.set_blocking(tell, False)
    told = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}

    def wait() -> None:
        while not asked:
            os.read(heard, 1)

    try:
        yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(told)
        os.close(heard)
        os.close(tell)


@contextmanager
def _asked_to_reload(doors: Doors) -> Iterator[None]:
    """On SIGHUP the settings are read anew, in a thread of its own: a signal interrupts whatever goes on."""
    asked, is_over = threading.Event(), threading.Event()

    def wait() -> None:
        while asked.wait() and not is_over.is_set():
            asked.clear()
            try:
                log.info("settings read anew: %s", reloading.reload(doors, "SIGHUP"))
            except LockstepError as e:
                log.error("settings were read anew and nothing was changed: %s", e)
            except Exception:
                log.exception("settings were read anew and nothing was changed")

    waiting = threading.Thread(target=wait, name="reload", daemon=True)
    waiting.start()
    before = signal.signal(signal.SIGHUP, lambda number, frame: asked.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
        is_over.set()
        asked.set()
        waiting.join(_ANSWER)


def _tell_first_start(made: wiring.FirstStart, file: Path | None) -> None:
    """What is shown once: on stdout, or in a file that only its owner can read."""
    shown = {
        "admin_token": made.admin_token.reveal() if made.admin_token else None,
        "log_key": made.log_key.reveal() if made.log_key else None,
    }
    shown = {name: secret for name, secret in shown.items() if secret}
    if not shown:
        return
    if file:
        files.write_private(file, yaml.safe_dump(shown).encode())
        return
    click.echo("This is the first start. Keep these now, they are not shown again:")
    if "admin_token" in shown:
        click.echo(f"  token of the administrator (LOCKSTEP_TOKEN):  {shown['admin_token']}")
    if "log_key" in shown:
        click.echo(f"  key that reads logs of deployments from Git:   {shown['log_key']}")
    sys.stdout.flush()


def _tell(doors: Doors, settings: Settings) -> None:
    engine = doors.engine
    log.info("engine %s %s: %s", engine.name, engine.version, engine.why)
    if doors.sandbox:
        log.info("engines run in a sandbox (%s)", doors.sandbox.program)
    if engine.kind is EngineKind.TERRAFORM:
        log.warning("Terraform does not encrypt state: the local state of environments holds values in clear")
    unserved = engines.unserved(doors.store, engine.kind)
    if unserved:
        log.warning("%s", unserved)
    if not doors.connections:
        log.warning("no repository is watched; give one with --repo, or write `connections` into the settings")
    for connection in doors.connections.values():
        log.info(
            "watching %s, branch %s, every %d s", connection.url, connection.branch, connection.poll.total_seconds()
        )
    if settings.anonymous_pages:
        log.warning("everybody who reaches %s may read the pages (anonymous_pages)", settings.listen)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "room": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _log_to_stderr(settings: Settings) -> None:
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")
    handler.setFormatter(_JsonLines() if settings.log_format == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("apscheduler", "alembic", "waitress.queue", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
