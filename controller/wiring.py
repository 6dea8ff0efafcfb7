"""Which real doors does a controller work with? Built from the settings, here and nowhere else."""

from __future__ import annotations

import hashlib
import os
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller import clock
from controller.deployments.doors import Connection, Doors, Limits
from controller.errors import ManifestError, Problem
from controller.git import credentials, transport
from controller.git.mirror import Mirror
from controller.history import access, store
from controller.model.deployment import EngineKind, Role
from controller.runner import engine, local
from controller.secrets import age, sealing
from controller.secrets.secret import Secret
from controller.settings import Connection as Chosen
from controller.settings import Settings

ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What is made once and never shown again; None where it was there already."""

    admin_token: Secret | None
    log_key: Secret | None


def open_doors(settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[Doors, FirstStart]:
    """Make the data directory ready, open every door, and make what a first start needs."""
    data = _data(settings)
    recipients, log_key = _recipients(settings, data)
    _trust_hosts(settings, data)
    opened = store.open_store(settings.database)
    store.upgrade(opened)
    doors = Doors(
        store=opened,
        connections={chosen.id: _connection(chosen, data, environ) for chosen in settings.connections},
        runner=local,
        engine=engine.discover(EngineKind(settings.engine) if settings.engine else None, environ),
        sealer=_sealer(settings, data, environ),
        data=data,
        recipients=recipients,
        controller=_identity(data),
        runner_env_dir=settings.runner_env_dir or data / "runner-env",
        limits=Limits(
            plans=settings.plan_slots,
            applies=settings.apply_slots,
            plan_deadline=settings.plan_timeout,
            apply_deadline=settings.apply_timeout,
        ),
    )
    return doors, FirstStart(_admin_token(doors), log_key)


def session_key(doors: Doors) -> bytes:
    """What signs the cookies of those who signed in to the page; made once."""
    file = doors.data / "session.key"
    if not file.exists():
        _write_once(file, secrets.token_hex(32))
    return bytes.fromhex(file.read_text().strip())


def _data(settings: Settings) -> Path:
    data = settings.data_dir.resolve()
    for folder in (data, data / "runner-env"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data


def _connection(chosen: Chosen, data: Path, environ: Mapping[str, str]) -> Connection:
    # A mirror belongs to a URL: a connection that is pointed elsewhere begins with an empty one.
    name = f"{chosen.id}-{hashlib.sha256(chosen.url.encode()).hexdigest()[:8]}.git"
    mirror = Mirror(data / "mirrors" / name, chosen.url, chosen.branch, _credentials(chosen, environ))
    return Connection(chosen.id, mirror.address.shown, mirror, chosen.branch, chosen.poll)


def _trust_hosts(settings: Settings, data: Path) -> None:
    """Where connections name their known_hosts, exactly those count; else those of the controller's user."""
    named = [(chosen.id, chosen.known_hosts_file) for chosen in settings.connections if chosen.known_hosts_file]
    if named:
        lines = [line for id_, file in named for line in _text(f"connection `{id_}`", file).splitlines()]
        transport.use_known_hosts(data / "ssh-home", lines)


def _credentials(chosen: Chosen, environ: Mapping[str, str]) -> credentials.Credentials | None:
    """Read at each use, so that a token that was exchanged is taken up without a restart."""
    where = f"connection `{chosen.id}`"
    if chosen.ssh_key_file:
        key = chosen.ssh_key_file
        return credentials.SshKey(lambda: _text(where, key), username=chosen.username or "git")
    user = chosen.username or "x-access-token"
    if chosen.token_file:
        file = chosen.token_file
        return credentials.Token(lambda: _text(where, file).strip(), user)
    if chosen.token_env:
        name = chosen.token_env
        _variable(where, name, environ)
        return credentials.Token(lambda: _variable(where, name, environ), user)
    return None


def _text(where: str, file: Path) -> str:
    try:
        return file.read_text()
    except OSError as e:
        raise ManifestError(
            [Problem(where, f"{file} cannot be read ({e.strerror})", "check the path and its permissions")]
        ) from e


def _variable(where: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise ManifestError(
            [Problem(where, f"the environment variable {name} is not set", "set it, or name another in the settings")]
        )
    return value


def _sealer(settings: Settings, data: Path, environ: Mapping[str, str]) -> sealing.Sealer:
    if settings.seal_key_env:
        return sealing.Sealer(sealing.keys_of(_variable("seal_key_env", settings.seal_key_env, environ)))
    return sealing.open_sealer(settings.seal_key_file or data / "seal.key")


def _recipients(settings: Settings, data: Path) -> tuple[tuple[str, ...], Secret | None]:
    """Those of the settings; where they name none, one that is made at the first start."""
    for recipient in settings.recipients:
        age.check_recipient(recipient)
    if settings.recipients:
        return settings.recipients, None
    file = data / "log-recipient.txt"
    if file.exists():
        return (file.read_text().strip(),), None
    made = age.generate()
    _write_once(file, made.recipient)
    return (made.recipient,), made.secret


def _identity(data: Path) -> str:
    file = data / "controller-id"
    if not file.exists():
        _write_once(file, str(uuid.uuid4()))
    return file.read_text().strip()


def _write_once(file: Path, text: str) -> None:
    aside = file.with_suffix(".new")
    aside.touch(mode=0o600)
    aside.write_text(text + "\n")
    aside.replace(file)


def _admin_token(doors: Doors) -> Secret | None:
    if access.has_tokens(doors.store):
        return None
    token = f"lockstep_{secrets.token_urlsafe(32)}"
    access.create_token(
        doors.store,
        name=ADMIN,
        secret_hash=hashlib.sha256(token.encode()).hexdigest(),
        role=Role.ADMIN,
        projects=None,
        actor="first start",
        now=clock.now(),
    )
    return Secret(token)
