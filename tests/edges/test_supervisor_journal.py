"""Writes events and log chunks, and reads them while they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.runner import journal, protocol
from controller.runner.journal import Journal
from controller.secrets import age, logs

KEY = age.generate()


def write(directory: Path, *events: str) -> None:
    book = Journal(directory, "d1", ())
    for event in events:
        book.event(event)
    book.close()


def types(directory: Path, after: int = 0) -> list[tuple[int, str]]:
    return [(event["n"], event["type"]) for event in journal.read_events(directory, after)]


def text(directory: Path) -> str:
    chunks = journal.read_chunks(directory, 0)
    return logs.read_chunks((age.decrypt(chunk, KEY.secret.reveal()) for _, chunk in chunks), "d1", following=True)


def test_a_second_supervisor_goes_on_numbering(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")
    write(tmp_path, "c")

    assert types(tmp_path) == [(1, "a"), (2, "b"), (3, "c")]
    assert types(tmp_path, 2) == [(3, "c")]


def test_a_line_that_was_cut_off_is_forgotten(tmp_path: Path) -> None:
    write(tmp_path, "a")
    with open(tmp_path / protocol.EVENTS, "a") as file:
        file.write('{"n": 2, "type": "ha')
    assert types(tmp_path) == [(1, "a")]
    write(tmp_path, "b")

    assert types(tmp_path) == [(1, "a"), (2, "b")]
    assert (tmp_path / protocol.EVENTS).stat().st_mode & 0o777 == 0o600


def test_events_are_none_where_there_is_no_file(tmp_path: Path) -> None:
    assert (types(tmp_path), journal.last_event(tmp_path), journal.chunk_numbers(tmp_path)) == ([], 0, [])


def test_text_waits_a_moment_and_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = Journal(tmp_path, "d1", (KEY.recipient,))
    book.say("one\n")
    book.breathe()
    assert journal.chunk_numbers(tmp_path) == []
    monkeypatch.setattr(journal, "CHUNK_SECONDS", 0.0)
    book.breathe()
    assert journal.chunk_numbers(tmp_path) == [1]
    book.close()
    assert text(tmp_path) == "one\n"


def test_a_long_text_is_cut_between_characters(tmp_path: Path) -> None:
    book = Journal(tmp_path, "d1", (KEY.recipient,))
    book.say("xä€𝄞" * 20_000)
    book.end()
    book.close()
    chunks = journal.read_chunks(tmp_path, 0)

    assert text(tmp_path) == "xä€𝄞" * 20_000
    assert all(len(age.decrypt(chunk, KEY.secret.reveal())) <= 32 * 1024 for _, chunk in chunks)
    assert [n for n, _ in chunks] == list(range(1, len(chunks) + 1))


def test_nothing_follows_the_end(tmp_path: Path) -> None:
    book = Journal(tmp_path, "d1", (KEY.recipient,))
    book.say("last words")
    book.end()
    book.say("more")
    book.end()
    book.close()
    [(_, chunk)] = journal.read_chunks(tmp_path, 0)

    assert age.decrypt(chunk, KEY.secret.reveal()) == b"lockstep-log/1 d1 1 end\nlast words"


def test_a_supervisor_that_comes_after_the_end_adds_nothing(tmp_path: Path) -> None:
    book = Journal(tmp_path, "d1", (KEY.recipient,))
    book.say("last words")
    book.end()
    book.close()
    assert journal.has_ended(tmp_path) is True
    late = Journal(tmp_path, "d1", (KEY.recipient,))
    late.say("more")
    late.end()
    late.close()

    assert journal.chunk_numbers(tmp_path) == [1]


def test_an_end_that_was_announced_and_not_written_is_none(tmp_path: Path) -> None:
    (tmp_path / protocol.LOG).mkdir()
    (tmp_path / protocol.LOG / "end").write_text("1")
    assert journal.has_ended(tmp_path) is False
    book = Journal(tmp_path, "d1", (KEY.recipient,))
    book.say("more")
    book.end()
    book.close()

    assert text(tmp_path) == "more"


def test_a_log_without_readers_is_not_written(tmp_path: Path) -> None:
    book = Journal(tmp_path, "d1", ())
    book.say("x" * 100_000)
    book.end()
    book.close()

    assert journal.read_chunks(tmp_path, 0) == ()
