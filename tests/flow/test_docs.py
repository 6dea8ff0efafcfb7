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
    names = transcripts.Names()
    assert names.is_as_told("one\n…\nthree\n", "one\ntwo\nthree\n")
    assert not names.is_as_told("one\n…\nthree\n", "one\ntwo\n")
    assert not names.is_as_told("one\n", "one\ntwo\n")


def test_an_id_is_named_where_it_is_told_whatever_ids_stand_between() -> None:
    names = transcripts.Names()
    first, other, hidden = (f"{letter * 8}-1111-4111-8111-111111111111" for letter in "abc")
    one, two = (f"d000000{number}-0000-4000-8000-000000000000" for number in (1, 2))
    assert names.is_as_told(f"…\n{one} is queued\n{one} is done\n", f"{hidden}\n{first} is queued\n{first} is done\n")
    assert not names.is_as_told(f"{two} is queued\n{two} is done\n", f"{other} is queued\n{hidden} is done\n")
    assert not names.is_as_told(f"{one}\n", f"{other}\n")
    assert names.is_as_told(f"{two} comes after {one}\n", f"{other} comes after {first}\n")
    assert names.known == {first: one, other: two}
    assert names.shown(f"{hidden} {first}") == f"d0000003-0000-4000-8000-000000000000 {one}"


def test_a_page_that_is_wrong_is_found(tmp_path: Path) -> None:
    page = "```txt notes/a.txt\nhello\n```\n\n```console\n$ cat notes/a.txt\nhullo\n$ false; echo $?\n1\n```\n"
    assert transcripts.replay(page, tmp_path) == page.replace("hullo", "hello")
