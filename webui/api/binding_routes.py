"""Which routes concern what an environment is bound to, and what it takes over?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import binding, objects, requests
from webui.api.routes import ENVIRONMENT, Route, Scope

_LARGEST_STATE = 64 * 1024 * 1024

BINDING = (
    Route(
        "GET",
        f"{ENVIRONMENT}/binding",
        Role.VIEWER,
        Scope.PROJECT,
        "Get what an environment is bound to, and what Git would change of that.",
        binding.binding,
        objects.BindingNow,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/rebind",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Move an environment to the runner and the state storage that Git wants for it now.",
        binding.rebind,
        objects.Deployment,
        body=requests.Rebind,
        status=201,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/adopt",
        Role.DEPLOYER,
        Scope.PROJECT,
        "Take over what exists: a state, or things that no state knows.",
        binding.adopt,
        objects.Adopted,
        body=requests.Adopt,
        status=201,
        largest_body=_LARGEST_STATE,
    ),
)
