"""What may each document of the platform say? Models as written; what they mean is worked out beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, RootModel

from controller.catalog import spelling
from controller.manifest.schema import (
    EnvironmentId,
    EnvironmentTypeId,
    ResourceClass,
    ResourceId,
    ResourceTypeName,
    Written,
    slug,
)

Description = Annotated[str, Field(max_length=200)]
DisplayName = Annotated[str, spelling.DISPLAY_NAME]
ModuleId = Annotated[str, spelling.MODULE]
ProjectId = Annotated[str, spelling.PROJECT]
InputName = Annotated[str, spelling.INPUT]
Variables = dict[Annotated[str, spelling.VARIABLE], str]
Bucket = Annotated[str, Field(min_length=1)]


class EnvironmentTypeFile(Written):
    id: Annotated[str, slug("environment type")]
    display_name: DisplayName | None = None
    production: bool = False


class EnvironmentTypesFile(RootModel[list[EnvironmentTypeFile]]):
    """The list in `environment-types.yaml`."""


class ResourceTypeFile(Written):
    id: ResourceTypeName
    description: Description = ""
    output_schema: dict[str, Any] | None = None
    is_developer_accessible: bool = True


class ModuleParamFile(Written):
    type: Literal["string", "number", "bool", "list", "map", "any"]
    is_optional: bool = False
    description: str = ""
    variable: InputName | None = None


class DependencyFile(Written):
    type: ResourceTypeName
    class_: Annotated[str, spelling.ASKED_CLASS] | None = Field(default=None, alias="class")
    id: Annotated[str, spelling.ASKED_ID] | None = None
    params: dict[InputName, Any] = Field(default={}, max_length=20)


class CoprovisionedFile(DependencyFile):
    is_dependent_on_current: bool = False
    copy_dependents_from_current: bool = False


class ModuleRuleFile(Written):
    resource_class: ResourceClass = "default"
    resource_id: ResourceId | None = None
    project_id: ProjectId | None = None
    env_type_id: EnvironmentTypeId | None = None
    env_id: EnvironmentId | None = None


class ModuleFile(Written):
    id: ModuleId | None = None
    description: Description = ""
    resource_type: ResourceTypeName
    module_source: Annotated[str, Field(min_length=1, max_length=200)]
    module_source_code: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    includes: tuple[str, ...] = ()
    module_params: dict[InputName, ModuleParamFile] = Field(default={})
    module_inputs: dict[InputName, Any] = Field(default={}, max_length=20)
    provider_mapping: dict[Annotated[str, spelling.LOCAL_NAME], Annotated[str, spelling.PROVIDER_NAME]] = Field(
        default={}, max_length=20
    )
    dependencies: dict[Annotated[str, spelling.DEPENDENCY], DependencyFile] = Field(default={}, max_length=20)
    coprovisioned: tuple[CoprovisionedFile, ...] = Field(default=(), max_length=20)
    rules: tuple[ModuleRuleFile, ...] = ()
    ordering: Literal["references", "strict"] = "references"


class ProviderFile(Written):
    provider_type: Annotated[str, spelling.PROVIDER_TYPE]
    id: Annotated[str, spelling.PROVIDER]
    description: Description = ""
    source: Annotated[str, spelling.PROVIDER_SOURCE]
    version_constraint: Annotated[str, spelling.VERSION_CONSTRAINT] | None = None
    configuration: dict[Annotated[str, spelling.ARGUMENT], Any] = Field(default={}, max_length=20)


class RequestEnvironmentFile(Written):
    """What plans of requests get; they inherit nothing."""

    env: Variables = Field(default={})
    env_from_file: Annotated[str, spelling.ENV_FILE] | None = None


class LocalRunnerFile(RequestEnvironmentFile):
    type: Literal["local"]
    request: RequestEnvironmentFile | None = None


class JobFile(Written):
    namespace: Annotated[str, Field(min_length=1)]
    service_account: Annotated[str, Field(min_length=1)]
    pod_template: dict[str, Any] | None = None


class ClusterDataFile(Written):
    certificate_authority_data: str
    server: str
    proxy_url: str | None = None


class ClusterFile(Written):
    """How to reach a cluster; credentials are not for Git."""

    cluster_data: ClusterDataFile


class KubernetesRunnerFile(Written):
    type: Literal["kubernetes"]
    cluster: ClusterFile
    job: JobFile


class GkeAuthFile(Written):
    gcp_audience: str
    gcp_service_account: str


class GkeClusterFile(Written):
    name: str
    project_id: str
    location: str
    proxy_url: str | None = None
    internal_ip: bool = False
    auth: GkeAuthFile


class GkeRunnerFile(Written):
    type: Literal["kubernetes-gke"]
    cluster: GkeClusterFile
    job: JobFile


class RoleFile(Written):
    role_arn: str
    session_name: str | None = None
    sts_region: str | None = None


class EksClusterFile(Written):
    name: str
    region: str
    auth: RoleFile


class EksRunnerFile(Written):
    type: Literal["kubernetes-eks"]
    cluster: EksClusterFile
    job: JobFile


class AgentRunnerFile(Written):
    type: Literal["kubernetes-agent"]
    key: str
    job: JobFile


class EcsJobFile(Written):
    region: str
    cluster: str
    subnets: tuple[str, ...] = Field(min_length=1, max_length=16)
    security_groups: tuple[str, ...] = Field(default=(), max_length=5)
    is_public_ip_enabled: bool = False
    execution_role_arn: str
    task_role_arn: str
    image: str | None = None
    environment: dict[str, str] = Field(default={})
    secrets: dict[str, str] = Field(default={})


class EcsRunnerFile(Written):
    type: Literal["serverless-ecs"]
    auth: RoleFile
    job: EcsJobFile


class LocalStateFile(Written):
    type: Literal["local"]


class S3StateFile(Written):
    type: Literal["s3"]
    bucket: Bucket
    path_prefix: str | None = None


class GcsStateFile(Written):
    type: Literal["gcs"]
    bucket: Bucket
    path_prefix: str | None = None


class AzureStateFile(Written):
    type: Literal["azurerm"]
    resource_group_name: str | None = None
    storage_account_name: Bucket
    container_name: Bucket
    path_prefix: str | None = None


class KubernetesStateFile(Written):
    type: Literal["kubernetes"]
    namespace: Bucket


class HttpStateFile(Written):
    """Kept by the controller itself; there is nothing to say about it."""

    type: Literal["http"]


class RunnerRuleFile(Written):
    project_id: ProjectId | None = None
    env_type_id: EnvironmentTypeId | None = None


RunnerConfiguration = Annotated[
    LocalRunnerFile | KubernetesRunnerFile,
    Field(discriminator="type"),
]
StateConfiguration = Annotated[
    LocalStateFile | S3StateFile | GcsStateFile | AzureStateFile | KubernetesStateFile | HttpStateFile,
    Field(discriminator="type"),
]


class RunnerFile(Written):
    id: Annotated[str, spelling.RUNNER]
    description: Description = ""
    runner_configuration: RunnerConfiguration
    state_storage_configuration: StateConfiguration = LocalStateFile(type="local")
    rules: tuple[RunnerRuleFile, ...] = ()


# Known to the Platform Orchestrator; what they say is read, so that all that is wrong is told at once.
UNSUPPORTED_RUNNERS: Mapping[str, type[BaseModel]] = {
    "kubernetes-agent": AgentRunnerFile,
    "kubernetes-eks": EksRunnerFile,
    "kubernetes-gke": GkeRunnerFile,
    "serverless-ecs": EcsRunnerFile,
}
KINDS: Mapping[str, type[BaseModel]] = {
    "environment-types": EnvironmentTypesFile,
    "module": ModuleFile,
    "provider": ProviderFile,
    "resource-type": ResourceTypeFile,
    "runner": RunnerFile,
}
