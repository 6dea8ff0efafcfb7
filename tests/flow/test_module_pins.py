"""A module's tag or branch is a commit: recorded, and deployed anew by itself where it is used once it moves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from controller.deployments import actions, follow, requests, suspending
from controller.deployments.why import why
from controller.errors import ManifestError
from controller.model.deployment import Mode, Status
from tests import git_factories
from tests.deploy_factories import REPOSITORY, World, project, sized, world
from tests.git_server import Answer, without_proxy
from tests.module_factories import BUCKET, Remote, given, module, recorded, served, started, tick


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    without_proxy(monkeypatch)
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "company") as made:
        yield made


def test_a_tag_is_the_commit_that_it_was_at_the_first_poll(acme: World, remote: Remote) -> None:
    first = started(acme, remote, remote.source("?ref=v1&depth=1"))
    row = acme.last("staging")
    assert given(acme, row.id) == remote.source(f"?ref={first}")
    assert row.reason == f"first deployment, from commit {row.commit[:10]}"
    assert recorded(acme) == {remote.source("?ref=v1&depth=1"): (first, None)}


def test_a_tag_that_moves_is_one_deployment_where_it_is_used_and_none_elsewhere(acme: World, remote: Remote) -> None:
    first = started(acme, remote)
    before = {name: len(acme.deployments(name)) for name in ("development", "staging", "production")}
    tip = acme.environment("staging").live_commit
    second = remote.release(code="# two\n")
    tick(acme)
    row = acme.last("staging")
    assert (row.status, row.commit) == (Status.SUCCEEDED, acme.deployments("staging")[0].commit)
    assert row.reason == f"module `bucket`: `ref=v1` moved from {first[:10]} to {second[:10]}"
    assert given(acme, row.id) == remote.source(f"?ref={second}")
    told = why(acme.doors, "shop", "staging", tip).answer.text
    assert f"came to something else in shop/staging afterwards ({row.reason}), and is live since 2026-03-01" in told
    tick(acme, 3)
    after = {name: len(acme.deployments(name)) for name in before}
    assert after == {**before, "staging": before["staging"] + 1}
    assert acme.environment("staging").live_commit == tip
    assert acme.environment("staging").applied == acme.environment("staging").desired == row.desired_digest


def test_a_moved_tag_computes_only_the_environments_that_use_it(acme: World, remote: Remote) -> None:
    started(acme, remote)
    tick(acme)
    answers = {name: acme.doors.memory._entries[REPOSITORY, f"shop/{name}"] for name in ("development", "staging")}
    remote.release(code="# two\n")
    tick(acme)
    now = {name: acme.doors.memory._entries[REPOSITORY, f"shop/{name}"] for name in answers}
    assert now["development"] is answers["development"]
    assert now["staging"] is not answers["staging"]


@pytest.mark.parametrize(
    ("query", "ref"),
    [
        pytest.param("", "refs/heads/main", id="no ref: the default branch"),
        pytest.param("?ref=stable", "refs/heads/stable", id="branch"),
        pytest.param("?ref=origin/stable", "refs/heads/stable", id="branch of origin"),
        pytest.param("?ref=tags/v1", "refs/tags/v1", id="tag with its folder"),
        pytest.param("?ref=refs/tags/v1", "refs/tags/v1", id="full name"),
    ],
)
def test_whatever_names_a_commit_is_followed(acme: World, remote: Remote, query: str, ref: str) -> None:
    remote.release(ref)
    first = remote.release(ref, "# one\n")
    acme.deploy({**project(staging=BUCKET), **module(remote.source(query))})
    assert given(acme, acme.last("staging").id) == remote.source(f"?ref={first}")
    second = remote.release(ref, "# two\n")
    tick(acme)
    assert given(acme, acme.last("staging").id) == remote.source(f"?ref={second}")
    said = "the default branch" if not query else f"`{query[1:]}`"
    assert acme.last("staging").reason == f"module `bucket`: {said} moved from {first[:10]} to {second[:10]}"


def test_an_annotated_tag_is_the_commit_that_it_is_about(acme: World, remote: Remote) -> None:
    first = git_factories.commit(remote.repo, {"bucket/variables.tf": ""})
    git_factories.tag(remote.repo, "v1", first)
    acme.deploy({**project(staging=BUCKET), **module(remote.source())})
    assert given(acme, acme.last("staging").id) == remote.source(f"?ref={first}")


def test_a_tag_that_is_not_there_holds_up_who_uses_it_and_says_so(acme: World, remote: Remote) -> None:
    commit = acme.deploy({**project(development=sized(1), staging=BUCKET), **module(remote.source())})
    waits = f"module `bucket`: `v1` of {remote.server.url('modules.git')} cannot be resolved"
    assert [row.environment for row in acme.deployments()] == ["development"]
    assert acme.environment("staging").note == f"{waits} (there is no such tag or branch)"
    assert acme.told(commit)["staging"] == f"held ({waits} (there is no such tag or branch))"
    tick(acme, 3)
    assert [row.environment for row in acme.deployments()] == ["development"]
    first = remote.release()
    tick(acme)
    row = acme.last("staging")
    assert (row.commit, row.status, given(acme, row.id)) == (commit, Status.SUCCEEDED, remote.source(f"?ref={first}"))
    assert (acme.environment("staging").note, acme.told(commit)["staging"]) == ("", "deployed")


def test_by_hand_nothing_is_deployed_either_that_nobody_knows_the_commit_of(acme: World, remote: Remote) -> None:
    acme.deploy({**project(staging=sized(1)), **module(remote.source())})
    wish = {"workloads": {"api": {"resources": {"files": {"type": "bucket"}}}}}
    with pytest.raises(ManifestError) as e:
        actions.deploy_manifest(acme.doors, "ann", "shop", "staging", wish)
    assert str(e.value) == (
        f"module `bucket`: `v1` of {remote.server.url('modules.git')} cannot be resolved "
        "(there is no such tag or branch); mend that, or name a full commit id in its place"
    )


def test_what_was_found_once_goes_on_where_it_cannot_be_asked_for(acme: World, remote: Remote) -> None:
    first = started(acme, remote)
    remote.refuses = Answer(503)
    remote.release(code="# two\n")
    tick(acme)
    assert recorded(acme) == {remote.source(): (first, "the server is not ready (status 503)")}
    acme.deploy({"projects/shop/staging/environment.yaml": "limits: {replace: 9}\n", **project(development=sized(3))})
    count = len(acme.deployments("staging"))
    acme.deploy({"projects/shop/staging/app.manifest.yaml": BUCKET.replace("files", "other")})
    assert len(acme.deployments("staging")) == count + 1
    assert given(acme, acme.last("staging").id) == remote.source(f"?ref={first}")


def test_a_tag_that_is_gone_goes_on_as_it_was_and_that_is_said(acme: World, remote: Remote) -> None:
    first = started(acme, remote)
    remote.repo.references.delete("refs/tags/v1")
    tick(acme, 3)
    assert recorded(acme) == {remote.source(): (first, "there is no such tag or branch any more")}
    assert len(acme.deployments("staging")) == 1
    git_factories.point(remote.repo, "refs/tags/v1", first)
    tick(acme)
    assert recorded(acme) == {remote.source(): (first, None)}
    assert len(acme.deployments("staging")) == 1


def test_a_tag_moves_also_where_the_repository_itself_does_not_answer(
    acme: World, remote: Remote, tmp_path: Path
) -> None:
    first = started(acme, remote)
    (tmp_path / "company" / "origin.git").rename(tmp_path / "away")
    second = remote.release(code="# two\n")
    tick(acme)
    assert acme.last("staging").reason == f"module `bucket`: `ref=v1` moved from {first[:10]} to {second[:10]}"


def test_a_remote_that_does_not_answer_is_asked_less_often(acme: World, remote: Remote) -> None:
    started(acme, remote)
    remote.refuses = Answer(503)
    remote.listings = 0
    for _ in range(30):
        acme.clock.forward(timedelta(minutes=1))
        follow.poll(acme.doors, REPOSITORY)
    assert remote.listings == 5  # at 1, 3, 7, 15, 25 minutes: ten at most lie between two
    remote.refuses = None
    tick(acme, 10)
    assert {error for _, error in recorded(acme).values()} == {None}


def test_two_hundred_modules_of_one_remote_are_one_listing_a_tick(acme: World, remote: Remote) -> None:
    remote.release()
    files = dict(project(staging=sized(1)))
    for n in range(200):
        files |= module(remote.source(folder=f"//m{n}"), f"bucket-{n}")
    acme.deploy(files)
    assert remote.listings == 1
    tick(acme, 3)
    assert remote.listings == 4
    assert len(recorded(acme)) == 200


def test_a_remote_that_hangs_holds_up_nobody_for_long(acme: World, remote: Remote) -> None:
    remote.release()
    remote.hangs.clear()
    acme.push({**project(development=sized(1), staging=BUCKET), **module(remote.source())})
    begin = time.monotonic()
    acme.poll()
    acme.settle()
    assert 10 < time.monotonic() - begin < 20
    assert [row.environment for row in acme.deployments()] == ["development"]
    assert acme.environment("staging").note == (
        f"module `bucket`: `v1` of {remote.server.url('modules.git')} cannot be resolved "
        "(the server did not answer in 10 s)"
    )
    begin = time.monotonic()
    acme.clock.forward(timedelta(minutes=5))
    acme.poll()
    assert time.monotonic() - begin < 5  # the question is still under way, and nobody waits for it again
    assert remote.listings == 1
    remote.hangs.set()
    time.sleep(1)
    tick(acme, 5)
    assert [row.environment for row in acme.deployments()] == ["development", "staging"]


def test_a_rollback_takes_the_commit_of_then_and_no_poll_undoes_it(acme: World, remote: Remote) -> None:
    first = started(acme, remote)
    then = acme.last("staging")
    remote.release(code="# two\n")
    tick(acme)
    actions.rollback(acme.doors, "ann", "shop", "staging", then.id, reason="two is broken")
    tick(acme, 3)
    row = acme.last("staging")
    assert (row.mode, row.status, given(acme, row.id)) == (
        Mode.ROLLBACK,
        Status.SUCCEEDED,
        remote.source(f"?ref={first}"),
    )
    assert acme.environment("staging").applied == then.desired_digest


def test_what_moved_while_it_was_held_is_deployed_when_it_is_resumed(acme: World, remote: Remote) -> None:
    first = started(acme, remote)
    suspending.suspend(acme.doors, "ann", "shop", reason="freeze")
    second = remote.release(code="# two\n")
    tick(acme)
    assert len(acme.deployments("staging")) == 1
    assert acme.environment("staging").note == "suspended by ann"
    suspending.resume(acme.doors, "ann", "shop", reason="go on")
    tick(acme)
    assert acme.last("staging").reason == f"module `bucket`: `ref=v1` moved from {first[:10]} to {second[:10]}"


def test_a_plan_of_a_request_takes_a_new_tag_as_it_is_written(acme: World, remote: Remote) -> None:
    started(acme, remote)
    remote.release("refs/tags/v2", "# two\n")
    git_factories.commit(acme.repo, module(remote.source("?ref=v2")), branch="bump", parents=[_head(acme)])
    request = requests.plan_ref(acme.doors, "ann", "refs/heads/bump")
    acme.settle()
    row = acme.last("staging")
    assert (row.mode, row.status) == (Mode.PLAN_ONLY, Status.PLANNED)
    assert given(acme, row.id) == remote.source("?ref=v2")
    assert [each.id for each in request.deployments] == [row.id]
    assert remote.source("?ref=v2") not in recorded(acme)


def _head(acme: World) -> str:
    return str(acme.repo.references["refs/heads/main"].target)
