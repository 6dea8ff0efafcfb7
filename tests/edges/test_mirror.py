"""A mirror asks, fetches and walks; and what goes wrong on the way is said."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random

import pygit2
import pytest

from controller.errors import LockstepError, NotAllowedError, NotFoundError, RetryableError
from controller.git import transport
from controller.git.address import parse
from controller.git.line import Walk
from controller.git.mirror import Mirror
from controller.git.requests import RequestRef, named, requests
from tests.git_factories import commit, point, repository, tag
from tests.git_server import Answer, git_server, short_deadline, without_proxy
from tests.serve_factories import free_port

MAIN = "refs/heads/main"


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxy(monkeypatch)


@pytest.fixture
def remote(tmp_path: Path) -> pygit2.Repository:
    return repository(tmp_path / "served" / "shop.git")


@pytest.fixture
def mirror(remote: pygit2.Repository, tmp_path: Path) -> Mirror:
    return Mirror(tmp_path / "mirror", remote.path)


def test_heads_lists_every_ref_without_fetching_any(remote: pygit2.Repository, mirror: Mirror) -> None:
    first = commit(remote, {"a": "1"})
    second = commit(remote, {"a": "2"})
    point(remote, "refs/pull/7/head", second)
    assert tag(remote, "v1", first) != first
    expected = {"HEAD": second, MAIN: second, "refs/pull/7/head": second, "refs/tags/v1": first}
    assert mirror.heads() == expected
    assert list(mirror.heads()) == sorted(expected)
    assert mirror.known() is None


def test_an_empty_repository_has_no_heads(mirror: Mirror) -> None:
    assert mirror.heads() == {}
    assert mirror.fetch() == {}


def test_only_the_tracked_refs_are_fetched(remote: pygit2.Repository, tmp_path: Path) -> None:
    tip = commit(remote, {"a": "1"})
    other = commit(remote, {"b": "1"}, branch="other")
    tag(remote, "v1", tip)
    with git_server(tmp_path / "served") as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"))
        assert mirror.fetch() == {MAIN: tip}
    assert _refs(mirror) == [MAIN]
    with pytest.raises(NotFoundError) as e:
        mirror.snapshot(other)
    assert str(e.value) == f"commit {other} is not in the mirror; fetch a ref that contains it"


def test_a_second_fetch_brings_only_what_is_new(remote: pygit2.Repository, tmp_path: Path) -> None:
    commit(remote, {f"file{n}": Random(n).randbytes(1000) for n in range(20)})
    with git_server(tmp_path / "served") as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"))
        mirror.fetch()
        tip = commit(remote, {"file1": "new"})
        assert mirror.fetch() == {MAIN: tip}
    packs = sorted(path.stat().st_size for path in (tmp_path / "mirror" / "objects" / "pack").glob("*.pack"))
    assert len(packs) == 2
    assert packs[0] < 2000 < 20_000 < packs[1]


def test_a_fetch_of_nothing_new_says_where_the_branch_is(remote: pygit2.Repository, mirror: Mirror) -> None:
    tip = commit(remote, {"a": "1"})
    assert mirror.fetch() == mirror.fetch() == {MAIN: tip}


def test_a_forced_push_is_followed_and_the_old_commit_stays(remote: pygit2.Repository, mirror: Mirror) -> None:
    old = commit(remote, {"a": "1"})
    mirror.fetch()
    new = commit(remote, {"a": "2"}, parents=[])
    assert mirror.fetch() == {MAIN: new}
    assert mirror.snapshot(old).tree.read("a") == b"1"


def test_a_deleted_branch_is_gone_from_the_mirror(remote: pygit2.Repository, mirror: Mirror) -> None:
    tip = commit(remote, {"a": "1"})
    commit(remote, {"b": "1"}, branch="other")
    mirror.keep(mirror.fetch()[MAIN], "one")
    remote.references.delete(MAIN)
    assert MAIN not in mirror.heads()
    assert mirror.fetch() == {}
    assert mirror.known() is None
    assert mirror.commit(tip).id == tip


def test_a_branch_may_become_a_folder_of_branches(remote: pygit2.Repository, mirror: Mirror) -> None:
    commit(remote, {"a": "1"}, branch="feature")
    mirror.fetch(["refs/heads/feature"])
    remote.references.delete("refs/heads/feature")
    tip = commit(remote, {"a": "2"}, branch="feature/one")
    assert mirror.fetch(["refs/heads/feature/one"]) == {"refs/heads/feature/one": tip}
    remote.references.delete("refs/heads/feature/one")
    tip = commit(remote, {"a": "3"}, branch="feature")
    assert mirror.fetch(["refs/heads/feature"]) == {"refs/heads/feature": tip}


@pytest.mark.parametrize(
    "ref", ["main", "refs/heads/*", "refs/lockstep/deployments/x", "+refs/heads/main:refs/x", "HEAD"]
)
def test_only_full_names_of_refs_are_fetched(remote: pygit2.Repository, mirror: Mirror, ref: str) -> None:
    with pytest.raises(NotAllowedError) as e:
        mirror.fetch([ref])
    assert str(e.value) == (
        f"{mirror.address.shown}: `{ref}` is not fetched; give the full name of a ref, such as refs/heads/main"
    )


def test_requests_are_read_from_the_listing(remote: pygit2.Repository, mirror: Mirror) -> None:
    tip = commit(remote, {"a": "1"})
    head = commit(remote, {"a": "2"}, branch="feature")
    for ref in ("refs/pull/10/head", "refs/pull/9/head", "refs/pull/9/merge", "refs/merge-requests/3/head"):
        point(remote, ref, head)
    heads = mirror.heads()
    assert requests(heads) == (
        RequestRef(3, "refs/merge-requests/3/head", head),
        RequestRef(9, "refs/pull/9/head", head),
        RequestRef(10, "refs/pull/10/head", head),
    )
    assert mirror.fetch(["refs/pull/9/head"]) == {"refs/pull/9/head": head}
    assert [named(heads, name) for name in ("main", "refs/pull/9/head", "pull/9/head", "nope", "HEAD")] == [
        MAIN,
        "refs/pull/9/head",
        "refs/pull/9/head",
        None,
        None,
    ]
    assert heads[MAIN] == tip


def test_a_kept_commit_stays_reachable_until_it_is_forgotten(remote: pygit2.Repository, mirror: Mirror) -> None:
    tip = commit(remote, {"a": "1"})
    mirror.fetch()
    mirror.keep(tip, "D1")
    mirror.keep(tip, "D1")
    assert _refs(mirror) == [MAIN, "refs/lockstep/deployments/D1"]
    mirror.forget("D1")
    mirror.forget("D1")
    assert _refs(mirror) == [MAIN]


def test_a_mirror_is_opened_again_as_it_was(remote: pygit2.Repository, mirror: Mirror, tmp_path: Path) -> None:
    tip = commit(remote, {"a": "1"})
    mirror.fetch()
    again = Mirror(tmp_path / "mirror", remote.path)
    assert again.known() == tip
    assert again.commit(tip).subject == "Change something"


class TestWalk:
    def test_commits_come_oldest_first_without_the_old_tip(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        ids = [commit(remote, {"a": str(n)}) for n in range(4)]
        mirror.fetch()
        assert _ids(mirror.walk(ids[3], ids[0])) == ids[1:]
        assert mirror.walk(ids[3], ids[3]) == Walk(())

    def test_a_merge_stands_for_what_it_brings(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        first = commit(remote, {"a": "1"})
        side = commit(remote, {"b": "1"}, branch="side")
        second = commit(remote, {"a": "2"})
        merged = commit(remote, {"b": "1"}, parents=[second, side])
        mirror.fetch()
        assert _ids(mirror.walk(merged, first)) == [second, merged]

    def test_a_merge_the_wrong_way_round_leaves_the_old_line(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        """The old tip is the second parent: the line of first parents never meets it."""
        first = commit(remote, {"a": "1"})
        old = commit(remote, {"a": "2"})
        side = commit(remote, {"b": "1"}, branch="side", parents=[first])
        merged = commit(remote, {"a": "2"}, parents=[side, old])
        mirror.fetch()
        walk = mirror.walk(merged, old)
        assert (_ids(walk), walk.is_forced) == ([side, merged], True)

    def test_what_was_only_merged_is_new_where_the_branch_goes_there(
        self, remote: pygit2.Repository, mirror: Mirror
    ) -> None:
        first = commit(remote, {"a": "1"})
        side = commit(remote, {"b": "1"}, branch="side", parents=[first])
        merged = commit(remote, {"b": "1"}, parents=[first, side])
        mirror.fetch()
        assert mirror.walk(side, merged) == Walk((mirror.commit(side),), is_forced=True)

    def test_after_a_forced_push_the_commits_since_the_fork_are_new(
        self, remote: pygit2.Repository, mirror: Mirror
    ) -> None:
        fork = commit(remote, {"a": "1"})
        old = commit(remote, {"a": "2"})
        mirror.fetch()
        new = [commit(remote, {"a": "3"}, parents=[fork]), commit(remote, {"a": "4"})]
        mirror.fetch()
        walk = mirror.walk(new[-1], old)
        assert (_ids(walk), walk.is_forced, walk.is_truncated) == (new, True, False)

    def test_a_branch_that_was_set_back_has_nothing_new(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        ids = [commit(remote, {"a": str(n)}) for n in range(3)]
        mirror.fetch()
        assert mirror.walk(ids[0], ids[2]) == Walk((), is_forced=True)

    def test_an_unrelated_history_is_all_new(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        old = commit(remote, {"a": "1"})
        mirror.fetch()
        new = [commit(remote, {"b": "1"}, parents=[]), commit(remote, {"b": "2"})]
        mirror.fetch()
        walk = mirror.walk(new[-1], old)
        assert (_ids(walk), walk.is_forced) == (new, True)

    def test_an_old_tip_that_is_nowhere_counts_as_forced(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        ids = [commit(remote, {"a": str(n)}) for n in range(2)]
        mirror.fetch()
        walk = mirror.walk(ids[1], "1" * 40)
        assert (_ids(walk), walk.is_forced) == (ids, True)

    @pytest.mark.parametrize(("limit", "is_truncated"), [(2, True), (3, False), (4, False)])
    def test_a_long_walk_keeps_the_newest(
        self, remote: pygit2.Repository, mirror: Mirror, limit: int, is_truncated: bool
    ) -> None:
        ids = [commit(remote, {"a": str(n)}) for n in range(4)]
        mirror.fetch()
        walk = mirror.walk(ids[3], ids[0], limit)
        assert (_ids(walk), walk.is_truncated, walk.is_forced) == (ids[1:][-limit:], is_truncated, False)

    def test_without_an_old_tip_it_goes_to_the_beginning(self, remote: pygit2.Repository, mirror: Mirror) -> None:
        ids = [commit(remote, {"a": str(n)}) for n in range(3)]
        mirror.fetch()
        assert _ids(mirror.walk(ids[2], None)) == ids
        assert mirror.walk(ids[2], None, 2).is_truncated


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        pytest.param(
            403,
            NotAllowedError,
            "the server refuses us (status 403); check that the credentials may read this repository",
            id="forbidden",
        ),
        pytest.param(
            404,
            NotAllowedError,
            "there is no repository, or these credentials may not know of it (status 404); "
            "check the url and the rights of the token",
            id="not-found",
        ),
        pytest.param(
            429,
            RetryableError,
            "the server asks for fewer requests (status 429); a later poll tries again",
            id="too-many",
        ),
        pytest.param(
            503, RetryableError, "the server is not ready (status 503); the next poll tries again", id="unavailable"
        ),
    ],
)
def test_an_http_status_is_named_for_what_happens_next(
    tmp_path: Path, status: int, kind: type[LockstepError], message: str
) -> None:
    with git_server(tmp_path, answer=lambda request: Answer(status)) as server, pytest.raises(kind) as e:
        Mirror(tmp_path / "mirror", server.url("shop.git") + "?token=secret").heads()
    assert str(e.value) == f"{server.url('shop.git')}: {message}"


def test_a_server_that_is_down_is_tried_again(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/shop.git"
    with pytest.raises(RetryableError) as e:
        Mirror(tmp_path / "mirror", url).heads()
    assert str(e.value) == (
        f"{url}: the server cannot be reached (failed to connect to 127.0.0.1: Connection refused); "
        "the next poll tries again"
    )


@pytest.mark.parametrize("scheme", ["http", "https", "ssh"])
def test_a_server_that_says_nothing_is_waited_for_only_so_long(tmp_path: Path, scheme: str) -> None:
    with _silent_server() as port, short_deadline(300):
        mirror = Mirror(tmp_path / "mirror", f"{scheme}://127.0.0.1:{port}/shop.git")
        with pytest.raises(RetryableError) as e:
            mirror.heads()
    assert str(e.value).startswith(f"{scheme}://127.0.0.1:{port}/shop.git: the server ")
    assert str(e.value).endswith("; the next poll tries again")


def test_both_deadlines_are_set_for_the_whole_process(mirror: Mirror) -> None:
    assert (pygit2.settings.server_connect_timeout, pygit2.settings.server_timeout) == (10_000, 60_000)


def test_a_transfer_that_drags_on_is_ended() -> None:
    operation = transport.Operation(parse("https://host/shop.git"), None, whole=timedelta(0))
    with pytest.raises(RetryableError) as e:
        operation.sideband_progress("Counting objects")
    assert str(e.value) == "https://host/shop.git: the transfer was not done after 0:00:00; the next poll tries again"


def test_a_path_without_a_repository_says_so(tmp_path: Path) -> None:
    with pytest.raises(RetryableError) as e:
        Mirror(tmp_path / "mirror", str(tmp_path / "nowhere")).heads()
    assert str(e.value) == (
        f"file://{tmp_path}/nowhere: there is no repository at this path; "
        "put it there, or set the url of the connection to where it is"
    )


def test_a_mirror_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(NotAllowedError) as e:
        Mirror(tmp_path / "file" / "mirror", "https://host/shop.git")
    assert str(e.value).startswith(f"{tmp_path}/file/mirror: a mirror can be neither made nor opened here (")
    assert str(e.value).endswith("; check who may write to this folder, or remove it, and it is fetched anew")


def test_a_repository_with_long_ids_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "served" / "long.git"
    subprocess.run(("git", "init", "--quiet", "--bare", "--object-format=sha256", str(path)), check=True)
    with pytest.raises(NotAllowedError, match="repositories with SHA-256 ids are not supported"):
        Mirror(tmp_path / "mirror", str(path)).heads()


def test_many_threads_may_ask_at_once(remote: pygit2.Repository, tmp_path: Path) -> None:
    ids = [commit(remote, {f"f{n}": str(n)}) for n in range(20)]
    with git_server(tmp_path / "served") as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"))
        mirror.fetch()
        read: list[tuple[bytes, ...]] = []

        def work(n: int) -> None:
            mirror.fetch()
            tree = mirror.snapshot(ids[-1]).tree
            read.append(tuple(tree.read(name) for name in tree.names("")))
            mirror.keep(ids[n], f"D{n}")
            mirror.walk(ids[-1], ids[0])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read) == 8
    assert set(read) == {tuple(str(n).encode() for n in sorted(range(20), key=lambda n: f"f{n}"))}


def test_a_thread_sees_what_another_one_fetched(remote: pygit2.Repository, mirror: Mirror) -> None:
    commit(remote, {"a": "1"})
    mirror.fetch()
    tip = commit(remote, {"a": "2"})
    thread = threading.Thread(target=mirror.fetch)
    thread.start()
    thread.join()
    assert mirror.known() == tip
    assert mirror.snapshot(tip).tree.read("a") == b"2"


def _ids(walk: Walk) -> list[str]:
    return [commit.id for commit in walk.commits]


def _refs(mirror: Mirror) -> list[str]:
    return sorted(mirror._objects.repository().references)


@contextmanager
def _silent_server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
