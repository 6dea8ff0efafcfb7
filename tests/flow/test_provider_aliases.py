"""A module that takes one provider twice gets both, each under the name by which its code calls it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import cli
from controller.runner.engine import Engine
from tests.runner_factories import engines

FILES = {
    "platform/environment-types.yaml": "- id: development\n",
    "platform/resource-types/bucket.yaml": "id: bucket\n",
    "platform/providers/all.yaml": """
provider_type: here
id: main
source: terraform.io/builtin/terraform
---
provider_type: there
id: main
source: terraform.io/builtin/terraform
""",
    "platform/modules/bucket/module.yaml": """
resource_type: bucket
module_source: .
provider_mapping: {terraform: here.main, terraform.replica: there.main}
rules: [{}]
""",
    "platform/modules/bucket/main.tf": """
terraform {
  required_providers {
    terraform = {
      source                = "terraform.io/builtin/terraform"
      configuration_aliases = [terraform.replica]
    }
  }
}
resource "terraform_data" "main" {}
resource "terraform_data" "replica" {
  provider = terraform.replica
}
""",
    "projects/shop/development/manifest.yaml": "shared: {files: {type: bucket}}\n",
}


@pytest.mark.engine
@pytest.mark.parametrize("engine", engines(), ids=lambda engine: engine.name)
def test_a_provider_that_a_module_takes_twice_is_given_twice(engine: Engine, tmp_path: Path) -> None:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    out = tmp_path / "out"
    assert cli.main(["render", "shop", "development", "--repo", str(tmp_path), "--out", str(out)]) == 0
    modules = json.loads((out / "main.tf.json").read_text())["module"]
    assert [module["providers"] for module in modules.values()] == [
        {
            "terraform": "here-main-cf57fe42.here-main-cf57fe42",
            "terraform.replica": "there-main-95c82cea.there-main-95c82cea",
        }
    ]
    for step in ("init", "validate"):
        command = (*engine.command, step, "-no-color")
        done = subprocess.run(command, cwd=out, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
