"""Can what others wrote (commits, messages, logs) do something to the terminal of whoever reads it?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import cli
from cli import output
from controller.runner.protocol import Ended
from tests import webui_factories as make
from tests.commands.conftest import Company
from tests.deploy_factories import Script, sized
from tests.webui_factories import World

TITLE = "\x1b]0;gone\x07"  # sets the title of a terminal; it is no colour
SHOWN = "�]0;gone�"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("\x1b[31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b[2Jcleared", "cleared", id="clear"),
        pytest.param(f"a{TITLE}b", f"a{SHOWN}b", id="title"),
        pytest.param("ok\rbad\r\nnext\tcolumn\n", "ok\nbad\nnext\tcolumn\n", id="lines"),
        pytest.param("\x9b2Jc1", "�2Jc1", id="c1"),
        pytest.param("a\u202edcb", "a�dcb", id="direction"),
        pytest.param("Zoë 日本 👩‍🚀\u00a0ok", "Zoë 日本 👩‍🚀\u00a0ok", id="words"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(text: str, shown: str):
    assert output.harmless(text) == shown


def test_json_bears_no_control_characters():
    written = output.text({"a": "\x9b2J\x1b[2J é"}, "json")
    assert written == '{\n  "a": "\\u009b2J\\u001b[2J é"\n}\n'
    assert json.loads(written) == {"a": "\x9b2J\x1b[2J é"}


def test_why_tells_of_a_commit_that_means_harm(capsys, server: World):
    of = make.commit("Harm", message=f"Harm {TITLE}\n", author=f"Mal{TITLE} Example")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    assert cli.main(["why", "shop", "development"]) == 0
    out = capsys.readouterr().out
    assert f"“Harm {SHOWN}” by Mal{SHOWN} Example" in out
    assert "\x1b" not in out


def test_an_engine_that_means_harm_is_told(capsys, company: Company, tmp_path: Path):
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(sized(2))
    company.runner.script = Script(apply=Ended.FAILED, message=f"apply failed: {TITLE}")
    assert cli.main(["deploy", "shop", "staging", str(manifest)]) == 4
    err = capsys.readouterr().err
    assert err.splitlines()[-1].endswith(f"shop/staging failed: apply failed: {SHOWN}")
    assert "\x1b" not in err


def test_a_log_that_means_harm_is_read(capsys, server: World):
    of = make.commit("Add the shop")
    make.decided(server, [of], [make.wants(server, "shop/development", of)])
    id = make.newest(server)
    make.planned(server, id, make.summary(make.change("create")))
    make.logged(server, id, "init\r\n", f"plan {TITLE}\n")
    make.ended(server, id)
    assert cli.main(["logs", id, "--key", server.log_key.secret.reveal()]) == 0
    assert capsys.readouterr().out == f"init\nplan {SHOWN}\n"
