"""What may `environment.yaml` and `project.yaml` say? Their models, and how each value is spelled."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from controller.manifest import recipients, schema
from controller.manifest.phrases import shown
from controller.model.manifest import AfterMerge, Approval, Follow, OnRemoval


def _source(text: str) -> str:
    scheme, separator, name = text.partition("://")
    if not separator or scheme not in {"environment", "deployment"}:
        remedy = "write `environment://NAME` or `deployment://ID`"
        raise schema.refused(f"`{shown(text)}` is no source of a manifest", remedy)
    if scheme == "environment" and not schema.ENVIRONMENT.accepts(name):
        raise schema.refused(schema.ENVIRONMENT.complaint(name), schema.ENVIRONMENT.rule)
    if scheme == "deployment" and not re.fullmatch(_ID, name):
        raise schema.refused(f"`{shown(text)}` names no deployment", "write `deployment://ID`")
    return text


def seconds(duration: str) -> int:
    """How long `1d12h` is."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall("([0-9]+)([smhd])", duration))


def _not_too_often(text: str) -> str:
    if seconds(text) < 60:
        raise schema.refused(f"`{text}` is too often", "use at least `1m`")
    return text


def _image_key(text: str) -> str:
    if not all(schema.WORKLOAD.accepts(part) for part in text.split("/")) or text.count("/") > 1:
        remedy = "write the name of a workload, or `workload/container`"
        raise schema.refused(f"`{shown(text)}` names no workload or container", remedy)
    return text


def _image(text: str) -> str:
    if text == ".":
        raise schema.refused("the image is `.` here too", "name the image that stands for `.` in the Score file")
    return text


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_UUID = schema.Spelling(
    "UUID", r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "write it as 8-4-4-4-12 hexadecimal digits"
)
_ID = "[0-9A-Za-z][0-9A-Za-z-]*"  # of a deployment
_SOURCE = schema.Checked(_source, {"pattern": f"^(?:environment://(?!.{{101}}){schema.SLUG}|deployment://{_ID})$"})
_IMAGE_KEY = schema.Checked(_image_key, {"pattern": f"^{schema.LABEL}(?:/{schema.LABEL})?$"})
_IMAGE = schema.Checked(_image, {"not": {"const": "."}})
_DURATION = schema.Spelling("duration", "(?:[0-9]{1,6}[smhd])+", "write it as `6h`, `30m` or `1d12h`")
_RECIPIENT = schema.Checked(recipients.checked, {"pattern": recipients.PATTERN})
_Recipients = tuple[Annotated[str, _RECIPIENT], ...]
_Limit = Annotated[int, Field(ge=0)] | Literal["unlimited"]


class LimitsPart(schema.Written):
    destroy: _Limit = 0
    replace: _Limit = 0


class DriftPart(schema.Written):
    every: Annotated[str, _DURATION, AfterValidator(_not_too_often)] | None = None
    heal: bool = False


class DefaultsFile(schema.Written):
    """`defaults:` of `project.yaml`: what `environment.yaml` may say, without what is one environment's own."""

    type: schema.EnvironmentTypeId | None = None
    source: Annotated[str, _SOURCE] | None = None
    follow: Literal["git", "any"] | None = None
    after: tuple[schema.EnvironmentId, ...] | None = None
    images: dict[Annotated[str, _IMAGE_KEY], Annotated[schema.Text, _IMAGE]] | None = None
    approval: Approval | None = None
    limits: LimitsPart | None = None
    protected: tuple[schema.ResourceTypeName, ...] | None = None
    self_approval: bool | None = None
    after_merge: AfterMerge | None = None
    on_removal: OnRemoval | None = None
    drift: DriftPart | None = None
    mode: Follow | None = None
    recipients: _Recipients | None = None
    output_recipients: _Recipients | None = None


class EnvironmentFile(DefaultsFile):
    """`environment.yaml`."""

    uuid: Annotated[str, _UUID, AfterValidator(str.lower)] | None = None


def _previews(value: Any) -> Any:
    if value is not None:
        raise schema.refused("previews are not made by this release", "remove `previews`")
    return value


class ProjectFile(schema.Written):
    """`project.yaml`."""

    display_name: Annotated[str, schema.DISPLAY_NAME] | None = None
    recipients: _Recipients | None = None
    defaults: DefaultsFile | None = None
    previews: Annotated[Any, schema.Checked(_previews, {"type": "null"})] = None
