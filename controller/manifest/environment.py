"""What does an environment say of itself? `environment.yaml` over its project's defaults, and `project.yaml`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from controller.errors import MOST, ManifestError, Place, Problem, suggest
from controller.manifest import links, mending, merge, reading, schema
from controller.manifest.environment_schema import EnvironmentFile, LimitsPart, ProjectFile, seconds
from controller.manifest.layout import EnvironmentFiles, ProjectFiles
from controller.manifest.phrases import listed, shown
from controller.model.document import Node, find, plain
from controller.model.manifest import AfterMerge, EnvironmentConfig, Limits, ProjectConfig
from controller.model.tree import Tree

FALLBACK_TYPE = "development"


@dataclass(frozen=True, slots=True)
class Names:
    """Names that settings may refer to; None: they cannot be known, for a file that gives them cannot be read."""

    environment_types: Collection[str] | None
    resource_types: Collection[str] | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What an environment says of itself as far as it can be known, and what is wrong with it.

    `unsure`: which of the keys that decide what the environment is made of have a value that can only be guessed.
    """

    config: EnvironmentConfig
    problems: tuple[Problem, ...] = ()
    unsure: frozenset[str] = frozenset()


def project_config(tree: Tree, files: ProjectFiles) -> ProjectConfig:
    """`project.yaml` of a project, or what holds where it has none."""
    config, document = _project(tree, files)
    if document.problems:
        raise ManifestError(document.problems)
    return config


def environment_config(
    tree: Tree,
    project: ProjectFiles,
    environment: EnvironmentFiles,
    config: ProjectConfig,
    environment_types: Collection[str],
) -> EnvironmentConfig:
    """`environment.yaml` over the project's defaults, every key checked and filled in."""
    found = _settings(tree, project, environment, config, Names(environment_types))
    if found.problems:
        raise ManifestError(found.problems)
    return found.config


def settings(tree: Tree, project: ProjectFiles, environment: EnvironmentFiles, names: Names) -> Settings:
    """The same with every problem of both files beside it; a key that is misspelt counts as what it was meant to be."""
    config, document = _project(tree, project)
    found = _settings(tree, project, environment, config, names)
    unsure = found.unsure | (document.unsure("defaults") - found.config.places.keys())
    return Settings(found.config, (*document.problems, *found.problems), unsure)


def later(config: EnvironmentConfig) -> Iterator[str]:
    """Warnings of settings that are read and checked, and that nothing in this release acts on."""
    unheard = {
        "after_merge": (
            config.after_merge is AfterMerge.HOLD,
            "a plan other than the reviewed one does not wait for it",
        ),
    }
    for key, (is_said, instead) in unheard.items():
        if is_said:
            yield str(Problem(config.place_of(key), f"`{key}` has no effect in this release", f"until then {instead}"))


@dataclass(frozen=True, slots=True)
class _Document:
    """A document as it was written, as far as that can be read, and as it was probably meant."""

    written: Node | None
    meant: Node
    problems: tuple[Problem, ...] = ()

    def unsure(self, *above: str) -> frozenset[str]:
        """Decisive keys below a path whose value was wrong."""
        if self.written is None:
            return _DECISIVE
        return frozenset(key for key in _DECISIVE if _plain(self.written, above, key) != _plain(self.meant, above, key))


_DECISIVE = frozenset({"images", "source", "type"})


def _project(tree: Tree, files: ProjectFiles) -> tuple[ProjectConfig, _Document]:
    document = _document(ProjectFile, tree, files.config, Place(files.folder))
    written = schema.validate(ProjectFile, document.meant)
    defaults = document.meant.entries["defaults"] if written.defaults is not None else None
    config = ProjectConfig(files.id, written.display_name or files.id, written.recipients or (), defaults)
    return config, document


def _settings(
    tree: Tree, project: ProjectFiles, environment: EnvironmentFiles, config: ProjectConfig, names: Names
) -> Settings:
    own = _document(EnvironmentFile, tree, environment.config, Place(environment.folder))
    unsure = own.unsure()
    node = _over_defaults(own.meant, config.defaults)
    written = schema.validate(EnvironmentFile, node)
    type_ = _text(own.meant, "type") or _default_type(environment, written, names.environment_types or ())
    wrong_type = _type_problems(node, names)
    problems = [*own.problems, *wrong_type, *islice(_protected_problems(node, names), MOST)]
    is_promoted = bool({"source"} & {*node.entries, *unsure})
    problems += islice(_promotion_problems(node, project, environment, is_promoted=is_promoted), MOST)
    if wrong_type or names.environment_types is None:
        unsure |= {"type"}
    return Settings(_config(written, type_, node, config), tuple(problems), unsure)


def _document(model: type[schema.Written], tree: Tree, path: str | None, otherwise: Place) -> _Document:
    if path is None:
        return _Document(Node({}, otherwise), Node({}, otherwise))
    try:
        node = reading.read_one(path, links.content(tree, path))
    except ManifestError as error:
        return _Document(None, Node({}, Place(path)), error.problems)
    problems = _complaints(model, node)
    if not problems:
        return _Document(node, node)
    meant = mending.mended(model, node, lambda rest: _complaints(model, rest))
    return _Document(mending.renamed(model, node), meant or Node({}, node.place), problems)


def _complaints(model: type[schema.Written], node: Node) -> tuple[Problem, ...]:
    try:
        schema.validate(model, node)
    except ManifestError as error:
        return error.problems
    return ()


def _plain(node: Node, above: tuple[str, ...], key: str) -> object:
    found = find(node, (*above, key))
    return None if found is None else plain(found)


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


def _type_problems(node: Node, names: Names) -> list[Problem]:
    name, known = _text(node, "type"), names.environment_types
    if name is None or known is None or name in known:
        return []
    otherwise = f"known are {listed(sorted(known), 'and')}" if known else "declare it in environment-types.yaml"
    what = f"environment type `{shown(name)}` does not exist"
    return [Problem(node.entries["type"].place, what, suggest(name, known, otherwise))]


def _protected_problems(node: Node, names: Names) -> Iterator[Problem]:
    protected, known = node.entries.get("protected"), names.resource_types
    for item in protected.items if protected is not None and known is not None else ():
        name = str(item.value)
        if name not in (known or ()):
            remedy = suggest(name, known or (), "remove it, or declare it below `resource-types/`")
            yield Problem(item.place, f"resource type `{shown(name)}` is unknown", remedy)


def _promotion_problems(
    node: Node, project: ProjectFiles, environment: EnvironmentFiles, *, is_promoted: bool
) -> Iterator[Problem]:
    for awaited in node.entries["after"].items if "after" in node.entries else ():
        name = str(awaited.value)
        if name == environment.name:
            yield Problem(awaited.place, "an environment cannot wait for itself", "remove it from `after`")
        elif name not in project.names:
            yield _no_environment(awaited.place, name, project, environment)
    scheme, _, name = (_text(node, "source") or "").partition("://")
    if scheme == "environment" and name == environment.name:
        what = "an environment cannot be its own source"
        yield Problem(node.entries["source"].place, what, "name another environment")
    elif scheme == "environment" and name not in project.names:
        yield _no_environment(node.entries["source"].place, name, project, environment)
    if not is_promoted and _text(node, "follow") is not None:
        place = node.entries["follow"].key or node.place
        yield Problem(place, "`follow` means nothing without `source`", "remove it, or add `source`")


def _no_environment(place: Place, name: str, project: ProjectFiles, own: EnvironmentFiles) -> Problem:
    others = sorted(project.names - {own.name})
    otherwise = f"it has {listed(others, 'and')}" if others else "it has no other"
    what = f"project `{project.id}` has no environment `{shown(name)}`"
    return Problem(place, what, suggest(name, others, otherwise))


def _config(written: EnvironmentFile, type_: str, node: Node, project: ProjectConfig) -> EnvironmentConfig:
    given = {
        "approval": written.approval,
        "self_approval": written.self_approval,
        "on_removal": written.on_removal,
        "mode": written.mode,
        "follow": written.follow,
    }
    return EnvironmentConfig(
        type=type_,
        place=node.place,
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
        places={key: value.place for key, value in node.entries.items()},
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
