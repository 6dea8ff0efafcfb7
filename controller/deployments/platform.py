"""What does a commit offer and declare, in a form to be shown? No value of a variable is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from controller.errors import ManifestError
from controller.manifest.environment import project_config
from controller.model.catalog import Module, Provider, Runner
from controller.model.document import Json, plain
from controller.pipeline import Repository


def projects(repository: Repository, slugs: Iterable[str]) -> dict[str, str]:
    """Id and display name of the projects that these environments (P/E) are of."""
    wanted = {slug.partition("/")[0] for slug in slugs}
    found = {}
    for files in repository.found.projects:
        if files.id in wanted:
            try:
                found[files.id] = project_config(repository.tree, files).display_name
            except ManifestError:
                found[files.id] = files.id
    return found


def catalogue(repository: Repository) -> Json:
    """The catalogue as documents, each list in order of id."""
    catalog = repository.catalog.catalog
    return {
        "environment_types": [
            {"id": found.id, "display_name": found.display_name, "production": found.production}
            for _, found in sorted(catalog.environment_types.items())
        ],
        "resource_types": [
            {
                "id": found.id,
                "description": found.description,
                "output_schema": found.output_schema,
                "is_developer_accessible": found.is_developer_accessible,
            }
            for _, found in sorted(catalog.resource_types.items())
        ],
        "modules": [_module(found) for _, found in sorted(catalog.modules.items())],
        "providers": [_provider(found) for _, found in sorted(catalog.providers.items())],
        "runners": [_runner(found) for _, found in sorted(catalog.runners.items())],
        "problems": [str(breakage.problem) for breakage in repository.catalog.problems],
    }


def _module(module: Module) -> Json:
    return {
        "id": module.id,
        "description": module.description,
        "resource_type": module.resource_type,
        "source": {"kind": str(module.source.kind), "address": module.source.address},
        "params": {name: param.type for name, param in sorted(module.params.items())},
        "dependencies": {alias: required.type for alias, required in sorted(module.dependencies.items())},
        "rules": [
            {
                "resource_class": rule.resource_class,
                "resource_id": rule.resource_id,
                "project_id": rule.project_id,
                "env_type_id": rule.env_type_id,
                "env_id": rule.env_id,
            }
            for rule in module.rules
        ],
        "place": str(module.place),
    }


def _provider(provider: Provider) -> Json:
    return {
        "provider_type": provider.type,
        "id": provider.id,
        "description": provider.description,
        "source": provider.source,
        "version_constraint": provider.version_constraint,
        "configuration": plain(provider.configuration) if provider.configuration else None,
        "place": str(provider.place),
    }


def _runner(runner: Runner) -> Json:
    return {
        "id": runner.id,
        "description": runner.description,
        "type": runner.type,
        "state_storage": _without_values(runner.state_storage),
        "variables": sorted(runner.configuration.get("env") or {}),
        "env_from_file": runner.configuration.get("env_from_file"),
        "rules": [{"project_id": rule.project_id, "env_type_id": rule.env_type_id} for rule in runner.rules],
        "place": str(runner.place),
    }


def _without_values(state_storage: Mapping[str, Json]) -> Json:
    return {"type": state_storage["type"], "settings": sorted(key for key in state_storage if key != "type")}
