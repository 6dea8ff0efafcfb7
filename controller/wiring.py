"""Which real doors does a controller work with? Built from the settings, here and nowhere else."""

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
from controller.deployments import leftovers
from controller.deployments.doors import Connection, Doors, Limits, Reread, Webhook
from controller.deployments.watched import Watched
from controller.errors import ManifestError, NotAllowedError, Problem, problem
from controller.forge import github_app
from controller.forge.webhook import Forge
from controller.git import address, credentials, transport
from controller.git.mirror import Mirror
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
from controller.settings import App, Settings
from controller.settings import Connection as Chosen

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
        return sealing.Sealer(sealing.keys_of(_variable("seal_key_env", settings.seal_key_env, environ)))
    return sealing.open_sealer(settings.seal_key_file or data / "seal.key")


def _doors(
    settings: Settings,
    opened: Store,
    recipients: Sequence[str],
    data: Path,
    environ: Mapping[str, str],
    again: Callable[[], Settings] | None,
) -> Doors:
    _trust_hosts(settings, data)
    made = _Made(data, environ)
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


def _reread(first: Settings, again: Callable[[], Settings], made: _Made) -> Reread:
    """What the settings say now; whatever is wrong there is said before anything is changed."""
    settings = again()
    connections = made.connections(settings)
    if first.sandbox != "none" and (new := sorted(set(map(str, _secrets(settings))) - set(map(str, _secrets(first))))):
        # What a sandbox hides is settled, and tried out, at the start.
        what = f"engines in the sandbox could read {', '.join(new)} until the next start"
        raise problem("connections", what, "restart the controller to connect with this file")
    _trust_hosts(settings, made.data)
    names = (name for name in Settings.model_fields if name != "connections")
    return Reread(connections, [name for name in names if getattr(settings, name) != getattr(first, name)])


class _Made:
    """Connections that were made: who asks again for what is as before is given the same one."""

    def __init__(self, data: Path, environ: Mapping[str, str]) -> None:
        self.data = data
        self._environ = environ
        self._connections: dict[Chosen, Connection] = {}
        self._mirrors: dict[Path, Mirror] = {}

    def connections(self, settings: Settings) -> dict[str, Connection]:
        ids = [chosen.id for chosen in settings.connections]
        doubles = sorted({id for id in ids if ids.count(id) > 1})
        if doubles:
            what = f"connection `{doubles[0]}` is there {ids.count(doubles[0])} times"
            raise ManifestError([Problem("connections", what, "give each an id of its own")])
        found: dict[str, Connection] = {}
        problems: list[Problem] = []
        for chosen in settings.connections:
            try:
                found[chosen.id] = self._connection(chosen)
            except ManifestError as e:
                problems += e.problems
            except NotAllowedError as e:
                what, _, remedy = str(e).rpartition("; ")
                problems.append(Problem(f"connection `{chosen.id}`", what, remedy))
        if problems:
            raise ManifestError(problems)
        return found

    def _connection(self, chosen: Chosen) -> Connection:
        if chosen not in self._connections:
            mirror, webhook = self._mirror(chosen), _webhook(chosen, self._environ)
            url = mirror.address.shown
            made = Connection(chosen.id, url, mirror, chosen.branch, chosen.poll, webhook)
            self._connections[chosen] = made
        return self._connections[chosen]

    def _mirror(self, chosen: Chosen) -> Mirror:
        """A mirror belongs to a URL: a connection that is pointed elsewhere begins with an empty one."""
        name = f"{chosen.id}-{hashlib.sha256(chosen.url.encode()).hexdigest()[:8]}.git"
        path, found = self.data / "mirrors" / name, _credentials(chosen, self._environ)
        if path in self._mirrors:
            return self._mirrors[path].again(chosen.branch, found)
        made = self._mirrors[path] = Mirror(path, chosen.url, chosen.branch, found)
        return made


def _webhook(chosen: Chosen, environ: Mapping[str, str]) -> Webhook | None:
    """Its secrets are read at each delivery, so that one that was exchanged is taken up without a restart."""
    where = f"connection `{chosen.id}`"
    names = [chosen.webhook_secret_env, chosen.webhook_previous_secret_env]
    files = [chosen.webhook_secret_file, chosen.webhook_previous_secret_file]
    if not any([*names, *files]):
        return None
    if chosen.forge == "git":
        what = "a plain Git remote delivers nothing, and has a webhook secret"
        raise ManifestError([Problem(where, what, "set `forge` to github, gitlab, gitea or bitbucket")])

    def secrets_() -> list[Secret]:
        given = [_variable(where, name, environ) for name in names if name]
        return [Secret(text.strip()) for text in (*given, *(_text(where, file) for file in files if file))]

    for file in filter(None, files):  # what is named has to be there at the start
        if not _text(where, file).strip():
            raise problem(where, f"{file} is empty, and nothing can be signed with that", "write the secret there")
    secrets_()
    return Webhook(Forge(chosen.forge), secrets_)


def _trust_hosts(settings: Settings, data: Path) -> None:
    """Where connections name their known_hosts, exactly those count; else those of the controller's user."""
    named = [(chosen.id, chosen.known_hosts_file) for chosen in settings.connections if chosen.known_hosts_file]
    if named:
        lines = [line for id_, file in named for line in _text(f"connection `{id_}`", file).splitlines()]
        transport.use_known_hosts(data / "ssh-home", lines)


def _credentials(chosen: Chosen, environ: Mapping[str, str]) -> credentials.Credentials | None:
    """Read at each use, so that a token that was exchanged is taken up without a restart."""
    where = f"connection `{chosen.id}`"
    given = [name for name in ("ssh_key_file", "token_file", "token_env", "app") if getattr(chosen, name)]
    if chosen.app and len(given) > 1:
        raise problem(where, f"there are several credentials: {', '.join(given)}", "keep one of them")
    if chosen.ssh_key_file:
        key = chosen.ssh_key_file
        return credentials.SshKey(lambda: _text(where, key), username=chosen.username or "git")
    if chosen.app:
        tokens = _app(where, chosen, chosen.app, environ)
        return credentials.Token(tokens.reveal, refused=tokens.forget)
    user = chosen.username or "x-access-token"
    if chosen.token_file:
        file = chosen.token_file
        return credentials.Token(lambda: _text(where, file).strip(), user)
    if chosen.token_env:
        name = chosen.token_env
        _variable(where, name, environ)
        return credentials.Token(lambda: _variable(where, name, environ), user)
    return None


def _app(where: str, chosen: Chosen, app: App, environ: Mapping[str, str]) -> github_app.Tokens:
    """Its key is read whenever something is signed, and has to be there at the start."""
    file, name = app.key_file, app.key_env
    if chosen.forge != "github":
        raise problem(where, "an `app` is one of GitHub's", "set `forge: github`, or name a token instead")
    if (file is None) == (name is None):
        raise problem(where, "an `app` has one private key", "name it with `key_file` or `key_env`")
    if address.parse(chosen.url).transport not in (address.Transport.HTTPS, address.Transport.HTTP):
        raise problem(where, "the token of an `app` opens https only", "write https://HOST/OWNER/REPOSITORY as the url")
    api = (chosen.api_url or github_app.api_of(chosen.url)).rstrip("/")
    at = address.parse(api)
    if at.transport is not address.Transport.HTTPS and not at.is_this_machine:
        raise problem(where, f"api_url {at.shown}: the app's signature would travel unencrypted", "write https://")
    owner, repository = github_app.repository_of(where, chosen.url)
    key = (lambda: _text(where, file)) if file else (lambda: _variable(where, name or "", environ))
    tokens = github_app.Tokens(github_app.App(where, app.id, key, owner, repository, at.url, app.installation))
    tokens.check()
    return tokens


def _text(where: str, file: Path) -> str:
    try:
        return file.read_text()
    except OSError as e:
        raise ManifestError(
            [Problem(where, f"{file} cannot be read ({e.strerror})", "check the path and its permissions")]
        ) from e
    except UnicodeDecodeError as e:
        raise problem(where, f"{file} holds no text", "write the secret there as text, in UTF-8") from e


def _variable(where: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise ManifestError(
            [Problem(where, f"the environment variable {name} is not set", "set it, or name another in the settings")]
        )
    return value


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
