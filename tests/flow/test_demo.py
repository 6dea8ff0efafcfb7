"""The demo, as `make demo ONCE=1` runs it: it does what it says, and leaves nothing behind but its directory."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml

from cli import main
from controller import data_directory
from tests.serve_factories import ROOT, SAMPLE, SLOW, ledger, processes_of, until

pytestmark = pytest.mark.engine

EVERYTHING = [
    "insights/live postgres-server main",
    "shop/development postgres-server main",
    "shop/production postgres-server main",
    "shop/staging postgres-server main",
]


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """The sample, whose servers take no time to start."""
    copy = tmp_path / "sample"
    shutil.copytree(SAMPLE, copy)
    for path in SLOW:
        text = (copy / path).read_text()
        (copy / path).write_text(text.replace("seconds: 3", "seconds: 0"))
    return copy


@dataclass
class Visitor:
    """Looks at the page for as long as there is one."""

    folder: Path
    is_over: threading.Event = field(default_factory=threading.Event)
    seen: str = ""

    def look(self) -> None:
        while not self.is_over.wait(0.2):
            try:
                self.seen = httpx.get(address(self.folder), timeout=5, trust_env=False).text
            except (OSError, httpx.TransportError):
                continue


def address(folder: Path) -> str:
    return f"http://{yaml.safe_load((folder / 'controller.yaml').read_text())['listen']}"


def visited(folder: Path, act: Callable[[], int]) -> tuple[int, str]:
    """Do something while somebody looks at the page; the exit code, and the last page that was seen."""
    visitor = Visitor(folder)
    thread = threading.Thread(target=visitor.look)
    thread.start()
    try:
        return act(), visitor.seen
    finally:
        visitor.is_over.set()
        thread.join()


def is_gone(folder: Path) -> bool:
    """Whether nothing runs any more, and nobody listens."""
    with pytest.raises(httpx.TransportError):
        httpx.get(address(folder), timeout=5, trust_env=False)
    return not processes_of(folder) and not data_directory.is_held(folder / "data")


def act(said: str, title: str) -> list[str]:
    """What the demo said under a title, without blanks at the end."""
    found = re.search(rf"── {re.escape(title)}[^\n]*─\n(.*?)(?:\n── |\Z)", said, re.DOTALL)
    assert found, said
    return [line.strip() for line in found[1].strip().splitlines()]


def test_it_does_what_it_says_and_a_second_one_begins_anew(
    quick: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "demo"
    code, page = visited(folder, lambda: main(["demo", "--once", "--sample", str(quick), "--dir", str(folder)]))
    told = capsys.readouterr()
    assert (code, told.err) == (0, "")
    _check_what_it_said(told.out, folder)
    assert "insights" in page
    assert is_gone(folder)
    assert sorted(ledger(folder)) == EVERYTHING
    assert (folder / "output/shop/production/workloads/orders/compose.yaml").is_file()
    _check_second(quick, folder, tmp_path / "said.txt")


def _check_what_it_said(said: str, folder: Path) -> None:
    first = act(said, "a repository of four environments")
    ended = [re.split(r"\s{2,}", line) for line in first if "succeeded" in line]
    assert sorted(slug for slug, _, _ in ended) == [line.split()[0] for line in EVERYTHING]
    assert ended[-1][0] == "shop/production"  # which is promoted
    assert all(re.fullmatch(r"\d+ to create", counts) for _, _, counts in ended)

    second = act(said, "a commit that changes one environment: Update the collector to 0.8.0")
    commit = second[0].split()[1]
    assert second[0] == f"pushed      {commit} to main, projects/insights/live/environment.yaml"
    assert [line for line in second if "succeeded" in line] == ["insights/live      succeeded          1 to replace"]
    assert second[-1] == f"linked to   {commit} “Update the collector to 0.8.0” by Ada Sample"

    third = act(said, "the branch of a pull request: Keep events for three days")
    assert "shop/development   planned            1 to replace" in third
    assert "### Lockstep: 1 environment would change" in third
    assert "Unchanged: `insights/live`, `shop/production`, `shop/staging`." in third

    last = act(said, "done")
    assert last[0] == f"log key     {folder}/log-key.txt reads the logs of every deployment from Git:"
    assert last[-1] == f"page        {address(folder)}  (until this command ends)"
    assert yaml.safe_load((folder / "first-start.yaml").read_text())["admin_token"] not in said


def _check_second(sample: Path, folder: Path, log: Path) -> None:
    """It works in the same directory, not in that of the user's own controller; SIGTERM ends all of it."""
    elsewhere = folder.with_name("elsewhere")
    environment = {**os.environ, "LOCKSTEP_DATA_DIR": str(elsewhere), "LOCKSTEP_LISTEN": "127.0.0.1:1"}
    with open(log, "wb") as said:
        demo = subprocess.Popen(
            (sys.executable, "-m", "cli", "demo", "--sample", str(sample), "--dir", str(folder)),
            cwd=ROOT,
            env=environment,
            stdout=said,
            stderr=said,
        )
    until("the first deployment", lambda: "planning" in log.read_text())
    third = main(["demo", "--dir", str(folder)])
    demo.send_signal(signal.SIGTERM)
    assert (third, demo.wait(60)) == (3, 130)
    assert log.read_text().splitlines()[-1] == "interrupted"
    until("the end of what ran", lambda: is_gone(folder))
    assert (ledger(folder), elsewhere.exists()) == ([], False)


def test_a_directory_that_is_no_demo_s_is_refused_and_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A repository holds a lockstep.yaml at its root: that made it a demo's directory, and it was deleted."""
    (tmp_path / "lockstep.yaml").write_text("projects: teams\n")
    assert main(["demo", "--once", "--dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path}: is not a demo's directory and not empty; name another with --dir\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["lockstep.yaml"]


def test_a_directory_inside_the_sample_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It was copied into itself until the names were too long."""
    assert main(["demo", "--once", "--sample", str(tmp_path), "--dir", str(tmp_path / "demo")]) == 2
    assert capsys.readouterr().err == (
        f"{tmp_path}/demo: lies in the sample, which is copied there; name another with --dir\n"
    )
