"""What does a state say that OpenTofu has encrypted? As its `state pull` prints it, with the environment's key."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from controller.deployments import keys
from controller.model.deployment import EngineKind
from tests import provider
from tests.deploy_factories import World

_ENCRYPTION = """\
key_provider "pbkdf2" "lockstep" {
  passphrase    = "%s"
  iterations    = 200000
  hash_function = "sha256"
}
method "aes_gcm" "lockstep" {
  keys = key_provider.pbkdf2.lockstep
}
state {
  method   = method.aes_gcm.lockstep
  enforced = true
}
"""


def plain(acme: World, uuid: str, content: bytes) -> bytes:
    """A state as its owner would hand it on; of an engine that encrypts nothing it is the file itself."""
    engine = acme.doors.engine
    if engine.kind is not EngineKind.OPENTOFU:
        return content
    key = keys.of_environment(acme.doors, uuid, keys.STATE).reveal()
    environment = {**provider.untold(), "TF_ENCRYPTION": _ENCRYPTION % key}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "terraform.tfstate").write_bytes(content)
        command = (*engine.command, "state", "pull")
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True).stdout
