from __future__ import annotations

import re

import pytest

from controller.errors import ManifestError, Place
from controller.manifest import schema, score_schema
from controller.model.document import Json, placed, plain
from tests.manifest_factories import cases, complaints, node
from tests.score_factories import FILLED


def problems(document: Json) -> list[str]:
    try:
        schema.validate(score_schema.ScoreFile, placed(document, Place("score.yaml")))
    except ManifestError as error:
        return str(error).split("\n")
    return []


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


PLACES = (
    *("service", "service.ports", "containers", "containers.main.image", "containers.main.command"),
    *("containers.main.args", "containers.main.variables", "containers.main.files", "containers.main.volumes"),
    *("containers.main.before", "containers.main.resources", "containers.main.resources.limits"),
    *("containers.main.livenessProbe", "containers.main.readinessProbe.httpGet.httpHeaders", "resources"),
    *("resources.db.type", "resources.db.class", "resources.db.id", "resources.db.metadata", "resources.db.params"),
    *("metadata", "metadata.name", "metadata.annotations", "apiVersion", "containers.main.readinessProbe.httpGet.host"),
)


@pytest.mark.parametrize("place", PLACES)
def test_no_key_may_be_without_a_value(place: str) -> None:
    *_, key = path = place.split(".")
    found = problems(at(plain(node(FILLED)), path, None))
    assert [re.sub(" (a|`score|`true).*?,", " VALUE,", line) for line in found] in (
        [f"score.yaml:1:1: `{key}` has no value; give it one, or remove it"],
        [f"score.yaml:1:1: `{key}` has no value; give it VALUE, or remove it"],
    )


EMPTY_MAPS = (
    *("service", "service.ports", "resources", "resources.db.params", "resources.db.metadata"),
    *("containers.main.variables", "containers.main.files", "containers.main.volumes", "containers.main.before"),
    *("containers.main.resources", "containers.main.resources.limits"),
)
EMPTY_LISTS = (
    *("containers.main.command", "containers.main.args", "containers.main.livenessProbe.exec.command"),
    "containers.main.readinessProbe.httpGet.httpHeaders",
)
EMPTY_TEXTS = (
    *(
        "containers.main.readinessProbe.httpGet.path",
        "containers.main.variables.A",
        "containers.main.volumes./v.source",
    ),
    "containers.main.files./b.content",
)
EMPTY: dict[str, Json] = {
    **{place: {} for place in EMPTY_MAPS},
    **{place: [] for place in EMPTY_LISTS},
    **dict.fromkeys(EMPTY_TEXTS, ""),
}


@pytest.mark.parametrize("place", EMPTY)
def test_what_may_be_empty_may_be_empty(place: str) -> None:
    assert problems(at(plain(node(FILLED)), place.split("."), EMPTY[place])) == []


WRONG: dict[str, tuple[Json, str]] = {
    "containers": ({}, "`containers` is empty; give at least 1"),
    "containers.main.image": ("", "`image` is empty; give it a text"),
    "containers.main.variables.A": (12, "`A` must be a text, not the number `12`; write it in quotes"),
    "containers.main.files./b.noExpand": (
        5,
        "`noExpand` must be `true` or `false`, not the number `5`; write `true` or `false`",
    ),
    "containers.main.files./b.content": ([], "`content` must be a text, not a list; write a text"),
    "containers.main.files./a.source": ("", "`source` is empty; give it a text"),
    "containers.main.files./a.target": (
        "/x",
        "unknown key `target`; known here: `binaryContent`, `content`, `mode`, `noExpand` and `source`",
    ),
    "containers.main.volumes./v.readOnly": (
        12,
        "`readOnly` must be `true` or `false`, not the number `12`; write `true` or `false`",
    ),
    "containers.main.volumes./v.read_only": (True, "unknown key `read_only`; did you mean `readOnly`?"),
    "containers.main.before.side.ready": (
        "running",
        "`running` is not a value of `ready`; use `started`, `healthy` or `complete`",
    ),
    "containers.main.resources.limits.memory": (12, "`memory` must be a text, not the number `12`; write it in quotes"),
    "containers.main.readinessProbe.httpGet.scheme": ("TCP", "`TCP` is not a value of `scheme`; use `HTTP` or `HTTPS`"),
    "containers.main.readinessProbe.httpGet.port": (
        True,
        "`port` must be a whole number, not `true`; write a whole number",
    ),
    "containers.main.livenessProbe.exec.command": (
        True,
        "`command` must be a list, not `true`; write `- ` before each item",
    ),
    "service.ports.web.port": (65536, "`port` is 65536; use a number of at most 65535"),
    "service.ports.web.protocol": ("tcp", "`tcp` is not a value of `protocol`; use `TCP` or `UDP`"),
    "resources.db.class": (
        "cl@ss?",
        "`cl@ss?` is not a valid resource class; "
        "use 2 to 63 letters, digits and `-`, beginning and ending "
        "with a letter or digit",
    ),
    "resources.db.id": (
        "a..b",
        "`a..b` is not a valid resource id; use up to 63 lower-case letters, digits, `-` and "
        "`.`, with a letter or digit at both ends of each part",
    ),
    "metadata.name": (
        "api\n",
        "`api\\n` is not a valid workload name; "
        "use 2 to 63 lower-case letters, digits and `-`, beginning and ending with a letter or "
        "digit",
    ),
    "metadata.annotations": (
        {"acme.org/x": ""},
        "`acme.org/x` is not a valid name of an annotation; "
        "use 2 to 63 letters, digits, `.`, `_` and `-`, after an optional DNS name of lower-case "
        "labels and a `/`",
    ),
}


@pytest.mark.parametrize("place", WRONG)
def test_a_wrong_value_is_told_in_plain_words(place: str) -> None:
    value, message = WRONG[place]
    assert problems(at(plain(node(FILLED)), place.split("."), value)) == [f"score.yaml:1:1: {message}"]


def at(document: Json, path: list[str], value: Json) -> Json:
    """The document with another value at a path."""
    first, *rest = path
    return {**document, first: at(document[first], rest, value) if rest else value}
