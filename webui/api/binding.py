"""What can be done through the API to what an environment is bound to, and to what it takes over?"""

from __future__ import annotations

from controller.deployments import adopting, rebinding
from controller.errors import LockstepError
from controller.history import read
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


def binding(call: Call) -> Reply:
    project, environment = call.path["project"], call.path["environment"]
    found = read.environment(call.doors.store, project, environment)
    changes: tuple[str, ...] = ()
    trouble = ""
    try:
        changes = rebinding.wanted(call.doors, project, environment).changes
    except LockstepError as e:
        trouble = str(e)
    bound = objects.Binding.model_validate(found.binding) if found.binding else None
    return objects.BindingNow(binding=bound, changes=list(changes), trouble=trouble)


def rebind(call: Call) -> Reply:
    asked: requests.Rebind = call.body
    made = rebinding.rebind(
        call.doors,
        call.caller.name,
        call.path["project"],
        call.path["environment"],
        log_recipient=asked.log_recipient,
        expect_last=asked.expect_last,
        reason=asked.reason,
    )
    return objects.Deployment.model_validate(made)
