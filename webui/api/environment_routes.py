"""Which routes make environments, and take them away?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import objects, removing, requests
from webui.api.routes import ENVIRONMENT, Route, Scope

ENVIRONMENTS = (
    Route(
        "GET",
        f"{ENVIRONMENT}/left-behind",
        Role.VIEWER,
        Scope.PROJECT,
        "Say what would stay behind if an environment were forgotten.",
        removing.left_behind,
        objects.LeftBehind,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/forget",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Forget an environment without destroying anything; what stays behind is told.",
        removing.forget,
        objects.LeftBehind,
        body=requests.Reason,
    ),
)
