"""How is an error told to a client or a browser? Status, title and detail, the same words as everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from werkzeug.exceptions import HTTPException

from controller.errors import (
    ConflictError,
    LockstepError,
    ManifestError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
)
from webui.access import UnknownCallerError


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong with a request; `kind` is the stable word for machines."""

    kind: str
    title: str
    status: int
    detail: str
    problems: tuple[str, ...] = ()


# The first class that fits decides, so the narrower ones come first.
_KINDS: tuple[tuple[type[LockstepError], str, str, HTTPStatus], ...] = (
    (UnknownCallerError, "unknown-caller", "Who are you?", HTTPStatus.UNAUTHORIZED),
    (ManifestError, "invalid", "Invalid input", HTTPStatus.UNPROCESSABLE_ENTITY),
    (ConflictError, "conflict", "Conflict", HTTPStatus.CONFLICT),
    (NotFoundError, "not-found", "Not found", HTTPStatus.NOT_FOUND),
    (NotAllowedError, "not-allowed", "Not allowed", HTTPStatus.FORBIDDEN),
    (RetryableError, "try-again", "Not ready", HTTPStatus.SERVICE_UNAVAILABLE),
)

_REMEDIES = {
    HTTPStatus.NOT_FOUND: "there is nothing at `{path}`; `/api/v1/openapi.json` lists what there is",
    HTTPStatus.METHOD_NOT_ALLOWED: "`{path}` does not take {method}; `/api/v1/openapi.json` lists what it takes",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large; a manifest has at most 1 MiB",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is not JSON; send it with `Content-Type: application/json`",
    HTTPStatus.BAD_REQUEST: "the request cannot be read; check that its body is JSON",
}
# Of deliveries other words are right; empty: those of whoever refused it.
_SAID_OF_HOOKS = {
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the delivery is larger than 26 MiB; the repository is polled all the same",
    HTTPStatus.METHOD_NOT_ALLOWED: "deliveries are sent with POST",
}


def of_error(error: LockstepError) -> Trouble:
    """An error of ours."""
    problems = tuple(str(problem) for problem in error.problems) if isinstance(error, ManifestError) else ()
    for kind, word, title, status in _KINDS:
        if isinstance(error, kind):
            return Trouble(word, title, status, str(error), problems)
    return Trouble("invalid", "Invalid input", HTTPStatus.UNPROCESSABLE_ENTITY, str(error), problems)


def of_http(error: HTTPException, method: str, path: str) -> Trouble:
    """An error that the web framework found, before any of our code was asked."""
    status = HTTPStatus(error.code or 500)
    if path.startswith("/hooks/") and status in _SAID_OF_HOOKS:
        return Trouble(_word(status), status.phrase, status, _SAID_OF_HOOKS[status] or str(error.description))
    detail = _REMEDIES.get(status, f"{status.phrase.lower()}; check the request").format(method=method, path=path)
    return Trouble(_word(status), status.phrase, status, detail)


def _word(status: HTTPStatus) -> str:
    return status.phrase.lower().replace(" ", "-")


def of_bug(reference: str) -> Trouble:
    """A bug of ours: the reader gets a reference, the log the traceback."""
    detail = f"this is a bug in Lockstep; please report it with the traceback that the controller logged as {reference}"
    return Trouble("bug", "Internal error", HTTPStatus.INTERNAL_SERVER_ERROR, detail)
