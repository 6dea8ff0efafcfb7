"""Which runners are there, and what is wrong with their documents?"""

from __future__ import annotations

import pytest

from controller.errors import Place
from controller.model.catalog import Runner, RunnerRule
from tests.graph_factories import catalog, module, platform, problems

LOCAL = """\
id: laptop
runner_configuration:
  type: local
  env: {TF_VAR_token: abc, OUT: /tmp}
  env_from_file: secrets.env
  request: {env: {OUT: /dev/null}, env_from_file: none.env}
state_storage_configuration: {type: s3, bucket: states, path_prefix: a/b}
rules:
  - {project_id: shop, env_type_id: production}
"""
AGENT = """\
id: cluster
runner_configuration:
  type: kubernetes-agent
  key: ssh
  job: {namespace: ns, service_account: sa, pod_template: {metadata: {labels: {a: b}}}}
state_storage_configuration: {type: kubernetes, namespace: states}
"""


def files(text: str) -> dict[str, str]:
    return platform(module("db"), runners=text)


def test_a_runner_is_kept_as_written() -> None:
    assert catalog(files(LOCAL)).runners == {
        "laptop": Runner(
            id="laptop",
            description="",
            configuration={
                "type": "local",
                "env": {"TF_VAR_token": "abc", "OUT": "/tmp"},
                "env_from_file": "secrets.env",
                "request": {"env": {"OUT": "/dev/null"}, "env_from_file": "none.env"},
            },
            state_storage={"type": "s3", "bucket": "states", "path_prefix": "a/b"},
            rules=(RunnerRule("laptop", "shop", "production", Place("platform/runners/all.yaml", 9, 5)),),
            place=Place("platform/runners/all.yaml"),
        )
    }


def test_states_are_local_where_nothing_is_said() -> None:
    found = catalog(files("id: laptop\nrunner_configuration: {type: local}\n")).runners["laptop"]
    assert (found.type, found.state_storage, found.rules) == ("local", {"type": "local"}, ())


@pytest.mark.parametrize(
    "configuration",
    [
        "{type: kubernetes, cluster: {cluster_data: {certificate_authority_data: x, server: y}}, job: JOB}",
        "{type: kubernetes-gke, cluster: {name: a, project_id: b, location: c, auth: {gcp_audience: d, "
        "gcp_service_account: e}}, job: JOB}",
        "{type: kubernetes-eks, cluster: {name: a, region: b, auth: {role_arn: c}}, job: JOB}",
        "{type: kubernetes-agent, key: x, job: JOB}",
    ],
)
@pytest.mark.parametrize(
    "state",
    [
        "{type: s3, bucket: b}",
        "{type: gcs, bucket: b}",
        "{type: azurerm, storage_account_name: s, container_name: c}",
        "{type: kubernetes, namespace: n}",
        "{type: http}",
    ],
)
def test_runners_of_clusters_and_all_state_storages_are_read(configuration: str, state: str) -> None:
    job = "{namespace: n, service_account: s}"
    configured = configuration.replace("JOB", job)
    text = f"id: cluster\nrunner_configuration: {configured}\nstate_storage_configuration: {state}\n"
    assert list(catalog(files(text)).runners) == ["cluster"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            LOCAL.replace("env_from_file: secrets.env", "env_from_file: ../x"),
            "5:18: `../x` is not a valid name of an environment file; name a file in the folder that the controller's "
            "setting `runner_env_dir` names; a path is not taken",
        ),
        (
            LOCAL.replace("bucket: states, path_prefix", "bucket: states, path_prefx"),
            "7:57: unknown key `path_prefx`; did you mean `path_prefix`?",
        ),
        (
            LOCAL.replace("type: s3", "type: gcss"),
            "7:37: `gcss` is not a value of `type`; did you mean `gcs`?",
        ),
        (
            LOCAL.replace("type: local", "type: serverless-ecs"),
            "3:9: runners of type `serverless-ecs` are not supported; use `local`, `kubernetes`, `kubernetes-gke`, "
            "`kubernetes-eks` or `kubernetes-agent`",
        ),
        (
            LOCAL.replace("OUT: /tmp", "TF_CLI_ARGS_plan: -refresh=false"),
            "4:28: the variable `TF_CLI_ARGS_plan` would change what the engine is asked to do; leave it out",
        ),
        (
            LOCAL.replace("env_type_id: production", "env_type_id: prod"),
            "9:37: environment type `prod` is unknown; use `development`, `production`, or declare it in "
            "`environment-types.yaml`",
        ),
        (
            LOCAL + "---\n" + AGENT + "rules: [{project_id: shop, env_type_id: production}]\n",
            "17:9: this rule selects what the rule of runner `laptop` at platform/runners/all.yaml:9:5 selects; remove "
            "one of them, or let it say more",
        ),
        (
            AGENT.replace("kubernetes, namespace: states", "local"),
            "6:30: a runner of type `kubernetes-agent` keeps nothing on its own disk; set "
            "`state_storage_configuration` to another type than `local`",
        ),
        (
            AGENT.replace("labels: {a: b}", "namespace: x"),
            "5:71: `metadata.namespace` may not be set in `pod_template`; set `namespace` of the job",
        ),
        (
            "id: cluster\nrunner_configuration:\n  type: kubernetes\n  cluster: {auth: {service_account_token: x}}\n",
            "4:13: credentials of a cluster do not belong into Git; remove `auth`, and revoke what has been committed",
        ),
    ],
)
def test_a_fault_stops_all_and_says_what_to_do(text: str, told: str) -> None:
    assert problems(files(text)) == [f"[all] platform/runners/all.yaml:{told}"]


def test_what_is_no_name_of_a_variable_is_not_repeated() -> None:
    """A comma or a quote too many makes a name of a value, which is a secret perhaps."""
    text = 'id: it\nrunner_configuration: {type: local, env: {TOKEN: "a", "canary of"}, request: {env: {=b: x}}}\n'
    rule = "this is not a valid name of an environment variable; use letters, digits and `_`, no digit first"
    assert problems(files(text)) == [f"[all] platform/runners/all.yaml:2:{column}: {rule}" for column in (55, 85)]
