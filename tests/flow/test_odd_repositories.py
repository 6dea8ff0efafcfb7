"""Repositories that are laid out as few are: each is followed, or it is said why not and what to do."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pygit2
import pytest

from controller.deployments import follow
from controller.deployments.doors import Connection
from controller.deployments.why import why
from controller.git.mirror import Mirror
from controller.history import decided, read, watching
from controller.loop import Loop
from controller.model.deployment import VerdictKind
from tests import git_factories
from tests.deploy_factories import REPOSITORY, World, project, sized, world
from tests.flow.test_deploy_loop import until

LIVE = "refs/tags/live"


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def watching_ref(acme: World, branch: str) -> World:
    """The same controller, watching another ref."""
    before = acme.doors.connections[REPOSITORY]
    mirror = before.mirror
    assert isinstance(mirror, Mirror)
    connection = dataclasses.replace(before, mirror=mirror.again(branch, None), branch=branch)
    acme.doors = dataclasses.replace(acme.doors, connections={REPOSITORY: connection})
    watching.ensure_repository(acme.doors.store, REPOSITORY, connection.url, branch)
    return acme


def error(acme: World) -> str | None:
    return read.repositories(acme.doors.store)[0].error


def test_an_annotated_tag_that_moves_is_followed_as_a_branch_is(acme: World) -> None:
    first = acme.push(project(development=sized(1)))
    git_factories.tag(acme.repo, "live", first)
    watching_ref(acme, LIVE)
    acme.poll()
    acme.settle()
    assert acme.told(first) == {"development": "deployed"}
    second = acme.push(project(development=sized(2)))
    acme.repo.references.delete(LIVE)
    git_factories.tag(acme.repo, "live", second)
    acme.poll()
    acme.settle()
    assert watching.undecided(acme.doors.store) == []
    assert acme.told(second) == {"development": "deployed"}
    answer = why(acme.doors, "shop", "development").answer.text
    assert answer.startswith(f"Commit {second[:10]} “Change something” by Ada changes shop/development, and is live")


def test_a_tag_that_leads_to_no_commit_is_said_and_changes_nothing(acme: World) -> None:
    commit = acme.push(project(development=sized(1)))
    acme.repo.references.create(LIVE, commit)
    watching_ref(acme, LIVE)
    acme.poll()
    acme.settle()
    acme.repo.references.create(LIVE, acme.repo.create_blob(b"no commit"), force=True)
    acme.poll()
    url = acme.doors.connections[REPOSITORY].url
    assert error(acme) == f"{url}: `{LIVE}` leads to no commit; let it lead to one, or watch another"
    assert read.repositories(acme.doors.store)[0].head == commit


def test_a_branch_that_got_another_name_is_said_with_that_name(acme: World) -> None:
    commit = acme.deploy(project(development=sized(1)))
    acme.repo.references.create("refs/heads/trunk", commit)
    acme.repo.references.delete("refs/heads/main")
    acme.repo.set_head("refs/heads/trunk")
    acme.poll()
    url = acme.doors.connections[REPOSITORY].url
    remedy = "push it, or watch another, such as `trunk`, which is the remote's HEAD"
    assert error(acme) == f"{url}: there is no branch `main`; {remedy}"
    assert acme.environment("development").live_commit == commit


def test_a_shallow_clone_is_no_remote_to_follow(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(development=sized(1)))
    acme.push({"README.md": "more"})
    shallow = tmp_path / "shallow.git"
    pygit2.clone_repository(Path(acme.repo.path).as_uri(), str(shallow), bare=True)
    (shallow / "shallow").write_text(f"{acme.repo.references['refs/heads/main'].target}\n")
    mirror = Mirror(tmp_path / "other.git", str(shallow))
    connection = Connection(REPOSITORY, mirror.address.shown, mirror)
    acme.doors = dataclasses.replace(acme.doors, connections={REPOSITORY: connection})
    acme.poll()
    assert error(acme) == (
        f"{shallow.as_uri()}: this is a shallow clone, which does not have all commits; "
        "make it whole with `git fetch --unshallow`, or watch the repository that it was made from"
    )
    (shallow / "shallow").unlink()
    acme.poll()
    assert error(acme) is None


def test_why_nothing_is_decided_is_said_until_it_is(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(development=sized(1)))
    commit = acme.push(project(development=sized(2)))
    follow.poll(acme.doors, REPOSITORY)
    lost = str(acme.repo[commit].peel(pygit2.Tree).id)
    folder = _unpacked(acme.repo, tmp_path / "mirror.git")
    missing = folder / lost[:2] / lost[2:]
    aside = missing.rename(folder.parent / "aside")
    said = (
        f"its commits cannot be decided on: {folder.parent}: object {lost} is missing; "
        "remove this folder, and it is fetched anew at the next poll"
    )
    before = acme.doors.connections[REPOSITORY]
    fresh = dataclasses.replace(before, mirror=Mirror(folder.parent, acme.repo.path))  # as after a restart
    acme.doors = dataclasses.replace(acme.doors, connections={REPOSITORY: fresh})
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(lambda: error(acme) == said)
        assert why(acme.doors, "shop", "development").answer.text == (
            f"Commit {commit[:10]} was fetched, and nothing of it is deployed yet: {said}."
        )
        aside.rename(missing)
        until(lambda: error(acme) is None and acme.environment("development").live_commit == commit)
    finally:
        loop.stop()


class Breaking:
    """A mirror that fails as nobody thought of."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def heads(self) -> None:
        raise RuntimeError("boom")


def test_a_poll_that_fails_by_a_bug_is_said_as_any_other(acme: World) -> None:
    acme.deploy(project(development=sized(1)))
    before = acme.doors.connections[REPOSITORY]
    broken = dataclasses.replace(before, mirror=Breaking(before.mirror))
    acme.doors = dataclasses.replace(acme.doors, connections={REPOSITORY: broken})
    said = "it cannot be polled: RuntimeError, a bug of Lockstep; details are in the controller's log"
    loop = Loop(acme.doors)
    loop.start()
    try:
        until(lambda: error(acme) == said)
    finally:
        loop.stop()


@pytest.mark.parametrize("is_new_thread", [False, True])
def test_a_mirror_that_somebody_removed_is_fetched_anew(acme: World, tmp_path: Path, is_new_thread: bool) -> None:
    first = acme.deploy(project(development=sized(1)))
    shutil.rmtree(tmp_path / "mirror.git")
    commit = acme.push(project(development=sized(2)))
    if is_new_thread:
        in_a_thread(lambda: follow.decide(acme.doors, REPOSITORY))  # nothing can be decided, and nothing breaks
        in_a_thread(acme.poll)
    else:
        acme.poll()
    acme.settle()
    assert (error(acme), acme.environment("development").live_commit) == (None, commit)
    kept = {row.commit for row in acme.deployments()}
    repository = pygit2.Repository(str(tmp_path / "mirror.git"))
    names = [name for name in repository.references if name.startswith("refs/lockstep/deployments/")]
    assert {str(repository.references[name].target) for name in names} == kept == {first, commit}


def test_a_mirror_that_is_damaged_is_said_to_be_and_not_its_remote(acme: World, tmp_path: Path) -> None:
    acme.deploy(project(development=sized(1)))
    for pack in (tmp_path / "mirror.git" / "objects" / "pack").glob("*.pack"):
        content = pack.read_bytes()
        pack.chmod(0o600)
        pack.write_bytes(content[:12] + bytes(byte ^ 0x5A for byte in content[12:-20]) + content[-20:])
    before = acme.doors.connections[REPOSITORY]
    fresh = dataclasses.replace(before, mirror=Mirror(tmp_path / "mirror.git", acme.repo.path))  # as after a restart
    acme.doors = dataclasses.replace(acme.doors, connections={REPOSITORY: fresh})
    commit = acme.push(project(development=sized(2)))
    acme.poll()
    said = str(error(acme))
    assert said.startswith(f"{tmp_path / 'mirror.git'}: the mirror is damaged (")
    assert said.endswith("); remove this folder, and it is fetched anew at the next poll")
    shutil.rmtree(tmp_path / "mirror.git")
    acme.poll()
    acme.settle()
    assert (error(acme), acme.environment("development").live_commit) == (None, commit)


def in_a_thread(act: Callable[[], object]) -> None:
    with ThreadPoolExecutor(1) as threads:
        threads.submit(act).result()


def _unpacked(remote: pygit2.Repository, mirror: Path) -> Path:
    """The objects of a mirror, each in a file of its own."""
    folder = mirror / "objects"
    repository = pygit2.Repository(str(mirror))
    shutil.rmtree(folder / "pack")
    for id_ in remote.odb:
        kind, content = remote.odb.read(id_)
        repository.odb.write(kind, content)
    return folder


def test_a_commit_of_a_repository_that_is_watched_twice_is_found_by_its_id(acme: World, tmp_path: Path) -> None:
    commit = acme.deploy(project(development=sized(1)))
    mirror = Mirror(tmp_path / "again.git", acme.repo.path)
    connections = {**acme.doors.connections, "aaa": Connection("aaa", mirror.address.shown, mirror)}
    doors = dataclasses.replace(acme.doors, connections=connections)
    watching.ensure_repository(doors.store, "aaa", mirror.address.shown, "main")
    follow.poll(doors, "aaa")
    follow.decide(doors, "aaa")
    for asked in (commit, commit[:7]):
        found = decided.commit(doors.store, asked)
        assert (found.repository, found.id) == (REPOSITORY, commit)
        assert [(one.environment, one.kind) for one in found.verdicts] == [("development", VerdictKind.DEPLOYED)]
