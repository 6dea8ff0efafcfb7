"""A remote that fails in whatever way: what is said, whether it is our fault, and that all is well afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pygit2
import pytest

from controller.errors import LockstepError, NotAllowedError, RetryableError
from controller.git import transport
from controller.git.address import parse
from controller.git.credentials import SshKey, Token
from controller.git.mirror import Mirror
from controller.git.requests import requests
from tests.git_factories import commit, repository
from tests.git_server import (
    Answer,
    Broken,
    GitServer,
    Request,
    git_server,
    short_deadline,
    without_proxy,
)
from tests.ssh_server import Cut, Said, SshServer, ssh_server
from tests.tls_factories import self_signed, trusted

ALICE = ("alice", "open sesame")
MAIN = "refs/heads/main"
HTML = b"<!DOCTYPE html><html><title>Sign in</title><form action='https://alice:open@login.example/'></form></html>"
BASIC = (("WWW-Authenticate", 'Basic realm="acme"'),)
REFS, PACK = ("application/x-git-upload-pack-advertisement", "application/x-git-upload-pack-result")

IN_TIME = "the server did not answer in time; the next poll tries again"
NO_GIT = (
    "what answers there is no Git repository, or a shallow clone ({}); "
    "check the url, and whether one has to sign in there first"
)
REFUSED = "the server refuses us (status {}); check that the credentials may read this repository"
UNKNOWN = (
    "there is no repository, or these credentials may not know of it (status {}); "
    "check the url and the rights of the token"
)
LIMITED = "the server asks for fewer requests (status 429); a later poll tries again"
NOT_READY = "the server is not ready (status {}); the next poll tries again"
NOT_IN = "the server did not let us in ({}); check the key or token, and its rights"
BROKE = "the server broke off ({}); the next poll tries again"
SAID = "the repository cannot be read (remote error: {}); the next poll tries again"
EOF, HALF = "unexpected EOF", "http parser did not consume entire buffer: Invalid EOF state"


def line(text: bytes) -> bytes:
    """As Git frames it."""
    return b"%04x%s" % (len(text) + 4, text)


def typed(content_type: str, body: bytes) -> Answer:
    return Answer(200, (("Content-Type", content_type),), body)


# What is answered to the first question, about the refs -> the error, and what it says.
ABOUT_REFS: dict[str, tuple[Answer | Broken, type[LockstepError], str]] = {
    "401 for good": (
        Answer(401, BASIC),
        NotAllowedError,
        "the credentials were refused; check that the token is valid, has not expired and may read this repository",
    ),
    "401 of a way we do not know": (
        Answer(401, (("WWW-Authenticate", "Negotiate"),)),
        NotAllowedError,
        "the server does not take a name and a token (basic authentication); let it, or give a url under which it does",
    ),
    "401 of no way at all": (
        Answer(401),
        NotAllowedError,
        NOT_IN.format("server requires authentication that we do not support"),
    ),
    "403": (Answer(403), NotAllowedError, REFUSED.format(403)),
    "404": (Answer(404, (), HTML), NotAllowedError, UNKNOWN.format(404)),
    "410": (Answer(410), NotAllowedError, UNKNOWN.format(410)),
    "429": (Answer(429, (("Retry-After", "3600"),)), RetryableError, LIMITED),
    "500": (Answer(500, (), HTML), RetryableError, NOT_READY.format(500)),
    "503": (Answer(503, (("Retry-After", "120"),)), RetryableError, NOT_READY.format(503)),
    "hangs before its headers": (Broken(None, hangs=True), RetryableError, IN_TIME),
    "hangs in the list": (Broken(40, hangs=True), RetryableError, IN_TIME),
    "breaks off before its headers": (Broken(None, hangs=False), RetryableError, BROKE.format(EOF)),
    "breaks off in the list": (Broken(40, hangs=False), RetryableError, BROKE.format(HALF)),
    "says nothing": (typed(REFS, b""), RetryableError, BROKE.format("could not read refs from remote repository")),
    "a page to sign in": (
        typed("text/html; charset=utf-8", HTML),
        NotAllowedError,
        NO_GIT.format("invalid content-type: 'text/html; charset=utf-8'"),
    ),
    "a page that calls itself Git": (typed(REFS, HTML), NotAllowedError, NO_GIT.format("bad packet length")),
    "noise": (typed(REFS, Random(1).randbytes(4000)), NotAllowedError, NO_GIT.format("bad packet length")),
    "an error in Git's own words": (
        typed(REFS, line(b"ERR \x1b[31mNot now:\n see https://alice:open@help.example/?x \xff")),
        RetryableError,
        SAID.format("\\x1b[31mNot now: see https://help.example/ \\udcff"),
    ),
    "an endless error": (
        typed(REFS, line(b"ERR " + b"y" * 65_000)),
        RetryableError,
        SAID.format("y" * (300 - len("remote error: ")) + "…"),
    ),
}
# The same for the second one, about the commits themselves.
ABOUT_COMMITS: dict[str, tuple[Answer | Broken, type[LockstepError], str]] = {
    "401": (Answer(401, BASIC), NotAllowedError, NOT_IN.format("unexpected authentication failure")),
    "403": (Answer(403), NotAllowedError, REFUSED.format(403)),
    "404": (Answer(404), NotAllowedError, UNKNOWN.format(404)),
    "429": (Answer(429, (("Retry-After", "7"),)), RetryableError, LIMITED),
    "502": (Answer(502, (), HTML), RetryableError, NOT_READY.format(502)),
    "hangs before its headers": (Broken(None, hangs=True), RetryableError, IN_TIME),
    "hangs before the pack": (Broken(0, hangs=True), RetryableError, IN_TIME),
    "hangs in the pack": (Broken(5000, hangs=True), RetryableError, IN_TIME),
    "breaks off before its headers": (Broken(None, hangs=False), RetryableError, BROKE.format(EOF)),
    "breaks off before the pack": (Broken(0, hangs=False), RetryableError, BROKE.format(HALF)),
    "breaks off in the pack": (Broken(5000, hangs=False), RetryableError, BROKE.format(HALF)),
    "says nothing": (typed(PACK, b""), RetryableError, BROKE.format("could not read from remote repository")),
    "a page to sign in": (
        typed("text/html", HTML),
        NotAllowedError,
        NO_GIT.format("invalid content-type: 'text/html'"),
    ),
    "noise": (typed(PACK, Random(1).randbytes(4000)), NotAllowedError, NO_GIT.format("bad packet length")),
}


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxy(monkeypatch)


@pytest.fixture
def tips(tmp_path: Path) -> list[str]:
    """Three commits, whose files are large enough for a pack to be cut."""
    shop = repository(tmp_path / "served" / "shop.git")
    return [commit(shop, {f"f{n}": Random(n).randbytes(10_000)}) for n in range(3)]


@pytest.fixture
def server(tmp_path: Path, tips: list[str]) -> Iterator[GitServer]:
    with git_server(tmp_path / "served", user=ALICE) as made:
        yield made


def mirror_of(server: GitServer | SshServer, tmp_path: Path, name: str = "shop.git") -> Mirror:
    if isinstance(server, SshServer):
        return Mirror(tmp_path / "mirror", server.url(name), credentials=SshKey(lambda: server.client_key))
    return Mirror(tmp_path / "mirror", server.url(name), credentials=Token(lambda: ALICE[1], ALICE[0]))


def fails(mirror: Mirror, act: Callable[[], object], kind: type[LockstepError], message: str) -> None:
    # Only what hangs is waited for in vain: all else may take its time on a busy machine.
    with short_deadline(500 if message == IN_TIME else 30_000), pytest.raises(LockstepError) as e:
        act()
    assert (type(e.value), str(e.value)) == (kind, f"{mirror.address.shown}: {message}")
    assert ALICE[1] not in str(e.value)


def mended(mirror: Mirror, tip: str) -> None:
    """The same mirror goes on as if nothing had been, and keeps nothing of what was cut."""
    assert mirror.fetch() == {MAIN: tip}
    assert mirror.snapshot(tip).tree.read("f0") == Random(0).randbytes(10_000)
    assert [found.name for found in Path(mirror._objects.path).rglob("*") if "tmp" in found.name] == []


@pytest.mark.parametrize("what", ABOUT_REFS)
def test_a_server_that_fails_to_list_its_refs_is_named_for_what_to_do(
    server: GitServer, tmp_path: Path, tips: list[str], what: str
) -> None:
    answer, kind, message = ABOUT_REFS[what]
    mirror = mirror_of(server, tmp_path)
    server.answer = lambda request: answer
    fails(mirror, mirror.heads, kind, message)
    fails(mirror, mirror.fetch, kind, message)
    assert mirror.known() is None
    server.answer = lambda request: None
    mended(mirror, tips[-1])


@pytest.mark.parametrize("what", ABOUT_COMMITS)
def test_a_server_that_fails_to_give_its_commits_is_named_for_what_to_do(
    server: GitServer, tmp_path: Path, tips: list[str], what: str
) -> None:
    answer, kind, message = ABOUT_COMMITS[what]
    mirror = mirror_of(server, tmp_path)
    server.answer = lambda request: answer if request.method == "POST" else None
    assert mirror.heads()[MAIN] == tips[-1]
    fails(mirror, mirror.fetch, kind, message)
    assert mirror.known() is None
    server.answer = lambda request: None
    mended(mirror, tips[-1])


def test_what_was_fetched_before_is_still_there_when_the_next_fetch_fails(
    server: GitServer, tmp_path: Path, tips: list[str]
) -> None:
    mirror = mirror_of(server, tmp_path)
    mirror.fetch()
    new = commit(repository(tmp_path / "served" / "shop.git"), {"f3": Random(3).randbytes(10_000)})
    server.answer = lambda request: Broken(5000, hangs=False) if request.method == "POST" else None
    fails(mirror, mirror.fetch, RetryableError, BROKE.format(HALF))
    assert mirror.known() == tips[-1]
    assert mirror.snapshot(tips[-1]).tree.read("f2") == Random(2).randbytes(10_000)
    server.answer = lambda request: None
    mended(mirror, new)


ODD = {
    "not UTF-8": b"refs/heads/\xff\xfe",
    "out of its folder": b"refs/heads/../../../etc",
    "a new line": b"refs/heads/a\nb",
    "what a terminal obeys": b"refs/heads/\x1b[31m",
    "ours": b"refs/lockstep/deployments/x",
    "very long": b"refs/heads/" + b"a" * 60_000,
    "no number": "refs/pull/١٢/head".encode(),
    "a number that nobody counts to": b"refs/pull/" + b"9" * 40 + b"/head",
}


@pytest.mark.parametrize("what", ODD)
def test_a_ref_of_an_odd_name_harms_nothing(server: GitServer, tmp_path: Path, tips: list[str], what: str) -> None:
    tip = tips[-1].encode()
    listed = [tip + b" HEAD\0side-band-64k ofs-delta", tip + b" refs/heads/main", tip + b" " + ODD[what]]
    framed = b"".join(line(one + b"\n") for one in listed)
    answer = typed(REFS, line(b"# service=git-upload-pack\n") + b"0000" + framed + b"0000")
    mirror = mirror_of(server, tmp_path)
    server.user = None
    server.answer = lambda request: answer if request.method == "GET" else None
    heads = mirror.heads()
    assert heads[MAIN] == tips[-1]
    assert requests(heads) == ()
    assert "".join(heads).encode()  # all of it can be written down
    assert mirror.fetch() == {MAIN: tips[-1]}
    assert list(mirror._objects.repository().references) == [MAIN]


@pytest.mark.parametrize("error", [KeyError("no such ref"), ValueError("no such ref"), OSError("no such ref")])
def test_whatever_libgit2_raises_is_said_of_the_remote(error: Exception) -> None:
    address = parse("https://git.acme.example/shop.git")
    with pytest.raises(RetryableError) as e, transport.translated(address):
        raise error
    assert str(e.value) == (
        "https://git.acme.example/shop.git: the repository cannot be read (no such ref); the next poll tries again"
    )


AWAY = "set the url of the connection to where the repository is now"
ELSEWHERE = f"the server leads to another one, where nobody follows it ({{}}); {AWAY}"
ASKS = f"the server leads to another one, which asks for credentials and gets none; {AWAY}"
HOST = ELSEWHERE.format("cannot redirect from '127.0.0.1' to 'localhost'")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("moment", ["at once", "once the token was shown", "at the commits"])
@pytest.mark.parametrize(
    ("host", "scheme", "says"),
    [
        pytest.param("127.0.0.1", "http", ASKS, id="another port"),
        pytest.param("localhost", "http", HOST, id="another host"),
        pytest.param("127.0.0.1", "file", ELSEWHERE.format("cannot redirect from 'http' to 'file'"), id="a file"),
    ],
)
def test_no_redirect_gives_a_token_away(
    server: GitServer, tmp_path: Path, tips: list[str], status: int, moment: str, host: str, scheme: str, says: str
) -> None:
    with git_server(tmp_path / "served", user=ALICE) as other:

        def lead_away(request: Request) -> Answer | None:
            led = {
                "at once": True,
                "once the token was shown": request.authorization is not None,
                "at the commits": request.method == "POST",
            }[moment]
            there = f"{scheme}://{host}:{other.port}{request.path}?{request.query}"
            return Answer(status, (("Location", there),)) if led else None

        mirror = mirror_of(server, tmp_path)
        server.answer = lead_away
        message = ELSEWHERE.format("unexpected redirect") if moment == "at the commits" else says
        fails(mirror, mirror.fetch, NotAllowedError, message)
        assert [request.authorization for request in other.requests if request.authorization] == []
        server.answer = lambda request: None
        mended(mirror, tips[-1])


@pytest.mark.parametrize("moment", ["at once", "once the token was shown", "at the commits"])
def test_a_redirect_away_from_https_is_not_followed(tmp_path: Path, tips: list[str], moment: str) -> None:
    tls = self_signed(tmp_path)
    with (
        trusted(tmp_path),
        git_server(tmp_path / "served") as open_one,
        git_server(tmp_path / "served", user=ALICE, tls=tls) as server,
    ):

        def lead_away(request: Request) -> Answer | None:
            led = request.authorization is not None if moment == "once the token was shown" else moment == "at once"
            if not (led or (moment == "at the commits" and request.method == "POST")):
                return None
            return Answer(302, (("Location", open_one.url(f"shop.git/info/refs?{request.query}")),))

        mirror = mirror_of(server, tmp_path)
        server.answer = lead_away
        why = "unexpected redirect" if moment == "at the commits" else "cannot redirect from 'https' to 'http'"
        fails(mirror, mirror.fetch, NotAllowedError, ELSEWHERE.format(why))
        assert open_one.requests == []
        server.answer = lambda request: None
        mended(mirror, tips[-1])


def test_a_server_that_leads_round_in_circles_is_left(server: GitServer, tmp_path: Path, tips: list[str]) -> None:
    mirror = mirror_of(server, tmp_path)
    server.answer = lambda request: Answer(302, (("Location", f"{request.path}?{request.query}"),))
    fails(mirror, mirror.heads, NotAllowedError, ELSEWHERE.format("too many redirects or authentication replays"))
    assert len(server.requests) < 20
    server.answer = lambda request: None
    mended(mirror, tips[-1])


SSH: dict[str, tuple[Cut | Said, type[LockstepError], str]] = {
    "hangs": (Cut(0, hangs=True), RetryableError, IN_TIME),
    "hangs in the list": (Cut(40, hangs=True), RetryableError, IN_TIME),
    "hangs in the pack": (Cut(5000, hangs=True), RetryableError, IN_TIME),
    "breaks off": (Cut(0, hangs=False), RetryableError, BROKE.format("could not read refs from remote repository")),
    "breaks off in the list": (
        Cut(40, hangs=False),
        RetryableError,
        BROKE.format("could not read refs from remote repository"),
    ),
    "breaks off in the pack": (
        Cut(5000, hangs=False),
        RetryableError,
        BROKE.format("could not read from remote repository"),
    ),
    "greets first": (Said(b"Welcome to acme!\n"), NotAllowedError, NO_GIT.format("bad packet length")),
    "noise": (Said(Random(1).randbytes(4000)), NotAllowedError, NO_GIT.format("bad packet length")),
    "no repository": (
        Said(error=b"ERROR: Repository not found.\n", code=1),
        NotAllowedError,
        "there is no repository, or we may not know of it (ERROR: Repository not found.); "
        "check the url, and the rights of the key or token",
    ),
    "a key without rights": (
        Said(error=b"remote: Permission to acme/shop denied to deploy key\n", code=128),
        NotAllowedError,
        "there is no repository, or we may not know of it (remote: Permission to acme/shop denied to deploy key); "
        "check the url, and the rights of the key or token",
    ),
    "no Git": (
        Said(error=b"sh: 1: git-upload-pack: not found\n", code=127),
        RetryableError,
        "the repository cannot be read (sh: 1: git-upload-pack: not found); the next poll tries again",
    ),
}


@pytest.fixture
def ssh_remote(tmp_path: Path, tips: list[str]) -> Iterator[SshServer]:
    homedir = pygit2.settings.homedir
    with ssh_server(tmp_path / "served") as made:
        transport.use_known_hosts(tmp_path / "known", [made.known_hosts])
        yield made
    pygit2.settings.homedir = homedir


@pytest.mark.parametrize("what", SSH)
def test_an_ssh_server_that_fails_is_named_for_what_to_do(
    ssh_remote: SshServer, tmp_path: Path, tips: list[str], what: str
) -> None:
    ssh_remote.fault, kind, message = SSH[what]
    mirror = mirror_of(ssh_remote, tmp_path)
    fails(mirror, mirror.fetch, kind, message)
    assert mirror.known() is None
    ssh_remote.fault = None
    mended(mirror, tips[-1])
