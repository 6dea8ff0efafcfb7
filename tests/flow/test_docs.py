"""What a page of the documentation shows is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import transcripts

PAGES = sorted([*(transcripts.ROOT / "docs").glob("*.md"), transcripts.ROOT / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_tells_what_happens(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    told = page.read_text()
    happened = transcripts.replay(told, tmp_path)
    if request.config.getoption("--update-golden"):
        page.write_text(happened)
    assert told == happened


def test_any_lines_may_stand_between_lines_that_are_told() -> None:
    assert transcripts.is_as_told("one\n…\nthree\n", "one\ntwo\nthree\n")
    assert not transcripts.is_as_told("one\n…\nthree\n", "one\ntwo\n")
    assert not transcripts.is_as_told("one\n", "one\ntwo\n")


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    page = "```txt notes/a.txt\nhello\n```\n\n```console\n$ cat notes/a.txt\nhullo\n$ false; echo $?\n1\n```\n"
    assert transcripts.replay(page, tmp_path) == page.replace("hullo", "hello")
