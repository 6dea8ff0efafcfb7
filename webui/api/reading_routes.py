"""Which routes only read? History, catalogue, and what there is now."""

from __future__ import annotations

from controller.model.deployment import Role
from webui.api import catalogue, history, objects, requests
from webui.api.routes import DEPLOYMENT, ENVIRONMENT, Route, Scope

_VIEWER = Role.VIEWER

READING = (
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
    Route("GET", ENVIRONMENT, _VIEWER, Scope.PROJECT, "Get an environment.", history.environment, objects.Environment),
    Route(
        "GET",
        f"{ENVIRONMENT}/manifest",
        _VIEWER,
        Scope.PROJECT,
        "Get the manifest that was deployed last with success.",
        history.live_manifest,
        objects.Manifest,
    ),
    Route(
        "GET",
        f"{ENVIRONMENT}/resources",
        _VIEWER,
        Scope.PROJECT,
        "List the resources of an environment.",
        history.resources,
        objects.Resources,
    ),
    Route(
        "GET",
        f"{ENVIRONMENT}/available-resource-types",
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
    Route("GET", DEPLOYMENT, _VIEWER, Scope.DEPLOYMENT, "Get a deployment.", history.deployment, objects.Deployment),
    Route(
        "GET",
        f"{DEPLOYMENT}/manifest",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get the manifest of a deployment.",
        history.manifest,
        objects.Manifest,
    ),
    Route(
        "GET",
        f"{DEPLOYMENT}/graph",
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
        f"{DEPLOYMENT}/plan",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get the public summary of a plan.",
        history.plan,
        objects.Plan,
    ),
    Route(
        "GET",
        f"{DEPLOYMENT}/progress",
        _VIEWER,
        Scope.DEPLOYMENT,
        "Get how far an apply has come, by node and by address.",
        history.progress,
        objects.Progress,
    ),
    Route(
        "GET",
        f"{DEPLOYMENT}/events",
        _VIEWER,
        Scope.DEPLOYMENT,
        "List steps and resources of a deployment, in order.",
        history.events,
        objects.Events,
        query=requests.Events,
    ),
    Route(
        "GET",
        f"{DEPLOYMENT}/diagnostics",
        _VIEWER,
        Scope.DEPLOYMENT,
        "List the public parts of errors and warnings.",
        history.diagnostics,
        objects.Diagnostics,
    ),
    Route(
        "GET",
        f"{DEPLOYMENT}/logs",
        _VIEWER,
        Scope.DEPLOYMENT,
        "List encrypted chunks of a log.",
        history.log_chunks,
        objects.LogChunks,
        query=requests.LogChunks,
    ),
    Route(
        "GET",
        f"{DEPLOYMENT}/outputs",
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

CATALOGUE = tuple(
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
