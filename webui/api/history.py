"""What happened, and what is there now? Views that only read the history."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from controller.deployments import why as reasons
from controller.errors import NotFoundError
from controller.graph import draw
from controller.history import decided, overview, reached, read
from controller.model.deployment import OPEN
from controller.model.graph import GraphNode
from controller.model.record import Deployment, Environment, removed
from controller.tofu import desired
from webui import access
from webui.api import catalogue_objects, commit_objects, objects, requests, run_objects
from webui.api.routes import Call, Raw, Reply

_ENVIRONMENTS = 100  # on a page, where it is not said how many
_VERDICTS = 100  # of each commit in a list: there may be ten thousand, fifty times


def projects(call: Call) -> Reply:
    found = [id for id in read.projects(call.doors.store) if call.caller.sees(id)]
    return objects.Projects(items=[objects.Project(id=id) for id in found])


def environments(call: Call) -> Reply:
    asked: requests.Environments = call.query
    project = asked.project
    if project is not None:
        access.require_project(call.caller, project, f"project `{project}`")
    if asked.limit is None and not asked.after:
        found = read.environments(call.doors.store, project)
        return _environments([row for row in found if call.caller.sees(row.project)], None)
    if project is not None:
        read.require_project(call.doors.store, project)
    projects = call.caller.projects if project is None else (project,)
    limit = asked.limit or _ENVIRONMENTS
    found = overview.environments(call.doors.store, projects, asked.after, limit + 1)
    here = found[:limit]
    return _environments(here, here[-1].slug if len(found) > len(here) else None)


def _environments(found: Sequence[Environment], next: str | None) -> Reply:
    return objects.Environments(items=[objects.Environment.model_validate(row) for row in found], next=next)


def environment(call: Call) -> Reply:
    found = read.environment(call.doors.store, call.path["project"], call.path["environment"])
    return objects.Environment.model_validate(found)


def why(call: Call) -> Reply:
    asked: requests.Why = call.query
    found = reasons.why(call.doors, call.path["project"], call.path["environment"], asked.commit)
    return commit_objects.Why(
        project=found.project,
        environment=found.environment,
        commit=found.commit,
        text=found.answer.text,
        command=found.answer.command,
    )


def live_manifest(call: Call) -> Reply:
    found = read.environment(call.doors.store, call.path["project"], call.path["environment"])
    if found.last_success is None:
        raise NotFoundError(f"environment `{found.slug}` has no manifest yet; it was never deployed with success")
    details = read.details(call.doors.store, found.last_success)
    return run_objects.Manifest(deployment=found.last_success, manifest=details.manifest or {})


def resources(call: Call) -> Reply:
    found = read.resources(call.doors.store, call.path["project"], call.path["environment"])
    return catalogue_objects.Resources(items=[catalogue_objects.Resource.model_validate(row) for row in found])


def deployments(call: Call) -> Reply:
    asked: requests.Deployments = call.query
    if asked.project is not None:
        access.require_project(call.caller, asked.project, f"project `{asked.project}`")
    found = read.deployments(
        call.doors.store,
        project=asked.project,
        environment=asked.environment,
        repository=asked.repository,
        commit=asked.commit,
        status=asked.status,
        before=asked.before,
        limit=asked.limit,
    )
    # What the caller may not see is left out after the page was cut: a page may hold fewer, never the wrong ones.
    shown = [objects.Deployment.model_validate(row) for row in found if call.caller.sees(row.project)]
    return objects.Deployments(items=shown, next=_next([row.id for row in found], asked.limit))


def deployment(call: Call) -> Reply:
    return objects.Deployment.model_validate(call.deployment)


def manifest(call: Call) -> Reply:
    details = read.details(call.doors.store, call.deployment.id)
    return run_objects.Manifest(deployment=call.deployment.id, manifest=details.manifest or {})


def graph(call: Call) -> Reply:
    found = desired.decode(read.details(call.doors.store, call.deployment.id).desired)
    match call.query.format:
        case requests.GraphFormat.MERMAID:
            return Raw(draw.mermaid(found), "text/plain")
        case requests.GraphFormat.SVG:
            return Raw(draw.svg(found), "image/svg+xml")
        case requests.GraphFormat.TEXT:
            return Raw(draw.text(found), "text/plain")
    return run_objects.Graph(deployment=call.deployment.id, nodes=[_node(node) for node in found.nodes.values()])


def plan(call: Call) -> Reply:
    details = read.details(call.doors.store, call.deployment.id)
    return run_objects.Plan(deployment=call.deployment.id, summary=details.summary)


def progress(call: Call) -> Reply:
    found = reached.progress(call.doors.store, call.deployment.id)
    return run_objects.Progress(
        deployment=call.deployment.id,
        is_begun=found.is_begun,
        done=found.done,
        total=found.total,
        nodes=[run_objects.NodeProgress.model_validate(part) for part in found.parts],
        addresses=[run_objects.AddressProgress.model_validate(item) for part in found.parts for item in part.items],
    )


def events(call: Call) -> Reply:
    after: int = call.query.after
    found = [event for event in read.details(call.doors.store, call.deployment.id).events if event["n"] > after]
    return run_objects.Events(items=found, next=str(found[-1]["n"] if found else after))


def diagnostics(call: Call) -> Reply:
    details = read.details(call.doors.store, call.deployment.id)
    return run_objects.Diagnostics(items=list(details.diagnostics))


def log_chunks(call: Call) -> Reply:
    row = call.deployment
    if row.log_removed_at is not None:
        raise NotFoundError(f"the log of deployment `{row.id}` is gone; it was {removed(row.log_removed_at)}")
    details = read.details(call.doors.store, row.id)
    # Whether more may come is read before the chunks are: the last one is never missed.
    chunks = read.log_chunks(call.doors.store, row.id, call.query.after)
    return run_objects.LogChunks(
        items=[run_objects.LogChunk(number=number, content=_text(content)) for number, content in chunks],
        next=str(chunks[-1][0]) if chunks else str(call.query.after),
        key=_text(details.log_key) if details.log_key else None,
        recipient=row.log_recipient,
        is_open=row.status in OPEN,
    )


def outputs(call: Call) -> Reply:
    row = call.deployment
    found = read.outputs(call.doors.store, row.id)
    if found is None:
        raise NotFoundError(f"deployment `{row.id}` has no outputs; {_why_no_outputs(row)}")
    details = read.details(call.doors.store, row.id)
    return run_objects.Outputs(
        content=_text(found),
        key=_text(details.outputs_key) if details.outputs_key else None,
        recipient=row.outputs_recipient,
    )


def commits(call: Call) -> Reply:
    asked: requests.Commits = call.query
    repository = asked.repository or only_repository(call)
    found = decided.commits(
        call.doors.store, repository, asked.before, asked.limit, most=_VERDICTS, projects=call.caller.projects
    )
    shown = [commit_objects.Commit.model_validate(row) for row in found]
    return commit_objects.Commits(items=shown, next=_next([row.id for row in found], asked.limit))


def commit(call: Call) -> Reply:
    found = decided.commit(call.doors.store, call.path["id"], projects=call.caller.projects)
    return commit_objects.Commit.model_validate(found)


def repositories(call: Call) -> Reply:
    found = read.repositories(call.doors.store)
    shown = [(row, commit_objects.Repository.model_validate(row)) for row in found]
    connected = call.doors.connections
    sees_all = call.caller.projects is None
    return commit_objects.Repositories(
        items=[
            one.model_copy(update={"is_connected": row.id in connected, **({} if sees_all else {"problems": []})})
            for row, one in shown
        ]
    )


def holds(call: Call) -> Reply:
    found = [row for row in read.holds(call.doors.store) if _sees_scope(call, row.scope)]
    return objects.Holds(items=[objects.Hold.model_validate(row) for row in found])


def only_repository(call: Call) -> str:
    """The repository where the request names none; there has to be exactly one."""
    known = [row.id for row in read.repositories(call.doors.store)]
    known = [id for id in known if id in call.doors.connections] or known  # one that was taken away is no choice
    if len(known) != 1:
        raise NotFoundError(
            f"which repository is not said; give one of {', '.join(known) or 'those that `serve` watches'}"
        )
    return known[0]


def _why_no_outputs(row: Deployment) -> str:
    if row.outputs_recipient is None:
        return "it was started without a recipient for them"
    if row.outputs_removed_at is not None:
        return f"they were {removed(row.outputs_removed_at)}"
    if row.status in OPEN:
        return "it has not ended yet, wait for it"
    return "only a deployment that was applied with success has some"


def _sees_scope(call: Call, scope: str) -> bool:
    return scope == "*" or call.caller.sees(scope.partition("/")[0])


def _next(ids: Sequence[str], limit: int) -> str | None:
    return ids[-1] if len(ids) == limit else None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _node(node: GraphNode) -> run_objects.GraphNode:
    depends_on = sorted({str(other) for other in (*node.edges.values(), *node.anonymous)})
    return run_objects.GraphNode(
        resource=str(node.coordinate), module=node.module, depends_on=depends_on, origin=node.origin
    )
