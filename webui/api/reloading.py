"""What came of reading the settings anew? A view of it."""

from __future__ import annotations

from controller.deployments import reloading
from webui.api import administration_objects, requests
from webui.api.routes import Call, Reply


def reload(call: Call) -> Reply:
    asked: requests.Reason = call.body
    done = reloading.reload(call.doors, call.caller.name, reason=asked.reason)
    return administration_objects.Reloaded.model_validate(done)
