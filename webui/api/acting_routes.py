"""Which routes do something to deployments and environments?"""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import acting, objects, requests
from webui.api.routes import DEPLOYMENT, ENVIRONMENT, Route, Scope

_VIEWER, _DEPLOYER = Role.VIEWER, Role.DEPLOYER

ACTING = (
    Route(
        "POST",
        f"{ENVIRONMENT}/deployments",
        _DEPLOYER,
        Scope.PROJECT,
        "Deploy a manifest, plan it, or say what it would be.",
        acting.deploy,
        objects.Deployed,
        body=requests.Deploy,
        status=201,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/rollback",
        _DEPLOYER,
        Scope.PROJECT,
        "Deploy what an earlier deployment wanted, and hold the environment there; plan it, or say what it would be.",
        acting.rollback,
        objects.Deployed,
        body=requests.Rollback,
        status=201,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/destroy",
        _DEPLOYER,
        Scope.PROJECT,
        "Destroy all that an environment has, and forget it or hold it.",
        acting.destroy,
        objects.Destroyed,
        body=requests.Destroy,
        status=201,
    ),
    Route(
        "POST",
        f"{DEPLOYMENT}/retry",
        _DEPLOYER,
        Scope.DEPLOYMENT,
        "Try a deployment once more.",
        acting.retry,
        objects.Deployment,
        body=requests.Reason,
        status=201,
    ),
    Route(
        "POST",
        f"{ENVIRONMENT}/resume",
        _DEPLOYER,
        Scope.PROJECT,
        "Let an environment follow Git again.",
        acting.resume,
        body=requests.Reason,
        status=204,
    ),
    *(
        Route(
            "POST",
            f"{DEPLOYMENT}/{verb}",
            _DEPLOYER,
            Scope.DEPLOYMENT,
            summary,
            view,
            objects.Deployment,
            body=body,
        )
        for verb, summary, view, body in (
            ("approve", "Let the plan of a waiting deployment be applied.", acting.approve, requests.Approve),
            ("discard", "End a waiting deployment without applying its plan.", acting.discard, requests.Reason),
            ("cancel", "Stop a deployment.", acting.cancel, requests.Reason),
        )
    ),
    Route(
        "POST",
        "/plans",
        _DEPLOYER,
        Scope.ALL,
        "Plan what merging a ref would change.",
        acting.plan_ref,
        objects.PlannedRef,
        body=requests.PlanRef,
        status=201,
    ),
    Route(
        "GET",
        "/plans/{id}",
        _VIEWER,
        Scope.ALL,
        "Get a planned ref and the comment for its request, as of now.",
        acting.planned_ref,
        objects.PlannedRef,
    ),
    Route(
        "POST",
        "/repositories/{id}/refresh",
        _DEPLOYER,
        Scope.ALL,
        "Poll a repository now.",
        acting.refresh,
        body=requests.Asked,
        status=204,
    ),
)
