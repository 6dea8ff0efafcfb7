"""Fixtures that more than one room needs; nothing about one test only."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import databases
from tests import octokit as npm
from tests.octokit import Octokit


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="Rewrite the files below tests/golden.")


def pytest_configure() -> None:
    databases.hurry()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, as many tests wait for engines and servers."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was left out, and why: a run that is green says what it did not show."""
    reasons = Counter(_reason(report) for report in terminalreporter.getreports("skipped"))
    for reason, times in sorted(reasons.items()):
        terminalreporter.write_line(f"left out: {times} {'test' if times == 1 else 'tests'}: {reason}")


def _reason(report: pytest.TestReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ").strip()


@pytest.fixture(scope="session")
def octokit(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Octokit:
    """GitHub's own examples, schemas and signer; kept in the cache of pytest, so that a second run asks nobody."""
    kept = getattr(pytestconfig, "cache", None)
    try:
        return npm.installed(kept.mkdir("npm") if kept is not None else tmp_path_factory.mktemp("npm"))
    except npm.NotInstalledError as e:
        pytest.skip(str(e))


@pytest.fixture(autouse=True)
def home_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the home of who runs it."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    for name in ("LOCKSTEP_URL", "LOCKSTEP_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The kind of database where this test keeps its history: the run's, or one that `both_databases` gives it."""
    kind = getattr(request, "param", databases.chosen())
    with databases.kept_in(kind):
        yield kind


class Golden:
    """Compares text with a file below tests/golden; `--update-golden` rewrites it."""

    def __init__(self, folder: Path, update: bool) -> None:
        self.folder = folder
        self.update = update

    def check(self, name: str, text: str) -> None:
        path = self.folder / name
        if self.update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(Path(__file__).parent / "golden", request.config.getoption("--update-golden"))
