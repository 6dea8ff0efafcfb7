"""Do the JSON Schemas accept what a user writes, and nothing else?"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cli
from cli import meanings
from cli import schema as command
from controller.errors import ManifestError, Place
from controller.manifest import manifest_schema, reading, schema
from controller.model.document import Json, Node, placed, plain
from tests.commands.conftest import SAMPLE

FILES = {
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
    "score-overrides": ["projects/**/*.score-overrides.yaml"],
}
# Documents that hold what those of the sample do not.
MORE: Mapping[str, list[Json]] = {
    "environment": [
        {
            "uuid": "6f1c0e2e-8a86-4e5b-9d6c-0c0a2f1b3d4e",
            "source": "environment://staging",
            "follow": "any",
            "after": ["staging"],
            "images": {"api": "nginx:1", "api/main": "nginx:2"},
            "limits": {"destroy": "unlimited", "replace": 3},
            "drift": {"every": "1d12h", "heal": True},
            "protected": ["postgres"],
            "recipients": ["age1y53e9zvwqf8lgmcdhcnrcmt9h7rt2c5485s4t68s67e85yvf6peqmhrhd7"],
        }
    ],
    "project": [{"display_name": "The Shop", "defaults": {"approval": "plan", "mode": "observe"}, "previews": None}],
    "provider": [
        {
            "provider_type": "aws",
            "id": "main",
            "source": "hashicorp/aws",
            "version_constraint": ">= 5.0, < 6.0",
            "configuration": {"region": "eu", "assume_role[0]": {}},
        }
    ],
    "runner": [
        {
            "id": "cluster",
            "runner_configuration": {
                "type": "kubernetes",
                "cluster": {"cluster_data": {"certificate_authority_data": "x", "server": "x"}},
                "job": {"namespace": "x", "service_account": "y"},
            },
            "state_storage_configuration": {"type": "s3", "bucket": "b"},
            "rules": [{"project_id": "shop"}, {"env_type_id": "production"}],
        }
    ],
    "manifest": [
        {"workloads": {"api": {"variables": {"A": "b"}, "resources": {"db": None}}, "web": None}, "shared": None}
    ],
    "score": [
        {
            "apiVersion": "score.dev/v1b1",
            "metadata": {"name": "api", "annotations": {"example.com/team": "b"}, "more": 1},
            "service": {"ports": {"www": {"port": 80, "protocol": "TCP", "targetPort": 8080}}},
            "containers": {
                "main": {
                    "image": ".",
                    "files": {"/a": {"content": "x", "mode": "0644"}, "/b": {"source": "x", "noExpand": True}},
                    "volumes": {"/d": {"source": "${resources.data}", "readOnly": True}},
                    "before": {"side": {"ready": "healthy"}},
                    "resources": {"limits": {"memory": "128Mi", "cpu": "250m"}},
                    "livenessProbe": {
                        "httpGet": {"port": 80, "path": "/", "httpHeaders": [{"name": "A", "value": "b"}]}
                    },
                    "readinessProbe": {"exec": {"command": ["true"]}},
                },
                "side": {"image": "x"},
            },
            "resources": {"data": {"type": "volume", "class": "big", "id": "a.b", "params": {"x": None}}},
        }
    ],
}
# Values that are near to what may be written somewhere, and what may be written nowhere.
VALUES: list[Json] = [
    *(None, True, 0, 1, -1, 80, 65536, 10**30, 0.5, [], {}, ["x"], [1], {"x": 1}, {"type": "db"}, [{}]),
    *(
        "",
        "a",
        "ab",
        "a-b",
        "a--b",
        "-ab",
        "1a",
        "A1",
        "a_b",
        "a.b",
        "a..b",
        "é",
        "ab\n",
        "a b",
        " ab",
        "a  b",
        "@",
        "@-x",
    ),
    *("a" * 50, "a" * 51, "a" * 60, "a" * 61, "a" * 63, "a" * 64, "a" * 100, "a" * 101, "a" * 201, "workload", "."),
    *("./x", "..", "a/../b", "a/..b", "/x", "a//b/", "a\\b", "x/y", "api/main", "api/main/x", "string", "none", "git"),
    *("environment://staging", "environment://", "environment://A", "deployment://7-x", "deployment://", "file://x"),
    *("6h", "1d12h", "6 h", "h", "unlimited", "0644", "0888", "128Mi", "1.5G", "01", "0.5", "250m", "https", "HTTP"),
    *("hashicorp/aws", "a.b/c/d", "5.0", ">= 5", "~> 5.0, < 6", ">> 5", "aws.main", "aws", "references", "local", "s3"),
    *("score.dev/v1b1", "score.dev/v1b2", "healthy", "6f1c0e2e-8a86-4e5b-9d6c-0c0a2f1b3d4e", "6f1c", "ssh-ed25519 x"),
    *("\u00a0x", "x\u200by", "\u202exy", "age1" + "q" * 57, "assume_role[0]", "assume_role\\[0]", "x=y"),
]


@cache
def validator(kind: str) -> jsonschema.protocols.Validator:
    """A validator whose patterns are those of JSON Schema: `$` is the very end, classes of letters are ASCII."""

    def matches(_: Any, pattern: str, text: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
        if isinstance(text, str) and not re.search(pattern.replace("$)", r"\Z)").removesuffix("$") + r"\Z", text, re.A):
            yield jsonschema.ValidationError(f"{text!r} does not match {pattern!r}")

    strict = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": matches})
    return strict(command.schema(kind))


def stage(kind: str) -> Callable[[Node], None]:
    """What refuses a document of a kind."""

    def of_manifest(node: Node) -> None:
        problems = manifest_schema.problems_of(without_deletions(node), is_whole=False)
        if problems:
            raise ManifestError(problems)

    model = command.KINDS[kind].model
    return of_manifest if kind == "manifest" else lambda node: schema.validate(model, node) and None


def without_deletions(node: Node) -> Node:
    kept = {key: without_deletions(value) for key, value in node.entries.items() if value.value is not None}
    return Node(kept, node.place, node.key) if node.is_map else node


def is_taken(kind: str, document: Json) -> bool:
    try:
        stage(kind)(placed(document, Place("f.yaml")))
    except ManifestError:
        return False
    return True


@cache
def documents(kind: str) -> list[tuple[str, Json]]:
    found = []
    for pattern in FILES[kind]:
        for file in sorted(SAMPLE.glob(pattern)):
            nodes = reading.read(str(file), Path(file).read_bytes())
            found += [(file.name, plain(node)) for node in nodes]
    return [*found, *(("more", document) for document in MORE.get(kind, []))] or [("empty", {})]


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["schema", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("kind", sorted(FILES))
def test_every_file_of_the_sample_is_accepted(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    code, out, _ = printed(capsys, kind)
    described = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(described)
    for _, document in documents(kind):
        jsonschema.Draft202012Validator(described).validate(document)
    assert code == 0


@pytest.mark.parametrize("kind", sorted(set(FILES) - {"environment-types"}))
def test_a_key_that_nobody_knows_is_not(kind: str) -> None:
    assert not validator(kind).is_valid({**documents(kind)[0][1], "frobnicate": 1})


def test_without_a_kind_all_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = printed(capsys)
    heading, *rows = out.splitlines()
    assert (code, heading.split()) == (0, ["KIND", "FILES"])
    assert [row.split()[0] for row in rows] == sorted(FILES)


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        pytest.param("manifests", "did you mean `manifest`?", id="near"),
        pytest.param("xyz", "`lockstep schema` lists the kinds", id="far"),
    ],
)
def test_a_kind_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str], kind: str, remedy: str) -> None:
    code, out, err = printed(capsys, kind)
    assert (code, out) == (2, "")
    assert f"there is no kind of file `{kind}`; {remedy}" in err


@pytest.mark.parametrize("kind", sorted(FILES))
def test_every_key_is_explained_and_nothing_is_looked_up_elsewhere(kind: str) -> None:
    described = command.schema(kind)
    assert {ref for key, ref in _items(described) if key == "$ref" if not ref.startswith("#/$defs/")} == set()
    keys = {
        (name, key): part.get("description", "")
        for name, shape in {"": described, **described.get("$defs", {})}.items()
        for key, part in shape.get("properties", {}).items()
    }
    assert [key for key, sentence in keys.items() if not re.fullmatch(r".+\.", sentence)] == []


def test_nothing_is_explained_that_there_is_not() -> None:
    known: dict[str, set[str]] = {}
    for kind in command.KINDS.values():
        for model in _models(kind.model):
            names = {field.alias or name for name, field in model.model_fields.items()}
            for each in model.__mro__:
                known.setdefault(each.__name__, set()).update(names)
    assert {
        (model, key) for model, sentences in meanings.SENTENCES.items() for key in sentences if key not in known[model]
    } == set()


# What the schemas accept and the stage does not: checks that no pattern can make.
BEYOND = {
    ("drift", "every"): "a duration may be too short",
    "recipients": "a key's checksum may be wrong",
    "output_recipients": "the same",
}


@pytest.mark.parametrize("kind", sorted(set(FILES) - {"score-overrides"}))
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_the_schema_of_a_kind_accepts_what_its_model_does(kind: str, data: st.DataObject) -> None:
    # What a manifest deletes need not be called as it could be: it is looked for in the layer below.
    values = [value for value in VALUES if kind != "manifest" or value is not None]
    given = [each for _, each in documents(kind) if kind != "manifest" or "null" not in json.dumps(each)]
    document = _spoilt(data, deepcopy(data.draw(st.sampled_from(given))), values)
    assert validator(kind).is_valid(document) == is_taken(kind, document), document


@pytest.mark.parametrize("kind", sorted(set(FILES) - {"score-overrides"}))
def test_the_schema_of_a_kind_agrees_with_its_model_on_values_in_each_place(kind: str) -> None:
    wrong = []
    seen = set()
    for name, document in reversed(documents(kind)):
        for path in _paths(document):
            # Of many places that are alike the first one will do, and in each a quarter of the values.
            shape = tuple("*" if isinstance(step, int) or re.search("[^a-z_A-Z]", step) else step for step in path)
            for value in VALUES[len(seen) % 4 :: 4] if shape not in seen else ():
                spoilt = _with(document, path, value)
                if validator(kind).is_valid(spoilt) != is_taken(kind, spoilt):
                    wrong.append((name, path, value, is_taken(kind, spoilt)))
            seen.add(shape)
    assert wrong == []


@pytest.mark.parametrize("kind", ["manifest", "module", "provider", "score"])
def test_limits_are_those_of_the_model(kind: str) -> None:
    for _, document in documents(kind):
        for path in _paths(document):
            part = _at(document, path)
            value = next((each for each in part.values() if each is not None), None) if isinstance(part, dict) else None
            for size in (20, 21, 100, 101) if value is not None and len(str(value)) < 300 else ():
                more = {f"k{number:03}": value for number in range(size)}
                grown = _with(document, path, more)
                assert validator(kind).is_valid(grown) == is_taken(kind, grown), (path, size)


def test_overrides_may_say_any_part_of_a_score_file_and_delete_any() -> None:
    accepts = validator("score-overrides").is_valid
    assert accepts({})
    assert accepts({"containers": {"main": {"image": "x", "command": None}, "side": None}, "service": None})
    assert accepts({"containers": {"main": {"files": {"/a": {"content": "x", "source": None}}}}})
    assert not accepts({"containers": {"main": {"imgae": "x"}}})
    assert not accepts({"containers": {"main": {"command": "x"}}})


Path_ = tuple[str | int, ...]


def _spoilt(data: st.DataObject, document: Json, values: list[Json]) -> Json:
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(_paths(document)) or [()]))
        how = data.draw(st.sampled_from(["value", "key", "without", "renamed"]))
        part = _at(document, path)
        if not path or (how == "key" and isinstance(part, dict)):
            if isinstance(part, dict):
                names = st.sampled_from([each for each in VALUES if isinstance(each, str)])
                part[data.draw(names)] = deepcopy(data.draw(st.sampled_from(values)))
        elif how == "value" or not isinstance(path[-1], str):
            document = _with(document, path, deepcopy(data.draw(st.sampled_from(values))))
        else:
            above = _at(document, path[:-1])
            del above[path[-1]]
            if how == "renamed":
                above[path[-1] + data.draw(st.sampled_from(["s", "_", "", "\n", "a" * 60]))] = part
    return document


def _paths(document: Json, path: Path_ = ()) -> Iterator[Path_]:
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for step, part in items:
        here = (*path, step)
        if not set(here) & set(BEYOND) and here[-2:] not in BEYOND:
            yield here
            yield from _paths(part, here)


def _at(document: Json, path: Path_) -> Json:
    for step in path:
        document = document[step]
    return document


def _with(document: Json, path: Path_, value: Json) -> Json:
    copy = deepcopy(document)
    _at(copy, path[:-1])[path[-1]] = value
    return copy


def _items(schema_: Json) -> Iterator[tuple[str, Any]]:
    parts = schema_.values() if isinstance(schema_, dict) else schema_ if isinstance(schema_, list) else ()
    if isinstance(schema_, dict):
        yield from schema_.items()
    for part in parts:
        yield from _items(part)


def _models(shape: Any) -> Iterator[type[schema.BaseModel]]:
    from typing import get_args

    if isinstance(shape, type) and issubclass(shape, schema.BaseModel):
        yield shape
        for field in shape.model_fields.values():
            yield from _models(field.annotation)
    for part in get_args(shape):
        yield from _models(part)
