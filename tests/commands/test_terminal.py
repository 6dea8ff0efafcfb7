"""What does somebody at a terminal see, and what if they press Ctrl-C?"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import cli
from controller.model.deployment import Status
from controller.runner.protocol import Phase
from tests.commands.conftest import Company
from tests.deploy_factories import Script, sized

_ROOT = Path(cli.__file__).parents[1]


class Terminal:
    """A command with a terminal before it; results go elsewhere."""

    def __init__(self, *line: str) -> None:
        self.screen, keyboard = pty.openpty()
        command = (sys.executable, "-m", "cli", *line)
        environ = {**os.environ, "PYTHONPATH": str(_ROOT)}
        self.process = subprocess.Popen(
            command, stdin=keyboard, stdout=subprocess.PIPE, stderr=keyboard, env=environ, start_new_session=True
        )
        os.close(keyboard)
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until this is on the screen."""
        end = time.monotonic() + 20
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            self.seen += self._read()

    def press(self, keys: str) -> None:
        os.write(self.screen, keys.encode())

    def end(self) -> int:
        """The exit code, with all that was said until then on the screen."""
        while part := self._read():
            self.seen += part
        return self.process.wait(timeout=20)

    def _read(self) -> str:
        try:
            return os.read(self.screen, 65536).decode()
        except OSError:  # nobody holds the other end any more
            return ""


@contextmanager
def terminal(*line: str) -> Iterator[Terminal]:
    made = Terminal(*line)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait()
        made.process.stdout.close()  # type: ignore[union-attr]
        os.close(made.screen)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "manifest.yaml"
    file.write_text(sized(2))
    return file


def test_one_is_asked_before_anything_is_deployed(company: Company, manifest: Path):
    before = company.last().id
    with terminal("deploy", "shop", "staging", str(manifest)) as screen:
        screen.until("Deploy this to shop/staging? [Y/n]: ")
        assert "`thing.default#workloads.api.db` params changed" in screen.seen
        screen.press("n\n")
        assert screen.end() == 130
        assert "nothing was deployed" in screen.seen
    assert company.last().id == before


def test_enter_goes_on_and_the_screen_shows_that_it_is_alive(company: Company, manifest: Path):
    company.runner.script = Script(counts={"destroy": 1})
    with terminal("deploy", "shop", "staging", str(manifest)) as screen:
        screen.until("[Y/n]: ")
        screen.press("\n")
        screen.until("… awaiting approval, ")
        assert cli.main(["approve", company.last().id]) == 0
        assert screen.end() == 0
        assert f"deployment {company.last().id} of shop/staging succeeded" in screen.seen


def test_while_it_is_applied_the_screen_shows_how_far_it_is(company: Company, manifest: Path):
    change = {"address": "module.a.thing.b", "module": "thing.default#a", "action": "create", "attributes": []}
    company.runner.script = Script(changes=(change, change), hangs_in=Phase.APPLY)
    with terminal("deploy", "shop", "staging", str(manifest), "--no-prompt") as screen:
        screen.until("… applying, 0 of 2 done, ")
        assert cli.main(["cancel", company.last().id]) == 0
        assert screen.end() == 4
        assert "; 0 of 2 resources done; " in screen.seen


def test_ctrl_c_says_how_to_come_back(company: Company, manifest: Path):
    company.runner.script = Script(counts={"destroy": 1})
    with terminal("deploy", "shop", "staging", str(manifest), "--no-prompt") as screen:
        screen.until("awaiting approval, ")
        os.killpg(screen.process.pid, signal.SIGINT)
        assert screen.end() == 130
        id = company.last().id
        assert f"deployment {id} goes on without you; look again with `lockstep get deployment {id}`" in screen.seen
        assert "Traceback" not in screen.seen
    assert company.last().status is Status.AWAITING_APPROVAL
