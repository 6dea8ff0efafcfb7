"""How does an environment follow Git? The remote is asked where its branch is; what that means is decided at once."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

import controller
from controller.deployments import module_pins, rehash, renaming, undecided
from controller.deployments.deciding import Deciding
from controller.deployments.doors import Connection, Doors
from controller.deployments.openings import Made
from controller.errors import EndingError, LockstepError, NotFoundError, RetryableError
from controller.history import decide as history
from controller.history import deliveries, read, watching
from controller.history import standing as picture
from controller.history.decision import DecidedRepository
from controller.history.opening import NewDeployment

log = logging.getLogger(__name__)

_TRIES = 5  # to decide on what changes meanwhile
_TRIES_BESIDE_OTHERS = 2  # before the others have to wait


def poll(doors: Doors, repository: str, *, patience: timedelta | None = None) -> None:
    """Ask where the watched branch is, and fetch it if it has moved. One that does not answer is asked less often.

    `patience` is the longest pause between two questions; without it the remote is asked now, in any case.
    """
    connection = doors.connections.get(repository)
    if connection is None:
        return  # not connected any more
    now = doors.now()
    if patience is not None and not watching.is_due(doors.store, repository, now, connection.poll, patience):
        return
    deliveries.answer(doors.store, repository)
    head, error = None, None
    try:
        head = _head(doors, connection)
    except LockstepError as e:
        error = str(e)
    if doors.connections.get(repository) is not connection:
        return  # an answer to a question of before
    at = head or connection.mirror.known()
    try:
        if at is not None:
            module_pins.resolve(doors, connection, at)  # before it is decided what the commit means
    except LockstepError as e:
        error = error or str(e)
    watching.polled(doors.store, repository, doors.now(), head=head, error=error)


def decide(doors: Doors, repository: str) -> None:
    """Decide on everything up to the newest commit that was fetched; what changes meanwhile is decided again.

    Who is overtaken again has the others wait, unless all is to be read anew: where thousands of deployments end,
    something always changes.
    """
    connection = doors.connections.get(repository)
    if connection is None:
        return
    former: dict[str, str] = {}
    made, kept = Made(), _Kept(connection)
    for attempt in range(_TRIES):
        is_alone = attempt >= _TRIES_BESIDE_OTHERS and connection.mirror.known() == made.tip
        with doors.store.alone() if is_alone else contextlib.nullcontext():
            try:
                is_decided = _decided(doors, connection, former, made, kept)
            except EndingError:
                kept.forget_others()
                raise
        if is_decided:
            kept.forget_others()
            return
    kept.forget_others()
    raise RetryableError(f"repository `{repository}`: its environments change faster than they are decided")


def _decided(doors: Doors, connection: Connection, former: dict[str, str], made: Made, kept: _Kept) -> bool:
    """Decide on what there is; False where that was overtaken, or has to be looked at again."""
    repository = connection.id
    now = picture.standing(doors.store, repository, doors.now(), doors.memory.standings.get(repository))
    doors.memory.standings[repository] = now.environments
    if now.repository.head is None or connection.mirror.known() is None:
        return True  # never fetched, or the mirror is gone: the next poll brings it
    if now.release not in (None, controller.__version__):
        rehash.rehash(doors, connection, now)
        now = picture.standing(doors.store, repository, doors.now())
    made.tip = now.repository.head
    deciding = Deciding(doors, connection, now, former, made)
    if deciding.renames.said:
        renaming.take(doors, now, deciding.renames)
        former |= deciding.renames.said
        return False
    decision = deciding.decision()
    openings = [found.opening for found in decision.environments if found.opening]
    kept.keep(openings)
    if not history.record(doors.store, decision):
        return False
    kept.on_record(openings)
    _tell(decision, openings)
    undecided.decided(doors, repository)
    return True


class _Kept:
    """Commits that are kept for deployments which are about to be on record; or not, after all.

    Where it is not known whether they are, as after a database that fell silent, they stay kept.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: set[str] = set()

    def keep(self, openings: Sequence[NewDeployment]) -> None:
        for opening in openings:
            if opening.id not in self._ids:
                self._ids.add(opening.id)
                _keep(self._connection, opening)

    def on_record(self, openings: Sequence[NewDeployment]) -> None:
        self._ids -= {opening.id for opening in openings}

    def forget_others(self) -> None:
        """Let go of those that are not on record."""
        for id in sorted(self._ids):
            self._connection.mirror.forget(id)


def _tell(decision: DecidedRepository, openings: Sequence[NewDeployment]) -> None:
    if decision.tip != decision.before:
        many = f"{len(decision.commits)} commits up to " if len(decision.commits) > 1 else "commit "
        log.info("%s: decided on %s%s", decision.id, many, decision.tip[:10])
    for new in openings:
        log.info("%s/%s: opened deployment %s: %s", new.project, new.environment, new.id, new.reason)


def _head(doors: Doors, connection: Connection) -> str:
    mirror = connection.mirror
    heads, known = mirror.heads(), mirror.known()
    head = heads.get(mirror.ref)
    if head is not None and head != known:
        head = mirror.fetch().get(mirror.ref)
        if head is None:
            what = f"`{connection.branch}` leads to no commit"
            raise RetryableError(f"{connection.url}: {what}; let it lead to one, or watch another")
        if known is None:
            _keep_again(doors, connection)
    if head is None:
        raise RetryableError(f"{connection.url}: there is no branch `{connection.branch}`; {_another(heads)}")
    return head


def _another(heads: Mapping[str, str]) -> str:
    """What to do about a branch that is not there. Where it has another name now, the remote's HEAD is there."""
    branches = [name.removeprefix("refs/heads/") for name, id in heads.items() if name.startswith("refs/heads/")]
    default = [name for name in branches if heads[f"refs/heads/{name}"] == heads.get("HEAD")]
    if len(default) == 1:
        return f"push it, or watch another, such as `{default[0]}`, which is the remote's HEAD"
    return "push it, or watch another"


def _keep(connection: Connection, opening: NewDeployment) -> None:
    if opening.commit is not None:
        with contextlib.suppress(NotFoundError):  # a destroy names an old commit, which it does not need
            connection.mirror.keep(opening.commit.id, opening.id)


def _keep_again(doors: Doors, connection: Connection) -> None:
    """A mirror that is made anew keeps the commits of deployments on record, as far as the remote still has them."""
    gone = set()
    for id, commit in read.deployed_commits(doors.store, connection.id):
        try:
            connection.mirror.keep(commit, id)
        except NotFoundError:
            gone.add(commit)
    if gone:
        log.warning(
            "%s: the remote has %d commits of deployments no more (%s): what was deployed stays on record",
            connection.id,
            len(gone),
            ", ".join(commit[:10] for commit in sorted(gone)),
        )
