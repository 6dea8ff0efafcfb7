"""What the pages say of connecting a repository are settings that load, and messages that the code says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from controller import settings
from tests import transcripts

FILE = "lockstep-controller.yaml"
PAGES = sorted((transcripts.ROOT / "docs").glob("connect-*.md"))
FORGES = transcripts.ROOT / "docs" / "forges.md"
_NAMED = re.compile(rf"^```yaml {FILE}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (?:\d{3} )?(`+)(?P<message>.+?)\1 \|", re.MULTILINE)
_BETWEEN = re.compile(r"…|; |: |`|\(status \d+\)|\(|\)|, not ")  # where the code puts something else in


def _names(path: Path) -> str:
    return path.stem


def said() -> list[str]:
    """Every text in the code."""
    return [
        node.value
        for room in ("controller", "webui")
        for path in (transcripts.ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def unsaid(page: str, texts: list[str]) -> list[str]:
    """Parts of the messages in a page's tables that no text of the code has."""
    parts = [part for row in _ROW.finditer(page) for part in _BETWEEN.split(row["message"])]
    return [part for part in (part.strip() for part in parts) if len(part) > 5 and not any(part in t for t in texts)]


@pytest.mark.parametrize("page", [*PAGES, FORGES], ids=_names)
def test_the_settings_of_a_page_load(page: Path, tmp_path: Path) -> None:
    blocks = _NAMED.findall(page.read_text())
    assert blocks
    for block in blocks:
        (tmp_path / FILE).write_text(block)
        (connection,) = settings.load(tmp_path / FILE).connections
        forge = page.stem.removeprefix("connect-")
        assert (connection.id, connection.forge) == ("acme", "github" if page == FORGES else forge)
        assert (connection.webhook_secret_file is None) == (forge == "git")


@pytest.mark.parametrize("page", PAGES, ids=_names)
def test_what_goes_wrong_is_told_in_the_words_of_the_code(page: Path) -> None:
    text = page.read_text()
    assert len(list(_ROW.finditer(text))) >= 5
    assert unsaid(text, [*said(), "acme", "application/x-www-form-urlencoded"]) == []


def test_a_message_that_nobody_says_is_found() -> None:
    page = "| 401 ``the delivery is not signed: `X-Nothing` is missing or blank`` | sign it |\n"
    assert unsaid(page, said()) == ["X-Nothing", "is missing or blank"]


def test_every_page_is_linked_from_the_overview_and_the_readme() -> None:
    for page in PAGES:
        assert f"({page.name})" in FORGES.read_text()
        assert f"(docs/{page.name})" in (transcripts.ROOT / "README.md").read_text()
