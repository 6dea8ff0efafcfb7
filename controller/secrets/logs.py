"""What is in a log chunk, and is a log whole? The text between encryption and the reader."""

from __future__ import annotations

from collections.abc import Iterable

from controller.errors import ConflictError

_HEAD = "lockstep-log/1"
_REMEDY = "fetch the log again; if it stays so, it was altered where it is stored"


def write_chunk(deployment: str, n: int, text: str, end: bool = False) -> bytes:
    """The plaintext of chunk `n` (from 1): a header line that says where it belongs, then the text."""
    header = f"{_HEAD} {deployment} {n}{' end' if end else ''}\n"
    return header.encode() + text.encode("utf-8", errors="replace")


def read_chunks(chunks: Iterable[bytes], deployment: str, *, following: bool = False, first: int = 1) -> str:
    """The text of decrypted chunks, in order, the first being number `first`.

    Refuses a gap, a double, a chunk of another deployment, one after the end, and a missing end: except when
    `following` a log that is still being written.
    """
    texts: list[str] = []
    ended = False
    for expected, chunk in enumerate(chunks, first):
        header, _, text = chunk.partition(b"\n")
        if ended:
            raise ConflictError(f"log of {deployment}: there is a chunk after the end; {_REMEDY}")
        ended = _check(header.decode(errors="replace"), deployment, expected)
        texts.append(text.decode(errors="replace"))
    if not ended and not following:
        raise ConflictError(f"log of {deployment}: its end is missing; it is still being written, or it was cut")
    return "".join(texts)


def is_end(chunk: bytes) -> bool:
    """Whether this decrypted chunk is the last of its log."""
    return chunk.partition(b"\n")[0].endswith(b" end")


def _check(header: str, deployment: str, expected: int) -> bool:
    head, *fields = header.split(" ")
    if head != _HEAD or len(fields) not in (2, 3) or fields[2:] not in ([], ["end"]):
        raise ConflictError(f"log of {deployment}: chunk {expected} is no chunk of a log; {_REMEDY}")
    if fields[0] != deployment:
        raise ConflictError(f"log of {deployment}: chunk {expected} is of deployment {fields[0]}; {_REMEDY}")
    if fields[1] != str(expected):
        raise ConflictError(f"log of {deployment}: chunk {fields[1]} stands where {expected} should; {_REMEDY}")
    return len(fields) == 3
