"""Which routes let the controller read its settings anew?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import administration_objects, reloading, requests
from webui.api.routes import Route, Scope

RELOADING = (
    Route(
        "POST",
        "/settings:reload",
        Role.ADMIN,
        Scope.ALL,
        "Read the settings anew: connections take effect, of other settings the names of those that wait are told.",
        reloading.reload,
        administration_objects.Reloaded,
        body=requests.Reason,
    ),
)
