"""Writes logs in chunks and reads them back, whole and tampered with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.errors import ConflictError
from controller.secrets import logs

REMEDY = "fetch the log again; if it stays so, it was altered where it is stored"
WHOLE = (
    logs.write_chunk("d1", 1, "one\n"),
    logs.write_chunk("d1", 2, "two\n"),
    logs.write_chunk("d1", 3, "three\n", end=True),
)


def test_a_chunk_says_where_it_belongs() -> None:
    assert WHOLE[0] == b"lockstep-log/1 d1 1\none\n"
    assert WHOLE[2] == b"lockstep-log/1 d1 3 end\nthree\n"
    assert [logs.is_end(chunk) for chunk in WHOLE] == [False, False, True]


def test_a_log_is_read_back() -> None:
    assert logs.read_chunks(WHOLE, "d1") == "one\ntwo\nthree\n"


def test_a_log_that_is_still_written_may_lack_its_end() -> None:
    assert logs.read_chunks(WHOLE[:2], "d1", following=True) == "one\ntwo\n"
    assert logs.read_chunks(WHOLE[1:], "d1", following=True, first=2) == "two\nthree\n"
    assert logs.read_chunks([], "d1", following=True) == ""


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        pytest.param([WHOLE[0], WHOLE[2]], f"chunk 3 stands where 2 should; {REMEDY}", id="gap"),
        pytest.param([WHOLE[0], *WHOLE], f"chunk 1 stands where 2 should; {REMEDY}", id="double"),
        pytest.param([WHOLE[1], WHOLE[0], WHOLE[2]], f"chunk 2 stands where 1 should; {REMEDY}", id="order"),
        pytest.param(WHOLE[1:], f"chunk 2 stands where 1 should; {REMEDY}", id="beginning"),
        pytest.param([logs.write_chunk("d2", 1, "")], f"chunk 1 is of deployment d2; {REMEDY}", id="foreign"),
        pytest.param([b"hello\n"], f"chunk 1 is no chunk of a log; {REMEDY}", id="garbage"),
        pytest.param([b"lockstep-log/1 d1 1 ended\n"], f"chunk 1 is no chunk of a log; {REMEDY}", id="header"),
        pytest.param([b"lockstep-log/2 d1 1\n"], f"chunk 1 is no chunk of a log; {REMEDY}", id="format"),
        pytest.param([*WHOLE, logs.write_chunk("d1", 4, "")], f"there is a chunk after the end; {REMEDY}", id="after"),
        pytest.param(WHOLE[:2], "its end is missing; it is still being written, or it was cut", id="end"),
        pytest.param([], "its end is missing; it is still being written, or it was cut", id="nothing"),
    ],
)
def test_a_log_that_was_altered_is_refused(chunks: list[bytes], message: str) -> None:
    with pytest.raises(ConflictError) as e:
        logs.read_chunks(chunks, "d1")

    assert str(e.value) == f"log of d1: {message}"


@given(st.lists(st.text(), min_size=1))
def test_any_text_is_read_back(texts: list[str]) -> None:
    chunks = [logs.write_chunk("d1", n, text, end=n == len(texts)) for n, text in enumerate(texts, 1)]

    assert logs.read_chunks(chunks, "d1") == "".join(texts)
