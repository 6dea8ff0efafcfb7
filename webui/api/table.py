"""Which routes does the API have? All of them; what is served and what is described comes from here."""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import acting, administration, catalogue, history, objects, openapi, requests
from webui.api.routes import Call, Reply, Route, Scope

_VIEWER, _DEPLOYER, _ADMIN = Role.VIEWER, Role.DEPLOYER, Role.ADMIN
_ENVIRONMENT = "/environments/{project}/{environment}"
_DEPLOYMENT = "/deployments/{id}"


def description(call: Call) -> Reply:
    return objects.Description(openapi.document(ROUTES))


_READING = (
    Route("GET", "/projects", _VIEWER, Scope.LISTED, "List projects.", history.projects, objects.Projects),
    Route(
        "GET",
        "/environments",
        _VIEWER,
        Scope.LISTED,
        "List environments.",
        history.environments,
        objects.Environments,
        query=requests.Environments,
    ),
    Route("GET", _ENVIRONMENT, _VIEWER, Scope.PROJECT, "Get an environment.", history.environment, objects.Environment),
    Route(
        "GET",
        f"{_ENVIRONMENT}/manifest",
        _VIEWER,
        Scope.PROJECT,
        "Get the manifest that was deployed last with success.",
        history.live_manifest,
        objects.Manifest,
    ),
    Route(
        "GET",
        f"{_ENVIRONMENT}/resources",
        _VIEWER,
        Scope.PROJECT,
        "List the resources of an environment.",
        history.resources,
        objects.Resources,
    ),
    Route(
        "GET",
        f"{_ENVIRONMENT}/available-resource-types",
        _VIEWER,
        Scope.PROJECT,
        "List what a manifest of an environment can ask for.",
        catalogue.available_resource_types,
        objects.AvailableResourceTypes,
        query=requests.AvailableResourceTypes,
    ),
    Route(
        "GET",
        "/deployments",
        _VIEWER,
        Scope.LISTED,
        "List deployments, newest first.",
        history.deployments,
        objects.Deployments,
        query=requests.Deployments,
    ),
    Route("GET", _DEPLOYMENT, _VIEWER, Scope.DEPLOYMENT, "Get a deployment.", history.deployment, objects.Deployment),
    Route(
        "GET",
        f"{_DEPLOYMENT}/manifest",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get the manifest of a deployment.",
        history.manifest,
        objects.Manifest,
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/graph",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get the resource graph of a deployment.",
        history.graph,
        objects.Graph,
        query=requests.Graph,
        media=("image/svg+xml", "text/plain"),
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/plan",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get the public summary of a plan.",
        history.plan,
        objects.Plan,
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/progress",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get how far an apply has come, by node and by address.",
        history.progress,
        objects.Progress,
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/events",
        _VIEWER,
        Scope.DEPLOYMENT,
        "List steps and resources of a deployment, in order.",
        history.events,
        objects.Events,
        query=requests.Events,
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/diagnostics",
        _VIEWER,
        Scope.DEPLOYMENT,
        "List the public parts of errors and warnings.",
        history.diagnostics,
        objects.Diagnostics,
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/logs",
        _VIEWER,
        Scope.DEPLOYMENT,
        "List encrypted chunks of a log.",
        history.log_chunks,
        objects.LogChunks,
        query=requests.LogChunks,
    ),
    Route(
        "GET",
        f"{_DEPLOYMENT}/outputs",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get the encrypted outputs.",
        history.outputs,
        objects.Outputs,
    ),
    Route(
        "GET",
        "/commits",
        _VIEWER,
        Scope.LISTED,
        "List commits with their verdicts, newest first.",
        history.commits,
        objects.Commits,
        query=requests.Commits,
    ),
    Route(
        "GET", "/commits/{id}", _VIEWER, Scope.LISTED, "Get a commit with its verdicts.", history.commit, objects.Commit
    ),
    Route(
        "GET",
        "/repositories",
        _VIEWER,
        Scope.LISTED,
        "List the repositories that are watched.",
        history.repositories,
        objects.Repositories,
    ),
    Route("GET", "/holds", _VIEWER, Scope.LISTED, "List holds that have not ended.", history.holds, objects.Holds),
)

_CATALOGUE = tuple(
    Route(
        "GET",
        f"/{kind}",
        _VIEWER,
        Scope.LISTED,
        f"List the {words} of the platform.",
        view,
        objects.CatalogueItems,
        query=requests.Catalogue,
    )
    for kind, words, view in (
        ("modules", "modules", catalogue.modules),
        ("resource-types", "resource types", catalogue.resource_types),
        ("environment-types", "environment types", catalogue.environment_types),
        ("providers", "providers", catalogue.providers),
        ("runners", "runners, without the values of their variables,", catalogue.runners),
    )
)

_ACTING = (
    Route(
        "POST",
        f"{_ENVIRONMENT}/deployments",
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
        f"{_ENVIRONMENT}/rollback",
        _DEPLOYER,
        Scope.PROJECT,
        "Deploy what an earlier deployment wanted, and hold the environment there.",
        acting.rollback,
        objects.Deployment,
        body=requests.Rollback,
        status=201,
    ),
    Route(
        "POST",
        f"{_ENVIRONMENT}/destroy",
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
        f"{_DEPLOYMENT}/retry",
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
        f"{_ENVIRONMENT}/resume",
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
            f"{_DEPLOYMENT}/{verb}",
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

_ADMINISTRATION = (
    Route("GET", "/whoami", _VIEWER, Scope.LISTED, "Say who holds the token.", administration.whoami, objects.Whoami),
    Route("GET", "/tokens", _ADMIN, Scope.ALL, "List tokens, without secrets.", administration.tokens, objects.Tokens),
    Route(
        "POST",
        "/tokens",
        _ADMIN,
        Scope.ALL,
        "Make a token; its secret is shown this once.",
        administration.create_token,
        objects.NewToken,
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
        objects.AuditTrail,
        query=requests.Page,
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

ROUTES: tuple[Route, ...] = (*_READING, *_CATALOGUE, *_ACTING, *_ADMINISTRATION)
