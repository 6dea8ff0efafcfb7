"""Which routes does the API have? All of them; what is served and what is described comes from here."""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import administration, administration_objects, objects, openapi, requests
from webui.api.acting_routes import ACTING
from webui.api.binding_routes import BINDING
from webui.api.environment_routes import ENVIRONMENTS
from webui.api.reading_routes import CATALOGUE, READING
from webui.api.reloading_routes import RELOADING
from webui.api.routes import Call, Reply, Route, Scope
from webui.api.suspending_routes import SUSPENDING

_VIEWER, _ADMIN = Role.VIEWER, Role.ADMIN


def description(call: Call) -> Reply:
    return objects.Description(openapi.document(ROUTES))


_ADMINISTRATION = (
    Route(
        "GET",
        "/whoami",
        _VIEWER,
        Scope.LISTED,
        "Say who holds the token.",
        administration.whoami,
        administration_objects.Whoami,
    ),
    Route(
        "GET",
        "/tokens",
        _ADMIN,
        Scope.ALL,
        "List tokens, without secrets.",
        administration.tokens,
        administration_objects.Tokens,
    ),
    Route(
        "POST",
        "/tokens",
        _ADMIN,
        Scope.ALL,
        "Make a token; its secret is shown this once.",
        administration.create_token,
        administration_objects.NewToken,
        body=requests.CreateToken,
        status=201,
        is_secret=True,
    ),
    Route("DELETE", "/tokens/{name}", _ADMIN, Scope.ALL, "Revoke a token.", administration.revoke_token, status=204),
    Route(
        "GET",
        "/audit",
        _ADMIN,
        Scope.ALL,
        "List who changed what, newest first.",
        administration.audit,
        administration_objects.AuditTrail,
        query=requests.Audit,
    ),
    Route(
        "GET",
        "/webhook-deliveries",
        _VIEWER,
        Scope.ALL,
        "List what forges delivered, newest first, and what it came to.",
        administration.webhook_deliveries,
        administration_objects.WebhookDeliveries,
        query=requests.WebhookDeliveries,
    ),
    Route(
        "GET",
        "/openapi.json",
        _VIEWER,
        Scope.OPEN,
        "Describe this API (OpenAPI 3.1).",
        description,
        objects.Description,
    ),
)

ROUTES: tuple[Route, ...] = (
    *READING,
    *CATALOGUE,
    *ACTING,
    *ENVIRONMENTS,
    *SUSPENDING,
    *BINDING,
    *RELOADING,
    *_ADMINISTRATION,
)
