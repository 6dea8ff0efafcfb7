"""What does an environment take over until a deployment has succeeded with it, and what is doubtful about that?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from controller.deployments.doors import Doors
from controller.model.document import Json
from controller.model.record import Environment
from controller.tofu import plan as plans


def imports(doors: Doors, environment: Environment | None) -> Mapping[str, str]:
    """Ids of what is to be taken over by import, by address."""
    adoption = environment.adoption if environment else None
    if adoption is None or adoption.imports is None:
        return {}
    found: dict[str, str] = json.loads(doors.sealer.open(bytes.fromhex(adoption.imports)))
    return found


def doubt(environment: Environment | None, changes: Sequence[Mapping[str, Json]]) -> str:
    """Why a plan that takes something over has to be looked at; empty: it changes nothing of it, or takes nothing."""
    adoption = environment.adoption if environment else None
    if adoption is None:
        return ""
    more = [change for change in changes if change["action"] not in ("import", "read")]
    if not more:
        return ""
    count = "1 more thing" if len(more) == 1 else f"{len(more)} more things"
    also = " beside what it imports" if any(map(plans.is_import, changes)) else ""
    return f"it takes over {adoption.what} for {adoption.by}, and would change {count}{also}"
