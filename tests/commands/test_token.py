"""Can tokens be made, listed and revoked?"""

from __future__ import annotations

import json

import cli
from tests.webui_factories import World


def test_a_new_token_is_printed_once_and_works(capsys, server: World, monkeypatch):
    assert cli.main(["token", "create", "ci", "--role", "deployer", "--project", "shop"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("lockstep_")
    assert err == "token `ci` (deployer) is made; its secret above is not shown again\n"
    monkeypatch.setenv("LOCKSTEP_TOKEN", out.strip())
    assert cli.main(["get", "environments", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"items": [], "next": None}


def test_the_list_has_no_secrets(capsys, server: World):
    cli.main(["token", "create", "ci"])
    secret = capsys.readouterr().out.strip()
    for form in ("table", "json", "yaml"):
        assert cli.main(["token", "list", "-o", form]) == 0
        assert secret not in capsys.readouterr().out


def test_a_revoked_token_is_listed_as_such(capsys, server: World):
    cli.main(["token", "create", "ci"])
    capsys.readouterr()
    assert cli.main(["token", "revoke", "ci"]) == 0
    assert capsys.readouterr() == ("", "token `ci` is revoked\n")
    cli.main(["token", "list"])
    assert capsys.readouterr().out.splitlines()[2].split() == [
        "ci",
        "viewer",
        "all",
        "2026-07-01T12:00:00Z",
        "-",
        "2026-07-01T12:00:00Z",
    ]
