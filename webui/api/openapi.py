"""What does the API look like to a program? The OpenAPI document, made from the routes and their models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import controller
from webui.api import objects
from webui.api.routes import Route, Scope

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {
    "description": "a problem document",
    "content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "The same key and body again: the first reply again, and nothing done twice.",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document; same routes, same document."""
    routes = tuple(routes)
    paths: dict[str, dict[str, Any]] = {}
    names = _names(routes)
    for route in routes:
        paths.setdefault(f"/api/v1{route.path}", {})[route.method.lower()] = _operation(route, names)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lockstep", "version": controller.__version__},
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(routes: tuple[Route, ...]) -> dict[str, Any]:
    shown = {route.response for route in routes if route.response} | {objects.Problem}
    asked = {route.body for route in routes if route.body}
    chosen = [(model, "serialization") for model in shown] + [(model, "validation") for model in asked]
    ordered = sorted(chosen, key=lambda pair: (pair[0].__name__, pair[1]))
    _, definitions = models_json_schema(ordered, ref_template=_REFERENCE)  # type: ignore[arg-type]
    schemas: dict[str, Any] = definitions["$defs"]
    return {name: schemas[name] for name in sorted(schemas)}


def _operation(route: Route, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {str(route.status): _response(route, names), "default": _PROBLEM},
    }
    if route.scope is not Scope.OPEN:
        operation["security"] = [{"token": []}]
        operation["description"] = f"Needs role {route.role}."
    if route.is_repeatable:
        operation["parameters"].append(_KEY)
    if route.body:
        schema = {"$ref": _REFERENCE.format(model=names[route.body])}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _response(route: Route, names: dict[type[BaseModel], str]) -> dict[str, Any]:
    content: dict[str, Any] = {media: {"schema": {"type": "string"}} for media in route.media}
    if route.response:
        content["application/json"] = {"schema": {"$ref": _REFERENCE.format(model=names[route.response])}}
    return {"description": route.summary, "content": content} if content else {"description": route.summary}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.parameters]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REFERENCE)
    shared = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _resolved(part, shared)}
        for name, part in schema.get("properties", {}).items()
    ]


def _resolved(part: Any, shared: dict[str, Any]) -> Any:
    """A query's schema with its references written out: its models are no components."""
    if isinstance(part, dict) and "$ref" in part:
        rest = {key: value for key, value in part.items() if key != "$ref"}
        return {**shared[part["$ref"].rpartition("/")[2]], **rest}
    if isinstance(part, dict):
        return {key: _resolved(value, shared) for key, value in part.items()}
    if isinstance(part, list):
        return [_resolved(item, shared) for item in part]
    return part


def _names(routes: tuple[Route, ...]) -> dict[type[BaseModel], str]:
    models = {model for route in routes for model in (route.response, route.body) if model}
    return {model: model.__name__ for model in models}
