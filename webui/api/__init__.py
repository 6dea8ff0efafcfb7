"""The HTTP API below /api/v1: routes and models in tables, from which it is served and described."""

from __future__ import annotations

from flask import Blueprint

from controller.deployments.doors import Doors
from webui.api import serving, table


def blueprint(doors: Doors) -> Blueprint:
    """All routes, ready to be registered with an application."""
    made = Blueprint("api", __name__, url_prefix="/api/v1")
    for route in table.ROUTES:
        serving.serve(made, doors, route)
    return made
