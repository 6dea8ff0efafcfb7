"""How does the web side come together? The API, the pages and two addresses for whoever watches the watcher."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as Reply

from controller.deployments.doors import Doors
from controller.errors import LockstepError, RetryableError
from controller.history import read
from webui import api, headers, hooks, problems
from webui.access import UnknownCallerError
from webui.api.objects import Problem
from webui.pages import display, visitor
from webui.pages.views import pages
from webui.problems import Trouble

_LARGEST_BODY = 4 * 1024 * 1024  # a manifest of 1 MiB with every character escaped
_SESSION = timedelta(hours=12)

_log = logging.getLogger(__name__)


def create_app(
    doors: Doors,
    *,
    session_key: bytes,
    page: str = "",
    is_open: bool = False,
    secure_cookies: bool = False,
) -> Flask:
    """Make the WSGI application.

    `session_key` signs the cookies of those who signed in: the same for all replicas and after a restart, else they
    sign in again. `page` is the address that commands shown on a page use, `is_open` lets everybody read the pages
    (never the API) without signing in, and `secure_cookies` says that browsers come by https.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=session_key,
        MAX_CONTENT_LENGTH=_LARGEST_BODY,
        PERMANENT_SESSION_LIFETIME=_SESSION,
        SESSION_COOKIE_NAME="lockstep",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure_cookies,
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.extensions["lockstep"] = visitor.Site(doors, is_open, page)
    app.register_blueprint(api.blueprint(doors))
    app.register_blueprint(hooks.blueprint(doors))
    app.register_blueprint(pages)
    _dress(app)
    _watch(app, doors)
    _errors(app)
    return app


def _dress(app: Flask) -> None:
    app.jinja_env.filters.update(display.FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["csrf"] = visitor.csrf
    app.context_processor(lambda: {"is_signed_in": visitor.is_signed_in()})
    app.after_request(headers.tag)
    app.after_request(headers.protect)


def _watch(app: Flask, doors: Doors) -> None:
    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.get("/readyz")
    def readyz() -> Response:
        try:
            read.projects(doors.store)
        except RetryableError as e:
            return Response(f"{e}\n", status=503, mimetype="text/plain")
        return Response("ok\n", mimetype="text/plain")


def _errors(app: Flask) -> None:
    @app.errorhandler(LockstepError)
    def ours(error: LockstepError) -> Reply:
        if isinstance(error, UnknownCallerError) and not _is_api() and request.method == "GET":
            return redirect(url_for("pages.login", next=request.full_path.rstrip("?")))
        return _told(problems.of_error(error))

    @app.errorhandler(HTTPException)
    def framework(error: HTTPException) -> Reply:
        if error.code == 500:
            return bug(error)
        reply = _told(problems.of_http(error, request.method, request.path))
        if error.code == 405:
            reply.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return reply

    @app.errorhandler(500)
    def bug(error: HTTPException) -> Reply:
        reference = secrets.token_hex(4)
        _log.error(
            "bug %s in %s %s",
            reference,
            request.method,
            request.path,
            exc_info=getattr(error, "original_exception", error),
        )
        return _told(problems.of_bug(reference))


def _is_api() -> bool:
    return request.path.startswith(("/api/", "/hooks/"))


def _told(trouble: Trouble) -> Reply:
    if not _is_api():
        return Response(render_template("trouble.html", trouble=trouble), status=trouble.status)
    document = Problem(
        type=f"urn:lockstep:problem:{trouble.kind}",
        title=trouble.title,
        status=trouble.status,
        detail=trouble.detail,
        problems=list(trouble.problems),
    )
    reply = Response(document.model_dump_json() + "\n", status=trouble.status, mimetype="application/problem+json")
    if trouble.status == 401:
        reply.headers["WWW-Authenticate"] = "Bearer"
    return reply
