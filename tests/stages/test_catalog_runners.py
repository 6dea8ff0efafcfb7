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
CLUSTER = """\
id: cluster
runner_configuration:
  type: kubernetes
  cluster: {cluster_data: {certificate_authority_data: abc, server: "https://k8s.example.com"}}
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
    "state",
    [
        "{type: s3, bucket: b, path_prefix: p}",
        "{type: gcs, bucket: b, path_prefix: p}",
        "{type: azurerm, resource_group_name: r, storage_account_name: s, container_name: c, path_prefix: p}",
        "{type: kubernetes, namespace: n}",
        "{type: http}",
    ],
)
def test_a_runner_of_a_cluster_and_all_state_storages_are_read(state: str) -> None:
    found = catalog(files(CLUSTER.replace("{type: kubernetes, namespace: states}", state))).runners["cluster"]
    assert (found.type, found.state_storage["type"]) == ("kubernetes", state.strip("{}").split(",")[0].split(": ")[1])


JOB = "job: {namespace: n, service_account: s}"
ECS_JOB = "job: {region: r, cluster: c, subnets: [s], execution_role_arn: e, task_role_arn: t}"
UNSUPPORTED = {
    "kubernetes-gke": f"cluster: {{name: a, project_id: b, location: c, internal_ip: true, proxy_url: p, auth: "
    f"{{gcp_audience: d, gcp_service_account: e}}}}, {JOB}",
    "kubernetes-eks": f"cluster: {{name: a, region: b, auth: {{role_arn: c, session_name: s, sts_region: t}}}}, {JOB}",
    "kubernetes-agent": f"key: x, {JOB}",
    "serverless-ecs": f"auth: {{role_arn: a}}, {ECS_JOB}",
}


@pytest.mark.parametrize("type_", UNSUPPORTED)
def test_runners_that_are_known_elsewhere_are_read_and_refused(type_: str) -> None:
    state = "state_storage_configuration: {type: s3, bucket: b}"
    text = f"id: it\nrunner_configuration: {{type: {type_}, {UNSUPPORTED[type_]}}}\n{state}\n"
    assert problems(files(text)) == [
        f"[all] platform/runners/all.yaml:2:30: runners of type `{type_}` are not supported; use one of type `local` "
        "or `kubernetes`"
    ]


def test_what_else_is_wrong_with_them_is_told_too() -> None:
    text = (
        "id: it\nrunner_configuration: {type: serverless-ecs, auth: {role: a}, "
        f"{ECS_JOB.replace('[s]', '[]')}}}\nrules: [{{}}]\nruls: []\n"
    )
    assert problems(files(text)) == [
        f"[all] platform/runners/all.yaml:{told}"
        for told in (
            "2:30: runners of type `serverless-ecs` are not supported; use one of type `local` or `kubernetes`",
            "2:53: unknown key `role`; did you mean `role_arn`?",
            "2:101: `subnets` is empty; give at least 1",
            "4:1: unknown key `ruls`; did you mean `rules`?",
        )
    ]


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
            LOCAL.replace("type: local", "type: docker"),
            "3:9: `docker` is not a value of `type`; use `local` or `kubernetes`",
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
            LOCAL + "---\n" + CLUSTER + "rules: [{project_id: shop, env_type_id: production}]\n",
            "17:9: this rule selects what the rule of runner `laptop` at platform/runners/all.yaml:9:5 selects; remove "
            "one of them, or let it say more",
        ),
        (
            CLUSTER.replace("kubernetes, namespace: states", "local"),
            "6:30: a runner of type `kubernetes` keeps nothing on its own disk; set "
            "`state_storage_configuration` to another type than `local`",
        ),
        (
            CLUSTER.replace("labels: {a: b}", "namespace: x"),
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


def in_pod(env: str, kind: str = "containers") -> str:
    return CLUSTER.replace("metadata: {labels: {a: b}}", f"spec: {{{kind}: [{{name: main, env: [{env}]}}]}}")


@pytest.mark.parametrize("kind", ["containers", "initContainers"])
@pytest.mark.parametrize(
    ("env", "told"),
    [
        ("{name: DEPLOYMENT_ID, value: x}", "the variable `DEPLOYMENT_ID` tells the job what to do; leave it out"),
        ("{name: TOKEN, value: x}", "the variable `TOKEN` tells the job what to do; leave it out"),
        (
            "{name: TF_WORKSPACE, value: x}",
            "the variable `TF_WORKSPACE` would change what the engine is asked to do; leave it out",
        ),
        (
            "{name: RUNNER_GIT_SSH_KEYS, value: x}",
            "the keys of `RUNNER_GIT_SSH_KEYS` do not belong into Git; take them from a secret with `valueFrom`, and "
            "revoke those committed",
        ),
        (
            "{name: RUNNER_GIT_SSH_KEYS}",
            "`RUNNER_GIT_SSH_KEYS` has no value; take it from a secret with `valueFrom`",
        ),
    ],
)
def test_a_pod_may_not_be_told_otherwise_what_to_do(env: str, told: str, kind: str) -> None:
    assert [line.partition(": ")[2] for line in problems(files(in_pod(env, kind)))] == [told]


def test_other_variables_of_a_pod_are_its_own_affair() -> None:
    env = "{name: TF_VAR_x, valueFrom: {}}, {name: RUNNER_GIT_SSH_KEYS, valueFrom: {secretKeyRef: {}}}, {name: 1}, x"
    assert problems(files(in_pod(env))) == []
