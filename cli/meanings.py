"""What does each key of each file mean? One sentence a key, by the model that validates it, for editors to show."""

from __future__ import annotations

from controller.manifest.json_schema import Sentences

_ASKED = {
    "type": "The resource type that is asked for.",
    "class": "Which kind of that type; `default` where it is not given.",
    "params": "What the resource is asked to be; the module says which there are.",
}
_STATE_PATH = "What the names of states begin with."
_CLUSTER = "The cluster that jobs run in."
_JOB = "How a deployment's job runs in the cluster."

_REPOSITORY: Sentences = {
    "LayoutFile": {
        "platform": "The folder of the platform team's files.",
        "projects": "The folder that holds a folder for each project; `.` is the root of the repository.",
        "organization": "What `${context.org_id}` stands for.",
    },
    "ProjectFile": {
        "display_name": "How people call the project; its id where it is not given.",
        "recipients": "Public keys (age or SSH) that can read the logs of every environment of the project.",
        "defaults": "What holds in every environment of the project that does not say otherwise.",
        "previews": "Not made by this release.",
    },
    "DefaultsFile": {
        "type": "The environment type; else the one named like the directory, else the project's, else `development`.",
        "source": "The manifest to build on: `environment://NAME` (what that one last deployed) or `deployment://ID`.",
        "follow": "`any` also takes what was deployed to the source by hand; `git` only what came from Git.",
        "after": "Environments that must have what this commit wants of them before this one is deployed.",
        "images": "The image for each `image: .` of Score files, by workload or by workload/container.",
        "approval": "When a plan waits for a person: `none`, `destroy` (when a limit is passed) or `plan` (always).",
        "limits": "How many instances a plan may destroy or replace without approval.",
        "protected": "Resource types of which no plan may destroy or replace anything, approved or not.",
        "self_approval": "Whether whoever started a deployment may approve it.",
        "after_merge": "What happens when the plan after a merge differs from the reviewed one.",
        "on_removal": "What happens when the directory disappears from Git.",
        "drift": "How often what runs is compared with what was applied.",
        "mode": "`observe`: decided, planned and reported, never applied.",
        "recipients": "Public keys (age or SSH) that can read the logs, besides the project's and the controller's.",
        "output_recipients": "Public keys (age or SSH) that can read the outputs of deployments from Git.",
    },
    "EnvironmentFile": {"uuid": "The identity of the environment, which its state goes by; made up where not given."},
    "LimitsPart": {
        "destroy": "How many managed instances may be destroyed, or `unlimited`.",
        "replace": "How many managed instances may be replaced, or `unlimited`.",
    },
    "DriftPart": {
        "every": "How often, as in `6h`, `30m` or `1d12h`; at least `1m`.",
        "heal": "Whether what drifted is applied again.",
    },
    "ManifestFile": {
        "workloads": "The workloads of the environment by name; `null` in an environment's file removes one.",
        "shared": "Resources of the environment as a whole, by alias.",
    },
    "WorkloadPart": {
        "resources": "What the workload needs, by alias; placeholders are `${resources.ALIAS.outputs.KEY}`.",
        "outputs": "What people and pipelines want to know after a deployment: texts with placeholders.",
        "variables": "The old name of `outputs`.",
    },
    "ResourcePart": {
        **_ASKED,
        "id": "Requests with the same type, class and id are for one resource; `shared.ALIAS` is a shared one.",
    },
}
_CATALOGUE: Sentences = {
    "EnvironmentTypeFile": {
        "id": "The name by which rules and environments speak of it.",
        "display_name": "How people call it; its id where it is not given.",
        "production": "Whether a plan that differs from the reviewed one is held back.",
    },
    "ResourceTypeFile": {
        "id": "The name by which manifests ask for it.",
        "description": "What it is, for developers.",
        "output_schema": "A JSON Schema of the outputs that modules of this type give.",
        "is_developer_accessible": "Whether manifests may ask for it, or only modules.",
    },
    "ModuleFile": {
        "id": "The module's name; that of its file or folder where it is not given.",
        "description": "What it does.",
        "resource_type": "The resource type that it makes.",
        "module_source": "Its code: `.` or `./folder` here, `git::https://…?ref=…`, a registry's address, or `inline`.",
        "module_source_code": "The code itself, where the source is `inline`.",
        "includes": "Further folders of this repository that its code needs.",
        "module_params": "What a manifest may ask for with `params`.",
        "module_inputs": "What the module is always given; placeholders may stand in it.",
        "provider_mapping": "Which provider (`TYPE.ID`) each provider of its code is.",
        "dependencies": "Resources that it needs, by alias.",
        "coprovisioned": "Resources that are made along with it.",
        "rules": "Which requests it is for; the most specific rule of all modules wins.",
        "ordering": "`strict`: what it depends on is named in `depends_on` even where a reference says so already.",
    },
    "ModuleParamFile": {
        "type": "What it takes.",
        "is_optional": "Whether it may be left out.",
        "description": "What it is for.",
        "variable": "The variable of the code that gets it, where that has another name.",
    },
    "DependencyFile": {
        **_ASKED,
        "class": "Which kind of that type; `@` stands for the class of the resource that asks.",
        "id": "Which one; that of the resource that asks where it is not given, and `@` stands for it.",
    },
    "CoprovisionedFile": {
        "is_dependent_on_current": "Whether it comes after this resource.",
        "copy_dependents_from_current": "Whether what depends on this resource depends on it, too.",
    },
    "ModuleRuleFile": {
        "resource_class": "For requests of this class.",
        "resource_id": "For the resource with this id.",
        "project_id": "In this project.",
        "env_type_id": "In environments of this type.",
        "env_id": "In this environment; the project must be given, too.",
    },
    "ProviderFile": {
        "provider_type": "The name that modules' code knows it by, as `aws`.",
        "id": "Tells it from others of its type; modules name it as `TYPE.ID`.",
        "description": "What it is for.",
        "source": "Where the engine gets it from, as `hashicorp/aws`.",
        "version_constraint": "Which versions may be used, as `>= 5.0, < 6.0`.",
        "configuration": "Its settings; `${var.NAME}` takes a secret from the runner's environment.",
    },
}
_RUNNERS: Sentences = {
    "RunnerFile": {
        "id": "The name by which people speak of it.",
        "description": "What it is for.",
        "runner_configuration": "Where the engine runs.",
        "state_storage_configuration": "Where the states of environments are kept.",
        "rules": "Which environments it is for; the most specific rule of all runners wins.",
    },
    "RunnerRuleFile": {"project_id": "In this project.", "env_type_id": "In environments of this type."},
    "RequestEnvironmentFile": {
        "env": "Environment variables that are no secrets.",
        "env_from_file": "A file with secrets in the folder that the controller's setting `runner_env_dir` names.",
    },
    "LocalRunnerFile": {
        "type": "Beside the controller, as a process.",
        "request": "What plans of requests get in place of that.",
    },
    "KubernetesRunnerFile": {"type": "As a job in a cluster.", "cluster": _CLUSTER, "job": _JOB},
    "ClusterFile": {"cluster_data": "How to reach it."},
    "ClusterDataFile": {
        "certificate_authority_data": "The certificate of its authority.",
        "server": "Its address.",
        "proxy_url": "The proxy on the way to it.",
    },
    "JobFile": {
        "namespace": "The namespace that it runs in.",
        "service_account": "The service account that it runs as.",
        "pod_template": "A patch for the template of its pod.",
    },
    "LocalStateFile": {"type": "In files beside the controller."},
    "HttpStateFile": {"type": "In the controller, sealed."},
    "KubernetesStateFile": {"type": "In secrets of a cluster.", "namespace": "The namespace that they are in."},
    "S3StateFile": {"type": "In a bucket of S3.", "bucket": "The bucket.", "path_prefix": _STATE_PATH},
    "GcsStateFile": {"type": "In a bucket of Google Cloud.", "bucket": "The bucket.", "path_prefix": _STATE_PATH},
    "AzureStateFile": {
        "type": "In a container of Azure.",
        "resource_group_name": "The resource group of the storage account.",
        "storage_account_name": "The storage account.",
        "container_name": "The container.",
        "path_prefix": _STATE_PATH,
    },
}
_SCORE: Sentences = {
    "ScoreFile": {
        "apiVersion": "The version of Score.",
        "metadata": "The workload's name, and what else is said about it.",
        "containers": "The containers of the workload, by name.",
        "service": "The ports that others reach it by.",
        "resources": "What the workload needs, by name; placeholders are `${resources.NAME.KEY}`.",
    },
    "Open": {"annotations": "Annotations, for other tools."},
    "Metadata": {"name": "The workload's name, in the manifest, too."},
    "Container": {
        "image": "The image; `.` is what `images` of `environment.yaml` says.",
        "command": "What runs in place of the image's entry point.",
        "args": "What it is given.",
        "variables": "Environment variables, with placeholders.",
        "files": "Files that lie in it, by path.",
        "volumes": "Volumes that are mounted in it, by path.",
        "before": "Containers that start after this one, and what they wait for.",
        "resources": "How much memory and CPU it gets.",
        "livenessProbe": "How to see that it is alive; else it is started again.",
        "readinessProbe": "How to see that it is ready for requests.",
    },
    "File": {
        "source": "A file of this repository, relative to the Score file.",
        "content": "The text of the file.",
        "binaryContent": "The bytes of the file, in Base64.",
        "mode": 'Its permissions, as in "0644".',
        "noExpand": "Whether `${…}` in it is left as it is.",
    },
    "Volume": {
        "source": "The resource that is mounted, as in `${resources.NAME}`.",
        "path": "A path inside of it.",
        "readOnly": "Whether it cannot be written to.",
    },
    "Before": {"ready": "What the other container waits for."},
    "ContainerResources": {"limits": "At most so much.", "requests": "At least so much."},
    "Amounts": {"memory": "Memory, as in `128Mi`.", "cpu": "CPU, as in `250m` or `0.25`."},
    "Probe": {"httpGet": "A request that must succeed.", "exec": "A command that must succeed."},
    "HttpGet": {
        "port": "The port to ask.",
        "path": "The path to ask for.",
        "host": "The host to ask; the container itself where it is not given.",
        "scheme": "How to ask.",
        "httpHeaders": "What else to send.",
    },
    "Header": {"name": "The header's name.", "value": "The header's value."},
    "Exec": {"command": "The command, word by word."},
    "Service": {"ports": "The ports, by name."},
    "ServicePort": {
        "port": "The port that others use.",
        "protocol": "TCP where it is not given.",
        "targetPort": "The container's port; the same where it is not given.",
    },
    "Resource": {
        **_ASKED,
        "id": "Workloads that ask with the same type, class and id share one resource.",
        "metadata": "What else is said about it, for other tools.",
    },
}
SENTENCES: Sentences = {**_REPOSITORY, **_CATALOGUE, **_RUNNERS, **_SCORE}
