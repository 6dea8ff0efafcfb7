"""What do environments say of themselves at a commit? Their environment.yaml over the project's defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from controller.errors import ManifestError, Problem, suggest
from controller.manifest import environment as environments_of
from controller.manifest.environment import Names, Settings
from controller.manifest.layout import EnvironmentFiles
from controller.model.manifest import EnvironmentConfig, Follow
from controller.promotion import ConfigOf
from controller.repository import Repository, files_of, platform_problems, project_of


def config_of(repository: Repository, project: str, environment: str) -> EnvironmentConfig:
    """What an environment says of itself at this commit."""
    if repository.catalog.known.environment_types is None:  # every type that is named would seem to be wrong
        raise ManifestError(platform_problems(repository, ()))
    settings = settings_of(repository, project, environment)
    if settings.problems:
        raise ManifestError(settings.problems)
    return settings.config


def config_by_hand(repository: Repository, project: str, environment: str, type_: str) -> EnvironmentConfig:
    """What holds for an environment that Git does not declare: the project's defaults, and the type it was given."""
    known = repository.catalog.known
    types = known.environment_types
    if types is None:  # every type that is named would seem to be wrong
        raise ManifestError(platform_problems(repository, ()))
    if type_ not in types:
        remedy = suggest(type_, types, f"there are {', '.join(sorted(types)) or 'none'}")
        raise ManifestError([Problem("type", f"environment type `{type_}` is unknown", remedy)])
    files = EnvironmentFiles(project, environment, folder=repository.layout.projects)
    names = Names(types, known.resource_types)
    found = environments_of.settings(repository.tree, project_of(repository, project), files, names)
    if found.problems:
        raise ManifestError(found.problems)
    return replace(found.config, type=type_, uuid=None, source=None, after=(), mode=Follow.FOLLOW)


def settings_of(repository: Repository, project: str, environment: str) -> Settings:
    key = project, environment
    if key not in repository.settings:
        known = repository.catalog.known
        names = Names(known.environment_types, known.resource_types)
        files = files_of(repository, project, environment)
        repository.settings[key] = environments_of.settings(repository.tree, *files, names)
    return repository.settings[key]


def configs_of(repository: Repository, project: str, found: Mapping[str, EnvironmentConfig] | None = None) -> ConfigOf:
    """What the environments of a project say of themselves, as far as that can be understood; each read once."""
    configs: dict[str, EnvironmentConfig | None] = dict(found or {})
    declared = repository.found.environments

    def config_of(name: str) -> EnvironmentConfig | None:
        if name not in configs:
            configs[name] = settings_of(repository, project, name).config if f"{project}/{name}" in declared else None
        return configs[name]

    return config_of
