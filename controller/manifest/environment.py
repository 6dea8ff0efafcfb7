"""What does an environment say of itself? `environment.yaml` over its project's defaults, and `project.yaml`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from controller.errors import ManifestError, Place, Problem, suggest
from controller.manifest import links, merge, reading, schema
from controller.manifest.environment_schema import EnvironmentFile, LimitsPart, ProjectFile, seconds
from controller.manifest.layout import EnvironmentFiles, ProjectFiles
from controller.manifest.phrases import listed, shown
from controller.model.document import Node
from controller.model.manifest import EnvironmentConfig, Limits, ProjectConfig
from controller.model.tree import Tree

FALLBACK_TYPE = "development"


def project_config(tree: Tree, files: ProjectFiles) -> ProjectConfig:
    """`project.yaml` of a project, or what holds where it has none."""
    if files.config is None:
        return ProjectConfig(files.id, files.id)
    node = _document(tree, files.config)
    written = schema.validate(ProjectFile, node)
    defaults = node.entries["defaults"] if written.defaults is not None else None
    return ProjectConfig(files.id, written.display_name or files.id, written.recipients or (), defaults)


def environment_config(
    tree: Tree,
    project: ProjectFiles,
    environment: EnvironmentFiles,
    config: ProjectConfig,
    environment_types: Collection[str],
) -> EnvironmentConfig:
    """`environment.yaml` over the project's defaults, every key checked and filled in."""
    own = _document(tree, environment.config) if environment.config else Node({}, Place(environment.folder))
    _, problems = _validated(EnvironmentFile, own)
    node = _over_defaults(own, config.defaults)
    problems.extend(_type_problems(node, environment_types))
    problems.extend(_promotion_problems(node, project, environment))
    if problems:
        raise ManifestError(problems)
    written = schema.validate(EnvironmentFile, node)
    type_ = _text(own, "type") or _default_type(environment, written, environment_types)
    return _config(written, type_, own.place, config)


def _validated(model: type[schema.M], node: Node) -> tuple[schema.M | None, list[Problem]]:
    try:
        return schema.validate(model, node), []
    except ManifestError as error:
        return None, list(error.problems)


def _document(tree: Tree, path: str) -> Node:
    return reading.read_one(path, links.content(tree, path))


def _over_defaults(own: Node, defaults: Node | None) -> Node:
    """A key given in both is the environment's; maps are merged, recipients added; `null` drops a default."""
    if defaults is None:
        return own
    entries = dict(own.entries)
    for key in ("recipients", "output_recipients"):
        mine, others = entries.get(key), defaults.entries.get(key)
        if mine is not None and others is not None and mine.is_list and others.is_list:
            entries[key] = Node((*others.items, *mine.items), mine.place, mine.key)
    node, _ = merge.overlaid(defaults, Node(entries, own.place))
    return Node(node.value, own.place)


def _text(node: Node, key: str) -> str | None:
    found = node.entries.get(key)
    return found.value if found is not None and isinstance(found.value, str) else None


def _default_type(environment: EnvironmentFiles, written: EnvironmentFile, known: Collection[str]) -> str:
    return environment.name if environment.name in known else written.type or FALLBACK_TYPE


def _type_problems(node: Node, known: Collection[str]) -> list[Problem]:
    name = _text(node, "type")
    if name is None or name in known:
        return []
    otherwise = f"known are {listed(sorted(known), 'and')}" if known else "declare it in environment-types.yaml"
    what = f"environment type `{shown(name)}` does not exist"
    return [Problem(node.entries["type"].place, what, suggest(name, known, otherwise))]


def _promotion_problems(node: Node, project: ProjectFiles, environment: EnvironmentFiles) -> list[Problem]:
    problems = []
    others = sorted(found.name for found in project.environments if found.name != environment.name)
    for awaited in node.entries["after"].items if "after" in node.entries else ():
        name = awaited.value
        if not isinstance(name, str):
            continue
        if name == environment.name:
            problems.append(Problem(awaited.place, "an environment cannot wait for itself", "remove it from `after`"))
        elif name not in others:
            otherwise = f"it has {listed(others, 'and')}" if others else "it has no other"
            what = f"project `{project.id}` has no environment `{shown(name)}`"
            problems.append(Problem(awaited.place, what, suggest(name, others, otherwise)))
    source = _text(node, "source")
    if source == f"environment://{environment.name}":
        what = "an environment cannot be its own source"
        problems.append(Problem(node.entries["source"].place, what, "name another environment"))
    if source is None and _text(node, "follow") is not None:
        place = node.entries["follow"].key or node.place
        problems.append(Problem(place, "`follow` means nothing without `source`", "remove it, or add `source`"))
    return problems


def _config(written: EnvironmentFile, type_: str, place: Place, project: ProjectConfig) -> EnvironmentConfig:
    given = {
        "approval": written.approval,
        "self_approval": written.self_approval,
        "on_removal": written.on_removal,
        "mode": written.mode,
        "follow": written.follow,
    }
    return EnvironmentConfig(
        type=type_,
        place=place,
        uuid=written.uuid,
        source=written.source,
        after=_distinct(written.after),
        images=written.images or {},
        limits=_limits(written.limits),
        protected=_distinct(written.protected),
        after_merge=written.after_merge,
        drift_every=timedelta(seconds=seconds(written.drift.every)) if written.drift and written.drift.every else None,
        drift_heal=bool(written.drift and written.drift.heal),
        recipients=_distinct((*project.recipients, *(written.recipients or ()))),
        output_recipients=_distinct(written.output_recipients),
        **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def _distinct(texts: tuple[str, ...] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts or ()))


def _limits(written: LimitsPart | None) -> Limits:
    if written is None:
        return Limits()
    destroy, replace = written.destroy, written.replace
    return Limits(
        destroy=None if destroy == "unlimited" else destroy,
        replace=None if replace == "unlimited" else replace,
    )
