"""What does a manifest that is kept, or brought, come to with the catalogue of the newest decided commit?"""

from __future__ import annotations

from dataclasses import replace

from controller import configs, pipeline
from controller.deployments import evaluate, parts
from controller.deployments.doors import Connection, Doors
from controller.errors import ConflictError, Place
from controller.history import read
from controller.history import standing as picture
from controller.history.opening import NewDeployment
from controller.model.deployment import EngineKind, Origin
from controller.model.document import Json, Node, placed
from controller.model.manifest import EnvironmentConfig
from controller.model.record import Environment
from controller.pipeline import Repository, Resolved
from controller.tofu import desired
from controller.tofu.requirements import address


def catalogue_of(doors: Doors, environment: Environment) -> tuple[Connection, str]:
    """The repository whose catalogue an environment uses, and the commit that was decided last there."""
    connection = doors.connections.get(environment.repository or "")
    if connection is None:
        raise ConflictError(
            f"repository `{environment.repository}` of {environment.slug} is not watched any more; "
            "list it under `connections` in the settings"
        )
    tip = next(row.decided_tip for row in read.repositories(doors.store) if row.id == connection.id)
    if tip is None:
        raise ConflictError(f"no commit of repository `{connection.id}` was decided yet; try again in a moment")
    return connection, tip


def resolved(
    doors: Doors,
    connection: Connection,
    tip: str,
    environment: Environment,
    document: Json | Node,
    *,
    even_if_gone: bool = False,
) -> Resolved:
    """All that a manifest comes to; ManifestError where it is wrong, or the catalogue is.

    `even_if_gone`: its directory may be gone, then the defaults of its project hold; nor need its modules be found.
    """
    repository = pipeline.read(connection.mirror.snapshot(tip).tree)
    pins, unresolved = picture.recorded_pins(doors.store, environment.uuid, connection.id)
    binding = environment.binding
    found = pipeline.resolve_manifest(
        repository,
        environment.project,
        environment.name,
        document if isinstance(document, Node) else placed(document, Place("manifest")),
        pins=pins,
        engine=binding.engine if binding else doors.engine.kind,
        config=_config(repository, environment, even_if_gone=even_if_gone),
    )
    evaluate.check(found, binding, environment.slug)
    if not even_if_gone:
        evaluate.check_resolved(found, unresolved)
    return found


def with_providers(doors: Doors, new: NewDeployment, environment: Environment) -> NewDeployment:
    """The same with today's provider blocks. Those that today's modules do not use in this way stay as they were kept.

    Versions stay pinned where the block asks for the same provider in the same versions.
    """
    connection, tip = catalogue_of(doors, environment)
    kept = parts.read(new.parts[parts.DESIRED])
    manifest = placed(parts.read(new.parts[parts.MANIFEST]), Place("manifest"))
    found = resolved(doors, connection, tip, environment, manifest, even_if_gone=True)
    now = found.desired.document["providers"]
    blocks = {name: now.get(name, block) for name, block in kept["providers"].items()}
    engine = EngineKind(kept["engine"])
    same = [block for name, block in blocks.items() if _asks(block) == _asks(kept["providers"][name])]
    other = {address(block["source"], engine) for block in blocks.values() if block not in same}
    pins = {name: pin for name, pin in desired.pins_of(kept).items() if name not in other}
    made = desired.repinned({**kept, "providers": blocks}, pins)
    gone = sorted(kept["providers"].keys() - now.keys())
    old = tuple(f"provider `{name}` is not used today as it was then; what was kept of it is used" for name in gone)
    return replace(
        new,
        parts={**new.parts, parts.DESIRED: parts.document(made.document)},
        warnings=(*new.warnings, *old),
    )


def _asks(block: Json) -> tuple[Json, Json]:
    return block["source"], block.get("version_constraint")


def _config(repository: Repository, environment: Environment, *, even_if_gone: bool) -> EnvironmentConfig | None:
    """What holds for one that Git does not declare; None where it says so itself."""
    if environment.origin is Origin.GIT and (environment.declared or not even_if_gone):
        return None
    return configs.config_by_hand(repository, environment.project, environment.name, environment.type)
