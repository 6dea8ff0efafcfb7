"""A company whose modules do with secrets whatever can be done with them; its controller runs."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from controller import clock
from controller.deployments import keys
from controller.deployments.doors import Runner
from controller.history import decided, read
from controller.loop import Loop
from controller.model.deployment import FINAL, EngineKind
from controller.model.document import Json
from controller.model.record import Deployment
from controller.runner.protocol import Engine
from controller.secrets import age, logs
from controller.secrets.age import Identity
from controller.secrets.sealing import Sealer
from tests import deploy_factories, provider, webui_factories
from tests.deploy_factories import CONTROLLER, REPOSITORY, World
from tests.git_factories import Content

PATIENCE = 60.0
READER = age.generate()  # who may read outputs
SECRETS = {
    "env": 'canary of "env"/é+&<x>%41',  # in the runner's file
    "lines": "-----BEGIN CANARY-----\nMIIcanary+of/lines\n-----END CANARY-----\n",  # there too
    "file": "canary:of:env_from_file=\\1",  # in the file that the runner's file names
    "request": "canary-of-requests-${0}",  # in what plans of requests are given
    "returned": "canary*returned*as{sensitive}",  # only a module knows of it
    "data": "canary|in|a|data|source",
}
PRINTED = [line for name in ("env", "lines", "file") for line in SECRETS[name].splitlines()]

LEAKY = """\
variable "vault" { type = string }
variable "size" { type = number }

locals {
  given  = file("${var.vault}/given") # what a module learns of its environment, by whatever way
  secret = sensitive(file("${var.vault}/secret"))
}

data "terraform_remote_state" "vault" {
  for_each = toset([local.given, nonsensitive(local.secret)])
  backend  = "local"
  config   = { path = "${var.vault}/terraform.tfstate" }
  defaults = { (each.key) = each.key }
}

resource "terraform_data" "printed" {
  input            = { (values(data.terraform_remote_state.vault)[0].outputs.token) = local.secret }
  triggers_replace = [var.size, local.given]

  provisioner "local-exec" {
    command = "printf '%s\\n' \\"$CANARY\\" \\"$CANARY_LINES\\" \\"$CANARY_FILE\\"; sleep 0.3"
  }
}

resource "terraform_data" "each" {
  for_each = toset([local.given, nonsensitive(local.secret), "plain"])
  input    = { (each.key) = "${each.key} ${var.size}" }
}

output "password" {
  value     = local.secret
  sensitive = true
}

output "platform_orchestrator_metadata" {
  value = {
    Url           = "db://x:${urlencode(nonsensitive(local.secret))}@${urlencode(local.given)}"
    Json          = jsonencode([local.given, { (local.given) = nonsensitive(local.secret) }])
    Basic         = base64encode("admin:${local.given}")
    (local.given) = nonsensitive(local.secret)
    Size          = tostring(var.size)
  }
}
"""
BROKEN = """\
variable "vault" { type = string }
variable "size" { type = number }

locals { secret = sensitive(file("${var.vault}/secret")) }

resource "terraform_data" "it" {
  for_each = toset([file("${var.vault}/given"), nonsensitive(local.secret)])
  input    = local.secret

  provisioner "local-exec" {
    command = "printf '%s\\n' refused \\"$CANARY\\" \\"$CANARY_LINES\\" \\"$CANARY_FILE\\" >&2; exit 1"
  }
}
"""
REFUSED = """\
variable "vault" { type = string }
variable "size" { type = number }

terraform {
  required_providers {
    thing = { source = "acme/thing" }
  }
}

resource "thing_it" "it" {
  for_each = toset([file("${var.vault}/given")])
}
"""


@contextmanager
def company(folder: Path, engine: Engine, runner: Runner, sealer: Sealer | None = None) -> Iterator[World]:
    """A company with a vault full of secrets, watched by a controller that runs."""
    with deploy_factories.world(folder, runner=runner, engine=engine, backoff=timedelta(seconds=0.05)) as made:
        connection = made.doors.connections[REPOSITORY]
        watched = dataclasses.replace(connection, poll=timedelta(seconds=0.1))
        made.doors = dataclasses.replace(
            made.doors, now=clock.now, connections={REPOSITORY: watched}, sealer=sealer or made.doors.sealer
        )
        _fill_vaults(folder, engine)
        made.push(_platform(folder))
        loop = Loop(made.doors)
        loop.start()
        try:
            yield made
        finally:
            loop.stop()


def wanted(folder: Path, size: int, name: str = "db", vault: str = "vault", type_: str = "leaky") -> str:
    """A manifest with one resource; its workload returns the password."""
    params = json.dumps({"vault": str(folder / vault), "size": size})
    resources = {name: f"{{type: {type_}, params: {params}}}"}
    outputs = f"{{PASSWORD: '${{resources.{name}.outputs.password}}'}}" if type_ == "leaky" else "{}"
    return f"workloads:\n  api:\n    resources: {{{name}: {resources[name]}}}\n    outputs: {outputs}\n"


def environment(name: str, manifest: str) -> dict[str, Content]:
    settings = f"approval: none\noutput_recipients: [{READER.recipient}]\n"
    folder = f"projects/shop/{name}"
    return {f"{folder}/environment.yaml": settings, f"{folder}/app.manifest.yaml": manifest}


def ended(acme: World, number: int) -> list[Deployment]:
    """This many deployments, when all of them have ended and nothing is left of their runs."""

    def is_over() -> bool:
        rows = acme.deployments()
        runs = acme.doors.data / "runs"
        is_clear = not runs.exists() or not list(runs.iterdir())
        return len(rows) >= number and all(row.status in FINAL for row in rows) and is_clear

    awaited(is_over)
    rows = acme.deployments()
    assert len(rows) == number
    return rows


def log(acme: World, row: Deployment) -> str:
    key = _key(read.details(acme.doors.store, row.id).log_key, CONTROLLER)
    chunks = (age.decrypt(content, key) for _, content in read.log_chunks(acme.doors.store, row.id))
    return logs.read_chunks(chunks, row.id)


def outputs(acme: World, row: Deployment) -> Json:
    key = _key(read.details(acme.doors.store, row.id).outputs_key, READER)
    return json.loads(age.decrypt(read.outputs(acme.doors.store, row.id) or b"", key))


def runner_file(folder: Path) -> str:
    engine = {"TF_CLI_CONFIG_FILE": str(folder / "cli.tfrc"), **provider.WITHOUT_TLS}
    said = "the server refused $CANARY, $CANARY_LINES and $CANARY_FILE"
    env = {
        **engine,
        "CANARY": SECRETS["env"],
        "CANARY_LINES": SECRETS["lines"],
        "PROVIDER_SUMMARY": said,
        "PROVIDER_DETAIL": said,
    }
    request = {"env": {**engine, "CANARY": SECRETS["request"]}}
    configuration = {"type": "local", "env": env, "env_from_file": "shop.env", "request": request}
    return json.dumps({"id": "local", "runner_configuration": configuration, "rules": [{}]}, ensure_ascii=False)


class Site:
    """The page and the API of a company, and everything that they can be asked for."""

    def __init__(self, acme: World, plans: Sequence[str] = ()) -> None:
        made = webui_factories.World(acme.doors.store, acme.doors, CONTROLLER)
        self.token = webui_factories.token(made, "canary-of-tokens")
        self.client = made.client()
        self.visitor = made.visitor().client
        store = acme.doors.store
        rows = acme.deployments()
        self.values = {
            "project": ["shop"],
            "environment": [found.name for found in read.environments(store)],
            "deployments": [row.id for row in rows],
            "commits": [found.id for found in decided.commits(store, REPOSITORY)],
            "plans": plans,
        }


def private_keys(acme: World, rows: Sequence[Deployment]) -> Mapping[str, str]:
    """What opens things: keys of logs, of outputs and of environments, and of those who may read them all."""
    found = {"reader": READER.secret.reveal(), "controller": CONTROLLER.secret.reveal()}
    for number, row in enumerate(rows):
        found[f"log {number}"] = _key(read.details(acme.doors.store, row.id).log_key, CONTROLLER)
        for purpose in (keys.STATE, keys.FINGERPRINT):
            found[f"{purpose} {number}"] = keys.of_environment(acme.doors, row.environment_uuid, purpose).reveal()
    return found


def awaited(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < give_up, "it never came to that"
        time.sleep(0.02)


def _key(message: bytes | None, reader: Identity) -> str:
    """The private half that a message to its readers holds."""
    return age.decrypt(message or b"", reader.secret.reveal()).decode()


def _fill_vaults(folder: Path, engine: Engine) -> None:
    for name in ("vault", "request"):
        vault = folder / name
        vault.mkdir()
        (vault / "given").write_text(SECRETS["env" if name == "vault" else "request"])
        (vault / "secret").write_text(SECRETS["returned"])
        token = {"value": SECRETS["data"], "type": "string"}
        state = {"version": 4, "serial": 1, "lineage": "x", "outputs": {"token": token}, "resources": []}
        (vault / "terraform.tfstate").write_text(json.dumps(state | {"terraform_version": "1.0.0"}))
    (folder / "runner-env").mkdir()
    (folder / "runner-env" / "shop.env").write_text(f"CANARY_FILE={SECRETS['file']}\n")
    (folder / "cli.tfrc").write_text(provider.configuration(folder / "mirror"))
    host = {EngineKind.OPENTOFU: "registry.opentofu.org"}.get(engine.kind, "registry.terraform.io")
    provider.install(folder / "mirror", host, "1.0.0", provider.platform(engine.command))


def _platform(folder: Path) -> dict[str, Content]:
    files: dict[str, Content] = {
        path: content for path, content in deploy_factories.PLATFORM.items() if "thing" not in path
    }
    for name, code in (("leaky", LEAKY), ("broken", BROKEN), ("refused", REFUSED)):
        schema = "output_schema: {type: object, properties: {password: {type: string}}}\n"
        files[f"platform/resource-types/{name}.yaml"] = f"id: {name}\n{schema}"
        files[f"platform/modules/{name}/module.yaml"] = (
            f"id: {name}\nresource_type: {name}\nmodule_source: .\n"
            "module_params: {vault: {type: string}, size: {type: number}}\nrules: [{}]\n"
        )
        files[f"platform/modules/{name}/main.tf"] = code
    return {**files, "platform/runners/local.yaml": runner_file(folder)}
