"""How is it written down that an environment is to be moved? Its deployment opens only where its line is empty."""

from __future__ import annotations

from collections.abc import Mapping

from controller.errors import ConflictError
from controller.history import audit, rows
from controller.history.audit import Act
from controller.history.opening import NewDeployment, insert_deployment
from controller.history.standing import lines
from controller.history.store import Store
from controller.history.tables import EnvironmentRow
from controller.model.document import Json
from controller.model.record import Deployment


def opened(store: Store, new: NewDeployment, act: Act, *, last_success: str) -> Deployment:
    """Open it; refused where something is open in the line, or has succeeded since `last_success`."""
    with store.writing() as session:
        environment = session.get_one(EnvironmentRow, new.environment_uuid)
        slug = f"{new.project}/{new.environment}"
        line = lines(session, [new.environment_uuid]).get(new.environment_uuid, ())
        if line:
            first = line[0]
            remedy = "wait for its end, or cancel it, then move the environment"
            raise ConflictError(f"deployment {first.id} of {slug} is {first.status}; {remedy}")
        if environment.last_success != last_success or environment.applied is None:
            raise ConflictError(f"{slug} was deployed this very moment; look at it, then move it again")
        details: dict[str, Json] = {
            "deployment": new.id,
            "from": _shown(environment.binding or {}),
            "to": _shown(rows.binding_document(new.binding)),
        }
        with audit.changing(session, act, "rebind", slug, audit.environment(session, new.environment_uuid), details):
            environment.version += 1
            row = insert_deployment(session, new, act.now)
        return rows.deployment(row)


def _shown(binding: Mapping[str, Json]) -> Json:
    """A binding without the settings of its state storage."""
    return {"runner": binding.get("runner"), "state": (binding.get("state") or {}).get("type")}
