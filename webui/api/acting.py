"""What can be done through the API? Views that change something; each calls one action and shows what came of it."""

from __future__ import annotations

from controller.deployments import actions
from controller.deployments.actions import DryRun, PlannedRef
from controller.manifest import reading
from controller.model.document import Json, Node
from controller.model.record import Deployment
from webui.api import objects, requests
from webui.api.routes import Call, Reply


def deploy(call: Call) -> Reply:
    asked: requests.Deploy = call.body
    made = actions.deploy_manifest(
        call.doors,
        call.caller.name,
        call.path["project"],
        call.path["environment"],
        _document(asked),
        plan_only=asked.plan_only,
        dry_run=asked.dry_run,
        log_recipient=asked.log_recipient,
        log_level=asked.log_level,
        outputs_recipient=asked.outputs_recipient,
        expect_last=asked.expect_last,
        hold_until=asked.hold_until,
        reason=asked.reason,
    )
    return _deployed(made)


def rollback(call: Call) -> Reply:
    asked: requests.Rollback = call.body
    actor, project, environment = call.caller.name, call.path["project"], call.path["environment"]
    if asked.dry_run:
        return _deployed(actions.rollback_preview(call.doors, actor, project, environment, asked.deployment))
    made = actions.rollback(
        call.doors,
        actor,
        project,
        environment,
        asked.deployment,
        plan_only=asked.plan_only,
        log_recipient=asked.log_recipient,
        log_level=asked.log_level,
        outputs_recipient=asked.outputs_recipient,
        expect_last=asked.expect_last,
        hold_until=asked.hold_until,
        reason=asked.reason,
    )
    return _deployed(made)


def destroy(call: Call) -> Reply:
    asked: requests.Destroy = call.body
    made = actions.destroy(
        call.doors,
        call.caller.name,
        call.path["project"],
        call.path["environment"],
        log_recipient=asked.log_recipient,
        log_level=asked.log_level,
        expect_last=asked.expect_last,
        current_providers=asked.current_providers,
        reason=asked.reason,
    )
    return objects.Destroyed(deployment=objects.Deployment.model_validate(made) if made else None)


def resume(call: Call) -> Reply:
    asked: requests.Reason = call.body
    project, environment = call.path["project"], call.path["environment"]
    actions.resume(call.doors, call.caller.name, project, environment, reason=asked.reason)
    return None


def approve(call: Call) -> Reply:
    asked: requests.Approve = call.body
    actor, id = call.caller.name, call.deployment.id
    made = actions.approve(call.doors, actor, id, reason=asked.reason, imports=asked.imports)
    return objects.Deployment.model_validate(made)


def discard(call: Call) -> Reply:
    asked: requests.Reason = call.body
    made = actions.discard(call.doors, call.caller.name, call.deployment.id, reason=asked.reason)
    return objects.Deployment.model_validate(made)


def cancel(call: Call) -> Reply:
    asked: requests.Reason = call.body
    made = actions.cancel(call.doors, call.caller.name, call.deployment.id, reason=asked.reason)
    return objects.Deployment.model_validate(made)


def retry(call: Call) -> Reply:
    asked: requests.Reason = call.body
    made = actions.retry(call.doors, call.caller.name, call.deployment.id, reason=asked.reason)
    return objects.Deployment.model_validate(made)


def plan_ref(call: Call) -> Reply:
    asked: requests.PlanRef = call.body
    return _planned(actions.plan_ref(call.doors, call.caller.name, asked.ref, repository=asked.repository))


def planned_ref(call: Call) -> Reply:
    return _planned(actions.planned_ref(call.doors, call.path["id"]))


def refresh(call: Call) -> Reply:
    actions.refresh(call.doors, call.caller.name, call.path["id"])
    return None


def _deployed(made: Deployment | DryRun) -> objects.Deployed:
    if isinstance(made, DryRun):
        return objects.Deployed(dry_run=objects.DryRun.model_validate(made))
    return objects.Deployed(deployment=objects.Deployment.model_validate(made))


def _document(asked: requests.Deploy) -> Json | Node:
    if asked.source is None:
        return asked.manifest
    return reading.read_said(asked.source.name, asked.source.text.encode())


def _planned(found: PlannedRef) -> objects.PlannedRef:
    return objects.PlannedRef(
        id=found.id,
        ref=found.ref,
        commit=found.commit,
        base=found.base,
        deployments=[objects.Deployment.model_validate(row) for row in found.deployments],
        problems={slug: list(problems) for slug, problems in found.problems.items()},
        conflicts=list(found.conflicts),
        unchanged=list(found.unchanged),
        comment=found.comment(),
    )
