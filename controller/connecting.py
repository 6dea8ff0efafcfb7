"""How is a connection made of its settings? Its mirror, with what it identifies itself, and whose deliveries count."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from controller.deployments.doors import Connection, Webhook
from controller.errors import ManifestError, NotAllowedError, Problem, problem
from controller.forge import github_app
from controller.forge.webhook import Forge
from controller.git import address, credentials, transport
from controller.git.mirror import Mirror
from controller.secrets.secret import Secret
from controller.settings import App, Settings
from controller.settings import Connection as Chosen


class Connections:
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


def trust_hosts(settings: Settings, data: Path) -> None:
    """Where connections name their known_hosts, exactly those count; else those of the controller's user."""
    named = [(chosen.id, chosen.known_hosts_file) for chosen in settings.connections if chosen.known_hosts_file]
    if named:
        lines = [line for id_, file in named for line in _text(f"connection `{id_}`", file).splitlines()]
        transport.use_known_hosts(data / "ssh-home", lines)


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
        given = [variable(where, name, environ) for name in names if name]
        return [Secret(text.strip()) for text in (*given, *(_text(where, file) for file in files if file))]

    for file in filter(None, files):  # what is named has to be there at the start
        if not _text(where, file).strip():
            raise problem(where, f"{file} is empty, and nothing can be signed with that", "write the secret there")
    secrets_()
    return Webhook(Forge(chosen.forge), secrets_)


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
        variable(where, name, environ)
        return credentials.Token(lambda: variable(where, name, environ), user)
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
    key = (lambda: _text(where, file)) if file else (lambda: variable(where, name or "", environ))
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


def variable(where: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if not value:
        raise ManifestError(
            [Problem(where, f"the environment variable {name} is not set", "set it, or name another in the settings")]
        )
    return value
