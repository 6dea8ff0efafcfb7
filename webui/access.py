"""Who is asking, and what may they do?"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from flask import Request

from controller.deployments.doors import Doors
from controller.errors import NotAllowedError, NotFoundError
from controller.history import access
from controller.model.deployment import Role


class UnknownCallerError(NotAllowedError):
    """No token, or one that is not, or no longer, good."""


_ORIGIN = 200  # characters
_RANK = {Role.VIEWER: 0, Role.DEPLOYER: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a token. `projects` None: all of them."""

    name: str
    role: Role
    projects: tuple[str, ...] | None = None

    def has_role(self, role: Role) -> bool:
        return _RANK[self.role] >= _RANK[role]

    def sees(self, project: str | None) -> bool:
        """Whether a project's things may be shown; those of no project are shown to all."""
        return project is None or self.projects is None or project in self.projects


NOBODY = Caller("nobody", Role.VIEWER, ())


def of_token(doors: Doors, token: str) -> Caller:
    """The holder of a token."""
    return of_digest(doors, digest(token))


def of_digest(doors: Doors, kept: str) -> Caller:
    """The holder of the token that has this digest; asked at every request, so a revoked one is refused at once."""
    found = access.token(doors.store, kept, doors.now())
    if found is None:
        raise UnknownCallerError("the token is unknown, revoked or expired; ask an admin for a new one")
    return Caller(found.name, found.role, found.projects)


def digest(token: str) -> str:
    """What is kept of a token: its sha256. A token is 256 bits of chance, so nothing slower is needed."""
    return hashlib.sha256(token.strip().encode()).hexdigest()


def origin(request: Request) -> str:
    """From where somebody asks: the address that is connected, for whom it says it asks, and the program."""
    behind, program = request.headers.get("X-Forwarded-For", ""), request.headers.get("User-Agent", "")
    said = f"{request.remote_addr}" + (f" for {behind}" if behind else "") + (f", {program}" if program else "")
    return "".join(c if c.isprintable() else "?" for c in said)[:_ORIGIN]


def new_secret() -> str:
    return f"lockstep_{secrets.token_urlsafe(32)}"


def require_role(caller: Caller, role: Role) -> None:
    if not caller.has_role(role):
        raise NotAllowedError(
            f"`{caller.name}` is a {caller.role}; this needs role {role}, ask an admin for a token that has it"
        )


def require_project(caller: Caller, project: str | None, what: str) -> None:
    """Refuse what lies in a project that the caller may not know of, in the words for what does not exist."""
    if not caller.sees(project):
        raise NotFoundError(f"{what} does not exist; check its name, or ask for a token that includes its project")


def require_all_projects(caller: Caller) -> None:
    if caller.projects is not None:
        raise NotAllowedError(
            f"the token of `{caller.name}` is limited to {', '.join(caller.projects)}; this needs one for all projects"
        )
