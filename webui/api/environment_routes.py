"""Which routes make environments, and take them away?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import environments, objects, requests
from webui.api.routes import ENVIRONMENT, Route, Scope

ENVIRONMENTS = (
    Route(
        "POST",
        "/environments",
        Role.DEPLOYER,
        Scope.LISTED,
        "Make an environment that Git does not declare.",
        environments.create,
        objects.Environment,
        body=requests.CreateEnvironment,
        status=201,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/extend",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Say anew when an environment that somebody made ends by itself.",
        environments.extend,
        objects.Environment,
        body=requests.ExtendEnvironment,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/drift",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Look whether what was deployed is still as it was; nothing is changed.",
        environments.drift,
        objects.Deployment,
        body=requests.Reason,
        status=201,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/move",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Say what an environment whose directory was renamed is called now, or that they are two.",
        environments.move,
        objects.Environment,
        body=requests.Move,
    ),
    Route(
        "GET",
        f"{ENVIRONMENT}/left-behind",
        Role.VIEWER,
        Scope.PROJECT,
        "Say what would stay behind if an environment were forgotten.",
        environments.left_behind,
        objects.LeftBehind,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/forget",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Forget an environment without destroying anything; what stays behind is told.",
        environments.forget,
        objects.LeftBehind,
        body=requests.Reason,
    ),
)
