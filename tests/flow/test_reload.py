"""Connections come, change and go while the controller serves; a file that is wrong changes nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pygit2
import pytest
import yaml

import cli
from tests.git_factories import commit, repository
from tests.git_server import without_proxy
from tests.serve_factories import Server, serving, until


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    without_proxy(monkeypatch)
    commit(repository(tmp_path / "origin.git"), {"README": "first"})
    with serving(tmp_path) as made:
        made.start()
        monkeypatch.setenv("LOCKSTEP_URL", made.url)
        token = yaml.safe_load(made.first_start.read_text())["admin_token"]
        monkeypatch.setenv("LOCKSTEP_TOKEN", token)
        yield made


def _write(server: Server, *connections: dict[str, Any], **more: Any) -> None:
    """Change the settings file, and tell nobody."""
    file = server.folder / "controller.yaml"
    first = {"id": "acme", "url": str(server.folder / "origin.git"), "poll": "1s"}
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | {"connections": [first, *connections]} | more))


def _second(server: Server, **more: Any) -> dict[str, Any]:
    return {"id": "second", "url": str(server.folder / "second.git"), "poll": "1s", **more}


def _repositories(server: Server) -> dict[str, tuple[str | None, bool]]:
    """Of each its head, and whether it is connected."""
    return {row["id"]: (row["head"], row["is_connected"]) for row in server.get("repositories")["items"]}


def _see(server: Server, id: str, head: str | None) -> None:
    until(f"{id} at {head}", lambda: _repositories(server).get(id) == (head, True))


def _tip(server: Server) -> str:
    return str(pygit2.Repository(str(server.folder / "origin.git")).references["refs/heads/main"].target)


def _reload(server: Server, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(["reload", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_connections_come_change_and_go_without_a_restart(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    origin = pygit2.Repository(str(server.folder / "origin.git"))
    second = repository(server.folder / "second.git")
    tip, other = commit(second, {"a": "1"}), commit(second, {"a": "2"}, branch="other")
    _see(server, "acme", _tip(server))
    assert server.process is not None
    pid = server.process.pid

    _write(server, _second(server))
    assert _reload(server, capsys, "--reason", "a new team") == (0, "added: second\n", "")
    _see(server, "second", tip)
    _write(server, _second(server, branch="other"))
    assert _reload(server, capsys) == (0, "changed: second\n", "")
    _see(server, "second", other)
    assert _reload(server, capsys) == (0, "", "connections are as they were\n")

    _write(server)
    assert _reload(server, capsys) == (0, "removed: second\n", "")
    commit(second, {"a": "3"}, branch="other")
    newer = commit(origin, {"README": "second"})
    _see(server, "acme", newer)  # the others go on
    assert _repositories(server)["second"] == (other, False)
    seen = server.page("/system").text
    assert "not connected any more" in seen
    assert cli.main(["refresh", "second"]) == 6
    assert "repository `second` is not watched" in capsys.readouterr().err

    lines = [row for row in server.get("audit")["items"] if row["action"] == "reload"]
    assert [(row["actor"], row["subject"], row["reason"], row["details"]) for row in lines] == [
        ("admin", "settings", "", {"removed": ["second"]}),
        ("admin", "settings", "", {"changed": ["second"]}),
        ("admin", "settings", "a new team", {"added": ["second"]}),
    ]
    assert server.process.pid == pid
    assert server.process.poll() is None
    assert server.ask_to_end() == 0


def test_a_file_that_is_wrong_changes_nothing_and_says_everything(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(repository(server.folder / "second.git"), {"a": "1"})
    file = server.folder / "controller.yaml"
    for wrong, message in (
        ({"connections": [_second(server, pol="2s"), _second(server, poll="soon")]}, None),
        ({"connections": [_second(server), _second(server)]}, "connections: connection `second` is there 2 times; "),
        ({"connections": [_second(server, token_env="NOT_THERE")]}, "the environment variable NOT_THERE is not set; "),
        (
            {"connections": [_second(server, url="https://me:secret@host/x")]},
            "connection `second`: https://host/x: the url holds a password",
        ),
    ):
        before = file.read_text()
        file.write_text(yaml.safe_dump(yaml.safe_load(before) | wrong))
        code, out, err = _reload(server, capsys)
        assert (code, out) == (1, "")
        if message is None:
            assert f"{file}: unknown setting `connections.0.pol`; did you mean `poll`?" in err
            assert f"{file}: setting `connections.1.poll`: a duration is a whole number with s, m, h or d" in err
        else:
            assert message in err
        assert list(_repositories(server)) == ["acme"]
        file.write_text(before)
    file.write_text("connections: [\n")
    code, out, err = _reload(server, capsys)
    assert (code, err) == (1, f"{file}:2:1: is not YAML; correct the syntax here\n")
    newer = commit(pygit2.Repository(str(server.folder / "origin.git")), {"README": "again"})
    _see(server, "acme", newer)
    assert [row["action"] for row in server.get("audit")["items"] if row["action"] == "reload"] == []


def test_other_settings_wait_for_the_next_start_and_are_named(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(server, plan_slots=7, drain="3s")
    waiting = "takes effect at the next start: drain\ntakes effect at the next start: plan_slots\n"
    assert _reload(server, capsys) == (0, "", f"connections are as they were\n{waiting}")


def test_a_signal_does_the_same_and_the_log_says_so(server: Server) -> None:
    tip = commit(repository(server.folder / "second.git"), {"a": "1"})
    assert server.process is not None
    secret = server.folder / "hook"
    secret.write_text("open sesame")
    _write(server, _second(server, forge="github", webhook_secret_file=str(secret)), plan_slots=7)
    assert _deliver(server) == 404
    server.process.send_signal(signal.SIGHUP)
    _see(server, "second", tip)
    assert _deliver(server) == 401
    assert "settings read anew: added: second; takes effect at the next start: plan_slots" in server.said()
    (server.folder / "controller.yaml").write_text("connections: 5\n")
    server.process.send_signal(signal.SIGHUP)
    until("a word on it", lambda: "settings were read anew and nothing was changed: " in server.said())
    assert set(_repositories(server).values()) == {(_tip(server), True), (tip, True)}
    (line,) = (row for row in server.get("audit")["items"] if row["action"] == "reload")
    assert (line["actor"], line["details"]) == ("SIGHUP", {"added": ["second"]})


def _deliver(server: Server) -> int:
    headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256=00", "X-GitHub-Delivery": "1"}
    return httpx.post(f"{server.url}/hooks/second", json={}, headers=headers, trust_env=False).status_code


def test_only_an_administrator_may(server: Server, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    made = server.post("tokens", {"name": "bea", "role": "deployer"})
    monkeypatch.setenv("LOCKSTEP_TOKEN", made["secret"])
    assert _reload(server, capsys)[0] == 6
