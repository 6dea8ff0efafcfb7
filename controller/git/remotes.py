"""Where are the tags and branches of repositories that are not mirrored? Each is asked by one listing at a time."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import pygit2

from controller.errors import LockstepError, NotAllowedError, RetryableError
from controller.git import transport
from controller.git.address import Address, Transport, parse
from controller.git.credentials import Credentials, check

Heads: TypeAlias = Mapping[str, str]  # full name -> id; `…^{}` is the commit that an annotated tag is about

PEELED = "^{}"
_AT_ONCE = 16  # listings
_CLONED = ("refs/tags/", "refs/heads/")  # other refs do not come with a clone, so no engine finds them


@dataclass(frozen=True, slots=True)
class Server:
    """A server that a connection leads to, and who we are there."""

    connection: str
    address: Address
    credentials: Credentials | None


class Remotes:
    """Lists the refs of remotes. Credentials are those of a connection to the same server; any other gets none."""

    def __init__(self, servers: Callable[[], Sequence[Server]] = tuple) -> None:
        self._servers = servers
        self._under_way: dict[tuple[str, str], _Listing] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(_AT_ONCE)
        transport.set_deadlines()

    def heads(self, connection: str, urls: Iterable[str], patience: timedelta) -> Mapping[str, Heads | LockstepError]:
        """Ask each remote once, all at the same time, in the name of a connection; by url, sorted.

        Who does not answer within `patience` is not asked twice at once, nor waited for again: the answer is given when
        it has come.
        """
        listings = {url: self._listing(connection, url) for url in sorted(set(urls))}
        found = {url: listing.answer(patience) for url, listing in listings.items()}
        with self._lock:
            for listing in listings.values():
                if listing.is_done and self._under_way.get(listing.key) is listing:
                    del self._under_way[listing.key]
        return found

    def _listing(self, connection: str, url: str) -> _Listing:
        who = self._server(connection, url)
        key = (url, who.connection if who else "")
        with self._lock:
            if key not in self._under_way:
                self._under_way[key] = _Listing(key, who, self._room)
            return self._under_way[key]

    def _server(self, connection: str, url: str) -> Server | None:
        """The connection itself, if it leads to the same server, else the first that does."""
        ours = sorted(self._servers(), key=lambda server: server.connection != connection)
        return next((server for server in ours if server.address.is_server_of(url)), None)


class _Listing:
    """One question, in a thread of its own: a server that goes on and on keeps nobody else from going on."""

    def __init__(self, key: tuple[str, str], who: Server | None, room: threading.Semaphore) -> None:
        self.key = key
        self._began = time.monotonic()
        self._done = threading.Event()
        self._found: Heads | LockstepError = RetryableError(f"{shown(key[0])}: the listing failed")
        threading.Thread(target=self._run, args=(key[0], who, room), name=f"listing of {key[0]}", daemon=True).start()

    @property
    def is_done(self) -> bool:
        return self._done.is_set()

    def answer(self, patience: timedelta) -> Heads | LockstepError:
        if self._done.wait(max(0.0, self._began + patience.total_seconds() - time.monotonic())):
            return self._found
        return RetryableError(f"{shown(self.key[0])}: the server did not answer in {patience.total_seconds():.0f} s")

    def _run(self, url: str, who: Server | None, room: threading.Semaphore) -> None:
        with room:
            try:
                self._found = _heads(url, who)
            except LockstepError as e:
                self._found = e
            finally:
                self._done.set()


def _heads(url: str, who: Server | None) -> Heads:
    address = parse(url)
    credentials = who.credentials if who else None
    if who is None and address.transport is Transport.SSH:
        # An agent would show its keys to whatever server a module names.
        raise NotAllowedError(f"{address.shown}: no connection leads to this server, so there is no key for it")
    check(address, credentials)
    with tempfile.TemporaryDirectory(prefix="lockstep-", ignore_cleanup_errors=True) as scratch:
        pygit2.init_repository(scratch, bare=True).config["http.followRedirects"] = "false"
        repository = pygit2.Repository(scratch)
        with transport.translated(address):
            remote = repository.remotes.create_anonymous(address.url)
            listed = remote.list_heads(callbacks=transport.Operation(address, credentials), proxy=True)
            return {str(head.name): str(head.oid) for head in listed}


def shown(url: str) -> str:
    return parse(url).shown


def commit_of(heads: Heads, name: str) -> str | None:
    """The commit that a tag or branch is, as Git understands the name in a clone; None where there is none."""
    if name == "HEAD":
        return heads.get(name)
    in_a_clone = (name, f"refs/{name}", f"refs/tags/{name}", f"refs/heads/{name}")
    for whole in (*in_a_clone, f"refs/heads/{name.removeprefix('origin/')}"):
        if whole.startswith(_CLONED) and whole in heads:
            return heads.get(whole + PEELED, heads[whole])
    return None
