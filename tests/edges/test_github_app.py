"""A GitHub App signs who it is, is given a token for one repository, and uses it for as long as it is good."""

from __future__ import annotations

import base64
import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from controller import wiring
from controller.deployments import follow
from controller.errors import LockstepError, ManifestError, NotAllowedError, RetryableError
from controller.forge import github_app
from controller.forge.github_app import App, Tokens
from controller.history import read, watching
from controller.settings import load
from tests.deploy_factories import Clock
from tests.git_factories import commit, repository
from tests.git_server import Answer, git_server, without_proxy
from tests.github_server import GitHub, github, key

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHERE = "connection `acme`"


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    without_proxy(monkeypatch)


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def hub(clock: Clock) -> Iterator[GitHub]:
    with github(now=clock) as made:
        yield made


def app(hub: GitHub, **other: Any) -> App:
    return dataclasses.replace(App(WHERE, "123", key, "acme", "shop", hub.api), **other)


def said(tokens: Tokens, kind: type[LockstepError]) -> str:
    with pytest.raises(LockstepError) as e:
        tokens.reveal()
    assert type(e.value) is kind
    return str(e.value)


def test_a_token_is_for_one_repository_and_for_reading(hub: GitHub, clock: Clock) -> None:
    tokens = Tokens(app(hub), clock)
    assert tokens.reveal() == hub.given[0] == "ghs_" + "1".rjust(36, "0")
    assert hub.asked == [("GET", "/repos/acme/shop/installation"), ("POST", "/app/installations/77/access_tokens")]
    assert hub.wanted == [{"repositories": ["shop"], "permissions": {"contents": "read"}}]


def test_an_installation_that_is_named_is_not_looked_up(hub: GitHub, clock: Clock) -> None:
    Tokens(app(hub, installation=77), clock).reveal()
    assert hub.asked == [("POST", "/app/installations/77/access_tokens")]


def test_other_permissions_can_be_asked_for(hub: GitHub, clock: Clock) -> None:
    Tokens(app(hub, permissions={"contents": "read", "checks": "write"}), clock).reveal()
    assert hub.wanted == [{"repositories": ["shop"], "permissions": {"contents": "read", "checks": "write"}}]


def test_a_token_is_used_until_five_minutes_before_its_end(hub: GitHub, clock: Clock) -> None:
    tokens = Tokens(app(hub), clock)
    first = tokens.reveal()
    clock.forward(timedelta(minutes=54, seconds=59))
    assert tokens.reveal() == first
    clock.forward(timedelta(seconds=1))
    assert tokens.reveal() == hub.given[1] != first
    assert [method for method, _ in hub.asked] == ["GET", "POST", "POST"]


def test_a_token_that_was_refused_is_not_used_again(hub: GitHub, clock: Clock) -> None:
    tokens = Tokens(app(hub), clock)
    tokens.reveal()
    tokens.forget()
    assert tokens.reveal() == hub.given[1]


def test_many_who_ask_at_once_are_one_question(hub: GitHub, clock: Clock) -> None:
    hub.answer = lambda method, path: time.sleep(0.1)
    tokens = Tokens(app(hub), clock)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(tokens.reveal())) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == hub.given * 10
    assert len(hub.asked) == 2


@pytest.mark.parametrize("minutes", [-8, 0.9])
def test_a_clock_that_is_a_little_wrong_does_no_harm(hub: GitHub, clock: Clock, minutes: float) -> None:
    ours = Clock(clock.at + timedelta(minutes=minutes))
    assert Tokens(app(hub), ours).reveal() == hub.given[0]


@pytest.mark.parametrize(
    ("number", "id", "minutes"),
    [
        pytest.param(1, "123", 0, id="a key of another app"),
        pytest.param(0, "124", 0, id="the id of another app"),
        pytest.param(0, "123", 2, id="a clock that is ahead"),
        pytest.param(0, "123", -10, id="a clock that is behind"),
    ],
)
def test_a_signature_that_is_not_taken_names_what_can_be_wrong(
    hub: GitHub, clock: Clock, number: int, id: str, minutes: float
) -> None:
    tokens = Tokens(app(hub, key=lambda: key(number), id=id), Clock(clock.at + timedelta(minutes=minutes)))
    assert said(tokens, NotAllowedError) == (
        f"{WHERE}: GitHub does not take the signature of app {id} (status 401); check that `id` is that of the app, "
        "that the key is one of its own, and that this machine's clock is right"
    )


def test_a_repository_where_it_is_not_installed_is_named(hub: GitHub, clock: Clock) -> None:
    tokens = Tokens(app(hub, repository="other"), clock)
    assert said(tokens, NotAllowedError) == (
        f"{WHERE}: app 123 is not installed on acme/other (status 404); "
        "install it there, with access to this repository"
    )
    hub.installations["acme/other"] = 78
    assert tokens.reveal() == hub.given[0]


def test_an_installation_that_is_not_there_is_named(hub: GitHub, clock: Clock) -> None:
    assert said(Tokens(app(hub, installation=5), clock), NotAllowedError) == (
        f"{WHERE}: app 123 has no installation 5 (status 404); "
        "correct `installation`, or leave it out, and it is looked up"
    )


def test_an_app_that_was_installed_anew_is_found_again(hub: GitHub, clock: Clock) -> None:
    tokens = Tokens(app(hub), clock)
    tokens.reveal()
    hub.installations["acme/shop"] = 99
    clock.forward(timedelta(hours=1))
    assert said(tokens, RetryableError) == (
        f"{WHERE}: app 123 has no installation 77 (status 404) any more; the next poll looks for another"
    )
    assert tokens.reveal() == hub.given[1]


@pytest.mark.parametrize(
    ("answer", "pause"),
    [
        pytest.param(Answer(429, (("Retry-After", "90"),)), 90, id="429"),
        pytest.param(Answer(403, (("Retry-After", "7"),)), 7, id="403"),
        pytest.param(Answer(429), 60, id="429 without a word"),
        pytest.param(Answer(429, (("Retry-After", "999999"),)), 3600, id="very long"),
        pytest.param(
            Answer(
                403,
                (("X-RateLimit-Remaining", "0"), ("X-RateLimit-Reset", str(int(START.timestamp()) + 300))),
            ),
            300,
            id="none left",
        ),
    ],
)
def test_a_limit_is_kept_and_passes(hub: GitHub, clock: Clock, answer: Answer, pause: int) -> None:
    hub.answer = lambda method, path: answer
    tokens = Tokens(app(hub), clock)
    limit = f"{WHERE}: GitHub asks for fewer requests (status {answer.status}); it is asked again after"
    assert said(tokens, RetryableError) == f"{limit} {pause} s"
    clock.forward(timedelta(seconds=1))
    assert said(tokens, RetryableError) == f"{limit} {pause - 1} s"
    assert len(hub.asked) == 1
    hub.answer = lambda method, path: None
    clock.forward(timedelta(seconds=pause))
    assert tokens.reveal() == hub.given[0]


def test_a_refusal_that_is_no_limit_is_not_waited_for(hub: GitHub, clock: Clock) -> None:
    body = json.dumps({"message": "This installation\nhas been suspended"}).encode()
    hub.answer = lambda method, path: Answer(403, (), body) if method == "POST" else None
    assert said(Tokens(app(hub), clock), NotAllowedError) == (
        f"{WHERE}: GitHub gives app 123 no token for acme/shop (status 403: This installation has been suspended); "
        "check that the app is not suspended there, has access to this repository, and the permissions contents: read"
    )


def test_a_redirect_is_not_followed(hub: GitHub, clock: Clock) -> None:
    with github() as other:
        hub.answer = lambda method, path: Answer(307, (("Location", f"{other.api}{path}"),))
        assert said(Tokens(app(hub), clock), NotAllowedError) == (
            f"{WHERE}: GitHub leads elsewhere (status 307, to 127.0.0.1), which nothing follows; set the `url` to what "
            "the repository is called now, or `api_url` to where the API is"
        )
        assert other.asked == []


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"id": "x"}', b'{"token": 5, "expires_at": 3}'])
def test_an_answer_that_is_none_is_not_believed(hub: GitHub, clock: Clock, content: bytes) -> None:
    hub.answer = lambda method, path: Answer(200, (), content)
    for installation in (None, 77):
        assert said(Tokens(app(hub, installation=installation), clock), RetryableError) == (
            f"{WHERE}: {hub.api} answers what is no answer of GitHub's API; check `api_url`; the next poll tries again"
        )


def test_a_github_that_fails_hangs_or_rambles_is_tried_again(hub: GitHub, clock: Clock) -> None:
    hub.answer = lambda method, path: Answer(502)
    assert said(Tokens(app(hub), clock), RetryableError) == (
        f"{WHERE}: {hub.api} is not ready (status 502); the next poll tries again"
    )
    done = threading.Event()
    hub.answer = lambda method, path: done.wait(30) and None
    began = time.monotonic()
    assert said(Tokens(app(hub), clock, timedelta(seconds=0.2)), RetryableError) == (
        f"{WHERE}: {hub.api} gives no token (timed out); the next poll tries again"
    )
    assert time.monotonic() - began < 10
    done.set()
    hub.answer = lambda method, path: Answer(200, (), b" " * 3 * 2**20)
    assert said(Tokens(app(hub), clock), RetryableError) == (
        f"{WHERE}: {hub.api} gives no token (the answer is too long); the next poll tries again"
    )


def test_nothing_shows_the_key_or_the_token(hub: GitHub, clock: Clock) -> None:
    tokens = Tokens(app(hub), clock)
    tokens.reveal()
    shown = repr(vars(tokens)) + repr(app(hub, key=lambda: "a secret"))
    assert "ghs_" not in shown
    assert "a secret" not in shown
    with pytest.raises(ManifestError) as e:
        Tokens(app(hub, key=lambda: "a secret that is no key"), clock).check()
    assert str(e.value) == (
        f"{WHERE}: the key of app 123 is no RSA private key in PEM; "
        "generate one in the app's settings on GitHub, under `Private keys`, and give that file as it is"
    )


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("https://github.com/acme/shop.git", "https://api.github.com"),
        ("https://acme.ghe.com/acme/shop", "https://api.acme.ghe.com"),
        ("https://git.acme.example:8443/acme/shop", "https://git.acme.example:8443/api/v3"),
        ("https://me@git.acme.example/acme/shop", "https://git.acme.example/api/v3"),
    ],
)
def test_the_api_is_where_the_repository_is(url: str, api: str) -> None:
    assert github_app.api_of(url) == api
    assert github_app.repository_of(WHERE, url) == ("acme", "shop")


def _settings(folder: Path, **connection: Any) -> Any:
    file = folder / "controller.yaml"
    chosen = {"id": "acme", "url": "https://github.com/acme/shop.git", "forge": "github", **connection}
    file.write_text(json.dumps({"data_dir": str(folder / "data"), "connections": [chosen]}))
    return load(file)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        pytest.param(
            {"app": {"id": 123, "key_file": "K"}, "forge": "git"},
            "an `app` is one of GitHub's; set `forge: github`, or name a token instead",
            id="another forge",
        ),
        pytest.param(
            {"app": {"id": "123"}},
            "an `app` has one private key; name it with `key_file` or `key_env`",
            id="no key",
        ),
        pytest.param(
            {"app": {"id": "123", "key_file": "K"}, "token_env": "T"},
            "there are several credentials: token_env, app; keep one of them",
            id="a token as well",
        ),
        pytest.param(
            {"app": {"id": "123", "key_file": "K"}, "url": "git@github.com:acme/shop.git"},
            "the token of an `app` opens https only; write https://HOST/OWNER/REPOSITORY as the url",
            id="ssh",
        ),
        pytest.param(
            {"app": {"id": "123", "key_file": "K"}, "url": "https://github.com/acme"},
            "the url names no repository of GitHub, which an app needs; write https://HOST/OWNER/REPOSITORY",
            id="no repository",
        ),
        pytest.param(
            {"app": {"id": "123", "key_file": "K"}, "api_url": "http://api.acme.example"},
            "api_url http://api.acme.example: the app's signature would travel unencrypted; write https://",
            id="unencrypted",
        ),
        pytest.param(
            {"app": {"id": "123", "key_env": "NOT_THERE"}},
            "the environment variable NOT_THERE is not set; set it, or name another in the settings",
            id="no such variable",
        ),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_at_the_start(
    tmp_path: Path, connection: dict[str, Any], message: str
) -> None:
    with (
        pytest.raises(LockstepError) as e,
        wiring.open_doors(_settings(tmp_path, **connection), lambda made: None, {"PATH": "/usr/bin:/bin"}),
    ):
        pass
    assert str(e.value) == f"{WHERE}: {message}"


def test_a_slip_in_the_settings_of_an_app_has_a_near_name(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as e:
        _settings(tmp_path, app={"id": "123", "key_fil": "K"})
    assert str(e.value).endswith("unknown setting `connections.0.app.key_fil`; did you mean `key_file`?")


@pytest.mark.parametrize("way", ["key_file", "key_env"])
def test_a_controller_reads_the_repository_with_the_apps_token(tmp_path: Path, way: str) -> None:
    tip = commit(repository(tmp_path / "served" / "acme" / "shop.git"), {"a": "1"})
    (tmp_path / "key.pem").write_text(key())
    environ = {"PATH": "/usr/bin:/bin", "APP_KEY": key().replace("\n", "\\n")}
    with github() as hub:

        def answer(request: Any) -> Answer | None:
            """Only the newest token opens the repository."""
            wanted = _basic(hub.given[-1]) if hub.given else None
            if request.authorization != wanted or wanted is None:
                return Answer(401, (("WWW-Authenticate", 'Basic realm="test"'),))
            return None

        with git_server(tmp_path / "served", answer=answer) as server:
            named = {"key_file": str(tmp_path / "key.pem")} if way == "key_file" else {"key_env": "APP_KEY"}
            settings = _settings(tmp_path, url=server.url("acme/shop.git"), api_url=hub.api, app={"id": 123, **named})
            with wiring.open_doors(settings, lambda made: None, environ) as doors:
                connection = doors.connections["acme"]
                watching.ensure_repository(doors.store, "acme", connection.url, "main")
                for _ in range(3):
                    follow.poll(doors, "acme")
                (row,) = read.repositories(doors.store)
                assert (row.head, row.error) == (tip, None)
                assert len(hub.given) == 1
                hub.given.append("ghs_revoked-by-somebody")
                follow.poll(doors, "acme")
                (row,) = read.repositories(doors.store)
                assert row.error == (
                    f"{server.url('acme/shop.git')}: the credentials were refused; "
                    "check that the token is valid, has not expired and may read this repository"
                )
                follow.poll(doors, "acme")
                (row,) = read.repositories(doors.store)
                assert (row.head, row.error) == (tip, None)
                hub.answer = lambda method, path: Answer(429, (("Retry-After", "90"),))
                hub.given.append("ghs_revoked-once-more")
                for _ in range(2):
                    follow.poll(doors, "acme")
                (row,) = read.repositories(doors.store)
                assert row.error == (
                    f"{WHERE}: GitHub asks for fewer requests (status 429); it is asked again after 90 s"
                )


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()
