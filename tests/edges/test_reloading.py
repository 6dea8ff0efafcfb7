"""What does a reload exchange, and what goes on as before?"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from controller import wiring
from controller.deployments import follow, reloading
from controller.deployments.doors import Connection, Doors, Reread
from controller.deployments.reloading import Reloaded
from controller.deployments.watched import Watched
from controller.deployments.why import why
from controller.errors import ConflictError, ManifestError
from controller.git.mirror import Mirror
from controller.history import decided, read, watching
from controller.model.deployment import Status, VerdictKind
from controller.runner.protocol import Phase
from controller.settings import Settings, load
from tests.deploy_factories import REPOSITORY, Script, World, project, sized, world
from tests.git_factories import commit, repository
from tests.git_server import Request, git_server, without_proxy


def _again(acme: World, connections: Mapping[str, Connection]) -> World:
    """A world whose settings say that these are connected, whenever they are read anew."""
    doors = dataclasses.replace(
        acme.doors, connections=Watched(acme.doors.connections), reread=lambda: Reread(connections)
    )
    return World(acme.repo, doors, acme.clock)


def test_what_runs_when_its_connection_goes_ends_as_it_would(tmp_path: Path) -> None:
    with world(tmp_path) as plain:
        acme = _again(plain, {})
        acme.runner.script = Script(hangs_in=Phase.APPLY)
        acme.push(project(dev=sized(1)))
        acme.poll()
        acme.settle()
        (id,) = (found.id for found in acme.deployments())
        assert acme.last("dev").status is Status.APPLYING
        before = acme.environment("dev")
        assert reloading.reload(acme.doors, "ann") == Reloaded(removed=(REPOSITORY,))
        acme.push(project(dev=sized(2)))
        acme.poll()
        acme.runner.finish(id)
        acme.carry(id)
        assert [(found.id, found.status) for found in acme.deployments()] == [(id, Status.SUCCEEDED)]
        after = acme.environment("dev")
        assert (after.status, after.desired, after.uuid) == (before.status, before.desired, before.uuid)
        (row,) = read.repositories(acme.doors.store)
        assert row.error is None


def test_what_a_remote_answers_too_late_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poll began when the connection still led to the repository of before."""
    without_proxy(monkeypatch)
    commit(repository(tmp_path / "served" / "before.git"), {"a": "1"})
    other = repository(tmp_path / "other.git")
    tip = commit(other, {"a": "1"})
    done: list[Reloaded] = []
    with world(tmp_path) as plain:

        def answer(request: Request) -> None:
            """While the remote is asked, somebody reloads."""
            if not done:
                done.append(reloading.reload(acme.doors, "ann"))

        with git_server(tmp_path / "served", answer=answer) as server:
            url = server.url("before.git")
            before = Connection(REPOSITORY, url, Mirror(tmp_path / "before.git", url))
            after = Connection(REPOSITORY, "file:///elsewhere", Mirror(tmp_path / "after.git", other.path))
            doors = dataclasses.replace(plain.doors, connections={REPOSITORY: before})
            acme = _again(World(plain.repo, doors, plain.clock), {REPOSITORY: after})
            follow.poll(acme.doors, REPOSITORY)
        assert done == [Reloaded(changed=(REPOSITORY,))]
        (row,) = read.repositories(acme.doors.store)
        assert (row.url, row.head, row.polled_at) == ("file:///elsewhere", None, None)
        follow.poll(acme.doors, REPOSITORY)
        (row,) = read.repositories(acme.doors.store)
        assert row.head == tip


def test_a_controller_without_settings_says_so(tmp_path: Path) -> None:
    with world(tmp_path) as acme, pytest.raises(ConflictError) as e:
        reloading.reload(acme.doors, "ann")
    assert str(e.value) == "this controller cannot read its settings anew; restart it"


class _Files:
    """A settings file that changes, and the controller that was started with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *connections: dict[str, Any], **more: Any) -> Settings:
        chosen = [{"id": "acme", "url": "https://git.acme.example/a.git", **one} for one in connections]
        document = {"data_dir": str(self.folder / "data"), "connections": chosen, **more}
        (self.folder / "controller.yaml").write_text(json.dumps(document))
        return self.read()

    def read(self) -> Settings:
        return load(self.folder / "controller.yaml")


def _reread(doors: Doors) -> Reloaded:
    return reloading.reload(doors, "ann")


def test_what_is_as_before_is_the_same_connection(tmp_path: Path) -> None:
    files = _Files(tmp_path)
    settings = files.write({}, {"id": "other", "poll": "5m"})
    with wiring.open_doors(settings, lambda made: None, again=files.read) as doors:
        before = dict(doors.connections)
        shared = dataclasses.replace(doors, origin="the page")  # as the API has them
        files.write({}, {"id": "other", "poll": "6m"}, {"id": "third"})
        assert _reread(doors) == Reloaded(added=("third",), changed=("other",))
        after = dict(shared.connections)
        assert list(after) == ["acme", "other", "third"]
        assert after["acme"] is before["acme"]
        assert after["other"].poll.total_seconds() == 360


def test_a_changed_connection_goes_on_in_the_same_mirror_under_the_same_locks(tmp_path: Path) -> None:
    """Else two fetches, or a fetch and a repack, would not know of each other."""
    files = _Files(tmp_path)
    (tmp_path / "token").write_text("t")
    with wiring.open_doors(files.write({}), lambda made: None, again=files.read) as doors:
        before = doors.connections["acme"].mirror
        files.write({"branch": "stable", "token_file": str(tmp_path / "token")})
        assert _reread(doors) == Reloaded(changed=("acme",))
        after = doors.connections["acme"].mirror
        assert (before.branch, after.branch) == ("main", "stable")
        assert (before._remote, before._packing, before._keeping, before._objects) == (
            after._remote,
            after._packing,
            after._keeping,
            after._objects,
        )
        files.write()
        _reread(doors)
        files.write({})
        assert _reread(doors) == Reloaded(added=("acme",))
        assert doors.connections["acme"].mirror._remote is before._remote


def test_credentials_that_do_not_fit_change_nothing(tmp_path: Path) -> None:
    files = _Files(tmp_path)
    (tmp_path / "key").write_text("k")
    with wiring.open_doors(files.write({}), lambda made: None, again=files.read) as doors:
        before = dict(doors.connections)
        third = {"id": "third", "forge": "github", "webhook_secret_file": str(tmp_path / "none")}
        files.write({"poll": "9m"}, {"id": "other", "ssh_key_file": str(tmp_path / "key")}, third)
        with pytest.raises(ManifestError) as e:
            _reread(doors)
        assert str(e.value) == (
            "connection `other`: https://git.acme.example/a.git: an SSH key opens ssh only; "
            "give a token, or a url that begins with ssh://\n"
            f"connection `third`: {tmp_path}/none cannot be read (No such file or directory); "
            "check the path and its permissions"
        )
        assert dict(doors.connections) == before
        assert [row.action for row in read.audit(doors.store)] == ["token.create"]


def test_a_connection_with_another_id_goes_on_with_all_that_was_recorded(tmp_path: Path) -> None:
    with world(tmp_path) as plain:
        first = plain.deploy(project(dev=sized(1)))
        before = plain.doors.connections[REPOSITORY]
        other = Mirror(tmp_path / "other.git", plain.repo.path)
        acme = _again(plain, {"company": dataclasses.replace(before, id="company", mirror=other)})
        done = reloading.reload(acme.doors, "ann")
        assert str(done) == f"added: company; removed: {REPOSITORY}; company is what {REPOSITORY} was"
        assert [row.id for row in read.repositories(acme.doors.store)] == ["company"]
        line = next(row for row in read.audit(acme.doors.store) if row.action == "rename connection")
        assert (line.actor, line.subject, line.before, line.after) == (
            "ann",
            "company",
            {"id": REPOSITORY},
            {"id": "company"},
        )
        _follow(acme.doors, "company")
        assert watching.undecided(acme.doors.store) == []
        assert (len(acme.deployments()), acme.environment("dev").live_commit) == (1, first)
        assert (acme.environment("dev").repository, read.owner(acme.doors.store, "shop")) == ("company", "company")
        second = acme.push(project(dev=sized(2)))
        _follow(acme.doors, "company")
        acme.carry(str(acme.claim()))
        _follow(acme.doors, "company")
        told = {row.id: [one.kind for one in row.verdicts] for row in decided.commits(acme.doors.store, "company")}
        assert told == {second: [VerdictKind.DEPLOYED], first: [VerdictKind.DEPLOYED]}
        assert acme.environment("dev").live_commit == second
        assert sql_is_whole(acme)


@pytest.mark.parametrize(
    ("ids", "branch", "url"),
    [
        (["one", "two"], "main", None),
        (["one"], "other", None),
        (["one"], "main", "file:///elsewhere.git"),
    ],
    ids=["two it could be", "another branch", "another place"],
)
def test_a_connection_that_may_be_another_one_begins_anew(
    tmp_path: Path, ids: list[str], branch: str, url: str | None
) -> None:
    with world(tmp_path) as plain:
        plain.deploy(project(dev=sized(1)))
        before = plain.doors.connections[REPOSITORY]
        acme = _again(
            plain,
            {id: dataclasses.replace(before, id=id, branch=branch, url=url or before.url) for id in ids},
        )
        assert reloading.reload(acme.doors, "ann").renamed == {}
        assert [row.id for row in read.repositories(acme.doors.store)] == sorted([REPOSITORY, *ids])
        assert acme.environment("dev").repository == REPOSITORY
        commit = str(acme.environment("dev").live_commit)
        assert why(acme.doors, "shop", "dev").answer.text == (
            f"Repository `{REPOSITORY}` is not connected any more, so no commit of it is seen, and shop/dev stays as "
            f"it is until the settings connect it again under this id. Commit {commit[:10]} “Change something” by Ada "
            f"changes shop/dev, and is live since 2026-03-01 12:00 UTC, by deployment {acme.last('dev').id}."
        )


def test_a_project_of_a_repository_that_is_gone_is_said_with_what_to_do(tmp_path: Path) -> None:
    with world(tmp_path) as plain:
        plain.deploy(project(dev=sized(1)))
        other = Mirror(tmp_path / "other.git", plain.repo.path)
        acme = _again(plain, {"other": Connection("other", "file:///moved.git", other)})
        reloading.reload(acme.doors, "ann")
        _follow(acme.doors, "other")
        found = {row.id: row.problems for row in read.repositories(acme.doors.store)}
        assert found["other"] == (
            f"shop: project `shop` belongs to repository `{REPOSITORY}`, which declared it first and is not connected "
            f"any more; give it another name, or connect that repository again as `{REPOSITORY}`",
        )


def _follow(doors: Doors, id: str) -> None:
    follow.poll(doors, id)
    while watching.undecided(doors.store):
        follow.decide(doors, id)


def sql_is_whole(acme: World) -> bool:
    """Whether every row refers to one that is there; PostgreSQL takes no other."""
    if not acme.doors.store.is_sqlite:
        return True
    with acme.doors.store.reading() as session:
        return not session.execute(sa.text("PRAGMA foreign_key_check")).all()
