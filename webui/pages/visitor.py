"""Who is looking at the page? A signed cookie that remembers the digest of a token, never the token."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace

from flask import current_app, request, session

from controller.deployments.doors import Doors
from controller.errors import NotAllowedError
from controller.model.deployment import Role
from webui import access
from webui.access import Caller

_TOKEN = "token"  # noqa: S105 - a key of the session, not a token
_CSRF = "csrf"


@dataclass(frozen=True, slots=True)
class Site:
    """What the page was made with. `is_open`: whoever reaches it may read without signing in."""

    doors: Doors
    is_open: bool
    page: str


def site() -> Site:
    found: Site = current_app.extensions["lockstep"]
    return found


def doors() -> Doors:
    """With where this visitor comes from."""
    return replace(site().doors, origin=f"{access.origin(request)}, on the page")


def reader() -> Caller:
    """Who reads; UnknownCallerError leads to the login form."""
    if is_signed_in():
        return access.of_digest(doors(), session[_TOKEN])
    if site().is_open:
        return Caller("visitor", Role.VIEWER)
    raise access.UnknownCallerError("sign in with a token to see this page")


def deployer(project: str | None, what: str) -> Caller:
    """Who changes something in a project, by a form of ours."""
    check_csrf()
    found = reader()
    access.require_project(found, project, what)
    access.require_role(found, Role.DEPLOYER)
    return found


def is_signed_in() -> bool:
    return _TOKEN in session


def sign_in(token: str) -> Caller:
    """Remember who holds a token; the session begins anew."""
    found = access.of_token(doors(), token)
    session.clear()
    session[_TOKEN] = access.digest(token)
    session.permanent = True
    return found


def sign_out() -> None:
    session.clear()


def csrf() -> str:
    """What a form has to send back, to show that it is ours."""
    if _CSRF not in session:
        session[_CSRF] = secrets.token_urlsafe(24)
    found: str = session[_CSRF]
    return found


def check_csrf() -> None:
    sent = request.form.get(_CSRF, "")
    if not hmac.compare_digest(sent.encode(), str(session.get(_CSRF, "\0")).encode()):
        raise NotAllowedError("the form is out of date; go back, load the page again and send it once more")
