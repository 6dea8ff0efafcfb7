"""How does a GitHub App come to a token? It signs who it is; the token is good for an hour and for one repository.

The key never leaves this process, a signature is good for some minutes, and neither follows a redirect.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import jwt

from controller import clock
from controller.errors import LockstepError, NotAllowedError, RetryableError, problem
from controller.model.document import Json
from controller.secrets.secret import Secret

READ: Mapping[str, str] = MappingProxyType({"contents": "read"})  # what it takes to fetch, and nothing else
DEADLINE = timedelta(seconds=10)
_SPARE = timedelta(minutes=5)  # a token is not used for as long before it expires
_BACK = timedelta(seconds=60)  # our clock may be ahead by as much
_GOOD = timedelta(minutes=9)  # GitHub refuses signatures that are good for more than ten minutes
_PAUSE = timedelta(seconds=60)  # where GitHub asks for fewer requests and does not say for how long
_LONGEST = timedelta(hours=1)  # its limits are by the hour
_LARGEST = 2**20
_SERVER_ERROR, _OK = 500, range(200, 300)


@dataclass(frozen=True, slots=True)
class App:
    """Who asks, and for what. `where` begins every message."""

    where: str
    id: str
    key: Callable[[], str] = field(repr=False)  # a private key in PEM; asked for whenever something is signed
    owner: str
    repository: str
    api: str
    installation: int | None = None  # None: looked up
    permissions: Mapping[str, str] = field(default_factory=lambda: READ)


class Tokens:
    """The app's token for its repository, made when it is needed and used for as long as it is good.

    Any thread may ask; one of them asks GitHub, the others wait for what comes of it.
    """

    def __init__(self, app: App, now: Callable[[], datetime] = clock.now, deadline: timedelta = DEADLINE) -> None:
        self._app = app
        self._now = now
        self._deadline = deadline
        self._one = threading.Lock()
        self._token: Secret | None = None
        self._until = datetime.min.replace(tzinfo=UTC)
        self._installation = app.installation
        self._pause: tuple[datetime, str] | None = None  # until when GitHub is left in peace, and why

    def check(self) -> None:
        """Whether the key is there and can sign; GitHub is not asked."""
        self._signature()

    def reveal(self) -> str:
        """The token itself. NotAllowedError where somebody has to do something, RetryableError where time will."""
        with self._one:
            if self._token is None or self._now() >= self._until - _SPARE:
                self._keep_peace()
                self._token, self._until = self._made()
            return self._token.reveal()

    def forget(self) -> None:
        """The token was refused before its time: the next one who asks gets another."""
        with self._one:
            self._token = None

    def _made(self) -> tuple[Secret, datetime]:
        app = self._app
        if self._installation is None:
            self._installation = self._found()
        wanted = {"repositories": [app.repository], "permissions": dict(app.permissions)}
        try:
            answer = self._ask("POST", f"/app/installations/{self._installation}/access_tokens", wanted)
        except _UnknownError as e:
            gone = f"{app.where}: app {app.id} has no installation {self._installation} (status 404)"
            self._installation = app.installation
            if app.installation is None:
                raise RetryableError(f"{gone} any more; the next poll looks for another") from e
            raise NotAllowedError(f"{gone}; correct `installation`, or leave it out, and it is looked up") from e
        try:
            token, until = answer["token"], datetime.fromisoformat(answer["expires_at"])
            if isinstance(token, str) and token and until.tzinfo is not None:
                return Secret(token), until
        except (KeyError, TypeError, ValueError):
            pass
        raise self._nonsense()

    def _found(self) -> int:
        app = self._app
        try:
            answer = self._ask("GET", f"/repos/{quote(app.owner)}/{quote(app.repository)}/installation")
        except _UnknownError as e:
            raise NotAllowedError(
                f"{app.where}: app {app.id} is not installed on {app.owner}/{app.repository} (status 404); "
                f"install it there, with access to this repository"
            ) from e
        found = answer.get("id")
        if not isinstance(found, int):
            raise self._nonsense()
        return found

    def _signature(self) -> str:
        app, now = self._app, self._now()
        claims = {"iat": int((now - _BACK).timestamp()), "exp": int((now + _GOOD).timestamp()), "iss": app.id}
        try:
            return jwt.encode(claims, app.key().replace("\\n", "\n"), algorithm="RS256")
        except (jwt.PyJWTError, ValueError, TypeError) as e:
            # What the library says may repeat what it was given.
            what = f"the key of app {app.id} is no RSA private key in PEM"
            remedy = "generate one in the app's settings on GitHub, under `Private keys`, and give that file as it is"
            raise problem(app.where, what, remedy) from e

    def _ask(self, method: str, path: str, body: Json = None) -> dict[str, Any]:
        """One request; what it was answered, as a document. Everything that goes wrong is said."""
        headers = {
            "Authorization": f"Bearer {self._signature()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "lockstep",
        }
        end = time.monotonic() + self._deadline.total_seconds()
        try:
            with httpx.stream(
                method,
                self._app.api + path,
                headers=headers,
                json=body,
                timeout=self._deadline.total_seconds(),
                follow_redirects=False,
            ) as answer:
                content = bytearray()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if time.monotonic() > end:
                        raise httpx.ReadTimeout("the answer has no end")
                    if len(content) > _LARGEST:
                        raise httpx.ReadError("the answer is too long")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as e:
            why = "timed out" if isinstance(e, httpx.TimeoutException) else str(e) or type(e).__name__
            raise RetryableError(
                f"{self._app.where}: {self._app.api} gives no token ({why}); the next poll tries again"
            ) from e
        if answer.status_code in _OK:
            return self._document(bytes(content))
        raise self._refusal(answer, bytes(content))

    def _document(self, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._nonsense()
        return found

    def _refusal(self, answer: httpx.Response, content: bytes) -> LockstepError:
        app, status = self._app, answer.status_code
        if status == httpx.codes.UNAUTHORIZED:
            return NotAllowedError(
                f"{app.where}: GitHub does not take the signature of app {app.id} (status 401); check that `id` is "
                f"that of the app, that the key is one of its own, and that this machine's clock is right"
            )
        if status == httpx.codes.NOT_FOUND:
            return _UnknownError()
        if status == httpx.codes.TOO_MANY_REQUESTS or (status == httpx.codes.FORBIDDEN and _is_limit(answer)):
            pause = _pause(answer, self._now())
            said = f"{app.where}: GitHub asks for fewer requests (status {status})"
            self._pause = (self._now() + pause, said)
            return RetryableError(f"{said}; it is asked again after {pause.total_seconds():.0f} s")
        if answer.is_redirect:
            to = urlsplit(answer.headers.get("location", ""))
            return NotAllowedError(
                f"{app.where}: GitHub leads elsewhere (status {status}, to {to.hostname or 'another path'}), which "
                f"nothing follows; set the `url` to what the repository is called now, or `api_url` to where the API is"
            )
        if status >= _SERVER_ERROR:
            return RetryableError(f"{app.where}: {app.api} is not ready (status {status}); the next poll tries again")
        return NotAllowedError(
            f"{app.where}: GitHub gives app {app.id} no token for {app.owner}/{app.repository} (status {status}"
            f"{_said(content)}); check that the app is not suspended there, has access to this repository, and the "
            f"permissions {', '.join(f'{name}: {level}' for name, level in sorted(app.permissions.items()))}"
        )

    def _keep_peace(self) -> None:
        if self._pause is not None and self._now() < self._pause[0]:
            left = (self._pause[0] - self._now()).total_seconds()
            raise RetryableError(f"{self._pause[1]}; it is asked again after {left:.0f} s")

    def _nonsense(self) -> LockstepError:
        return RetryableError(
            f"{self._app.where}: {self._app.api} answers what is no answer of GitHub's API; "
            f"check `api_url`; the next poll tries again"
        )


class _UnknownError(LockstepError):
    """Status 404, whose meaning depends on what was asked."""


def api_of(url: str) -> str:
    """Where the API of the GitHub is that has this repository."""
    host = (urlsplit(url).hostname or "").lower()
    if host in ("github.com", "www.github.com"):
        return "https://api.github.com"
    if host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"https://{urlsplit(url).netloc.rpartition('@')[2]}/api/v3"


def repository_of(where: str, url: str) -> tuple[str, str]:
    """Owner and name of the repository at this URL."""
    words = urlsplit(url).path.strip("/").removesuffix(".git").split("/")
    if len(words) != 2 or not all(words):
        raise problem(
            where, "the url names no repository of GitHub, which an app needs", "write https://HOST/OWNER/REPOSITORY"
        )
    return words[0], words[1]


def _is_limit(answer: httpx.Response) -> bool:
    """Whether a 403 is about how much was asked; a bare one is about permissions, and waiting does not help."""
    return "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"


def _pause(answer: httpx.Response, now: datetime) -> timedelta:
    after, reset = (answer.headers.get(name, "") for name in ("retry-after", "x-ratelimit-reset"))
    if after.isdecimal():
        asked = float(after)
    elif reset.isdecimal():
        asked = float(reset) - now.timestamp()
    else:
        return _PAUSE
    return timedelta(seconds=min(max(asked, 1.0), _LONGEST.total_seconds()))


def _said(content: bytes) -> str:
    """What GitHub says for itself, on one line and not for long."""
    try:
        said = json.loads(content)["message"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {' '.join(str(said).split())[:200]}"
