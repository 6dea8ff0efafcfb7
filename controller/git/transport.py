"""How does an operation on a remote end: in time, and with an error that says what to do?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pygit2
from pygit2.enums import CredentialType
from pygit2.remotes import TransferProgress

from controller.errors import LockstepError, NotAllowedError, RetryableError
from controller.git.address import Address, cleaned
from controller.git.credentials import Answer, Asked, Credentials

CONNECT_DEADLINE = timedelta(seconds=10)
SILENCE_DEADLINE = timedelta(seconds=60)
WHOLE_DEADLINE = timedelta(minutes=30)


def set_deadlines() -> None:
    """Bound every wait of libgit2, once for the whole process; without this a silent server is waited for for ever.

    Both or none: with the first alone every https fetch fails.
    """
    with _setting:
        if not (pygit2.settings.server_connect_timeout and pygit2.settings.server_timeout):
            pygit2.settings.server_connect_timeout = _milliseconds(CONNECT_DEADLINE)
            pygit2.settings.server_timeout = _milliseconds(SILENCE_DEADLINE)


def use_known_hosts(home: Path, lines: Sequence[str]) -> None:
    """Trust these host keys for ssh, and no others: lines as in known_hosts, of all connections together.

    libgit2 knows one home for the whole process, and looks for `.ssh/known_hosts` there.
    """
    folder = home / ".ssh"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = folder / "known_hosts.new"
    aside.write_text("".join(f"{line.strip()}\n" for line in lines))
    aside.replace(folder / "known_hosts")
    with _setting:
        pygit2.settings.homedir = str(home)


class Operation(pygit2.RemoteCallbacks):
    """The callbacks of one operation; a new one each time, as it counts and keeps time."""

    def __init__(self, address: Address, credentials: Credentials | None, whole: timedelta = WHOLE_DEADLINE) -> None:
        super().__init__()
        self._asked = Asked(address, credentials)
        self._address = address
        self._whole = whole
        self._end = time.monotonic() + whole.total_seconds()

    def credentials(self, url: str, username_from_url: str | None, allowed_types: CredentialType) -> Answer:
        return self._asked.answer(url, username_from_url, allowed_types)

    def certificate_check(self, certificate: None, valid: bool, host: bytes) -> bool:
        """Say what libgit2 found out about the server. Left to itself it accepts every SSH server, known or not."""
        return valid

    def transfer_progress(self, stats: TransferProgress) -> None:
        self._keep_time()

    def sideband_progress(self, string: str) -> None:
        self._keep_time()

    def _keep_time(self) -> None:
        if time.monotonic() > self._end:
            raise RetryableError(
                f"{self._address.shown}: the transfer was not done after {self._whole}; the next poll tries again"
            )


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Turn what libgit2 raises into what happens next."""
    try:
        yield
    except LockstepError:
        raise
    except (pygit2.GitError, OSError, KeyError, ValueError) as e:  # by the code of libgit2 it is one or another
        raise translate(address, e) from e


def translate(address: Address, error: Exception) -> LockstepError:
    """Name an error of libgit2 for what happens next; most bear nothing but their text."""
    text = _tamed(str(error.args[0] if error.args else error))
    if isinstance(error, pygit2.CertificateError) or _CERTIFICATE.search(text):
        return NotAllowedError(
            f"{address.shown}: the server cannot prove who it is ({text}); {_TRUST[address.transport == 'ssh']}"
        )
    if status := _STATUS.search(text):
        return _of_status(address, int(status[1]))
    for pattern, kind, message in _KNOWN:
        if pattern.search(text):
            return kind(f"{address.shown}: {message.format(text=text)}")
    return RetryableError(f"{address.shown}: the repository cannot be read ({text}); the next poll tries again")


def _tamed(text: str) -> str:
    """What a server had said, without what it gives away, would do to a terminal, or would fill a page with."""
    text = " ".join(cleaned(text).split())
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


_setting = threading.Lock()
_LONGEST = 300  # letters of what a server said
_STATUS = re.compile(r"unexpected http status code: (\d{3})")
_CERTIFICATE = re.compile(r"certificate|known_hosts|host key", re.IGNORECASE)
_TRUST = {
    False: "let SSL_CERT_FILE name the certificate of who signed the server's",
    True: "add the server's key to the known hosts of the connection",
}
_KNOWN: tuple[tuple[re.Pattern[str], type[LockstepError], str], ...] = (
    (
        re.compile(r"redirect"),
        NotAllowedError,
        "the server leads to another one, where nobody follows it ({text}); "
        "set the url of the connection to where the repository is now",
    ),
    # Before all that names what it was about to do: an SSH server that hangs has "rejected authentication", too.
    (
        re.compile(r"timed? ?out|temporarily unavailable", re.IGNORECASE),
        RetryableError,
        "the server did not answer in time; the next poll tries again",
    ),
    (
        re.compile(r"authenticat|callback returned unsupported credentials", re.IGNORECASE),
        NotAllowedError,
        "the server did not let us in ({text}); check the key or token, and its rights",
    ),
    (
        re.compile(
            r"repository not found|not appear to be a git repository|(permission|access)( to \S+)? denied",
            re.IGNORECASE,
        ),
        NotAllowedError,
        "there is no repository, or we may not know of it ({text}); check the url, and the rights of the key or token",
    ),
    (
        re.compile(r"not owned by current user"),
        NotAllowedError,
        "the folder belongs to another user; allow it with `git config --global --add safe.directory PATH`",
    ),
    (
        re.compile(r"unknown object format|unsupported object|object format|invalid object id|oid type", re.IGNORECASE),
        NotAllowedError,
        "the repository cannot be read ({text}); repositories with SHA-256 ids are not supported",
    ),
    (
        re.compile(r"failed to resolve path"),
        RetryableError,
        "there is no repository at this path; put it there, or set the url of the connection to where it is",
    ),
    (
        re.compile(r"invalid content-type|bad packet|invalid packet|malformed|service announce", re.IGNORECASE),
        NotAllowedError,
        "what answers there is no Git repository, or a shallow clone ({text}); "
        "check the url, and whether one has to sign in there first",
    ),
    (
        re.compile(
            r"unexpected EOF|invalid EOF|early EOF|could not read (refs )?from remote repository", re.IGNORECASE
        ),
        RetryableError,
        "the server broke off ({text}); the next poll tries again",
    ),
    (
        re.compile(r"failed to (connect|resolve)|could not (read|write)|connection", re.IGNORECASE),
        RetryableError,
        "the server cannot be reached ({text}); the next poll tries again",
    ),
)


def _of_status(address: Address, status: int) -> LockstepError:
    if status in (401, 403):
        return NotAllowedError(
            f"{address.shown}: the server refuses us (status {status}); "
            f"check that the credentials may read this repository"
        )
    if status in (404, 410):
        return NotAllowedError(
            f"{address.shown}: there is no repository, or these credentials may not know of it (status {status}); "
            f"check the url and the rights of the token"
        )
    if status == 429:
        return RetryableError(
            f"{address.shown}: the server asks for fewer requests (status 429); a later poll tries again"
        )
    return RetryableError(f"{address.shown}: the server is not ready (status {status}); the next poll tries again")


def _milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
