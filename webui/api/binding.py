"""What can be done through the API to what an environment is bound to, and to what it takes over?"""

from __future__ import annotations

from controller.deployments import adopting
from webui.api import objects, requests
from webui.api.routes import Call, Reply


def adopt(call: Call) -> Reply:
    asked: requests.Adopt = call.body
    project, environment, actor = call.path["project"], call.path["environment"], call.caller.name
    if asked.forget:
        adopting.forget(call.doors, actor, project, environment, reason=asked.reason)
        return objects.Adopted(deployment=None)
    made = adopting.adopt(
        call.doors,
        actor,
        project,
        environment,
        uuid=asked.uuid,
        state=asked.state.encode() if asked.state is not None else None,
        imports=asked.imports,
        reason=asked.reason,
    )
    return objects.Adopted(deployment=objects.Deployment.model_validate(made))
