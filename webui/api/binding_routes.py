"""Which routes concern what an environment is bound to, and what it takes over?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import binding, objects, requests
from webui.api.routes import ENVIRONMENT, Route, Scope

_LARGEST_STATE = 64 * 1024 * 1024

BINDING = (
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
