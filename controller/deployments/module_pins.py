"""Which commits are the tags and branches that modules name? Their remotes are asked at each poll of a repository."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta

from controller import pipeline
from controller.deployments import rehash
from controller.deployments.doors import Connection, Doors
from controller.errors import LockstepError, ManifestError, NotFoundError
from controller.git import remotes
from controller.history import module_pins as history
from controller.history import standing as picture
from controller.history.module_pins import Found, ModulePin
from controller.model.catalog import GitRef
from controller.pipeline import Repository

log = logging.getLogger(__name__)

_ANSWERS_WITHIN = timedelta(seconds=10)  # so long a commit may wait for the remotes of its modules, not longer
_PATIENCE = timedelta(minutes=10)  # longest pause between two questions to a remote that does not answer


def resolve(doors: Doors, connection: Connection, head: str) -> None:
    """Record where the tags and branches are now that modules name at a commit. Each remote is asked once for all."""
    named = _named(doors, connection, head)
    known = history.recorded(doors.store, connection.id)
    if not named and not known:
        return
    due = _due(named, known, doors, connection)
    answers = doors.remotes.heads(connection.id, {ref.url for ref in due.values()}, _ANSWERS_WITHIN)
    found = {source: _found(ref, answers[ref.url], known.get(source)) for source, ref in due.items()}
    new = {
        source: answer.commit
        for source, answer in found.items()
        if answer.commit is not None and (source not in known or known[source].commit is None)
    }
    if new:
        _adopt(doors, connection, head, new)
    history.record(doors.store, connection.id, found, named.keys(), doors.now())
    _tell(connection, named, known, found)


def _adopt(doors: Doors, connection: Connection, head: str, new: Mapping[str, str]) -> None:
    """What is seen for the first time, and was named before, may have been deployed by a release that asked nobody."""
    now = picture.standing(doors.store, connection.id, doors.now(), doors.memory.standings.get(connection.id))
    tip = now.repository.decided_tip
    if tip is None:
        return
    old = new if tip == head else {source: new[source] for source in _named_at(connection, tip, new) & new.keys()}
    if old:
        rehash.adopt(doors, connection, now, old)


def _named_at(connection: Connection, commit: str, otherwise: Iterable[str]) -> frozenset[str]:
    """The same of an earlier commit; `otherwise` where not all of it can be known."""
    try:
        repository = pipeline.read(connection.mirror.snapshot(commit).tree)
    except (ManifestError, NotFoundError):
        return frozenset(otherwise)
    return frozenset(otherwise if repository.catalog.problems else _refs(repository))


def _named(doors: Doors, connection: Connection, head: str) -> Mapping[str, GitRef]:
    """The sources of a commit's modules that a tag or branch names; read again only where the head has moved."""
    before = doors.memory.named.get(connection.id)
    if before is not None and before[0] == head:
        return _refs(before[1])
    tree = connection.mirror.snapshot(head).tree
    try:
        repository = pipeline.read(tree, before[1] if before else None)
    except ManifestError:
        return {}  # nothing can be read: what was recorded stays as it is
    doors.memory.named[connection.id] = head, repository
    return _refs(repository)


def _refs(repository: Repository) -> Mapping[str, GitRef]:
    sources = (module.source for module in repository.catalog.catalog.modules.values())
    return {source.address: source.ref for source in sources if source.ref is not None}


def _due(
    named: Mapping[str, GitRef], known: Mapping[str, ModulePin], doors: Doors, connection: Connection
) -> dict[str, GitRef]:
    """Those whose remote is to be asked now; if it is for one of them, it tells of all."""
    now = doors.now()
    urls = {
        ref.url
        for source, ref in named.items()
        if source not in known or known[source].is_due(now, connection.poll, _PATIENCE)
    }
    return {source: ref for source, ref in sorted(named.items()) if ref.url in urls}


def _found(ref: GitRef, answer: remotes.Heads | LockstepError, known: ModulePin | None) -> Found:
    if isinstance(answer, LockstepError):
        return Found(error=_reason(ref, answer), failed=True)
    commit = remotes.commit_of(answer, ref.name)
    if commit is not None:
        return Found(commit)
    gone = " any more" if known is not None and known.commit is not None else ""
    return Found(error=f"there is no such tag or branch{gone}")


def _reason(ref: GitRef, error: LockstepError) -> str:
    """What went wrong, without the address, which is said beside it, and without what to do about connections."""
    what = str(error).partition(";")[0]
    return what.removeprefix(f"{remotes.shown(ref.url)}: ")


def _tell(
    connection: Connection,
    named: Mapping[str, GitRef],
    known: Mapping[str, ModulePin],
    found: Mapping[str, Found],
) -> None:
    for source, answer in found.items():
        ref, before = named[source], known.get(source)
        was = before.commit if before else None
        if was and answer.commit not in (None, was):
            log.info(
                "%s: `%s` of %s moved from %s to %s", connection.id, ref.name, ref.url, was[:10], answer.commit[:10]
            )
        elif answer.error and answer.error != (before.error if before else None):
            log.warning("%s: `%s` of %s cannot be resolved: %s", connection.id, ref.name, ref.url, answer.error)
