"""What may a Score file of score.dev/v1b1 say? Judged after its deprecated forms were upgraded."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from controller.manifest import schema
from controller.manifest.schema import GIVEN, Spelling, Text, Written

_LABEL_RULE = schema.WORKLOAD.rule
_DNS = r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]"

CONTAINER = Spelling("container name", schema.LABEL, _LABEL_RULE)
ALIAS = Spelling("resource name", schema.LABEL, _LABEL_RULE)
_PORT_NAME = Spelling("port name", schema.LABEL, _LABEL_RULE)
_RESOURCE_ID = Spelling("resource id", rf"(?=..){schema.RESOURCE_ID.pattern}", schema.RESOURCE_ID.rule, 63)
_ANNOTATION = Spelling(
    "name of an annotation",
    rf"(?:{_DNS}(?:\.{_DNS})*/)?[A-Za-z0-9][A-Za-z0-9._-]{{0,61}}[A-Za-z0-9]",
    "use 2 to 63 letters, digits, `.`, `_` and `-`, after an optional DNS name of lower-case labels and a `/`",
    316,
)
_VARIABLE = Spelling("name of a variable", "[^=]+", "give it a name without `=`")
_MODE = Spelling("file mode", "0?[0-7]{3}", 'write three octal digits in quotes, as in "0644"')
_MEMORY = Spelling(
    "amount of memory",
    r"(?:0\.\d+|[1-9]\d*(?:\.\d+)?)(?:[KMGTPE]i?)?",
    "write a number with an optional unit K, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, as in `128Mi`",
)
_CPU = Spelling("amount of CPU", r"\d+(?:m|\.\d+)?", "write it as `250m` or `0.25`")
_HEADER = Spelling("name of a header", "[A-Za-z0-9_-]+", "use letters, digits, `_` and `-`")


def _whole(value: Any) -> Any:
    # 80.0 is an integer to JSON Schema, and to Go.
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(_whole)]
_Annotations = dict[Annotated[str, _ANNOTATION], str]
_Texts = tuple[str, ...]


class Open(Written):
    """A map that may hold anything besides what is known."""

    model_config = ConfigDict(extra="allow")

    annotations: Annotated[_Annotations | None, GIVEN] = None


class Metadata(Open):
    name: Annotated[str, schema.WORKLOAD]


class ServicePort(Written):
    port: _Port
    protocol: Annotated[Literal["TCP", "UDP"] | None, GIVEN] = None
    targetPort: Annotated[_Port | None, GIVEN] = None


class Service(Written):
    ports: Annotated[dict[Annotated[str, _PORT_NAME], ServicePort] | None, GIVEN] = None


_CONTENTS = ("source", "content", "binaryContent")


class File(Written):
    source: Annotated[Text | None, GIVEN] = None
    content: Annotated[str | None, GIVEN] = None
    binaryContent: Annotated[str | None, GIVEN] = None
    mode: Annotated[Annotated[str, _MODE] | None, GIVEN] = None
    noExpand: Annotated[bool | None, GIVEN] = None

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [key]} for key in _CONTENTS]})

    @model_validator(mode="after")
    def has_one_content(self) -> File:
        given = [key for key in _CONTENTS if getattr(self, key) is not None]
        if len(given) != 1:
            what = "the file has no content" if not given else "the file has more than one content"
            raise schema.refused(what, "give one of `source`, `content` and `binaryContent`")
        return self


class Volume(Written):
    source: str
    path: Annotated[str | None, GIVEN] = None
    readOnly: Annotated[bool | None, GIVEN] = None


class Before(Written):
    ready: Literal["started", "healthy", "complete"]


class Amounts(Written):
    memory: Annotated[Annotated[str, _MEMORY] | None, GIVEN] = None
    cpu: Annotated[Annotated[str, _CPU] | None, GIVEN] = None


class ContainerResources(Written):
    limits: Annotated[Amounts | None, GIVEN] = None
    requests: Annotated[Amounts | None, GIVEN] = None


class Header(Written):
    name: Annotated[str, _HEADER]
    value: Text


class HttpGet(Written):
    port: _Port
    path: str
    host: Annotated[Text | None, GIVEN] = None
    scheme: Annotated[Literal["HTTP", "HTTPS"] | None, GIVEN] = None
    httpHeaders: Annotated[tuple[Header, ...] | None, GIVEN] = None


class Exec(Written):
    command: _Texts


class Probe(Written):
    httpGet: Annotated[HttpGet | None, GIVEN] = None
    exec: Annotated[Exec | None, GIVEN] = None

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["httpGet"]}, {"required": ["exec"]}]})

    @model_validator(mode="after")
    def has_a_check(self) -> Probe:
        if self.httpGet is None and self.exec is None:
            raise schema.refused("the probe checks nothing", "give it `httpGet` or `exec`")
        return self


class Container(Written):
    image: Text
    command: Annotated[_Texts | None, GIVEN] = None
    args: Annotated[_Texts | None, GIVEN] = None
    variables: Annotated[dict[Annotated[str, _VARIABLE], str] | None, GIVEN] = None
    files: Annotated[dict[str, File] | None, GIVEN] = None
    volumes: Annotated[dict[str, Volume] | None, GIVEN] = None
    before: Annotated[dict[Annotated[str, CONTAINER], Before] | None, GIVEN] = None
    resources: Annotated[ContainerResources | None, GIVEN] = None
    livenessProbe: Annotated[Probe | None, GIVEN] = None
    readinessProbe: Annotated[Probe | None, GIVEN] = None


class Resource(Written):
    type: schema.ResourceTypeName
    class_: Annotated[schema.ResourceClass | None, GIVEN] = Field(default=None, alias="class")
    id: Annotated[Annotated[str, _RESOURCE_ID] | None, GIVEN] = None
    metadata: Annotated[Open | None, GIVEN] = None
    params: Annotated[dict[str, Any] | None, GIVEN] = None


class ScoreFile(Written):
    """A Score file."""

    apiVersion: Literal["score.dev/v1b1"]
    metadata: Metadata
    containers: Annotated[dict[Annotated[str, CONTAINER], Container], Field(min_length=1)]
    service: Annotated[Service | None, GIVEN] = None
    resources: Annotated[dict[Annotated[str, ALIAS], Resource] | None, GIVEN] = None
