"""How does an environment go without being destroyed? Views that say what would stay behind, and forget it."""

from __future__ import annotations

from controller.deployments import forgetting
from webui.api import objects, requests
from webui.api.routes import Call, Reply


def left_behind(call: Call) -> Reply:
    found = forgetting.left_behind(call.doors, call.path["project"], call.path["environment"])
    return objects.LeftBehind.model_validate(found)


def forget(call: Call) -> Reply:
    asked: requests.Reason = call.body
    project, environment = call.path["project"], call.path["environment"]
    found = forgetting.forget(call.doors, call.caller.name, project, environment, reason=asked.reason)
    return objects.LeftBehind.model_validate(found)
