"""How does a request become a call of a view, and its result a reply? The same way for every route."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from controller.deployments.doors import Doors
from controller.history import read
from webui import access
from webui.access import Caller
from webui.api import idempotency, requests
from webui.api.routes import Call, Raw, Reply, Route, Scope


def serve(blueprint: Blueprint, doors: Doors, route: Route) -> None:
    """Register a route: token, role, scope, query and body are checked before its view is called."""
    rule = route.path.replace("{", "<").replace("}", ">")
    blueprint.add_url_rule(rule, endpoint=route.name, view_func=_view(doors, route), methods=[route.method])


def caller_of(doors: Doors, authorization: str | None) -> Caller:
    """Who holds the token of an `Authorization: Bearer …` header."""
    kind, _, token = (authorization or "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise access.UnknownCallerError("a token is needed; send it as `Authorization: Bearer …`")
    return access.of_token(doors, token)


def _view(doors: Doors, route: Route) -> Callable[..., Response]:
    def view(**path: str) -> Response:
        if route.scope is Scope.OPEN:
            return _reply(route, route.view(Call(doors, access.NOBODY, path)))
        caller = caller_of(doors, request.headers.get("Authorization"))
        access.require_role(caller, route.role)
        if route.largest_body is not None:
            request.max_content_length = route.largest_body
        call = _call(doors, route, caller, path)
        key = request.headers.get("Idempotency-Key")
        if key is None or not route.is_repeatable:
            return _reply(route, route.view(call))
        asked = idempotency.Asked(caller.name, key, _request_digest())
        return idempotency.once(doors, asked, lambda: _reply(route, route.view(call)))

    return view


def _call(doors: Doors, route: Route, caller: Caller, path: dict[str, str]) -> Call:
    record = None
    match route.scope:
        case Scope.PROJECT:
            access.require_project(caller, path["project"], f"project `{path['project']}`")
        case Scope.DEPLOYMENT:
            record = read.deployment(doors.store, path["id"])
            access.require_project(caller, record.project, f"deployment `{path['id']}`")
        case Scope.ALL:
            access.require_all_projects(caller)
    doors = replace(doors, origin=access.origin(request))
    query = requests.read_query(route.query or requests.Asked, request.args)
    body = requests.read_body(route.body, _json()) if route.body else None
    return Call(doors, caller, path, query, body, record)


def _json() -> Any:
    if not request.get_data():
        return {}  # every key of the body may be missing; where one may not, that is said
    try:
        return request.get_json()
    except (BadRequest, UnsupportedMediaType):
        return None


def _request_digest() -> str:
    asked = [request.method, request.full_path, request.get_data().decode("utf-8", "replace")]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _reply(route: Route, result: Reply) -> Response:
    if result is None:
        return Response(status=204)
    if isinstance(result, Raw):
        response = Response(result.content, mimetype=result.media)
    else:
        response = Response(_text(result), status=route.status, mimetype="application/json")
    if route.method == "GET":
        # A client that polls gets 304 and no body while nothing has changed.
        response.add_etag()
        response.make_conditional(request)
    return response


def _text(result: BaseModel) -> str:
    return result.model_dump_json() + "\n"
