"""Which runners are there, and where do they keep states? From what is written to what it is."""

from __future__ import annotations

from collections.abc import Iterator

from controller.catalog import spelling
from controller.catalog.documents import RunnerFile
from controller.errors import ManifestError, Place, Problem
from controller.manifest import schema
from controller.model.catalog import Runner, RunnerRule
from controller.model.document import Node, find, plain

# Known to the Platform Orchestrator, not to us.
_UNSUPPORTED = ("serverless-ecs",)
_SUPPORTED = "`local`, `kubernetes`, `kubernetes-gke`, `kubernetes-eks` or `kubernetes-agent`"
# Variables by which the engine would do something else than it is asked to.
_RESERVED = ("TF_DATA_DIR", "TF_ENCRYPTION", "TF_IN_AUTOMATION", "TF_INPUT", "TF_WORKSPACE")
_RESERVED_PREFIX = "TF_CLI_ARGS"


def runner(node: Node) -> Runner:
    found = [*_unsupported(node), *_unnamed(node)]
    if found:
        raise ManifestError(found)
    written = schema.validate(RunnerFile, node)
    found = [*_environment_problems(node), *_kubernetes_problems(node, written)]
    if found:
        raise ManifestError(found)
    state = node.entries.get("state_storage_configuration")
    rules = find(node, ("rules",))
    return Runner(
        id=written.id,
        description=written.description,
        configuration=plain(node.entries["runner_configuration"]),
        state_storage={"type": "local"} if state is None else plain(state),
        rules=tuple(
            RunnerRule(written.id, rule.project_id, rule.env_type_id, place.place)
            for rule, place in zip(written.rules, rules.items if rules else (), strict=True)
        ),
        place=node.place,
    )


def _unsupported(node: Node) -> Iterator[Problem]:
    type_ = find(node, ("runner_configuration", "type"))
    if type_ is not None and type_.value in _UNSUPPORTED:
        yield Problem(type_.place, f"runners of type `{type_.value}` are not supported", f"use {_SUPPORTED}")
    auth = find(node, ("runner_configuration", "cluster", "auth"))
    if type_ is not None and type_.value == "kubernetes" and auth is not None:
        what = "credentials of a cluster do not belong into Git"
        yield Problem(auth.key or auth.place, what, "remove `auth`, and revoke what has been committed")


def _unnamed(node: Node) -> Iterator[Problem]:
    for name, place in _variables(node):
        if not spelling.VARIABLE.accepts(name):
            # Not repeated: where a comma or a quote has gone astray, it is a value.
            yield Problem(place, f"this is not a valid {spelling.VARIABLE.name}", spelling.VARIABLE.rule)


def _environment_problems(node: Node) -> Iterator[Problem]:
    for name, place in _variables(node):
        if name in _RESERVED or name.startswith(_RESERVED_PREFIX):
            what = f"the variable `{name}` would change what the engine is asked to do"
            yield Problem(place, what, "leave it out")


def _variables(node: Node) -> Iterator[tuple[str, Place]]:
    """Names of variables as they are written, each with its place."""
    for path in (("env",), ("request", "env")):
        variables = find(node, ("runner_configuration", *path))
        for name, value in variables.entries.items() if variables else ():
            yield name, value.key or value.place


def _kubernetes_problems(node: Node, written: RunnerFile) -> Iterator[Problem]:
    if written.runner_configuration.type == "local":
        return
    if written.state_storage_configuration.type == "local":
        state = node.entries.get("state_storage_configuration")
        where: Place = node.place if state is None else state.place
        what = f"a runner of type `{written.runner_configuration.type}` keeps nothing on its own disk"
        yield Problem(where, what, "set `state_storage_configuration` to another type than `local`")
    for path, key in ((("metadata", "namespace"), "namespace"), (("spec", "serviceAccountName"), "service_account")):
        found = find(node, ("runner_configuration", "job", "pod_template", *path))
        if found is not None:
            what = f"`{'.'.join(path)}` may not be set in `pod_template`"
            yield Problem(found.key or found.place, what, f"set `{key}` of the job")
