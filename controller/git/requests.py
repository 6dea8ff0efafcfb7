"""Which requests are open? Read from a listing of refs: free, and the same for every forge."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestRef:
    """The head of a pull or merge request."""

    number: int
    ref: str
    commit: str


def requests(heads: Mapping[str, str]) -> tuple[RequestRef, ...]:
    """The requests among the refs of a repository, by number; a request whose ref is gone is closed."""
    found = ((_REQUEST.fullmatch(ref), ref, commit) for ref, commit in heads.items())
    return tuple(
        sorted(
            (RequestRef(int(match[1]), ref, commit) for match, ref, commit in found if match),
            key=lambda r: (r.number, r.ref),
        )
    )


def named(heads: Mapping[str, str], name: str) -> str | None:
    """The full name of the ref that a person means: a full name, a branch, a tag, or None."""
    for ref in (name, f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}"):
        if ref in heads and ref.startswith("refs/"):
            return ref
    return None


_REQUEST = re.compile(r"refs/(?:pull|merge-requests|pull-requests)/([0-9]{1,18})/(?:head|from)")
