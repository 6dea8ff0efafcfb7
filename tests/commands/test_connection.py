"""Which server does the command line talk to, and what if it cannot?"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import cli
from cli import client, connection
from cli.connection import Connection
from controller.errors import ManifestError
from tests import webui_factories as make
from tests.serve_factories import free_port
from tests.webui_factories import World


def _write(environ: dict[str, str], text: str) -> Path:
    file = connection.path(environ)
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_the_environment_goes_before_the_file(tmp_path: Path):
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "LOCKSTEP_URL": "http://b:1/"}
    _write(environ, "url: http://a:1\ntoken: secret\nkey_file: /keys/me\n")
    assert connection.find(environ) == Connection("http://b:1", "secret", Path("/keys/me"))


def test_without_anything_it_is_the_server_on_this_machine(tmp_path: Path):
    assert connection.find({"HOME": str(tmp_path)}) == Connection("http://127.0.0.1:8080", None, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("tokn: x\n", "{file}: unknown key `tokn`; did you mean `token`?", id="near-key"),
        pytest.param("- x\n", "{file}: is not a map; write `url:` and `token:` lines", id="list"),
        pytest.param("url: 1\n", "{file}: `url` is not a string; write it in quotes", id="number"),
        pytest.param("url: 'x\n", "{file}:2:1: is not YAML; correct the syntax here", id="syntax"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, said: str):
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    file = _write(environ, text)
    with pytest.raises(ManifestError) as e:
        connection.find(environ)
    assert str(e.value) == said.format(file=file)


@pytest.mark.parametrize("token", ["lockstep_abc\n", " lockstep_abc\r\n", "lockstep_abc"])
def test_what_a_file_adds_to_a_token_is_no_part_of_it(tmp_path: Path, token: str):
    assert connection.find({"HOME": str(tmp_path), "LOCKSTEP_TOKEN": token}).token == "lockstep_abc"


@pytest.mark.parametrize("token", ["lockstep_a\nb", "lockstep_ü", "lockstep a"], ids=["lines", "accent", "blank"])
def test_what_cannot_be_a_token_is_refused_and_not_shown(capsys, monkeypatch, token: str):
    monkeypatch.setenv("LOCKSTEP_TOKEN", token)
    assert cli.main(["get", "environments"]) == 2
    said = "the token is none; set LOCKSTEP_TOKEN to what `lockstep token create` printed\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    "url", ["http://[::1", "host:8080", "ftp://host", "http://", "http://host:x", "http://h:99999"]
)
def test_what_is_no_address_is_refused(capsys, monkeypatch, url: str):
    monkeypatch.setenv("LOCKSTEP_URL", url)
    assert cli.main(["get", "environments"]) == 2
    said = f"{url.rstrip('/')}: is not an address; set LOCKSTEP_URL to http://host:port\n"
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("line", [["get", "manifest", "shop", ""], ["get", "deployment", ""], ["retry", ""]])
def test_an_empty_name_is_refused(capsys, server: World, line: list[str]):
    assert cli.main(line) == 2
    said = "a name is empty; say it, or look whether the variable that holds it is set\n"
    assert capsys.readouterr() == ("", said)


def test_a_connection_does_not_show_its_token():
    assert repr(Connection("http://a", "secret", None)) == "Connection('http://a')"


def test_a_server_that_is_not_there_is_7(capsys, monkeypatch):
    port = free_port()
    monkeypatch.setenv("LOCKSTEP_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(client, "PATIENCE", 0.0)
    assert cli.main(["refresh", "shop"]) == 7
    assert capsys.readouterr() == (
        "",
        f"http://127.0.0.1:{port}: the server cannot be reached ([Errno 111] Connection refused); "
        "check LOCKSTEP_URL and that `lockstep serve` runs\n",
    )


def test_a_server_that_is_another_program_is_7(capsys, server: World, monkeypatch):
    url = connection.find().url
    monkeypatch.setenv("LOCKSTEP_URL", f"{url}/deployments")
    assert cli.main(["get", "projects"]) == 7
    assert capsys.readouterr().err == f"{url}/deployments: answered 404, but not as Lockstep does; check LOCKSTEP_URL\n"


def test_a_server_that_starts_late_is_waited_for(world: World, monkeypatch, capsys):
    port = free_port()
    monkeypatch.setenv("LOCKSTEP_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("LOCKSTEP_TOKEN", make.token(world))
    is_over = threading.Event()

    def start_late() -> None:
        time.sleep(0.5)
        with make.serving(world.app(), port):
            is_over.wait(10)

    thread = threading.Thread(target=start_late)
    thread.start()
    assert cli.main(["get", "projects"]) == 0
    is_over.set()
    thread.join()
    assert capsys.readouterr().out == "PROJECT\n"


@pytest.mark.parametrize(
    ("token", "said"),
    [
        pytest.param(None, "a token is needed; send it as `Authorization: Bearer …`\n", id="none"),
        pytest.param("x", "the token is unknown, revoked or expired; ask an admin for a new one\n", id="wrong"),
    ],
)
def test_who_has_no_good_token_is_6(capsys, server: World, monkeypatch, token: str | None, said: str):
    if token is None:
        monkeypatch.delenv("LOCKSTEP_TOKEN")
    else:
        monkeypatch.setenv("LOCKSTEP_TOKEN", token)
    assert cli.main(["get", "projects"]) == 6
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        pytest.param(
            ["get", "deployment", "00000000"],
            6,
            "deployment `00000000` is unknown; look at `lockstep get deployments`\n",
            id="unknown",
        ),
        pytest.param(
            ["token", "create", "alice"],
            3,
            "there is, or was, a token named `alice`; choose another name\n",
            id="conflict",
        ),
        pytest.param(
            ["token", "create", "-", "--role", "viewer"],
            1,
            "body: `name`: string should match pattern '^[A-Za-z0-9][A-Za-z0-9 ._@-]*$'; correct it\n",
            id="invalid",
        ),
    ],
)
def test_a_refusal_has_its_code_and_the_words_of_the_server(
    capsys, server: World, line: list[str], code: int, said: str
):
    assert cli.main(line) == code
    assert capsys.readouterr() == ("", said)
