"""Who gets our credentials, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.errors import NotAllowedError
from controller.git.address import Transport, cleaned, parse, shown
from controller.git.credentials import SshKey, Token
from controller.git.mirror import Mirror
from tests.git_factories import commit, repository
from tests.git_server import Answer, Request, certified, git_server, trusted, without_proxy

ALICE = ("alice", "open sesame")
TOKEN = Token(lambda: ALICE[1], ALICE[0])


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxy(monkeypatch)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    commit(repository(tmp_path / "served" / "shop.git"), {"a": "1"})
    return tmp_path / "served"


def test_a_token_opens_a_repository(served: Path, tmp_path: Path) -> None:
    with git_server(served, user=ALICE) as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=TOKEN)
        assert mirror.fetch() == {"refs/heads/main": mirror.heads()["refs/heads/main"]}


def test_a_refused_token_is_tried_once(served: Path, tmp_path: Path) -> None:
    with git_server(served, user=ALICE) as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=Token(lambda: "wrong"))
        with pytest.raises(NotAllowedError) as e:
            mirror.heads()
        assert str(e.value) == (
            f"{server.url('shop.git')}: the credentials were refused; "
            "check that the token is valid, has not expired and may read this repository"
        )
        assert [request.authorization is not None for request in server.requests] == [False, True]


def test_a_closed_repository_asks_for_a_token(served: Path, tmp_path: Path) -> None:
    with git_server(served, user=ALICE) as server:
        with pytest.raises(NotAllowedError) as e:
            Mirror(tmp_path / "mirror", server.url("shop.git")).heads()
        assert str(e.value) == (
            f"{server.url('shop.git')}: the server asks for credentials and none are set; "
            "name a token with `token_env` or `token_file`"
        )


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("operation", ["heads", "fetch"])
def test_a_token_never_follows_a_redirect_to_another_server(
    served: Path, tmp_path: Path, host: str, operation: str
) -> None:
    with git_server(served, user=ALICE) as thief:

        def lead_away(request: Request) -> Answer:
            return Answer(302, (("Location", f"http://{host}:{thief.port}{request.path}?{request.query}"),))

        with git_server(served, answer=lead_away) as server:
            mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=TOKEN)
            with pytest.raises(NotAllowedError, match="the server leads to another one") as e:
                getattr(mirror, operation)()
    assert str(e.value).endswith("set the url of the connection to where the repository is now")
    assert [request.authorization for request in thief.requests if request.authorization] == []


def test_another_host_is_not_even_asked(served: Path, tmp_path: Path) -> None:
    with git_server(served) as other:

        def lead_away(request: Request) -> Answer:
            return Answer(302, (("Location", f"http://localhost:{other.port}{request.path}?{request.query}"),))

        with git_server(served, answer=lead_away) as server:
            with pytest.raises(NotAllowedError) as e:
                Mirror(tmp_path / "mirror", server.url("shop.git")).heads()
            assert str(e.value) == (
                f"{server.url('shop.git')}: the server leads to another one, where nobody follows it "
                "(cannot redirect from '127.0.0.1' to 'localhost'); "
                "set the url of the connection to where the repository is now"
            )
    assert other.requests == []


def test_a_token_never_follows_a_redirect_after_it_was_given(served: Path, tmp_path: Path) -> None:
    """The first request is answered honestly, so that the token is already known to libgit2 when it is led away."""
    with git_server(served) as thief:

        def lead_away_later(request: Request) -> Answer | None:
            if request.method == "POST":
                return Answer(302, (("Location", f"http://localhost:{thief.port}{request.path}"),))
            return None

        with git_server(served, user=ALICE, answer=lead_away_later) as server:
            mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=TOKEN)
            with pytest.raises(NotAllowedError, match="the server leads to another one"):
                mirror.fetch()
    assert thief.requests == []


def test_a_redirect_within_the_server_is_followed(served: Path, tmp_path: Path) -> None:
    def rename(request: Request) -> Answer | None:
        if request.path.startswith("/old.git"):
            there = request.path.replace("/old.git", "/shop.git")
            return Answer(301, (("Location", f"http://127.0.0.1:{server.port}{there}?{request.query}"),))
        return None

    with git_server(served, user=ALICE, answer=rename) as server:
        mirror = Mirror(tmp_path / "mirror", server.url("old.git"), credentials=TOKEN)
        assert list(mirror.fetch()) == ["refs/heads/main"]


def test_the_token_is_in_no_file_of_the_mirror(served: Path, tmp_path: Path) -> None:
    with git_server(served, user=ALICE) as server:
        Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=TOKEN).fetch()
    files = [path for path in (tmp_path / "mirror").rglob("*") if path.is_file()]
    assert len(files) > 5
    assert not [path for path in files if ALICE[1].encode() in path.read_bytes() or b"alice" in path.read_bytes()]


def test_credentials_show_no_secret() -> None:
    assert repr(TOKEN) == "Token(username='alice')"
    assert repr(SshKey(lambda: "private", lambda: "passphrase")) == "SshKey(username='git')"


@pytest.mark.parametrize(
    ("url", "credentials", "message"),
    [
        pytest.param(
            "http://git.acme.example/shop.git",
            TOKEN,
            "http://git.acme.example/shop.git: the token would travel unencrypted; write https://",
            id="token-in-clear",
        ),
        pytest.param(
            "git@git.acme.example:shop.git",
            TOKEN,
            "git@git.acme.example:shop.git: a token opens https only; "
            "give an SSH key, or a url that begins with https://",
            id="token-for-ssh",
        ),
        pytest.param(
            "https://git.acme.example/shop.git",
            SshKey(lambda: "key"),
            "https://git.acme.example/shop.git: an SSH key opens ssh only; "
            "give a token, or a url that begins with ssh://",
            id="key-for-https",
        ),
        pytest.param(
            "https://alice:secret@git.acme.example/shop.git",
            None,
            "https://git.acme.example/shop.git: the url holds a password; "
            "take it out and name the secret with `token_env` or `token_file`",
            id="password-in-url",
        ),
        pytest.param(
            "ext::sh -c whoami",
            None,
            "ext:…: this way to a repository is not used; write https://, ssh:// or a path",
            id="command-as-url",
        ),
        pytest.param(
            "git://git.acme.example/shop.git",
            None,
            "git://git.acme.example/shop.git: this way to a repository is not used; write https://, ssh:// or a path",
            id="git-protocol",
        ),
        pytest.param(
            "https:///shop.git",
            None,
            "https:///shop.git: the url names no host; write it as https://host/path",
            id="no-host",
        ),
        pytest.param(
            "https://host:port/shop.git?token=secret",
            None,
            "the url of a repository cannot be read; write it as https://host/path",
            id="no-url",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_at_once(
    tmp_path: Path, url: str, credentials: Token | SshKey | None, message: str
) -> None:
    with pytest.raises(NotAllowedError) as e:
        Mirror(tmp_path / "mirror", url, credentials=credentials)
    assert str(e.value) == message
    assert not (tmp_path / "mirror").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("https://ghp_token@host/a/b.git?x=secret#y", "https://host/a/b.git", id="https"),
        pytest.param("ssh://git:secret@host:2222/a.git", "ssh://git@host:2222/a.git", id="ssh"),
        pytest.param("https://host:abc/?token=secret", "(a url that cannot be read)", id="no-url"),
    ],
)
def test_a_shown_url_has_no_secret(url: str, expected: str) -> None:
    assert shown(url) == expected
    assert cleaned(f"could not read '{url}': gone") == f"could not read '{expected}': gone"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("https://host/a", "https://HOST:443/b", True, id="default-port"),
        pytest.param("https://host/a", "https://host:8443/a", False, id="port"),
        pytest.param("https://host/a", "http://host/a", False, id="scheme"),
        pytest.param("https://host/a", "https://host.evil/a", False, id="host"),
        pytest.param("https://host/a", "https://host@evil/a", False, id="host-as-user"),
        pytest.param("git@host:a.git", "ssh://git@host:22/a.git", True, id="both-forms-of-ssh"),
        pytest.param("git@host:a.git", "https://host/a.git", False, id="ssh-and-https"),
        pytest.param("https://host/a", "not a url://", False, id="no-url"),
    ],
)
def test_the_same_server_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert parse(one).is_server_of(other) is same


def test_a_path_is_a_url_too() -> None:
    assert [parse(url).transport for url in ("/srv/a.git", "../a.git", "file:///srv/a.git", "a")] == [
        Transport.FILE
    ] * 4


def test_a_server_without_a_trusted_certificate_gets_no_token(served: Path, tmp_path: Path) -> None:
    tls = certified(tmp_path)
    with git_server(served, user=ALICE, tls=tls) as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=TOKEN)
        with pytest.raises(NotAllowedError) as e:
            mirror.heads()
    assert str(e.value).startswith(f"{server.url('shop.git')}: the server cannot prove who it is (")
    assert str(e.value).endswith("let SSL_CERT_FILE name the certificate of who signed the server's")
    assert server.requests == []


def test_a_server_with_a_trusted_certificate_gets_the_token(served: Path, tmp_path: Path) -> None:
    tls = certified(tmp_path)
    with trusted(tmp_path), git_server(served, user=ALICE, tls=tls) as server:
        mirror = Mirror(tmp_path / "mirror", server.url("shop.git"), credentials=TOKEN)
        assert list(mirror.fetch()) == ["refs/heads/main"]
