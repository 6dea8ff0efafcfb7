"""How do environments come that Git does not declare, and how does one go without being destroyed?"""

from __future__ import annotations

from controller.deployments import creating, drifting, forgetting, renaming
from webui import access
from webui.api import objects, requests
from webui.api.routes import Call, Reply


def create(call: Call) -> Reply:
    asked: requests.CreateEnvironment = call.body
    access.require_project(call.caller, asked.project, f"project `{asked.project}`")
    made = creating.create(
        call.doors,
        call.caller.name,
        asked.project,
        asked.name,
        asked.type,
        expires_at=asked.until(call.doors.now()),
        reason=asked.reason,
    )
    return objects.Environment.model_validate(made)


def extend(call: Call) -> Reply:
    asked: requests.ExtendEnvironment = call.body
    project, environment = call.path["project"], call.path["environment"]
    until = asked.until(call.doors.now())
    made = creating.extend(call.doors, call.caller.name, project, environment, until, reason=asked.reason)
    return objects.Environment.model_validate(made)


def drift(call: Call) -> Reply:
    asked: requests.Reason = call.body
    project, environment = call.path["project"], call.path["environment"]
    made = drifting.look(call.doors, call.caller.name, project, environment, reason=asked.reason)
    return objects.Deployment.model_validate(made)


def move(call: Call) -> Reply:
    asked: requests.Move = call.body
    project, environment = call.path["project"], call.path["environment"]
    there = asked.to.partition("/")[0] if "/" in asked.to else project
    access.require_project(call.caller, there, f"project `{there}`")
    act = renaming.decline if asked.decline else renaming.move
    made = act(call.doors, call.caller.name, project, environment, asked.to, reason=asked.reason)
    return objects.Environment.model_validate(made)


def left_behind(call: Call) -> Reply:
    found = forgetting.left_behind(call.doors, call.path["project"], call.path["environment"])
    return objects.LeftBehind.model_validate(found)


def forget(call: Call) -> Reply:
    asked: requests.Reason = call.body
    project, environment = call.path["project"], call.path["environment"]
    found = forgetting.forget(call.doors, call.caller.name, project, environment, reason=asked.reason)
    return objects.LeftBehind.model_validate(found)
