"""What do promoted environments build on, as far as their own commit tells? The manifests of their sources there."""

from __future__ import annotations

from controller import promotion
from controller.configs import config_of, configs_of, settings_of
from controller.errors import ManifestError, Problem, problem
from controller.manifest import compose
from controller.manifest.compose import Composed
from controller.manifest.environment import Settings
from controller.model.document import Node
from controller.promotion import source_of
from controller.repository import Base, Repository, files_of


def base_of(repository: Repository, project: str, environment: str) -> Node | None:
    """What stands in for the base of a promoted environment offline: its source's manifest at the same commit."""
    config = config_of(repository, project, environment)
    circles = promotion.circles(environment, configs_of(repository, project, {environment: config}))
    if circles:
        raise ManifestError(circles)
    source = source_of(config)
    if source is None:
        return None
    if source.kind != "environment":
        what = f"the manifest of `{config.source}` is known to the controller alone"
        raise problem(config.place_of("source"), what, "use `environment://NAME` to have it checked offline")
    problems: list[Problem] = []
    base = base_offline(repository, project, environment, problems)
    if problems:
        raise ManifestError(problems)
    if base is None or not base.is_whole:
        return base_of(repository, project, source.name)  # says why there is none
    return base.document


def base_offline(repository: Repository, project: str, environment: str, problems: list[Problem]) -> Base | None:
    """The manifest of the source by its own files; None where there is no source, or the controller alone knows it."""
    base: Base | None = None
    for name in reversed(promotion.sources(environment, configs_of(repository, project))):
        key = project, name
        if key not in repository.bases:
            settings, composed = composed_of(repository, project, name, base)
            is_whole = composed.is_whole and not settings.problems
            found = (*settings.problems, *composed.problems)
            repository.bases[key] = Base(composed.manifest.document, is_whole, found)
        base = repository.bases[key]
        problems += base.problems
    return base


def composed_of(repository: Repository, project: str, environment: str, base: Base | None) -> tuple[Settings, Composed]:
    """What an environment says of itself, and its manifest over its base, as far as both can be understood."""
    settings = settings_of(repository, project, environment)
    files = files_of(repository, project, environment)
    document, is_whole = (base.document, base.is_whole) if base is not None else (None, True)
    composed = compose.attempt(
        repository.tree, *files, settings.config, document, settings.unsure, is_base_whole=is_whole
    )
    return settings, composed
