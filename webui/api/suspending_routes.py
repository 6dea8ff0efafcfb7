"""Which routes keep Git from environments for a while?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import objects, requests, suspending
from webui.api.routes import ENVIRONMENT, Route, Scope

_DEPLOYER = Role.DEPLOYER
_PROJECT = "/projects/{project}"

SUSPENDING = (
    *(
        Route(
            "POST",
            f"{path}/suspend",
            _DEPLOYER,
            scope,
            f"Let nothing from Git begin in {what} for a while.",
            suspending.suspend,
            objects.Hold,
            body=requests.Suspend,
        )
        for path, scope, what in (
            (ENVIRONMENT, Scope.PROJECT, "an environment"),
            (_PROJECT, Scope.PROJECT, "a project"),
            ("", Scope.ALL, "any project"),
        )
    ),
    *(
        Route(
            "POST",
            f"{path}/resume",
            _DEPLOYER,
            scope,
            f"End the suspension of {what}.",
            suspending.resume,
            body=requests.Reason,
            status=204,
        )
        for path, scope, what in ((_PROJECT, Scope.PROJECT, "a project"), ("", Scope.ALL, "everything"))
    ),
)
