"""How is a remote repository kept at hand? A bare mirror that holds the tracked refs and nothing else."""

from __future__ import annotations

import contextlib
import copy
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pygit2
from pygit2.enums import FetchPrune

from controller.errors import NotAllowedError, RetryableError
from controller.git import line, merge, packing, transport
from controller.git.address import Address, Transport, parse
from controller.git.credentials import Credentials, check
from controller.git.objects import Objects, ObjectTree
from controller.git.remotes import PEELED
from controller.model.tree import Commit, Snapshot

DEPLOYMENTS = "refs/lockstep/deployments/"


class Mirror:
    """A repository below `path`, made there if there is none. All of it may be used by any thread at any time.

    `branch` is what is watched. Refs keep their names; those of our own begin with `refs/lockstep/`.
    """

    def __init__(self, path: Path, url: str, branch: str = "main", credentials: Credentials | None = None) -> None:
        self.address = _ready(parse(url))
        check(self.address, credentials)
        transport.set_deadlines()
        self.branch = branch
        self._credentials = credentials
        self._objects = Objects(path)
        self._remote = threading.Lock()  # one operation on the remote at a time
        self._packing = threading.Lock()  # one repack at a time
        self._keeping = threading.Lock()  # of commits, by refs: not while what no ref reaches goes
        _make(path)

    def again(self, branch: str, credentials: Credentials | None) -> Mirror:
        """The same mirror for another branch or with other credentials; what is at work in it is known to both."""
        check(self.address, credentials)
        other = copy.copy(self)
        other.branch, other._credentials = branch, credentials
        return other

    @property
    def server(self) -> tuple[Address, Credentials | None]:
        """Where it is, and who we are there."""
        return self.address, self._credentials

    @property
    def ref(self) -> str:
        """The watched branch's full name."""
        return self.branch if self.branch.startswith("refs/") else f"refs/heads/{self.branch}"

    def heads(self) -> Mapping[str, str]:
        """Ask the remote where its refs are: full name -> id, sorted, `HEAD` among them; nothing if it is empty.

        An annotated tag is where the commit is that it is about.
        """
        with self._remote, transport.translated(self.address):
            found = self._connection().list_heads(callbacks=self._operation(), proxy=True)
            named = {head.name or "": str(head.oid) for head in found}
            refs = (name for name in named if _is_text(name) and not name.endswith(PEELED))
            return {name: named.get(name + PEELED, named[name]) for name in sorted(refs)}

    def fetch(self, refs: Iterable[str] = ()) -> Mapping[str, str]:
        """Fetch these refs (the watched branch, if none is named) with all that they contain.

        Gives the commit where each of them is now; one that the remote does not have is left out, here and in the
        mirror.
        """
        wanted = sorted(set(refs)) or [self.ref]
        for ref in wanted:
            _check_name(self.address, ref)
        with self._remote, transport.translated(self.address):
            connection = self._connection()
            _make_room(self._objects.repository(), wanted)
            try:
                connection.fetch(
                    [f"+{ref}:{ref}" for ref in wanted],
                    callbacks=self._operation(),
                    prune=FetchPrune.PRUNE,
                    proxy=True,
                )
            except pygit2.GitError as e:
                self._check_kept(wanted, e)
                raise
            return self._local(wanted)

    def known(self, ref: str | None = None) -> str | None:
        """Where a ref (the watched branch) was at the last fetch, without asking the remote; None without a mirror."""
        try:
            return self._local([ref or self.ref]).get(ref or self.ref)
        except RetryableError:
            return None

    def snapshot(self, commit_id: str) -> Snapshot:
        """A commit with its files. NotFoundError where it was never fetched."""
        commit = self._objects.find(commit_id)
        return Snapshot(self._objects.commit(commit_id), ObjectTree(self._objects, str(commit.tree_id)))

    def commit(self, commit_id: str) -> Commit:
        return self._objects.commit(commit_id)

    def walk(self, new: str, old: str | None, limit: int = 1000) -> line.Walk:
        """The commits that came to the branch from `old` to `new`, oldest first; see `line.walk`."""
        return line.walk(self._objects, new, old, limit)

    def merge_tree(self, base: str, head: str) -> merge.Merge:
        """What merging commit `head` into commit `base` would give; nothing is written."""
        return merge.merge(self._objects, base, head)

    def keep(self, commit_id: str, name: str) -> None:
        """Keep a commit for as long as a deployment of this name is on record, wherever the branch goes."""
        with self._keeping:
            self._point(f"{DEPLOYMENTS}{name}", self._objects.find(commit_id).id)

    def forget(self, name: str) -> None:
        """Undo `keep`; nothing happens where nothing was kept."""
        references = self._objects.repository().references
        if f"{DEPLOYMENTS}{name}" in references:
            references.delete(f"{DEPLOYMENTS}{name}")

    def packs(self) -> packing.Packs:
        """Of how many packs the mirror consists, and when it was repacked."""
        return packing.look(self._objects.path)

    def repack(self, now: datetime, is_stopped: Callable[[], bool] = lambda: False) -> None:
        """Make one pack of all; what no ref has reached for two weeks goes. Others go on reading and fetching."""
        with self._packing:
            try:
                done = packing.repack(self._objects.path, now, is_stopped)
            except pygit2.GitError as e:
                raise RetryableError(
                    f"{self._objects.path}: cannot be repacked ({e}); check that there is room on the disk, "
                    f"or remove this folder, and it is fetched anew at the next poll"
                ) from e
            if done.expired:
                with self._remote, self._keeping:
                    packing.drop(self._objects.path, done)
            self._objects.renew()

    def _connection(self) -> pygit2.Remote:
        _check_whole(self.address)
        if not (self._objects.path / "HEAD").exists():  # somebody removed it, as messages say
            _make(self._objects.path)
            self._objects.renew()
        # A remote object keeps its connection and its choice of proxy: each operation gets a new one.
        return self._objects.repository().remotes.create_anonymous(self.address.url)

    def _operation(self) -> transport.Operation:
        return transport.Operation(self.address, self._credentials)

    def _local(self, refs: Iterable[str]) -> dict[str, str]:
        """Commits, also where a ref is an annotated tag; one that leads to none, or to a lost one, is left out."""
        references = self._objects.repository().references
        found = {}
        for ref in refs:
            if ref in references:
                with contextlib.suppress(KeyError, pygit2.GitError):
                    found[ref] = str(references[ref].peel(pygit2.Commit).id)
        return found

    def _check_kept(self, refs: Iterable[str], error: pygit2.GitError) -> None:
        """Tell where it is not the remote that cannot be read, but what was fetched from it before."""
        references = self._objects.repository().references
        if any(ref in references and not self._local([ref]) for ref in refs):
            raise RetryableError(
                f"{self._objects.path}: the mirror is damaged ({error}); remove this folder, "
                f"and it is fetched anew at the next poll"
            ) from error

    def _point(self, ref: str, target: pygit2.Oid) -> None:
        self._objects.repository().references.create(ref, target, force=True)


def _is_text(name: str) -> bool:
    """Whether the name of a ref is UTF-8: any other can be neither asked for, nor kept, nor shown."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


_making = threading.Lock()
_NAME = re.compile(r"refs/(?!lockstep/)[^\s~^:?*\[\\]+")


def _ready(address: Address) -> Address:
    if address.transport is Transport.FILE and "://" not in address.url:
        return parse(Path(address.url).absolute().as_uri())
    return address


def _make(path: Path) -> None:
    try:
        with _making:
            path.parent.mkdir(parents=True, exist_ok=True)
            repository = pygit2.init_repository(str(path), bare=True)
            # A redirect could carry a token to another host; see `credentials.Asked` for the rest of that.
            repository.config["http.followRedirects"] = "false"
    except (pygit2.GitError, OSError) as e:
        raise NotAllowedError(
            f"{path}: a mirror can be neither made nor opened here ({e}); check who may write to this folder, "
            f"or remove it, and it is fetched anew"
        ) from e


def _check_whole(address: Address) -> None:
    """Refuse a folder whose commits have no past; libgit2 would copy what there is, and say nothing."""
    if address.transport is not Transport.FILE:
        return
    folder = Path(url2pathname(urlsplit(address.url).path))
    if (folder / "shallow").exists() or (folder / ".git" / "shallow").exists():
        raise NotAllowedError(
            f"{address.shown}: this is a shallow clone, which does not have all commits; "
            f"make it whole with `git fetch --unshallow`, or watch the repository that it was made from"
        )


def _check_name(address: Address, ref: str) -> None:
    if not _NAME.fullmatch(ref) or ".." in ref:
        raise NotAllowedError(
            f"{address.shown}: `{ref}` is not fetched; give the full name of a ref, such as refs/heads/main"
        )


def _make_room(repository: pygit2.Repository, wanted: Iterable[str]) -> None:
    """Drop refs that can no longer be: where the remote has `a/b`, it has no `a`."""
    for ref in list(repository.references):
        if any(ref.startswith(f"{name}/") or name.startswith(f"{ref}/") for name in wanted):
            repository.references.delete(ref)
