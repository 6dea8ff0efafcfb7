from __future__ import annotations

import copy
import json
import random
from pathlib import Path

import jsonschema
import pytest

from controller.errors import ManifestError, Place
from controller.manifest import reading, schema, score_schema, score_upgrade
from controller.model.document import Json, placed, plain
from tests.manifest_factories import cases, complaints, node

CORPUS = Path(__file__).parents[3] / "shared" / "score"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the real Score files are not beside this checkout")

FILLED = """\
apiVersion: score.dev/v1b1
metadata: {name: api, annotations: {acme.org/team: x}}
service: {ports: {web: {port: 80, protocol: TCP, targetPort: 8080}}}
containers:
  main:
    image: .
    command: [a]
    args: ["", b]
    variables: {A: ""}
    files: {/a: {source: x}, /b: {content: "", mode: "0600", noExpand: true}, /c: {binaryContent: aGk=}}
    volumes: {/v: {source: "", path: p, readOnly: false}}
    before: {side: {ready: healthy}}
    resources: {limits: {memory: 1.5Gi, cpu: 250m}, requests: {memory: 128M, cpu: "0.5"}}
    livenessProbe: {exec: {command: [a]}}
    readinessProbe:
      httpGet: {port: 80, path: "", host: h, scheme: HTTP, httpHeaders: [{name: X-A, value: b}]}
  side: {image: b}
resources:
  db: {type: postgres, class: large, id: a.b, metadata: {annotations: {ab: c}, d: 1}, params: {e: [1, null]}}
"""


def problems(document: Json) -> list[str]:
    try:
        schema.validate(score_schema.ScoreFile, placed(document, Place("score.yaml")))
    except ManifestError as error:
        return str(error).split("\n")
    return []


@needs_corpus
def test_real_score_files_are_valid() -> None:
    paths = sorted((CORPUS / "files").glob("*.yaml"))
    assert len(paths) >= 40
    for path in paths:
        document, _ = score_upgrade.upgraded(reading.read_one(path.name, path.read_bytes()))
        assert problems(plain(document)) == []


VALUES: list[Json] = [
    *(
        None,
        True,
        0,
        80,
        80.0,
        80.5,
        65536,
        "",
        "a",
        "ab",
        "Ab",
        "a.b",
        "a--b",
        "-a",
        "a_b",
        "a=b",
        "12",
        "0600",
        "1644",
    ),
    *(
        "1.5Gi",
        "01M",
        "1k",
        "1.5m",
        ".5",
        "1.",
        "x" * 63,
        "x" * 64,
        "TCP",
        "tcp",
        "started",
        "acme.org/xy",
        "acme.org/x",
    ),
    *(
        [],
        ["a"],
        [1],
        {},
        {"a": "b"},
        {"port": 80, "path": "/"},
        {"exec": {"command": []}},
        {"source": "x", "content": ""},
    ),
]
KEYS = [
    "a",
    "ab",
    "A",
    "x-foo",
    "name",
    "target",
    "source",
    "content",
    "type",
    "id",
    "params",
    "metadata",
    "files",
    "mode",
]


@needs_corpus
def test_the_schema_agrees_with_the_specification_on_mutated_files() -> None:
    oracle = jsonschema.Draft202012Validator(json.loads((CORPUS / "score-v1b1.json").read_text()))
    chance = random.Random(1)
    seen = {True: 0, False: 0}
    for _ in range(600):
        document = mutated(plain(node(FILLED)), chance)
        if has_lists_to_upgrade(document):
            continue
        expected = oracle.is_valid(document)
        assert (not problems(document)) is expected, document
        seen[expected] += 1
    assert min(seen.values()) > 100


def has_lists_to_upgrade(document: Json) -> bool:
    """Whether it has a form that is upgraded before it is judged."""
    containers = document.get("containers")
    found = containers.values() if isinstance(containers, dict) else []
    return any(
        isinstance(c, dict) and (isinstance(c.get("files"), list) or isinstance(c.get("volumes"), list)) for c in found
    )


def mutated(document: Json, chance: random.Random) -> Json:
    """The document with one part added, removed, renamed or replaced."""
    document = copy.deepcopy(document)
    path = chance.choice([path for path in paths_of(document) if path])
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    value = copy.deepcopy(chance.choice(VALUES))
    match chance.randrange(4):
        case 0 if isinstance(parent[path[-1]], dict):
            parent[path[-1]][chance.choice(KEYS)] = value
        case 1:
            del parent[path[-1]]
        case 2 if isinstance(parent, dict):
            parent[chance.choice(KEYS)] = parent.pop(path[-1])
        case _:
            parent[path[-1]] = value
    return document


def paths_of(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, inner in steps for found in paths_of(inner, (*path, step)))]


@pytest.mark.parametrize(
    ("change", "message"),
    cases(
        {
            "extension": (
                {"x-foo": 1},
                "unknown key `x-foo`; known here: `apiVersion`, `containers`, `metadata`, `resources` and `service`",
            ),
            "version": (
                {"apiVersion": "score.dev/v1b2"},
                "`score.dev/v1b2` is not a value of `apiVersion`; did you mean `score.dev/v1b1`?",
            ),
            "no-containers": ({"containers": {}}, "`containers` is empty; give at least 1"),
            "null-image": (
                {"containers": {"main": {"image": None}}},
                "`image` has no value; give it a text, or remove it",
            ),
            "old-properties": (
                {"resources": {"db": {"type": "ab", "properties": {}}}},
                "unknown key `properties`; known here: `class`, `id`, `metadata`, `params` and `type`",
            ),
        }
    ),
)
def test_what_score_does_not_allow_is_said_in_plain_words(change: Json, message: str) -> None:
    assert problems({**plain(node(FILLED)), **change}) == [f"score.yaml:1:1: {message}"]


@pytest.mark.parametrize(
    ("container", "message"),
    cases(
        {
            "cpu-number": (
                "resources: {limits: {cpu: 1}}",
                "`cpu` must be a text, not the number `1`; write it in quotes",
            ),
            "cpu": (
                "resources: {limits: {cpu: .5m}}",
                "`.5m` is not a valid amount of CPU; write it as `250m` or `0.25`",
            ),
            "memory": (
                "resources: {limits: {memory: 1k}}",
                "`1k` is not a valid amount of memory; "
                "write a number with an optional unit K, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, as in `128Mi`",
            ),
            "mode": (
                "files: {/a: {content: x, mode: 0600}}",
                "`mode` must be a text, not the number `600`; write it in quotes",
            ),
            "two-contents": (
                "files: {/a: {content: x, source: y}}",
                "the file has more than one content; give one of `source`, `content` and `binaryContent`",
            ),
            "no-content": (
                "files: {/a: {}}",
                "the file has no content; give one of `source`, `content` and `binaryContent`",
            ),
            "probe": ("livenessProbe: {}", "the probe checks nothing; give it `httpGet` or `exec`"),
            "scheme": (
                "livenessProbe: {httpGet: {port: 1, path: /, scheme: http}}",
                "`http` is not a value of `scheme`; use `HTTP` or `HTTPS`",
            ),
            "variable": ("variables: {A: 5}", "`A` must be a text, not the number `5`; write it in quotes"),
            "null": ("command: ", "`command` has no value; give it one, or remove it"),
        }
    ),
)
def test_what_a_container_may_not_say_is_said_in_plain_words(container: str, message: str) -> None:
    text = f"apiVersion: score.dev/v1b1\nmetadata: {{name: api}}\ncontainers: {{main: {{image: a, {container}}}}}\n"
    found = complaints(lambda: schema.validate(score_schema.ScoreFile, node(text)))
    assert [line.partition(": ")[2] for line in found] == [message]
