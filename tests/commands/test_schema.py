"""Do the JSON Schemas accept what a user writes, and nothing with a typo?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import cli
from tests.commands.conftest import SAMPLE

_KINDS = {
    "environment": ["projects/*/*/environment.yaml"],
    "environment-types": ["platform/environment-types.yaml"],
    "lockstep": ["lockstep.yaml"],
    "manifest": ["projects/**/*.manifest.yaml", "projects/**/manifest.yaml"],
    "module": ["platform/modules/*.yaml", "platform/modules/*/module.yaml"],
    "project": ["projects/*/project.yaml"],
    "provider": ["platform/providers/*.yaml"],
    "resource-type": ["platform/resource-types/*.yaml"],
    "runner": ["platform/runners/*.yaml"],
    "score": ["projects/**/*.score.yaml"],
}


def _schema(capsys: pytest.CaptureFixture[str], kind: str) -> Any:
    assert cli.main(["schema", kind]) == 0
    return json.loads(capsys.readouterr().out)


def _documents(kind: str) -> Iterator[tuple[Path, Any]]:
    for pattern in _KINDS[kind]:
        for file in SAMPLE.glob(pattern):
            for document in yaml.safe_load_all(file.read_text()):
                yield file, {} if document is None else document


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_every_file_of_the_sample_is_accepted(capsys, kind: str):
    schema = _schema(capsys, kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    for _, document in _documents(kind):
        jsonschema.Draft202012Validator(schema).validate(document)


@pytest.mark.parametrize("kind", sorted(set(_KINDS) - {"environment-types"}))
def test_a_key_that_nobody_knows_is_not(capsys, kind: str):
    document = next((document for _, document in _documents(kind)), {})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(_schema(capsys, kind)).validate({**document, "frobnicate": 1})
