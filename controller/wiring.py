"""Which real doors does a controller work with? Built from the settings, here and in `connecting`, nowhere else."""

from __future__ import annotations

import hashlib
import os
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller import data_directory
from controller.connecting import Connections, trust_hosts, variable
from controller.deployments import leftovers
from controller.deployments.doors import Doors, Limits, Reread
from controller.deployments.watched import Watched
from controller.errors import problem
from controller.git.remotes import Remotes, Server
from controller.history import access, store
from controller.history.audit import Act
from controller.history.prune import Retention
from controller.history.store import Store
from controller.model.deployment import EngineKind, Role
from controller.runner import durable, engine, local, sandbox
from controller.runner.protocol import Engine, Sandbox
from controller.secrets import age, sealing
from controller.secrets.secret import Secret
from controller.settings import Settings

ADMIN = "admin"
_RECIPIENT = "log-recipient.txt"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What is made once and never shown again; None where it was there already."""

    admin_token: Secret | None
    log_key: Secret | None


@contextmanager
def open_doors(
    settings: Settings,
    tell: Callable[[FirstStart], None],
    environ: Mapping[str, str] = os.environ,
    again: Callable[[], Settings] | None = None,
) -> Iterator[Doors]:
    """Hold the data directory and open every door; all is closed again at the end. `again` reads the settings anew.

    What a first start makes is told before it is kept. Whoever is killed in between tells the next start's, and nothing
    is ever in use that nobody was told.
    """
    data = settings.data_dir.resolve()
    with ExitStack() as stack:
        stack.enter_context(data_directory.held(data))
        leftovers.clean_mirrors(data)
        opened = store.open_store(settings.database)
        stack.callback(store.close, opened)
        store.upgrade(opened)
        is_first = not access.has_tokens(opened)
        recipients, log_key = _recipients(settings, data, is_first)
        doors = _doors(settings, opened, recipients, data, environ, again)
        admin_token = Secret(f"lockstep_{secrets.token_urlsafe(32)}") if is_first else None
        if admin_token or log_key:
            tell(FirstStart(admin_token, log_key))
        if log_key:
            durable.write(data / _RECIPIENT, f"{recipients[0]}\n".encode())
        if admin_token:  # last of all: it is what ends the first start
            _keep_admin(doors, admin_token)
        yield doors


def retention(settings: Settings) -> Retention:
    """How long things are kept."""
    chosen = settings.retention
    return Retention(chosen.logs, chosen.outputs, chosen.plans)


def sandbox_of(settings: Settings, found: Engine, environ: Mapping[str, str] = os.environ) -> Sandbox:
    """What engines can be shut in with; where they cannot, the error says why."""
    return sandbox.made(found, _secrets(settings), [path.absolute() for path in settings.sandbox_paths], environ)


def _secrets(settings: Settings) -> list[Path]:
    """Folders and files that no engine is to see."""
    secret = [settings.data_dir, settings.runner_env_dir, settings.seal_key_file]
    for chosen in settings.connections:
        secret += [chosen.token_file, chosen.ssh_key_file, chosen.app.key_file if chosen.app else None]
        secret += [chosen.webhook_secret_file, chosen.webhook_previous_secret_file]
    return [path for path in secret if path is not None]


def session_key(doors: Doors) -> bytes:
    """What signs the cookies of those who signed in to the page; made once."""
    return bytes.fromhex(_made_once(doors.data / "session.key", lambda: secrets.token_hex(32)))


def sealer(settings: Settings, data: Path, environ: Mapping[str, str]) -> sealing.Sealer:
    """What seals and opens; its key is made at the first start, unless the settings name one."""
    if settings.seal_key_env:
        return sealing.Sealer(sealing.keys_of(variable("seal_key_env", settings.seal_key_env, environ)))
    return sealing.open_sealer(settings.seal_key_file or data / "seal.key")


def _doors(
    settings: Settings,
    opened: Store,
    recipients: Sequence[str],
    data: Path,
    environ: Mapping[str, str],
    again: Callable[[], Settings] | None,
) -> Doors:
    trust_hosts(settings, data)
    made = Connections(data, environ)
    watched = Watched(made.connections(settings))
    found = engine.discover(EngineKind(settings.engine) if settings.engine else None, environ)
    return Doors(
        store=opened,
        connections=watched,
        runner=local,
        engine=found,
        remotes=Remotes(lambda: [Server(id, *one.mirror.server) for id, one in watched.items()]),
        sandbox=sandbox_of(settings, found, environ) if settings.sandbox == "bubblewrap" else None,
        sealer=sealer(settings, data, environ),
        data=data,
        recipients=recipients,
        controller=_made_once(data / "controller-id", lambda: str(uuid.uuid4())),
        runner_env_dir=settings.runner_env_dir or data / "runner-env",
        page=settings.page,
        limits=Limits(
            plans=settings.plan_slots,
            applies=settings.apply_slots,
            batch=settings.commit_batch,
            memory_per_run=settings.memory_per_run,
            plan_deadline=settings.plan_timeout,
            apply_deadline=settings.apply_timeout,
        ),
        retention=retention(settings),
        reread=partial(_reread, settings, again, made) if again else None,
    )


def _reread(first: Settings, again: Callable[[], Settings], made: Connections) -> Reread:
    """What the settings say now; whatever is wrong there is said before anything is changed."""
    settings = again()
    connections = made.connections(settings)
    if first.sandbox != "none" and (new := sorted(set(map(str, _secrets(settings))) - set(map(str, _secrets(first))))):
        # What a sandbox hides is settled, and tried out, at the start.
        what = f"engines in the sandbox could read {', '.join(new)} until the next start"
        raise problem("connections", what, "restart the controller to connect with this file")
    trust_hosts(settings, made.data)
    names = (name for name in Settings.model_fields if name != "connections")
    return Reread(connections, [name for name in names if getattr(settings, name) != getattr(first, name)])


def _recipients(settings: Settings, data: Path, is_first: bool) -> tuple[tuple[str, ...], Secret | None]:
    """Those of the settings; where they name none, one whose private half is told at the first start."""
    for recipient in settings.recipients:
        age.check_recipient(recipient)
    if settings.recipients:
        return settings.recipients, None
    file = data / _RECIPIENT
    if file.exists() and not is_first:
        return (file.read_text().strip(),), None
    made = age.generate()
    return (made.recipient,), made.secret


def _made_once(file: Path, make: Callable[[], str]) -> str:
    if not file.exists():
        durable.write(file, f"{make()}\n".encode())
    return file.read_text().strip()


def _keep_admin(doors: Doors, token: Secret) -> None:
    access.create_token(
        doors.store,
        name=ADMIN,
        secret_hash=hashlib.sha256(token.reveal().encode()).hexdigest(),
        role=Role.ADMIN,
        projects=None,
        act=Act("first start", doors.now()),
    )
