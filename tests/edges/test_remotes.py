"""Remotes of modules are asked by one listing each, with credentials that go to the server of a connection alone."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pygit2
import pytest

from controller.errors import NotAllowedError, RetryableError
from controller.git.address import parse
from controller.git.credentials import SshKey, Token
from controller.git.remotes import Heads, Remotes, Server, commit_of
from tests.git_factories import commit, point, repository, tag
from tests.git_server import Answer, git_server, without_proxy
from tests.tls_factories import self_signed, trusted

ALICE = ("x-access-token", "secret")
TOKEN = Token(lambda: "secret")
PATIENCE = timedelta(seconds=10)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    without_proxy(monkeypatch)
    made = self_signed(tmp_path)
    with trusted(tmp_path):
        yield made


@pytest.fixture
def served(tmp_path: Path) -> Path:
    for name in ("one", "two"):
        commit(repository(tmp_path / "served" / f"{name}.git"), {"main.tf": name})
    return tmp_path / "served"


def ask(remotes: Remotes, *urls: str, connection: str = "acme", patience: timedelta = PATIENCE) -> Mapping[str, object]:
    """What comes back for each: the refs, or the error as text."""
    found = remotes.heads(connection, urls, patience)
    return {url: str(answer) if isinstance(answer, Exception) else list(answer) for url, answer in found.items()}


def test_the_commit_of_an_annotated_tag_is_listed_beside_it(served: Path, tls: ssl.SSLContext) -> None:
    repo = pygit2.Repository(str(served / "one.git"))
    first = commit(repo, {"main.tf": "two"})
    marked = tag(repo, "v1", first)
    with git_server(served, tls=tls) as server:
        heads = Remotes().heads("acme", [server.url("one.git")], PATIENCE)[server.url("one.git")]
    assert not isinstance(heads, Exception)
    assert (heads["refs/tags/v1"], heads["refs/tags/v1^{}"]) == (marked, first)
    assert commit_of(heads, "v1") == first


HEADS: Heads = {
    "HEAD": "1",
    "refs/heads/main": "1",
    "refs/heads/both": "2",
    "refs/tags/both": "3",
    "refs/tags/v1": "4",
    "refs/tags/v1^{}": "5",
    "refs/heads/feature/x": "6",
    "refs/pull/7/head": "7",
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("HEAD", "1", id="default-branch"),
        pytest.param("main", "1", id="branch"),
        pytest.param("feature/x", "6", id="branch-with-slash"),
        pytest.param("both", "3", id="tag-before-branch"),
        pytest.param("heads/both", "2", id="branch-by-its-folder"),
        pytest.param("refs/heads/both", "2", id="full-name"),
        pytest.param("origin/main", "1", id="as-in-a-clone"),
        pytest.param("v1", "5", id="annotated"),
        pytest.param("tags/v1", "5", id="annotated-by-its-folder"),
        pytest.param("v2", None, id="unknown"),
        pytest.param("pull/7/head", None, id="not-in-a-clone"),
        pytest.param("refs/pull/7/head", None, id="not-in-a-clone-either"),
        pytest.param("1234567", None, id="short-commit"),
    ],
)
def test_a_name_is_what_git_takes_it_for_in_a_clone(name: str, found: str | None) -> None:
    assert commit_of(HEADS, name) == found


def test_credentials_of_a_connection_go_to_its_server(served: Path, tls: ssl.SSLContext) -> None:
    with git_server(served, user=ALICE, tls=tls) as server:
        ours = Server("acme", parse(server.url("shop.git")), TOKEN)
        assert ask(Remotes(lambda: [ours]), server.url("one.git")) == {
            server.url("one.git"): ["HEAD", "refs/heads/main"]
        }


def test_no_other_server_sees_them(served: Path, tls: ssl.SSLContext) -> None:
    with git_server(served, user=ALICE, tls=tls) as ours, git_server(served, user=ALICE, tls=tls) as other:
        remotes = Remotes(lambda: [Server("acme", parse(ours.url("shop.git")), TOKEN)])
        (said,) = ask(remotes, other.url("one.git")).values()
    assert str(said).startswith(f"{other.url('one.git')}: the server asks for credentials and none are set")
    assert {request.authorization for request in other.requests} == {None}


def test_a_redirect_leads_no_credentials_elsewhere(served: Path, tls: ssl.SSLContext) -> None:
    with git_server(served, user=ALICE, tls=tls) as other:
        away = Answer(302, (("Location", other.url("one.git/info/refs?service=git-upload-pack")),))
        with git_server(served, tls=tls, answer=lambda request: away) as ours:
            remotes = Remotes(lambda: [Server("acme", parse(ours.url("shop.git")), TOKEN)])
            (said,) = ask(remotes, ours.url("one.git")).values()
    assert str(said).startswith(f"{ours.url('one.git')}: the server leads to another one, which asks for credentials")
    assert {request.authorization for request in other.requests} == {None}


def test_ones_own_connection_goes_before_others_to_the_same_server(served: Path, tls: ssl.SSLContext) -> None:
    with git_server(served, user=ALICE, tls=tls) as server:
        wrong = Server("other", parse(server.url("x.git")), Token(lambda: "wrong"))
        right = Server("acme", parse(server.url("shop.git")), TOKEN)
        remotes, url = Remotes(lambda: [wrong, right]), server.url("one.git")
        assert ask(remotes, url, connection="acme") == {url: ["HEAD", "refs/heads/main"]}
        (said,) = ask(remotes, url, connection="other").values()
        assert "the credentials were refused" in str(said)


def test_no_key_is_shown_to_an_ssh_server_that_no_connection_leads_to() -> None:
    remotes = Remotes(lambda: [Server("acme", parse("ssh://git@ours.example/shop.git"), SshKey(lambda: "key"))])
    url = "ssh://git@other.example/m.git"
    found = remotes.heads("acme", [url], PATIENCE)[url]
    assert isinstance(found, NotAllowedError)
    assert str(found) == f"{url}: no connection leads to this server, so there is no key for it"


def test_whoever_hangs_keeps_nobody_waiting_for_long_and_is_not_asked_twice(served: Path, tls: ssl.SSLContext) -> None:
    going = threading.Event()

    def answer(request: object) -> None:
        if "two.git" in str(request):
            going.wait(20)

    with git_server(served, tls=tls, answer=answer) as server:
        remotes, one, two = Remotes(), server.url("one.git"), server.url("two.git")
        begin = time.monotonic()
        first = ask(remotes, one, two, patience=timedelta(seconds=2))
        assert 2 <= time.monotonic() - begin < 4
        assert first == {one: ["HEAD", "refs/heads/main"], two: f"{two}: the server did not answer in 2 s"}
        begin = time.monotonic()
        assert ask(remotes, two, patience=timedelta(seconds=2)) == {two: first[two]}
        assert time.monotonic() - begin < 1
        going.set()
        time.sleep(1)
        assert ask(remotes, two) == {two: ["HEAD", "refs/heads/main"]}
        assert len([request for request in server.requests if request.path == "/two.git/info/refs"]) == 1


def test_many_who_ask_at_the_same_time_are_one_question(served: Path, tls: ssl.SSLContext) -> None:
    together = threading.Barrier(8)

    with git_server(served, tls=tls, answer=lambda request: time.sleep(1)) as server:
        remotes, url = Remotes(), server.url("one.git")
        found: list[Mapping[str, object]] = []

        def poll() -> None:
            together.wait()
            found.append(ask(remotes, url))

        threads = [threading.Thread(target=poll) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [{url: ["HEAD", "refs/heads/main"]}] * 8
        assert len([request for request in server.requests if request.path == "/one.git/info/refs"]) == 1


def test_a_server_that_is_not_there_is_asked_again_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{taken.getsockname()[1]}/m.git"
        found = Remotes().heads("acme", [url], PATIENCE)[url]
    assert isinstance(found, RetryableError)


def test_a_branch_that_moved_is_listed_where_it_is_now(served: Path, tls: ssl.SSLContext) -> None:
    repo = pygit2.Repository(str(served / "one.git"))
    with git_server(served, tls=tls) as server:
        remotes, url = Remotes(), server.url("one.git")
        for content in ("a", "b"):
            made = commit(repo, {"main.tf": content})
            point(repo, "refs/heads/stable", made)
            heads = remotes.heads("acme", [url], PATIENCE)[url]
            assert not isinstance(heads, Exception)
            assert commit_of(heads, "stable") == made
