"""Which company is killed? One project of small environments that write a ledger, and the doors to it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from controller.deployments.doors import Connection, Doors, Limits
from controller.git.mirror import Mirror
from controller.history import store, watching
from controller.model.deployment import EngineKind
from controller.runner import local
from controller.runner.protocol import Engine
from controller.secrets import sealing
from tests import databases, git_factories
from tests.databases import Rows
from tests.deploy_factories import CONTROLLER, PLATFORM, REPOSITORY
from tests.git_factories import Content
from tests.kills.ledger import WITNESS

PROJECT = "shop"
POLL = timedelta(seconds=0.25)
LIMITS = Limits(attempts=6, backoff=timedelta(seconds=0.1), grace=timedelta(seconds=10))

# BEFORE and AFTER: seconds before and after the moment that counts, in which somebody may be killed.
# Each thing waits for the one before it: were two made at once, the engine would write a state when the first is done,
# and the second would be in it already, though its provisioner, which is all that the ledger knows of, has not run yet.
_MODULE = """\
variable "name" { type = string }
variable "size" { type = number }
variable "after" {
  type    = string
  default = ""
}
resource "terraform_data" "it" {
  input            = { name = var.name, size = var.size, after = var.after }
  triggers_replace = [var.size]
  provisioner "local-exec" {
    command = <<-EOT
      sleep $BEFORE; run=$${HOME%/home}; read -r now _ < /proc/uptime
      echo made $${PWD##*/} ${var.name} ${var.size} $${run##*/} $PPID $now ${self.id} >> "$LEDGER"; sleep $AFTER
    EOT
  }
  provisioner "local-exec" {
    when    = destroy
    command = <<-EOT
      sleep $BEFORE; run=$${HOME%/home}; read -r now _ < /proc/uptime
      echo unmade $${PWD##*/} - - $${run##*/} $PPID $now ${self.id} >> "$LEDGER"; sleep $AFTER
    EOT
  }
}
output "id" { value = terraform_data.it.id }
output "size" { value = var.size }
"""
_MODULE_YAML = """\
id: thing
resource_type: thing
module_source: .
module_params:
  name: {type: string}
  size: {type: number}
  after: {type: string, is_optional: true}
rules:
- {}
"""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of a company lies."""

    path: Path

    @property
    def ledger(self) -> Path:
        return self.path / "ledger"

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def traps(self) -> Path:
        return self.path / "traps.json"

    @property
    def sprung(self) -> Path:
        return self.path / "sprung"

    @property
    def log(self) -> Path:
        return self.path / "controller.log"

    def run(self, deployment: str) -> Path:
        return self.data / "runs" / deployment

    def state(self, uuid: str) -> Path:
        return self.data / "states" / uuid / "terraform.tfstate"

    def workdir(self, uuid: str) -> Path:
        return self.data / "work" / uuid

    def rows(self) -> Rows:
        """The database as anybody may read it."""
        return Rows(self.path)


def found(path: Path, engine: Engine) -> tuple[Folder, Engine]:
    """Found a company without any environment; its engine is seen by a witness."""
    folder = Folder(path)
    repo = git_factories.repository(path / "origin.git")
    git_factories.commit(repo, _platform(folder), message="Offer things")
    (path / "witness.sh").write_text(WITNESS)
    (path / "locks").mkdir()
    words = ("/bin/sh", str(path / "witness.sh"), str(path / "locks"), str(folder.ledger))
    seen = Engine(engine.kind, engine.name, (*words, *engine.command), engine.version, "with a witness")
    (path / "engine.json").write_text(json.dumps(asdict(seen)))
    opened = databases.opened(path)
    watching.ensure_repository(opened, REPOSITORY, str(path / "origin.git"), "main")
    store.close(opened)
    sealing.open_sealer(path / "seal.key")
    return folder, seen


@contextmanager
def doors(folder: Folder, recipient: str = CONTROLLER.recipient) -> Iterator[Doors]:
    """Real doors, whoever opens them: a controller that will be killed, or a test that acts as a person."""
    words = json.loads((folder.path / "engine.json").read_text())
    mirror = Mirror(folder.path / "mirror.git", str(folder.path / "origin.git"))
    opened = databases.opened(folder.path)
    try:
        yield Doors(
            store=opened,
            connections={REPOSITORY: Connection(REPOSITORY, mirror.address.shown, mirror, poll=POLL)},
            runner=local,
            engine=Engine(**words | {"kind": EngineKind(words["kind"]), "command": tuple(words["command"])}),
            sealer=sealing.open_sealer(folder.path / "seal.key"),
            data=folder.data,
            recipients=(recipient,),
            controller="controller-1",
            runner_env_dir=folder.path / "runner-env",
            limits=LIMITS,
        )
    finally:
        store.close(opened)


def environment(name: str, sizes: Mapping[str, int]) -> dict[str, Content]:
    """The files of an environment with these things; nothing there needs approval but what may be made twice."""
    lines = ["workloads:", "  api:", "    resources:"]
    for before, each in zip((None, *sizes), sizes, strict=False):
        after = f", after: '${{resources.{before}.outputs.id}}'" if before else ""
        lines.append(f"      {each}: {{type: thing, params: {{name: {each}, size: {sizes[each]}{after}}}}}")
    return {
        f"projects/{PROJECT}/{name}/environment.yaml": "limits: {replace: unlimited, destroy: unlimited}\n",
        f"projects/{PROJECT}/{name}/app.manifest.yaml": "\n".join([*lines, ""]),
    }


def _platform(folder: Folder) -> dict[str, Content]:
    variables = json.dumps({"LEDGER": str(folder.ledger), "BEFORE": "0.05", "AFTER": "0.1"})
    runner = (
        f"id: local\nrunner_configuration: {{type: local, env: {variables}}}\n"
        "state_storage_configuration: {type: local}\nrules: [{}]\n"
    )
    return {
        **PLATFORM,
        "platform/modules/thing/module.yaml": _MODULE_YAML,
        "platform/modules/thing/main.tf": _MODULE,
        "platform/runners/local.yaml": runner,
    }
