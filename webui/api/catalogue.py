"""What does the platform offer? Views on the catalogue of each repository's decided tip."""

from __future__ import annotations

from controller import pipeline
from controller.catalog import available
from controller.deployments.doors import Doors
from controller.errors import NotFoundError
from controller.history import module_pins, read
from controller.history.module_pins import ModulePin
from controller.model.bundle import Context
from controller.model.catalog import Catalog
from controller.model.document import Json
from controller.model.record import Environment
from webui.api import catalogue_objects, requests
from webui.api.routes import Call, Reply


def modules(call: Call) -> Reply:
    """Each with the commit that its tag or branch is, as of the last poll."""
    found = _items(call, "modules")
    for repository in {str(item["repository"]) for item in found.items}:
        mine = [item for item in found.items if item["repository"] == repository]
        known = module_pins.shown(call.doors.store, repository, mine)
        for item in mine:
            item["pin"] = _pin(known.get(item["id"]))
    return found


def resource_types(call: Call) -> Reply:
    return _items(call, "resource_types")


def environment_types(call: Call) -> Reply:
    return _items(call, "environment_types")


def providers(call: Call) -> Reply:
    return _items(call, "providers")


def runners(call: Call) -> Reply:
    return _items(call, "runners")


def available_resource_types(call: Call) -> Reply:
    """What rules offer an environment, by the platform files of the decided tip."""
    asked: requests.AvailableResourceTypes = call.query
    found = read.environment(call.doors.store, call.path["project"], call.path["environment"])
    context = Context(project_id=found.project, env_id=found.name, env_type_id=found.type)
    offered = available.available(
        _catalog(call.doors, found), context, type_id=asked.type, include_inaccessible=asked.include_inaccessible
    )
    return catalogue_objects.AvailableResourceTypes(
        items=[catalogue_objects.AvailableResourceType.model_validate(row) for row in offered]
    )


def _pin(found: ModulePin | None) -> Json:
    if found is None or found.ref is None:
        return None
    times = {"checked_at": found.checked_at, "moved_at": found.moved_at}
    return {
        "ref": found.ref.name,
        "url": found.ref.url,
        "commit": found.commit,
        "error": found.error,
        **{name: at.isoformat() if at else None for name, at in times.items()},
    }


def _catalog(doors: Doors, environment: Environment) -> Catalog:
    known = {row.id: row for row in read.repositories(doors.store)}
    row = known.get(environment.repository or "")
    connection = doors.connections.get(environment.repository or "")
    if row is None or row.decided_tip is None or connection is None:
        raise NotFoundError(
            f"environment `{environment.slug}` belongs to no repository that is watched now; "
            "list it under `connections` in the settings"
        )
    return pipeline.read(connection.mirror.snapshot(row.decided_tip).tree).catalog.catalog


def _items(call: Call, kind: str) -> catalogue_objects.CatalogueItems:
    wanted = call.query.repository
    repositories = [wanted] if wanted else [row.id for row in read.repositories(call.doors.store)]
    found = [
        {**item, "repository": repository}
        for repository in repositories
        for item in (read.catalogue(call.doors.store, repository) or {}).get(kind, ())
    ]
    return catalogue_objects.CatalogueItems(items=found)
