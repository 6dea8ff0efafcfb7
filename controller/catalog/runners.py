"""Which runners are there, and where do they keep states? From what is written to what it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.catalog import spelling
from controller.catalog.documents import UNSUPPORTED_RUNNERS, RunnerFile
from controller.errors import ManifestError, Place, Problem
from controller.manifest import schema
from controller.model.catalog import Runner, RunnerRule
from controller.model.document import Node, find, plain

# Variables by which the engine would do something else than it is asked to.
_RESERVED = ("TF_DATA_DIR", "TF_ENCRYPTION", "TF_IN_AUTOMATION", "TF_INPUT", "TF_WORKSPACE")
_RESERVED_PREFIX = "TF_CLI_ARGS"
# By which a job learns what it is to do.
_OF_THE_JOB = frozenset(
    {"DEPLOYMENT_ENV_UUID", "DEPLOYMENT_ID", "ENCRYPTING_KEY", "ENCRYPTING_LOGS_KEY", "IAC_BACKEND", "IAC_CODE_DIR"}
    | {"LOG_LEVEL", "METADATA_KEY", "MODE", "ORG_ID", "RUNNER_GATEWAY_URL", "RUNNER_ID", "TOKEN"}
)
_SSH_KEYS = "RUNNER_GIT_SSH_KEYS"


def runner(node: Node) -> Runner:
    found = [*_credentials(node), *_unnamed(node)]
    if found:
        raise ManifestError(found)
    unsupported = list(_unsupported(node))
    try:
        written = schema.validate(RunnerFile, _as_local(node) if unsupported else node)
    except ManifestError as error:
        raise ManifestError([*unsupported, *error.problems]) from error
    found = [*unsupported, *_environment_problems(node), *_state_problems(node, written), *_pod_problems(node)]
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
    """A runner of a type that is known elsewhere, with what else is wrong with it."""
    type_ = find(node, ("runner_configuration", "type"))
    model = UNSUPPORTED_RUNNERS.get(_type(node))
    if model is None or type_ is None:
        return
    what = f"runners of type `{type_.value}` are not supported"
    yield Problem(type_.place, what, "use one of type `local` or `kubernetes`")
    try:
        schema.validate(model, node, ("runner_configuration",))
    except ManifestError as error:
        yield from error.problems


def _as_local(node: Node) -> Node:
    """The document with a configuration that is right: of the one that it has, all is said."""
    written = node.entries["runner_configuration"]
    local = replace(written, value={"type": Node("local", written.place, written.key)})
    return replace(node, value={**node.entries, "runner_configuration": local})


def _type(node: Node) -> str:
    type_ = find(node, ("runner_configuration", "type"))
    return type_.value if type_ is not None and isinstance(type_.value, str) else ""


def _credentials(node: Node) -> Iterator[Problem]:
    auth = find(node, ("runner_configuration", "cluster", "auth"))
    if _type(node) == "kubernetes" and auth is not None:
        what = "credentials of a cluster do not belong into Git"
        yield Problem(auth.key or auth.place, what, "remove `auth`, and revoke what has been committed")


def _unnamed(node: Node) -> Iterator[Problem]:
    for name, place in _variables(node):
        if not spelling.VARIABLE.accepts(name):
            # Not repeated: where a comma or a quote has gone astray, it is a value.
            yield Problem(place, f"this is not a valid {spelling.VARIABLE.name}", spelling.VARIABLE.rule)


def _environment_problems(node: Node) -> Iterator[Problem]:
    for name, place in _variables(node):
        if _is_reserved(name):
            what = f"the variable `{name}` would change what the engine is asked to do"
            yield Problem(place, what, "leave it out")


def _variables(node: Node) -> Iterator[tuple[str, Place]]:
    """Names of variables as they are written, each with its place."""
    for path in (("env",), ("request", "env")):
        variables = find(node, ("runner_configuration", *path))
        for name, value in variables.entries.items() if variables else ():
            yield name, value.key or value.place


def _state_problems(node: Node, written: RunnerFile) -> Iterator[Problem]:
    type_, stored = _type(node), written.state_storage_configuration.type
    state = node.entries.get("state_storage_configuration")
    where = node.place if state is None else state.place
    if type_ == "serverless-ecs" and stored != "s3":
        yield Problem(where, f"a runner of type `{type_}` keeps states in `s3` alone", "use that")
    elif type_ != "local" and stored == "local":
        what = f"a runner of type `{type_}` keeps nothing on its own disk"
        yield Problem(where, what, "set `state_storage_configuration` to another type than `local`")


def _pod_problems(node: Node) -> Iterator[Problem]:
    """What a job's `pod_template` may not say."""
    for path, key in ((("metadata", "namespace"), "namespace"), (("spec", "serviceAccountName"), "service_account")):
        found = find(node, ("runner_configuration", "job", "pod_template", *path))
        if found is not None:
            what = f"`{'.'.join(path)}` may not be set in `pod_template`"
            yield Problem(found.key or found.place, what, f"set `{key}` of the job")
    for kind in ("initContainers", "containers"):
        containers = find(node, ("runner_configuration", "job", "pod_template", "spec", kind))
        for container in containers.items if containers is not None else ():
            yield from _pod_variables(container)


def _pod_variables(container: Node) -> Iterator[Problem]:
    variables = find(container, ("env",))
    for variable in variables.items if variables is not None else ():
        name = find(variable, ("name",))
        if name is None or not isinstance(name.value, str):
            continue
        if name.value in _OF_THE_JOB:
            yield Problem(name.place, f"the variable `{name.value}` tells the job what to do", "leave it out")
        elif _is_reserved(name.value):
            what = f"the variable `{name.value}` would change what the engine is asked to do"
            yield Problem(name.place, what, "leave it out")
        elif name.value == _SSH_KEYS and find(variable, ("value",)) is not None:
            what = f"the keys of `{_SSH_KEYS}` do not belong into Git"
            yield Problem(name.place, what, "take them from a secret with `valueFrom`, and revoke those committed")
        elif name.value == _SSH_KEYS and find(variable, ("valueFrom",)) is None:
            yield Problem(name.place, f"`{_SSH_KEYS}` has no value", "take it from a secret with `valueFrom`")


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or name.startswith(_RESERVED_PREFIX)
