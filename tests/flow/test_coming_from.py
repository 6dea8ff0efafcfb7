"""Is what the page for newcomers from the Platform Orchestrator promises there, and is nothing of theirs left out?"""

from __future__ import annotations

import re

import click
import pytest
from pydantic import BaseModel

import cli
from cli import deploy, get
from controller.catalog import documents
from controller.manifest import manifest_schema
from controller.model.bundle import Binding, StateStorage
from controller.model.deployment import EngineKind
from controller.model.graph import Coordinate
from controller.tofu import bind, names
from tests.transcripts import ROOT

PAGE = (ROOT / "docs" / "coming-from-the-platform-orchestrator.md").read_text()
_MARKS = ("same", "different", "later", "no")
UUID = "6f1c9e1e-4a0b-4d5b-9c51-0c8f5d3b7a11"

# Everything that has a name over there.
OBJECTS = """
    org_id project_id env_id env_type_id uuid display_name description status status_message runner_id output_schema
    is_developer_accessible built_in module_contract catalogue_status resource_version module_source module_source_code
    module_params is_optional module_inputs provider_mapping dependencies coprovisioned is_dependent_on_current
    copy_dependents_from_current version_id created_at updated_at resource_class resource_id provider_type source
    version_constraint configuration runner_configuration state_storage_configuration pod_template namespace
    service_account manifest metrics rollback_to_deployment_id revision is_dry_run encrypted_outputs_recipient
    encrypted_logs_recipient runner_log_level Idempotency-Key module_versions deleteRules
    kubernetes kubernetes-gke kubernetes-eks kubernetes-agent serverless-ecs s3 gcs azurerm RUNNER_GIT_SSH_KEYS
    deploy rollback destroy plan_only executing succeeded failed active deleting delete_failed
    workloads shared resources outputs variables type class id params
    score-workload resType resClass resId platform_orchestrator_metadata RUNNER IAC_COMMAND_ERROR TF_DIAGNOSTIC_ERROR
"""
PLACEHOLDERS = """
    ${context.org_id} ${context.project_id} ${context.env_id} ${context.env_type_id} ${context.res_type}
    ${context.res_class} ${context.res_id} ${var.NAME} ${resources.ALIAS.outputs.K} ${shared.ALIAS.outputs.K}
    ${self.outputs.K} ${select.dependencies( consumers $\\{
"""
COMMANDS = """
    login config deploy rollback score logs render-active-resource-graph get create update delete
    --merge --drop-workload --drop-shared --set --dry-run --no-prompt --plan-only --result --out --skip-logs --show-logs
    --runner-logs-level --key --default-image --print-manifest
    project(s) environment(s) environment-type(s) resource-type(s) module(s) provider(s) module-rule(s) runner(s)
    runner-rule(s) available-resource-types deployment(s) manifest tf active-resource-nodes current-user
    deployment:// environment:// deployment://HEAD
"""


def rows() -> list[list[str]]:
    """The rows of the tables that say same, different, later or no."""
    found = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 3 and cells[0] != "the orchestrator" and set(cells[0]) != {"-"}:
            found.append(cells)
    return found


@pytest.mark.parametrize("word", sorted({*OBJECTS.split(), *PLACEHOLDERS.split(), *COMMANDS.split()}))
def test_everything_that_has_a_name_over_there_is_on_the_page(word: str) -> None:
    assert word in PAGE


def test_every_row_says_whether_it_is_here() -> None:
    marks = {mark for _, here, _ in rows() for mark in here.split(", ")}
    assert marks == set(_MARKS)


def test_a_command_that_the_page_promises_is_there_and_one_that_comes_later_is_not() -> None:
    promised: set[str] = set()
    later: set[str] = set()
    for _, here, what in rows():
        found = set(re.findall(r"`lockstep ([a-z]+)", what))
        (later if here == "later" else promised).update(found)
    known = set(cli.COMMANDS)
    assert promised - known == set()
    assert later - known <= cli.LATER
    assert known & cli.LATER == set()


def test_a_thing_to_get_that_the_page_promises_can_be_got() -> None:
    promised = set(re.findall(r"`lockstep get ([a-z-]+)", PAGE))
    assert promised - set(get.command.commands) == set()


@pytest.mark.parametrize("word", sorted(cli.LATER))
def test_a_word_that_comes_later_says_so(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([word, "shop", "production"]) == 2
    assert f"`{word}` is not in this release yet; `lockstep --help` lists what is" in capsys.readouterr().err


def test_the_options_of_deploy_are_as_the_page_says() -> None:
    table = PAGE.partition("Options of `deploy`:")[2].partition("\n## ")[0]
    known = {word for option in deploy.command.params if isinstance(option, click.Option) for word in option.opts}
    for line in table.splitlines():
        theirs, _, here = line.partition(" | ")
        options = set(re.findall(r"`(--[a-z-]+)`", theirs))
        assert options & known == (options if here.startswith("same") else set())


@pytest.mark.parametrize(
    "model",
    [
        documents.ModuleFile,
        documents.ModuleRuleFile,
        documents.ProviderFile,
        documents.ResourceTypeFile,
        documents.RunnerFile,
    ],
)
def test_every_key_of_ours_is_on_the_page(model: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert {key for key in keys if f"`{key}" not in PAGE and f"{key}:" not in PAGE} == set()


def test_the_limits_of_a_manifest_are_theirs() -> None:
    assert (manifest_schema.MOST_ENTRIES, manifest_schema.MOST_PARAMS) == (100, 20)


@pytest.mark.parametrize(
    ("state", "backend"),
    [
        ({"type": "s3", "bucket": "b", "path_prefix": "p"}, {"s3": {"bucket": "b", "key": f"p/{UUID}.tfstate"}}),
        ({"type": "gcs", "bucket": "b"}, {"gcs": {"bucket": "b", "prefix": UUID}}),
        (
            {"type": "azurerm", "storage_account_name": "a", "container_name": "c"},
            {"azurerm": {"storage_account_name": "a", "container_name": "c", "key": f"{UUID}/terraform.tfstate"}},
        ),
        (
            {"type": "kubernetes", "namespace": "n"},
            {"kubernetes": {"namespace": "n", "in_cluster_config": True, "secret_suffix": UUID}},
        ),
    ],
    ids=["s3", "gcs", "azurerm", "kubernetes"],
)
def test_a_state_has_the_key_that_it_had(state: dict[str, str], backend: dict[str, object]) -> None:
    storage = StateStorage(state["type"], {key: value for key, value in state.items() if key != "type"})
    assert bind.backend(Binding(UUID, "local", storage, EngineKind.OPENTOFU)) == backend


def test_a_module_has_the_address_that_it_had() -> None:
    coordinate = Coordinate("thing", "default", "workloads.work.thing1")
    assert names.module_name(coordinate) == "thing_default_workloadsworkthing1_3ac0c440"
