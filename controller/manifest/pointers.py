"""Is a file really there, or does a pointer of Git LFS stand for it, whose content lies on a server of its own?"""

from __future__ import annotations

from controller.errors import Place, Problem

_BEGIN = b"version https://git-lfs.github.com/spec/"
_LONGEST = 1024  # bytes of a pointer, as its specification has it


def is_pointer(content: bytes) -> bool:
    return len(content) < _LONGEST and content.startswith(_BEGIN)


def problem(place: Place, which: str = "this") -> Problem:
    """Nobody asks the server of LFS: what lies there is no part of the commit."""
    what = f"{which} is a Git LFS pointer, not its content"
    return Problem(place, what, "take the file out of Git LFS (`git lfs untrack`), and commit it again")
