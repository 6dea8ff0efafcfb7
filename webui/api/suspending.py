"""Who keeps Git from what, and until when? Views that suspend and resume environments, projects, or everything."""

from __future__ import annotations

from controller.deployments import suspending
from webui.api import objects, requests
from webui.api.routes import Call, Reply


def suspend(call: Call) -> Reply:
    asked: requests.Suspend = call.body
    until = asked.until or (call.doors.now() + asked.lasts if asked.lasts else None)
    made = suspending.suspend(call.doors, call.caller.name, _scope(call), until=until, reason=asked.reason)
    return objects.Hold.model_validate(made)


def resume(call: Call) -> Reply:
    asked: requests.Reason = call.body
    suspending.resume(call.doors, call.caller.name, _scope(call), reason=asked.reason)
    return None


def _scope(call: Call) -> str:
    return "/".join(call.path[part] for part in ("project", "environment") if part in call.path) or suspending.ALL
