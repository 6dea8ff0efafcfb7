"""Lock files, and which providers the code of a module asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.errors import ManifestError
from controller.model.bundle import ProviderPin
from controller.model.deployment import EngineKind
from controller.tofu import lock
from controller.tofu.requirements import Requirement, address, of_module
from controller.tofu.versions import satisfies
from tests.tofu_factories import engine_at

AWS = "registry.terraform.io/hashicorp/aws"
PINS = {
    AWS: ProviderPin("5.100.0", "~> 5.0, != 5.1.0", ("h1:a=", "zh:b")),
    "registry.opentofu.org/acme/own": ProviderPin("0.1.0", None, ("h1:c",)),
}
TEXT = """\
# This file is maintained automatically by "tofu init".
# Manual edits may be lost in future updates.

provider "registry.opentofu.org/acme/own" {
  version = "0.1.0"
  hashes = [
    "h1:c",
  ]
}

provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "~> 5.0, != 5.1.0"
  hashes = [
    "h1:a=",
    "zh:b",
  ]
}
"""


def test_a_lock_file_is_written_as_the_engine_writes_it() -> None:
    assert lock.write(PINS) == TEXT


def test_what_was_written_is_read_again() -> None:
    assert lock.parse(TEXT) == PINS
    assert lock.parse("") == {}


def test_a_lock_file_of_any_layout_is_read() -> None:
    text = f'/* c */ provider "{AWS}" {{ # c\n version="1.0.0" // c\n hashes=["zh:b","h1:a"] }}'
    assert lock.parse(text) == {AWS: ProviderPin("1.0.0", None, ("h1:a", "zh:b"))}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            '\n provider "a/b" {\n}\n',
            "2:2: a provider's full address, `host/namespace/type`, is missing",
            id="address",
        ),
        pytest.param('provider "a/b/c" {}', "1:1: the entry of `a/b/c` has no version", id="version"),
        pytest.param(
            'provider "a/b/c" {\n version = var.x\n}', "1:1: the entry of `a/b/c` has no version", id="expression"
        ),
        pytest.param(
            'provider "a/b/c" {\n version = "1"\n hashes = "h"\n}',
            "1:1: the hashes of `a/b/c` are not a list of texts",
            id="hashes",
        ),
        pytest.param(
            'provider "a/b/c" {\n version = "1"\n}\nprovider "a/b/c" {\n version = "1"\n}\n',
            "4:1: `a/b/c` has two entries",
            id="twice",
        ),
        pytest.param(
            'provider "a/b/c" {\n version = "1\\"\\n}"\n}',
            "1:1: the entry of `a/b/c` has characters that no address, version, constraint or hash is written with",
            id="characters",
        ),
        pytest.param(
            'provider "a/b/c" {\n version = "\\uD800"\n}', "1:1: the entry of `a/b/c` has no version", id="half"
        ),
        pytest.param('provider "a/b/c" {', "1:18: this `{` is not closed", id="not-closed"),
        pytest.param('x = "', "1:5: this string is not closed", id="string"),
        pytest.param("<<<<<<< HEAD", "1:1: `<` is not a name", id="conflict-markers"),
        pytest.param("x = [", "1:5: this `[` is not closed", id="bracket"),
        pytest.param("{" * 9000, "1:1: `{` is not a name", id="brackets"),
        pytest.param("a {" * 9000, "1:303: brackets are nested too deeply", id="depth"),
    ],
)
def test_a_bad_lock_file_is_said_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(ManifestError) as e:
        lock.parse(text, "platform/.terraform.lock.hcl")
    remedy = "let the engine write this file: `providers lock`, with the platforms that the runners have"
    assert str(e.value) == f"platform/.terraform.lock.hcl:{message}; {remedy}"


def test_every_bad_entry_of_a_lock_file_is_said() -> None:
    with pytest.raises(ManifestError) as e:
        lock.parse('provider "a/b/c" {}\nprovider "a/b" {}\nprovider "d/e/f" {}\n')
    assert [problem.what for problem in e.value.problems] == [
        "the entry of `a/b/c` has no version",
        "a provider's full address, `host/namespace/type`, is missing",
        "the entry of `d/e/f` has no version",
    ]


@pytest.mark.parametrize(
    ("version", "constraint", "meets"),
    [
        ("5.100.0", None, True),
        ("5.100.0", "~> 5.0", True),
        ("6.0.0", "~> 5.0", False),
        ("5.1.9", "~> 5.1.2", True),
        ("5.2.0", "~> 5.1.2", False),
        ("6.9.0", "~> 6", True),
        ("5.0.0", ">= 4.0, < 5.0", False),
        ("5.0.0", "5.0", True),
        ("5.0.0", "!= 5.0.0", False),
        ("5.0.0", "> 5.0.0", False),
        ("5.0.0-beta1", ">= 4.0", False),
        ("5.0.0-beta1", "5.0.0-beta1", True),
        ("5.0.0", "what ever", True),
        ("nightly", "~> 1.0", True),
        pytest.param("9" * 5000, "~> 1.0", True, id="a-version-of-5000-digits"),
        pytest.param("1.0.0", "~> " + "9" * 5000, True, id="a-constraint-of-5000-digits"),
    ],
)
def test_a_version_meets_a_constraint(version: str, constraint: str | None, meets: bool) -> None:
    """What no engine takes for a version is left to the engine; a number of 5,000 digits ended in a traceback."""
    assert satisfies(version, constraint) is meets


@pytest.mark.parametrize(
    ("source", "engine", "whole"),
    [
        ("aws", EngineKind.OPENTOFU, "registry.opentofu.org/hashicorp/aws"),
        ("Acme/own", EngineKind.TERRAFORM, "registry.terraform.io/acme/own"),
        ("reg.example/acme/own", EngineKind.TERRAFORM, "reg.example/acme/own"),
    ],
)
def test_a_source_is_completed_as_the_engine_does(source: str, engine: EngineKind, whole: str) -> None:
    assert address(source, engine) == whole


def asked(files: dict[str, str], engine: EngineKind = EngineKind.TERRAFORM) -> Any:
    found = of_module({path: text.encode() for path, text in files.items()}, "m", engine)
    return found if found is None else sorted((one.address.removeprefix("registry."), one.constraint) for one in found)


NATIVE = """
terraform {
  required_version = ">= 1.5" # as ever
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = "~> 5.0"
      configuration_aliases = [aws.east]
    }
    own = { source = "acme/own", version = ">= 1" }
    old = "1.0"
  }
}
resource "aws_x" "it" {
  text = <<-EOT
    resource "google_x" "not" {}
  EOT
  more = "${join("}", ["\\"", "{"])} resource \\"azurerm_x\\" {"
  list = [
    1,
    { a = 2 },
  ]
}
data "random_x" "it" {
  provider = zip.other
}
resource "terraform_data" "it" {}
provider "time" {}
"""


@pytest.mark.parametrize(
    ("files", "found"),
    [
        pytest.param(
            {"m/main.tf": NATIVE},
            [
                ("terraform.io/acme/own", ">= 1"),
                ("terraform.io/hashicorp/aws", "~> 5.0"),
                ("terraform.io/hashicorp/old", "1.0"),
                ("terraform.io/hashicorp/time", ""),
                ("terraform.io/hashicorp/zip", ""),
            ],
            id="required-and-implied",
        ),
        pytest.param(
            {
                "m/a.tf.json": '{"terraform": [{"required_providers": {"aws": {"source": "acme/aws"}}}],'
                ' "resource": {"aws_x": {"it": {}}, "b_x": [{"it": [{"provider": "c.d"}]}]},'
                ' "module": {"n": {"source": "./n"}}}',
                "m/n/a.tf": 'data "d_x" "it" {}',
            },
            [
                ("terraform.io/acme/aws", ""),
                ("terraform.io/hashicorp/c", ""),
                ("terraform.io/hashicorp/d", ""),
            ],
            id="json-syntax",
        ),
        pytest.param(
            {
                "m/a.tf": 'module "n" {\n  source = "../n/deep"\n}\nmodule "n2" {\n  source = "./in"\n}',
                "n/deep/a.tf": 'resource "b_x" "it" {}\nmodule "up" {\n  source = "../../m"\n}',
                "m/in/a.tf": "",
                "m/not_called/a.tf": 'resource "c_x" "it" {}',
                "m/README.md": "{",
            },
            [("terraform.io/hashicorp/b", "")],
            id="folders-that-are-called",
        ),
        pytest.param(
            {
                "m/a.tf.json": '{"resource": {"a_x": {"it": {}}}, "resource": {"b_x": {"it": {"provider": 1}}},'
                ' "terraform": {"required_providers": {"d": 1, "e": {"source": ["x"], "version": 2}}}}'
            },
            [
                ("terraform.io/hashicorp/a", ""),
                ("terraform.io/hashicorp/b", ""),
                ("terraform.io/hashicorp/d", ""),
                ("terraform.io/hashicorp/e", ""),
            ],
            id="keys-that-stand-twice-and-values-of-other-kinds",
        ),
        pytest.param({"m/a.tf": 'module "n" {\n  source = "a/b/c"\n}'}, None, id="a-remote-module"),
        pytest.param({"m/a.tf": 'module "n" {\n  source = var.x\n}'}, None, id="a-source-that-is-no-text"),
        pytest.param({"m/a.tf": 'module "n" {\n  source = ["./x"]\n}'}, None, id="a-source-of-another-kind"),
        pytest.param({"m/a.tf": "resource {"}, None, id="not-readable"),
        pytest.param({"m/a.tf.json": "{"}, None, id="no-json"),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_the_providers_of_a_module_are_found_where_its_code_asks(files: dict[str, str], found: Any) -> None:
    assert asked(files) == found


def test_opentofu_reads_its_own_files_instead_of_their_twins() -> None:
    files = {"m/a.tf": 'resource "a_x" "it" {}', "m/a.tofu": 'resource "b_x" "it" {}'}
    assert asked(files) == [("terraform.io/hashicorp/a", "")]
    assert asked(files, EngineKind.OPENTOFU) == [("opentofu.org/hashicorp/b", "")]


def test_requirements_are_values() -> None:
    assert Requirement("a/b/c") < Requirement("a/b/c", "~> 1")


@pytest.mark.engine
def test_the_engine_reads_the_same_from_the_same_code(tmp_path: Path) -> None:
    engine = engine_at(tmp_path)
    kind = EngineKind.OPENTOFU if engine.program.endswith("tofu") else EngineKind.TERRAFORM
    engine.write({"main.tf": NATIVE.encode()})
    listed = engine.run("providers")
    found = of_module({"main.tf": NATIVE.encode()}, "", kind)
    assert found is not None
    for one in found:
        assert one.address in listed
    assert listed.count("provider[") == len(found) + 1  # and the one that is built in
